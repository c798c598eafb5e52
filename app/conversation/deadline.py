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

    def keep(self) -> bool:
        """The turn's side, before its commit: whether its reply will still be read."""
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


class Deadline:
    """Runs turns in threads of their own and waits for each no longer than its channel may."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="turn")

    def within(self, seconds: float, turn: Turn) -> Reply | None:
        """The turn's reply; None if it came too late and will follow by SMS."""
        promise = Promise()
        future: Future[Reply] = self._pool.submit(_taken, turn, promise)
        try:
            return future.result(seconds)
        except Late:
            if promise.give_up():
                return None
        # It was committing just then: its reply is stored, and here in a moment.
        return future.result()


class Patience:
    """Does work in threads of its own, and waits for each no longer than `seconds`.

    Work that was given up may still be done: it must have the effect of once.
    """

    def __init__(self, threads: int, seconds: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="patience")
        self._threads, self._seconds = threads, seconds
        self._stuck: set[int] = set()
        self._lock = threading.Lock()

    def wait(self, work: Callable[[], Done]) -> Done:
        """What the work returns or raises; TimeoutError when it takes too long.

        At once while every thread is stuck: then whatever it waits for does not answer.
        """
        if self._stuck_threads() >= self._threads:
            raise TimeoutError
        future = self._pool.submit(work)
        try:
            return future.result(self._seconds)
        except Late:
            # What no thread has begun is not done at all.
            if not future.cancel() and not future.done():
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
