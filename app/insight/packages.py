"""A Flow Results package as files: datapackage.json and the rows that it tells of."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine

from app.errors import OperatorError
from app.insight import flow_results
from app.insight.flow_results import Extent, Questions, Response, Row
from app.insight.folders import OWNER_ALONE, appearing
from app.insight.press import Press
from app.storage import results
from app.storage.results import Masks, Span

DESCRIPTOR: Final = "datapackage.json"
ROWS: Final = "responses.json"
# frictionless takes a profile that it does not know for a file's name. What it, and nobody else,
# reads instead says what a Flow Results package is besides.
_FRICTIONLESS: Final = {"profiles": ["data-package"]}
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

Progress = Callable[[int, int], object]
"""Told after each day: how many are done, of how many."""


@dataclass(frozen=True, slots=True)
class Written:
    """Of which days, how many responses in how many rows."""

    extent: Extent
    responses: int
    rows: int


def write(
    engine: Engine,
    press: Press,
    out: Path,
    first: date | None,
    last: date | None,
    progress: Progress,
) -> Written:
    """Write the package of some days, or as far as there are responses, to the folder `out`.

    It appears there when it is whole. All of it is one snapshot, read row by row: memory does not
    grow with what there is. Raises OperatorError where `out` cannot be had, or nothing is there
    to write.
    """
    with appearing(out, OWNER_ALONE) as folder, engine.connect() as connection:
        snapshot = connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        with snapshot.begin():
            results.take_time(snapshot)
            span = results.span(snapshot, first or date.min, last or date.max)
            if span is None:
                raise OperatorError("There are no responses in these days", "Choose others")
            extent = Extent(first or span.first, last or span.last)
            return _write(snapshot, press, extent, span, folder, progress)


def _write(
    tx: Connection, press: Press, extent: Extent, span: Span, folder: Path, progress: Progress
) -> Written:
    questions, pseudonyms = press.questions(tx), press.pseudonyms(extent)
    reading = _Reading(tx, pseudonyms.masks, questions, span, progress)
    printed = _print(folder / ROWS, _lines(reading))
    # Without a header; each column is named in the descriptor.
    where = {"access_method": "file", "path": ROWS, **printed, "dialect": {"header": False}}
    package = str(pseudonyms.package)
    told = flow_results.descriptor(extent, package, (span.first, span.last), questions, where)
    written = json.dumps(told | _FRICTIONLESS, ensure_ascii=False, indent=2)
    _print(folder / DESCRIPTOR, [f"{written}\n".encode()])
    return Written(extent, reading.responses, reading.rows)


class _Reading:
    """The rows of some days, counted as they go by."""

    def __init__(
        self, tx: Connection, masks: Masks, questions: Questions, span: Span, progress: Progress
    ) -> None:
        self._tx = tx
        self._masks = masks
        self._questions = questions
        self._span = span
        self._progress = progress
        self.responses = self.rows = 0

    def __iter__(self) -> Iterator[Row]:
        days = (self._span.last - self._span.first).days + 1
        for passed in range(days):
            yield from self._of_day(self._span.first + timedelta(days=passed))
            self._progress(passed + 1, days)

    def _of_day(self, day: date) -> Iterator[Row]:
        for told in results.of_day(self._tx, self._masks, day):
            self.responses += 1
            for row in flow_results.rows(Response(**told), self._questions):
                self.rows += 1
                yield row


def _lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """A JSON array, a row a line."""
    joint = "[\n"
    for row in rows:
        yield f"{joint}{_ENCODER.encode(row)}".encode()
        joint = ",\n"
    yield b"\n]\n"


def _print(path: Path, lines: Iterable[bytes]) -> dict[str, object]:
    """Write them, safe on the disk; how many octets they are, and their hash."""
    digest, octets = sha256(), 0
    with path.open("xb") as file:
        for line in lines:
            digest.update(line)
            octets += file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": octets, "hash": f"sha256:{digest.hexdigest()}"}
