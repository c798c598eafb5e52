"""Released figures as CSV tables for statisticians, described by a Frictionless data package.

figures.csv has an observation a row; areas.csv and dictionary.csv say what its words mean. They
are made of releases alone, so they hold no more than the weekly figures do, and the same releases
and registry make the same bytes.

The files are UTF-8 with a byte order mark: without it Excel reads Lao as something else, and what
reads UTF-8 otherwise skips it. A text that a spreadsheet would take for a formula gets an
apostrophe in front. Numbers are written by us; none is negative.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine

from app.clock import Week
from app.errors import OperatorError
from app.insight import published, releases, table_words
from app.insight.dimensions import Dimension
from app.insight.figures import Area, Figures
from app.insight.folders import EVERYBODY_READS, appearing
from app.insight.observations import Observation, observations
from app.insight.table_words import DESCRIPTOR, FORMULA, Table, descriptor
from app.sentences import Sentences
from app.storage import registry
from app.storage import releases as storage
from app.words import Language

_FIRST: Final = "0001-W01"
_LAST: Final = "9999-W53"
Cell = str | int | float | None
Row = Sequence[Cell]
FIGURES: Final = Table(
    "figures",
    (
        *("week", "from", "to", "level", "code", "name_lo", "name_en", "province", "measure"),
        *("answer", "sex", "service", "value", "n", "low", "high", "note"),
    ),
    key=("week", "level", "code", "measure", "answer", "sex", "service"),
)
AREAS: Final = Table(
    "areas",
    ("level", "code", "name_lo", "name_en", "district", "province", "districts"),
    key=("level", "code"),
)
DICTIONARY: Final = Table(
    "dictionary",
    ("kind", "name", "meaning_lo", "meaning_en", "unit", "indicator"),
    key=("kind", "name"),
)
"""What each file holds, and by which columns a row is known."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the tables are written with: what columns mean, by language, and the dimensions."""

    meanings: Mapping[Language, Sentences]
    dimensions: Mapping[str, Dimension]


@dataclass(frozen=True, slots=True)
class Written:
    """How many weeks of figures, in how many rows."""

    weeks: Sequence[str]
    rows: int


def write(
    engine: Engine, words: Words, out: Path, first: Week | None, last: Week | None
) -> Written:
    """Write the tables of the released weeks from `first` to `last` to the folder `out`, which
    appears when all of them are whole. Raises OperatorError where there is nothing to write, or
    `out` cannot be had.
    """
    with engine.connect() as connection:
        snapshot = connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        with snapshot.begin(), appearing(out, EVERYBODY_READS) as folder:
            weeks = storage.weeks(snapshot, str(first or _FIRST), str(last or _LAST))
            if not weeks:
                raise OperatorError(
                    "No week of these is released", "A week is released on the Monday after it"
                )
            return _write(snapshot, words, weeks, folder)


def _write(tx: Connection, words: Words, weeks: Sequence[str], folder: Path) -> Written:
    places = _Places(tx)
    figures = _File(folder, FIGURES)
    for week in weeks:
        for one in releases.every(tx, Week.parse(week)).values():
            told = observations(one, published.every_dimension(one, words.dimensions))
            figures.add(_figures(one, told, places))
    services = [(one.key, one.name_lo, one.name_en) for one in registry.services(tx)]
    files = [
        figures,
        _File(folder, AREAS).add(places.rows()),
        _File(folder, DICTIONARY).add(table_words.dictionary(words.meanings, services)),
    ]
    described = descriptor([(one.table, one.finished()) for one in files], words.meanings["en"])
    (folder / DESCRIPTOR).write_bytes(described)
    return Written(weeks, figures.rows)


class _Places:
    """The areas of the registry, and those that were in it when a week was released."""

    def __init__(self, tx: Connection) -> None:
        self._areas = {(one.level, one.code): one for one in releases.areas(tx)}
        self._above = {(one.level, one.code): one.within for one in storage.nodes(tx)}
        self._provinces = published.provinces(tx)
        self._groups = {one.key: one.districts for one in storage.groups(tx)}

    def of(self, figures: Figures) -> tuple[Area, str]:
        """The area and its province's code."""
        key = figures.level, figures.code
        area = self._areas.setdefault(key, Area(*key, "", ""))
        return area, self._provinces.get(key, "")

    def rows(self) -> Iterator[Row]:
        for (level, code), area in sorted(self._areas.items()):
            district = self._above.get((level, code), "") if level == "odsc" else ""
            inside = " ".join(self._groups.get(code, ())) if level == "group" else ""
            province = self._provinces.get((level, code), "")
            yield level, code, area.name_lo, area.name_en, district, province, inside


def _figures(figures: Figures, told: Iterable[Observation], places: _Places) -> Iterator[Row]:
    area, province = places.of(figures)
    week = Week.parse(figures.week)
    when = figures.week, week.monday.isoformat(), week.sunday.isoformat()
    where = area.level, area.code, area.name_lo, area.name_en, province
    for one in told:
        what = one.measure, one.answer, one.sex, one.service
        yield (*when, *where, *what, one.value, one.n, one.low, one.high, one.note)


class _File:
    """A table that is being written, row by row: memory does not grow with it."""

    def __init__(self, folder: Path, table: Table) -> None:
        self.table = table
        self.rows = 0
        self._path = folder / table.path
        self._digest, self._octets = sha256(), 0
        self._print("\ufeff")
        self._lines([table.columns])

    def add(self, rows: Iterable[Row]) -> _File:
        self.rows += self._lines(rows)
        return self

    def finished(self) -> tuple[int, str]:
        """How many octets it has, and their SHA-256."""
        return self._octets, self._digest.hexdigest()

    def _lines(self, rows: Iterable[Row]) -> int:
        lines = StringIO(newline="")
        # RFC 4180 ends lines with CR LF, as csv does.
        writer = csv.writer(lines)
        count = sum(1 for row in rows if writer.writerow(map(cell, row)))
        self._print(lines.getvalue())
        return count

    def _print(self, text: str) -> None:
        written = text.encode()
        self._digest.update(written)
        with self._path.open("ab") as file:
            self._octets += file.write(written)


def cell(value: Cell) -> str:
    """PURE. As it stands in a file: "" for None, a text so that no spreadsheet calculates it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    if isinstance(value, int):
        return str(value)
    return f"{value:.{published.DIGITS}f}".rstrip("0").rstrip(".")
