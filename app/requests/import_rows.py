"""One row of an office's CSV file: its cells become a Row, or everything that is wrong with them.

What a cell holds is never repeated: it may be a citizen's number in the wrong column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Final

from sqlalchemy import Connection

from app.errors import NotAPhoneNumber, Problem, RequestRefused
from app.people.vault import Vault
from app.registry.cells import Fault
from app.registry.sheets import Line
from app.requests import filing, numbers
from app.requests.filing import Registrar
from app.requests.statuses import Rules, heard
from app.storage import registry, request_staging
from app.storage.request_staging import Row
from app.text.lao import digits
from app.text.numbers import e164
from app.words import REQUEST_STATUSES

COLUMNS: Final = (
    "number",
    "own_number",
    "odsc",
    "service",
    "phone",
    "status",
    "note",
    "filed_on",
    "status_on",
    "texts",
    "sensitive",
)
EARLIEST: Final = date(2000, 1, 1)
_ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_USUAL: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_YES_NO: Final = {"": None, "yes": True, "no": False}


@dataclass(frozen=True)
class Reader:
    """What a file's rows are read against; `odsc` is the one that all of them are of, or ""."""

    vault: Vault
    rules: Rules
    services: Mapping[str, str]
    odscs: frozenset[str]
    odsc: str
    today: date

    def header_problems(self, file: str, header: Sequence[str]) -> list[Problem]:
        """What is wrong with the columns."""
        if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
            remedy = "Save the file with commas"
            return [Problem(file, 1, "", "the columns are not separated by commas", remedy)]
        found = []
        for place, name in enumerate(header):
            shown = name if re.fullmatch(r"[a-z_ ]{1,30}", name, re.I) else f"number {place + 1}"
            if name in header[:place]:
                found.append((shown, "stands twice", "Leave one of the two"))
            elif name not in COLUMNS:
                found.append((shown, "is not known", f"Use: {', '.join(COLUMNS)}"))
        if "service" not in header:
            found.append(("service", "is missing", "Add it"))
        if not {"number", "own_number"} & set(header):
            remedy = "Add it, or number, so that the same request is known again"
            found.append(("own_number", "is missing", remedy))
        if not {"number", "odsc"} & set(header) and not self.odsc:
            found.append(("odsc", "is missing", "Add it, or say --odsc"))
        return [
            Problem(file, 1, f"column {name}", f"the column {message}", remedy)
            for name, message, remedy in found
        ]

    def row(self, at: Line, cells: Mapping[str, str]) -> Row | list[Problem]:
        """A row, or everything that is wrong with it."""
        values = {name: read(cells.get(name, "").strip()) for name, read in self._readers.items()}
        faults = [(name, value) for name, value in values.items() if isinstance(value, Fault)]
        faults += self._contradictions(values)
        if faults:
            return [at.problem(name, fault.message, fault.remedy) for name, fault in faults]
        phone = str(values.pop("phone"))
        sealed = self.vault.seal(phone) if phone else None
        values["odsc"] = values["odsc"] or str(values["number"])[:4]
        return _MAKE(
            line=at.line,
            row=at.row,
            phone_hash=sealed.hash if sealed else None,
            phone_cipher=sealed.cipher if sealed else None,
            **values,
        )

    @cached_property
    def _readers(self) -> Mapping[str, Callable[[str], object]]:
        # Few different cells stand in these columns: each is read once.
        once = lru_cache(maxsize=4096)
        return {
            "number": _number,
            "own_number": _own_number,
            "odsc": once(self._odsc),
            "service": once(self._service),
            "phone": _phone,
            "status": once(self._status),
            "note": _note,
            "filed_on": once(self._day),
            "status_on": once(self._day),
            "texts": once(_yes_no),
            "sensitive": once(_yes_no),
        }

    def _odsc(self, cell: str) -> object:
        code = digits(cell) or self.odsc
        if self.odsc and code != self.odsc:
            remedy = "Mend it, or import that office's requests by themselves"
            return Fault(f"this row is not of ODSC {self.odsc}", remedy)
        if code and code not in self.odscs:
            remedy = "Write its four digits; in a spreadsheet format the column as text"
            return Fault("there is no such ODSC", remedy)
        return code

    def _service(self, cell: str) -> object:
        key = self.services.get(_called(cell)) if cell else None
        return key or Fault("there is no such service", "Write a key or a name of services.csv")

    def _status(self, cell: str) -> object:
        if not cell:
            return None
        status = self.rules.status(cell)
        return status or Fault("this is no status", f"Write one of: {', '.join(REQUEST_STATUSES)}")

    def _day(self, cell: str) -> object:
        if not cell:
            return None
        day = _date(digits(cell))
        if day is None or day < EARLIEST:
            return Fault("this is no day", "Write it as 2026-11-16 or 16/11/2026")
        if day > self.today:
            return Fault("this day lies ahead", "Mend the day")
        return day

    def _contradictions(self, values: Mapping[str, object]) -> Iterator[tuple[str, Fault]]:
        """What cells that are right by themselves say against each other."""
        number, odsc = values["number"], values["odsc"]
        if number == values["own_number"] == "":
            yield "own_number", Fault("there is no number", "Write it, or ours as number")
        if number == odsc == "":
            yield "odsc", Fault("the cell is empty", "Write the ODSC's code, or say --odsc")
        if isinstance(number, str) and number:
            remedy = "It begins with the ODSC's code"
            if isinstance(odsc, str) and (odsc or number[:4]) != number[:4]:
                yield "number", Fault("the number is another ODSC's", remedy)
            elif number[:4] not in self.odscs:
                yield "number", Fault("there is no such ODSC", remedy)
        filed, since = values["filed_on"], values["status_on"]
        if isinstance(filed, date) and isinstance(since, date) and since < filed:
            yield "status_on", Fault("this is before filed_on", "Mend one of the two days")


