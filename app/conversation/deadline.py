"""What takes too long: a turn's phone is told that an SMS will follow, and it follows.

A USSD gateway drops the session when the application is slow (Africa's Talking after 15 s,
help.africastalking.com 1284071). Whoever waits and the turn itself agree on who was first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import Any, TypeVar

import structlog

from app import logs
from app.words import Reply

log = structlog.get_logger()

Done = TypeVar("Done")

# Pauses before the second, third … try of a turn whose phone waits for an SMS; together less
# than a web process has to stop in.
PAUSES = (0.5, 1.5, 4.0)


class Promise:
    """Between a turn and who waits for it: `keep` or `give_up`, the first of them wins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept = self._given_up = False

    def begin(self) -> None:
        """The turn's side: a try begins, and what an earlier one kept came to nothing."""
        with self._lock:
            self._kept = False

    def keep(self) -> bool:
        """The turn's side, before it is written: whether its reply will still be read."""
        with self._lock:
            self._kept = not self._given_up
            return self._kept

    def give_up(self) -> bool:
        """The waiting side: whether it was first, so that the turn must send its reply by SMS."""
        with self._lock:
            self._given_up = not self._kept
            return self._given_up

    @property
    def given_up(self) -> bool:
        return self._given_up


Turn = Callable[[Promise], Reply]


class Busy(TimeoutError):
    """Nothing of it was begun: there is too much to do just now."""


class Deadline:
    """Runs turns in threads of their own and waits for each no longer than its channel may.

    A turn that no thread takes up within `begin_seconds` is not taken at all.
    """

    def __init__(self, threads: int, begin_seconds: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="turn")
        self._begin_seconds = begin_seconds

    def within(self, seconds: float, turn: Turn) -> Reply | None:
        """The turn's reply; None if it came too late and will follow by SMS. Raises Busy."""
        promise = Promise()
        future: Future[Reply] = self._pool.submit(_taken, turn, promise)
        first = min(self._begin_seconds, seconds)
        try:
            return _begun(future, first).result(seconds - first)
        except Busy:
            raise
        except Late:
            if promise.give_up():
                return None
        # It was committing just then: its reply is stored, and here in a moment.
        return future.result()


class Patience:
    """Does work in threads of its own, and waits for each no longer than `seconds`.

    Work that was given up may still be done: it must have the effect of once. At most `most` wait
    at a time, and none longer than `begin_seconds` for a thread.
    """

    def __init__(
        self, threads: int, seconds: float, *, most: int = 64, begin_seconds: float = 1.2
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="patience")
        self._threads, self._seconds = threads, seconds
        self._begin_seconds = min(begin_seconds, seconds)
        self._stuck: set[int] = set()
        self._lock = threading.Lock()
        self._waiting = threading.Semaphore(most)

    def wait(self, work: Callable[[], Done]) -> Done:
        """What the work returns or raises; TimeoutError when it takes too long.

        Busy, at once, while too many wait or every thread is stuck: then whatever they wait for
        does not answer, or not fast enough.
        """
        if self._stuck_threads() >= self._threads or not self._waiting.acquire(blocking=False):
            raise Busy
        try:
            return self._done(self._pool.submit(work))
        finally:
            self._waiting.release()

    def _done(self, future: Future[Done]) -> Done:
        try:
            return _begun(future, self._begin_seconds).result(self._seconds - self._begin_seconds)
        except Busy:
            raise
        except Late:
            if not future.done():
                self._give_up(future)
            raise

    def _stuck_threads(self) -> int:
        with self._lock:
            return len(self._stuck)

    def _give_up(self, future: Future[Any]) -> None:
        with self._lock:
            self._stuck.add(id(future))
        # At once where it is done already.
        future.add_done_callback(self._freed)

    def _freed(self, future: Future[Any]) -> None:
        with self._lock:
            self._stuck.discard(id(future))


def _begun(future: Future[Done], seconds: float) -> Future[Done]:
    """The work once it is under way or done. Raises Busy where no thread took it up so soon."""
    try:
        future.result(seconds)
    except Late:
        # What no thread has begun is not done at all.
        if future.cancel():
            raise Busy from None
    return future


def _taken(turn: Turn, promise: Promise) -> Reply:
    try:
        return turn(promise)
    except Exception as error:
        if not promise.given_up:
            raise
        return _tried_again(turn, promise, error)


def _tried_again(turn: Turn, promise: Promise, error: Exception) -> Reply:
    """A phone was promised an SMS: what stopped the turn may pass."""
    for pause in PAUSES:
        log.warning("late_turn_failed", cause=logs.where(error))
        time.sleep(pause)
        try:
            return turn(promise)
        except Exception as again:
            error = again
    log.error("late_turn_lost", cause=logs.where(error))
    raise error
