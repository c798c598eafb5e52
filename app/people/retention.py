"""Forgetting: numbers, texts and messages whose time is over are erased; figures stay.

Tallies, releases and responses name nobody and are left alone, so that every report is the same
before and after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy import Connection, Engine

from app.clock import local_day
from app.storage import retention as storage
from app.storage import tallies

log = structlog.get_logger()

Stop = Callable[[], bool]
Step = Callable[[Connection, storage.Values, int, int], tuple[int, int]]
"""Erases one batch beyond a key: how many rows, and the last key; 0 where none is left."""
# So many rows are locked at a time: a citizen whose turn comes just then waits for milliseconds.
BATCH = 500
RUN = "purge"
NUMBERS, FILES = "numbers", "spooled files set aside"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long what is kept: numbers after the last contact, texts in a citizen's own words and
    offices' notes, and messages. `closed` are the questions whose answers are counted, not written.
    """

    numbers: timedelta
    texts: timedelta
    messages: timedelta
    closed: Collection[str]


class Section(Protocol):
    """[retention] of config/siang.toml."""

    @property
    def numbers_days(self) -> int: ...
    @property
    def texts_months(self) -> int: ...
    @property
    def messages_days(self) -> int: ...


def terms(section: Section, closed: Collection[str]) -> Terms:
    """What is set, as times. A month is 31 days: nothing is erased too early."""
    return Terms(
        numbers=timedelta(days=section.numbers_days),
        texts=timedelta(days=31 * section.texts_months),
        messages=timedelta(days=section.messages_days),
        closed=closed,
    )


def look(
    engine: Engine, terms: Terms, set_aside: Iterable[Path], now: datetime, stop: Stop
) -> Mapping[str, int]:
    """Each kind once a day; how much of what was erased in this round.

    A kind that was not done to its end is gone on with in the next round.
    """
    slots = {f"{local_day(now)} {name}": name for name in (*storage.KINDS, NUMBERS, FILES)}
    with engine.connect() as tx:
        done = storage.ran(tx, RUN, list(slots))
    left = {slot: name for slot, name in slots.items() if slot not in done}
    steps, values, erased = _steps(set_aside), _values(terms, now), Counter[str]()
    for slot, name in left.items():
        if stop():
            break
        erased[name], finished = _batches(engine, steps[name], values, stop)
        if finished:
            with engine.begin() as tx:
                tallies.win_run(tx, RUN, slot, now)
    if erased.total():
        _record(engine, terms, erased, now)
        log.info("purged", rows=erased.total())
    return erased


def due(
    engine: Engine, terms: Terms, set_aside: Iterable[Path], now: datetime
) -> Mapping[str, int]:
    """How much of what would be erased now."""
    values = _values(terms, now)
    with engine.connect() as tx:
        storage.patient(tx)
        found = {name: storage.due(tx, kind, values) for name, kind in storage.KINDS.items()}
        found[NUMBERS] = storage.due_numbers(tx, values)
    return found | {FILES: len(_old(set_aside, values))}


def purge(
    engine: Engine, terms: Terms, set_aside: Iterable[Path], now: datetime, stop: Stop
) -> Mapping[str, int]:
    """Erase what is due, until all is done or we are told to stop; how much of what.

    It may be killed anywhere, run twice or twice at once. A receipt is written of what was erased.
    """
    values = _values(terms, now)
    erased = {
        name: _batches(engine, step, values, stop)[0] for name, step in _steps(set_aside).items()
    }
    _record(engine, terms, erased, now)
    return erased


def _steps(set_aside: Iterable[Path]) -> Mapping[str, Step]:
    """How each kind is erased, in the order in which it is told."""
    texts: dict[str, Step] = {
        name: partial(storage.erase, kind) for name, kind in storage.KINDS.items()
    }
    return texts | {NUMBERS: storage.forget_numbers, FILES: partial(_remove, set_aside)}


def _remove(
    files: Iterable[Path], tx: Connection, values: storage.Values, after: int, limit: int
) -> tuple[int, int]:
    old = _old(files, values)
    for path in old:
        path.unlink(missing_ok=True)
    return len(old), after


def _batches(engine: Engine, step: Step, values: storage.Values, stop: Stop) -> tuple[int, bool]:
    """How many rows were erased, and whether none is left."""
    erased, after = 0, 0
    while not stop():
        with engine.begin() as tx:
            storage.patient(tx)
            rows, last = step(tx, values, after, BATCH)
        erased += rows
        if last == after:
            return erased, True
        after = last
    return erased, False


def _record(engine: Engine, terms: Terms, erased: Mapping[str, int], now: datetime) -> None:
    numbers, texts = local_day(now - terms.numbers), local_day(now - terms.texts)
    with engine.begin() as tx:
        storage.record(tx, now, numbers, texts, erased)


def _values(terms: Terms, now: datetime) -> storage.Values:
    return {
        "now": now,
        "numbers": now - terms.numbers,
        "texts": now - terms.texts,
        "messages": now - terms.messages,
        "closed": sorted(terms.closed),
    }


def _old(files: Iterable[Path], values: storage.Values) -> list[Path]:
    """Those whose names say that they arrived too long ago."""
    return [path for path in files if _arrived(path.name) < values["numbers"]]


def _arrived(name: str) -> datetime:
    nanoseconds = name.partition("-")[0]
    return datetime.fromtimestamp(int(nanoseconds) / 1e9 if nanoseconds.isdigit() else 0, UTC)