def reader(registrar: Registrar, tx: Connection, odsc: str, today: date) -> Reader:
    """A reader for the registry as it is now. Raises RequestRefused for an unknown ODSC."""
    services = {
        _called(name): service.key
        for service in registry.services(tx)
        for name in (*service.names.values(), service.key)
    }
    codes = request_staging.odsc_codes(tx)
    if odsc and odsc not in codes:
        raise RequestRefused("unknown_odsc", "odsc", "there is no such ODSC")
    return Reader(registrar.vault, registrar.rules, services, codes, odsc, today)


_MAKE: Callable[..., Row] = Row


def _called(name: str) -> str:
    return heard(name).replace(" ", "")


def _number(cell: str) -> object:
    number = numbers.read(cell)
    if not number:
        return ""
    if not numbers.is_ours(number):
        remedy = (
            f"Write its {numbers.LENGTH} digits (in a spreadsheet format the column as text), or "
            "the office's own as own_number"
        )
        return Fault("this is no number of ours", remedy)
    return number if numbers.checks(number) else Fault("a digit is wrong", "Copy the number anew")


def _own_number(cell: str) -> object:
    try:
        return filing.alias_of(cell)
    except RequestRefused as refused:
        return Fault(refused.sentence, "Write it as the office does, or leave it empty")


def _phone(cell: str) -> object:
    try:
        return e164(cell) if cell else ""
    except NotAPhoneNumber:
        return Fault("this is no phone number", "Write it like 020 55 512 345, or nothing")


def _note(cell: str) -> object:
    try:
        return filing.note_of(cell)
    except RequestRefused as refused:
        return Fault(refused.sentence, "Shorten it")


def _yes_no(cell: str) -> object:
    if cell.casefold() in _YES_NO:
        return _YES_NO[cell.casefold()]
    return Fault("this is neither yes nor no", "Write yes, no or nothing")


def _date(written: str) -> date | None:
    iso, usual = _ISO.fullmatch(written), _USUAL.fullmatch(written)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        return date(int(usual[3]), int(usual[2]), int(usual[1])) if usual else None
    except ValueError:
        return None
