"""What is taken on at once: past it a request is turned away while that still costs nothing.

A gateway gives its request up after some seconds and the person reads nothing. So the door counts
what is under way, and for each source, and who comes on top is told so within two seconds.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from flask import Flask, Response, g, request

log = structlog.get_logger()

Source = tuple[str, str]
"""Where a request comes from: the channel, or the part of the gateway, and the address."""

# What whoever is turned away is asked to wait.
RETRY_SECONDS = 10
# A flood is told of in one line, not in one for each request.
TELL_SECONDS = 5.0
# Pages and the JSON API; each holds one database connection for as long as it takes.
MOST_PAGES = 16
# These ask for little, or have limits of their own.
UNCOUNTED = ("hooks", "health", "metrics", "static")


class Gate:
    """So many at once, and so many of one source."""

    def __init__(
        self,
        name: str,
        most: int,
        source_percent: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._most, self._clock = name, most, clock
        self._share = max(1, most * source_percent // 100)
        self._lock = threading.Lock()
        self._inside: Counter[Source] = Counter()
        self._untold, self._told_at = 0, float("-inf")

    @contextmanager
    def admit(self, source: Source) -> Iterator[bool]:
        """Whether it may go on; while the block runs it counts."""
        admitted = self.enter(source)
        try:
            yield admitted
        finally:
            if admitted:
                self.leave(source)

    def enter(self, source: Source) -> bool:
        """Like `admit`, for who must `leave` in another place."""
        with self._lock:
            if self._inside.total() < self._most and self._inside[source] < self._share:
                self._inside[source] += 1
                return True
            untold = self._refused()
        if untold:
            log.warning("load_shed", gate=self._name, refused=untold)
        return False

    def leave(self, source: Source) -> None:
        with self._lock:
            self._inside[source] -= 1
            if not self._inside[source]:
                # Forgotten: there are as many sources as there are addresses.
                del self._inside[source]

    def _refused(self) -> int:
        """How many nobody was told of yet; 0 where it is too early to tell again."""
        self._untold += 1
        if self._clock() - self._told_at < TELL_SECONDS:
            return 0
        untold, self._untold, self._told_at = self._untold, 0, self._clock()
        return untold


def limit_pages(app: Flask, pages: Gate) -> None:
    """Let so many pages and API requests in at once, so that the hooks have threads left."""

    @app.before_request
    def enter() -> Response | None:
        if request.blueprint in (None, *UNCOUNTED):
            return None
        source = (request.blueprint or "", request.remote_addr or "")
        if not pages.enter(source):
            return refusal()
        g.entered = source
        return None

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        source: Source | None = g.pop("entered", None)
        if source is not None:
            pages.leave(source)


def refusal() -> Response:
    """Too much at once: to be sent again."""
    return Response(
        "too much at once, try again\n",
        503,
        headers={"Retry-After": str(RETRY_SECONDS)},
        content_type="text/plain; charset=utf-8",
    )
