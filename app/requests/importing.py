"""An office's requests from a CSV file: everything or nothing, and the same file again is nothing.

The rows go through memory one by one into a table of the transaction; there they are compared with
what is stored, and written all at once. Every change is a line of the history, as by hand.
"""

from __future__ import annotations

import csv
import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from app import clock
from app.errors import ImportRefused, OperatorError, Problem
from app.registry.sheets import Line
from app.requests import due, filing, import_rows, numbers
from app.requests.filing import Registrar
from app.requests.import_rows import Reader
from app.storage import registry
from app.storage import request_applying as applying
from app.storage import request_staging as staging
from app.storage.request_applying import Counts
from app.storage.request_staging import Fault, Row

SOURCE = "import"
AT_ONCE = 5000

Progress = Callable[[int], object]
"""Told of each line that was read, how many octets it has."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said of a fault: where, what, what to do. {other} is the row it quarrels with."""

    column: str
    message: str
    remedy: str


FAULTS: Mapping[Fault, Sentence] = {
    "number_twice": Sentence("number", "it stands in row {other} already", "Leave one of the two"),
    "own_number_twice": Sentence(
        "own_number", "it stands in row {other} already", "Leave one of the two"
    ),
    "request_twice": Sentence(
        "number", "row {other} is of the same request", "Leave one of the two"
    ),
    "other_service": Sentence(
        "service", "this request was filed for another service", "Mend the number or the service"
    ),
    "other_own_number": Sentence(
        "own_number", "this request has another number of the office", "Mend one of the two numbers"
    ),
    "own_number_taken": Sentence(
        "own_number", "another request of the office has it", "Mend one of the two numbers"
    ),
    "not_allowed": Sentence(
        "status",
        "this status may not follow the one that is stored",
        "See siang requests show; rows of earlier days, by status_on, are passed over",
    ),
    "needs_note": Sentence(
        "note", "this status says nothing without a note", "Write which papers, or why"
    ),
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file did. `outdated` rows told of an earlier day than what is stored."""

    counts: Counts
    texts: int

    @property
    def nothing(self) -> bool:
        return not self.counts.new and not self.counts.changed


def import_file(
    registrar: Registrar, engine: Engine, path: Path, odsc: str, now: datetime, progress: Progress
) -> Imported:
    """File and move on what the file says; `odsc` is the one that it is of, or "" for several.

    Raises ImportRefused with every problem of the file, RequestRefused for an unknown `odsc`; then
    nothing has changed.
    """
    today = clock.local_day(now)
    try:
        with engine.begin() as tx:
            staging.begin(tx)
            reader = import_rows.reader(registrar, tx, odsc, today)
            problems = _stage(tx, reader, path, progress)
            staging.recognise(tx)
            staging.compare(tx, now, today)
            problems += _faults(registrar, tx, path.name)
            if problems:
                raise ImportRefused(sorted(problems, key=lambda problem: problem.line))
            _number(tx)
            _reckon(tx)
            counts = applying.counts(tx)
            applying.write(tx, by=SOURCE, source=SOURCE, now=now)
            return Imported(counts, _tell(registrar, tx, today, now))
    except OSError as error:
        raise OperatorError(f"{path.name} cannot be read: {error.strerror}") from None
    except IntegrityError:
        reason = "Somebody else filed one of these requests in this moment; nothing was imported"
        raise OperatorError(reason, "Import the file again") from None


def _stage(tx: Connection, reader: Reader, path: Path, progress: Progress) -> list[Problem]:
    """Copy the rows that can be read; tell what is wrong with the others."""
    problems: list[Problem] = []
    records = _records(path, progress, problems)
    first = next(records, None)
    if first is None:
        return problems or [Problem(path.name, 1, "", "the file is empty", "Write a header")]
    header = [" ".join(name.split()).lower() for name in first[1]]
    problems += reader.header_problems(path.name, header)
    if problems:
        return problems
    with staging.copying(tx) as keep:
        for at, cells in records:
            read = _read(reader, header, at, cells)
            if isinstance(read, Row):
                keep(read)
            else:
                problems += read
    return problems


def _read(reader: Reader, header: list[str], at: Line, cells: list[str]) -> Row | list[Problem]:
    while len(cells) > len(header) and not cells[-1]:
        cells.pop()
    if len(cells) != len(header):
        message = f"there are {len(cells)} cells, but {len(header)} columns"
        return [at.problem("", message, 'Put cells that hold a comma into "quotes"')]
    return reader.row(at, dict(zip(header, cells, strict=True)))


def _records(
    path: Path, progress: Progress, problems: list[Problem]
) -> Iterator[tuple[Line, list[str]]]:
    """The rows that are not empty; ends at what is no CSV, and says so among the problems."""
    with path.open("rb") as file:
        records = csv.reader(_lines(file, progress), strict=True)
        for row in itertools.count(1):
            line = records.line_num + 1
            try:
                record = next(records, None)
            except UnicodeDecodeError:
                remedy = "Save the file as CSV UTF-8"
                problems.append(Problem(path.name, line, "", "this is not UTF-8 text", remedy))
                return
            except csv.Error as error:
                remedy = "Mend the quotes from here on"
                problems.append(Problem(path.name, line, "", f"this is not CSV: {error}", remedy))
                return
            if record is None:
                return
            if any(cell.strip() for cell in record):
                yield Line(path.name, line, row), record


def _lines(file: BinaryIO, progress: Progress) -> Iterator[str]:
    encoding = "utf-8-sig"
    for line in file:
        yield line.decode(encoding)
        progress(len(line))
        encoding = "utf-8"


def _faults(registrar: Registrar, tx: Connection, file: str) -> list[Problem]:
    rules = registrar.rules
    allowed = [(before, after) for before, every in rules.transitions.items() for after in every]
    return [
        Line(file, place.line, place.row).problem(
            FAULTS[fault].column,
            FAULTS[fault].message.format(other=place.other),
            FAULTS[fault].remedy,
        )
        for fault, place in staging.faults(tx, allowed, rules.needs_note)
    ]


def _number(tx: Connection) -> None:
    """Draw numbers for those that have none; what is taken is drawn anew."""
    while wanting := applying.unnumbered(tx, AT_ONCE):
        drawn = {
            numbers.new(odsc, secrets.randbelow(numbers.SERIALS)): row for row, odsc in wanting
        }
        applying.give_numbers(tx, drawn)


def _reckon(tx: Connection) -> None:
    days = due.calendar(tx)
    applying.set_due(tx, {term: days.due_on(*term) for term in applying.terms(tx)})


def _tell(registrar: Registrar, tx: Connection, today: date, now: datetime) -> int:
    """Text applicants, and have them asked; how many texts were queued."""
    since = today - filing.NEWS
    applying.invite(tx, since, now, registrar.invite_after)
    names = {service.key: service.names for service in registry.services(tx)}
    queued = last = 0
    while news := applying.news(tx, registrar.rules.texted, since, last, AT_ONCE):
        letters = [
            filing.notice(registrar, request, names[request.service], language, now)
            for request, language in news
        ]
        registrar.tell_all(tx, letters, now)
        queued += len(news)
        last = news[-1][0].id
    return queued
