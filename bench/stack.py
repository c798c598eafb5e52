"""A real `siang run`: how soon it answers, and what it does as a whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import settings
from app.settings import Settings
from bench import door, processes, texts
from bench.texts import Provider


@dataclass(frozen=True, slots=True)
class Stack:
    """One that answers, and how many seconds it took to."""

    home: Path
    port: int
    pid: int
    settings: Settings
    start_seconds: float


@contextmanager
def running(home: Path, taker: Provider) -> Iterator[Stack]:
    """`siang run` in this home, whose Kannel is `taker`, from the moment it is ready."""
    port, log = processes.free_port(), home / "run.log"
    variables = processes.environment(home, PORT=str(port), **taker.variables())
    begun = time.monotonic()
    with processes.running((*processes.SIANG, "run"), variables, log) as process:
        processes.wait_until_ready(process, port, log)
        seconds = round(time.monotonic() - begun, 2)
        yield Stack(home, port, process.pid, settings.load(variables), seconds)


def measured(home: Path) -> dict[str, Any]:
    """The first start on an empty home and its work, then the second on what the first left."""
    home.mkdir()
    with texts.provider(home) as taker:
        with running(home, taker) as first:
            found = {
                "ussd_with_workers": _turns(first),
                "texts": texts.measured(first.settings, first.port, taker),
            }
        with running(home, taker) as second:
            again = second.start_seconds
    return {"first_start_seconds": first.start_seconds, "second_start_seconds": again} | found


def _turns(stack: Stack) -> dict[str, Any]:
    """USSD turns while the workers store the responses."""
    doors = door.at(stack.settings, {"siang": stack.port})
    door.carried_out(doors.order("siang", door.USUAL, door.WARM_UP_SECONDS))
    order = doors.order("siang", door.USUAL, door.SECONDS)
    return {"phones": door.USUAL} | door.summed([door.carried_out(order)])
