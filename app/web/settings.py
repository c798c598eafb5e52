"""Sizes of the web process."""

from __future__ import annotations

from app.sections import LoadSection

THREADS = 8
"""Turns worked at once, and as many messages taken in; each holds one database connection."""

CONNECTIONS = 2 * THREADS + 4
"""Those, and what pages, the JSON API and health ask."""

SPARE = 192
"""Threads beside those that wait for a turn or a message."""
CONNECTED = 1024
"""Connections served at once; the system holds as many more."""
HEAD_MILLISECONDS = 10_000
"""For so long a connection may take over a request's head, or say nothing between two."""
LARGEST_HEAD = 128 * 1024
"""Octets; Kannel puts a whole SMS into the address, nine octets a Lao letter."""

LEAVING_SECONDS = 0.5
"""For so long a process that was told to stop says so at /health/ready and serves on."""
DOOR_SECONDS = 0.3
"""For so long it then lets in who is at the door, before it finishes what it has and ends."""
FINISHING_SECONDS = 9
"""What it has not finished by then is cut off; a USSD answer takes 8 at most."""


def threads(limits: LoadSection) -> int:
    """All threads that answer; most of them wait for one of those that work."""
    return limits.turns + limits.messages + SPARE
