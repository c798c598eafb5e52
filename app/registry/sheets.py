"""One registry file: bytes → rows with their places, and everything wrong on the way.

Names are brought into canonical Lao here, so spellings that look the same are the same after it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.errors import Problem
from app.registry.cells import Fault, unsafe
from app.registry.layouts import NOTE, Column, Layout
from app.text.lao import canonical

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Line:
    """Where a row stands: the line in the file, the row as a spreadsheet counts them."""

    file: str
    line: int
    row: int

    def problem(self, column: str, message: str, remedy: str) -> Problem:
        where = f"row {self.row}, column {column}" if column else f"row {self.row}"
        return Problem(self.file, self.line, where, message, remedy)


@dataclass(frozen=True, slots=True)
class Located(Generic[R]):
    """A row and where it stands."""

    at: Line
    row: R


@dataclass(slots=True)
class Sheet(Generic[R]):
    """What could be read of a file.

    `keys` has those of faulty rows too, so that one mistake is not reported again by every row
    that points there. `whole` is false when the file itself could not be read.
    """

    rows: list[Located[R]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    whole: bool = False
    problems: list[Problem] = field(default_factory=list)

    def plain(self) -> tuple[R, ...]:
        return tuple(located.row for located in self.rows)


def read(layout: Layout[R], content: bytes | None) -> Sheet[R]:
    """The rows of a file. Never raises: what is wrong is among the sheet's problems.

    A file that is not there (None) makes an empty sheet that is not whole.
    """
    sheet: Sheet[R] = Sheet()
    if content is None:
        return sheet
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        remedy = "Save the file as CSV UTF-8"
        sheet.problems = [Problem(layout.file, line, "", "this is not UTF-8 text", remedy)]
        return sheet
    lines = list(_records(layout.file, text, sheet.problems))
    header = [" ".join(name.split()) for name in lines[0][1]] if lines else []
    sheet.problems = sheet.problems or _header_problems(layout, header)
    if sheet.problems:
        return sheet
    sheet.whole = True
    for at, cells in lines[1:]:
        _take(layout, header, at, cells, sheet)
    sheet.problems += _doubles(layout, sheet.rows)
    return sheet


def _records(file: str, text: str, problems: list[Problem]) -> Iterator[tuple[Line, list[str]]]:
    """The rows that are not empty, each with the line on which it begins.

    Ends at what is not CSV, and says so among the problems.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    row = 0
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            remedy = "Mend the quotes from here on"
            problems.append(Problem(file, line, "", f"this is not CSV: {error}", remedy))
            return
        if record is None:
            return
        row += 1
        cells = [canonical(cell).strip() for cell in record]
        if any(cells):
            yield Line(file, line, row), cells


def _header_problems(layout: Layout[R], header: Sequence[str]) -> list[Problem]:
    known = [column.name for column in layout.columns]
    if header and len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        message, remedy = "the columns are not separated by commas", "Save the file with commas"
        return [Problem(layout.file, 1, "", message, remedy)]
    old = [column.name for column in layout.columns if not column.newer]
    wrong = [(name, "is missing", "Add it, empty where it may be") for name in old]
    found = [wanted for wanted in wrong if wanted[0] not in header]
    for place, name in enumerate(header):
        if name in header[:place]:
            found.append((name, "stands twice", "Leave one of the two"))
        elif name not in (*known, NOTE):
            found.append((name or "(no name)", "is not known", f"Use: {', '.join(known)}, {NOTE}"))
    return [
        Problem(layout.file, 1, f"column {name}", f"the column {message}", remedy)
        for name, message, remedy in found
    ]


def _take(
    layout: Layout[R], header: Sequence[str], at: Line, cells: list[str], sheet: Sheet[R]
) -> None:
    """Add a row to the sheet, or what is wrong with it."""
    while len(cells) > len(header) and not cells[-1]:
        cells.pop()
    if len(cells) != len(header):
        message = f"there are {len(cells)} cells, but {len(header)} columns"
        sheet.problems.append(at.problem("", message, 'Put cells that hold a comma into "quotes"'))
        sheet.keys.update(cells[:1])
        return
    record = dict(zip(header, cells, strict=True))
    values = {column.name: _value(column, record.get(column.name, "")) for column in layout.columns}
    faults = {name: value for name, value in values.items() if isinstance(value, Fault)}
    sheet.keys.add(record[layout.key])
    if faults:
        sheet.problems += [
            at.problem(name, fault.message, fault.remedy) for name, fault in faults.items()
        ]
        return
    sheet.rows.append(Located(at, layout.make(**values)))


def _value(column: Column, cell: str) -> object:
    if not cell:
        return Fault("the cell is empty", "Fill it in") if column.required else column.empty
    return unsafe(cell) or column.rule(cell)


def _doubles(layout: Layout[R], rows: Sequence[Located[R]]) -> list[Problem]:
    """Rows that repeat what may stand once in the file."""
    problems: list[Problem] = []
    for names in layout.once:
        first: dict[tuple[object, ...], Line] = {}
        for located in rows:
            value = tuple(getattr(located.row, name) for name in names)
            before = first.setdefault(value, located.at)
            if before is not located.at:
                shown = ", ".join("none" if part is None else str(part) for part in value)
                message = f"{shown} stands in row {before.row} already"
                columns = ", ".join(names)
                problems.append(located.at.problem(columns, message, "Leave one of the two"))
    return problems
