"""What this process counts for /metrics; any room may call it, and pays microseconds.

Labels are few and known beforehand: channels, hooks, media, states. Never whose, never what.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
)

Kept = Literal["database", "spool", "nowhere"]

KINDS = {"Inbound": "sms"}
# A gateway gives up between 5 and 15 seconds; most turns take a few milliseconds.
BUCKETS = (0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)

REGISTRY = CollectorRegistry()
"""All of the below, and what the process itself uses."""

ProcessCollector(registry=REGISTRY)
_REQUESTS = Counter(
    "siang_requests",
    "Requests of gateways by the answer they got.",
    ("channel", "hook", "status"),
    registry=REGISTRY,
)
_TURNS = Histogram(
    "siang_turn_seconds",
    "USSD: until the screen is ready. SMS: until the message is committed or spooled.",
    ("channel", "medium"),
    buckets=BUCKETS,
    registry=REGISTRY,
)
_ARRIVALS = Counter(
    "siang_arrivals",
    "SMS, receipts and the like by where they are kept; nowhere: the gateway shall repeat them.",
    ("channel", "kind", "kept"),
    registry=REGISTRY,
)


def answered(channel: str, hook: str, status: int) -> None:
    """A gateway's request got this HTTP status."""
    _REQUESTS.labels(channel, hook, str(status)).inc()


def turn(channel: str, medium: str) -> AbstractContextManager[object]:
    """Counts one turn and how long what is done within takes."""
    return _TURNS.labels(channel, medium).time()


def arrived(channel: str, kind: str, kept: Kept) -> None:
    """Something came that wants no screen; `kind` is its name in app.words."""
    # Of what comes in without a screen, an Inbound is an SMS.
    _ARRIVALS.labels(channel, KINDS.get(kind, kind.lower()), kept).inc()
