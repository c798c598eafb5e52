"""Processes forked from one that has read everything already: they share what it holds.

Each of several worker processes that start by themselves holds the whole application, some seventy
megabytes. Forked, they hold what they changed of it. Only a process without threads and without
connections may fork.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.context import ForkProcess
from threading import Event

import structlog

from app.embedded import end_with_parent

log = structlog.get_logger()

LOOK_SECONDS = 0.2
FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS = 0.5, 10.0, 30.0

Work = Callable[[str], None]


@dataclass
class _Sibling:
    """One of them: what runs now, and when to try again."""

    name: str
    running: ForkProcess | None = None
    begun: float = 0.0
    due: float = 0.0
    pause: float = FIRST_PAUSE


def run(names: Sequence[str], work: Work, stopping: Event) -> None:
    """Do each work in a process of its own until told to stop; what ends before starts again."""
    # What is there now is never looked through for garbage, and so stays shared.
    gc.collect()
    gc.freeze()
    siblings = [_Sibling(name) for name in names]
    while not stopping.is_set():
        for one in siblings:
            _tend(one, work)
        there = [one.running.sentinel for one in siblings if one.running is not None]
        connection.wait(there, LOOK_SECONDS) if there else stopping.wait(LOOK_SECONDS)
    for one in siblings:
        if one.running is not None:
            one.running.terminate()
    for one in siblings:
        if one.running is not None:
            one.running.join()


def _tend(sibling: _Sibling, work: Work) -> None:
    now = time.monotonic()
    if sibling.running is not None and not sibling.running.is_alive():
        _ended(sibling, now, sibling.running.exitcode or 0)
    if sibling.running is None and now >= sibling.due:
        sibling.begun = now
        sibling.running = get_context("fork").Process(
            target=_begin, args=(sibling.name, work, os.getpid()), name=sibling.name
        )
        sibling.running.start()


def _ended(sibling: _Sibling, now: float, code: int) -> None:
    if now - sibling.begun > STEADY_SECONDS:
        sibling.pause = FIRST_PAUSE
    how = f"exit code {code}" if code >= 0 else f"signal {-code}"
    log.error("worker_ended", queue=sibling.name, how=how, again_in=sibling.pause)
    sibling.running, sibling.due = None, now + sibling.pause
    sibling.pause = min(2 * sibling.pause, LONGEST_PAUSE)


def _begin(name: str, work: Work, parent: int) -> None:
    end_with_parent()
    if os.getppid() == parent:
        work(name)
