"""The registry files: their columns, what each may hold, and what must not stand twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from app.registry import cells
from app.registry.cells import Rule
from app.storage.registry import (
    Alias,
    ClosedDay,
    District,
    Fee,
    Group,
    GroupDistrict,
    Odsc,
    Province,
    Service,
    Target,
)

# A menu line beside its number, so that two or three stand on a Lao page of 70 units.
LONGEST_NAME_LO: Final = 24
LONGEST_NAME_EN: Final = 30
# Two Lao screens; English has 160 characters a screen.
LONGEST_PAPERS: Final = 140
# A remark for those who keep the file; any file may have it, no load reads it.
NOTE: Final = "note"

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `empty` is what an empty cell means where it is allowed."""

    name: str
    rule: Rule
    required: bool = True
    empty: object = ""
    # Files of before have no such column; then every cell is empty.
    newer: bool = False


@dataclass(frozen=True, slots=True)
class Layout(Generic[R]):
    """One file: its columns, what a row becomes, its key, and values that stand once."""

    name: str
    make: Callable[..., R]
    key: str
    once: tuple[tuple[str, ...], ...]
    columns: tuple[Column, ...]

    @property
    def file(self) -> str:
        return f"{self.name}.csv"


_PROVINCE: Final = cells.code(2)
_DISTRICT: Final = cells.code(4)
_KEY: Final = cells.matching(
    r"[a-z][a-z0-9_]{0,39}", "key", "Write small letters, digits and _, such as id_card"
)
_ISO: Final = cells.matching(r"LA-[A-Z]{2}", "ISO 3166-2 code", "Write it as in LA-VT")
_KIP: Final = cells.whole_number(0, 1_000_000_000_000)
_PERCENT: Final = cells.whole_number(0, 100)
_NAMES: Final = (
    Column("name_lo", cells.lao(LONGEST_NAME_LO)),
    Column("name_en", cells.english(LONGEST_NAME_EN)),
)

PROVINCES: Final = Layout(
    "provinces",
    Province,
    key="code",
    once=(("code",), ("iso",)),
    columns=(Column("code", _PROVINCE), Column("iso", _ISO), *_NAMES),
)
DISTRICTS: Final = Layout(
    "districts",
    District,
    key="code",
    once=(("code",),),
    columns=(Column("code", _DISTRICT), Column("province", _PROVINCE), *_NAMES),
)
PLACE_ALIASES: Final = Layout(
    "place_aliases",
    Alias,
    key="code",
    once=(("code", "alias"),),
    columns=(
        Column("code", cells.matching(r"\d{2}|\d{4}", "code of a place", "Write 2 or 4 digits")),
        Column("level", cells.one_of(("province", "district"))),
        Column("alias", cells.free),
    ),
)
ODSCS: Final = Layout(
    "odscs",
    Odsc,
    key="code",
    once=(("code",),),
    columns=(
        Column("code", _DISTRICT),
        Column("district", _DISTRICT),
        *_NAMES,
        Column("opened", cells.opened, required=False),
        Column("source", cells.free),
    ),
)
SERVICES: Final = Layout(
    "services",
    Service,
    key="key",
    once=(("key",), ("position",)),
    columns=(
        Column("key", _KEY),
        Column("position", cells.whole_number(1, 999)),
        *_NAMES,
        Column("papers_lo", cells.lao(LONGEST_PAPERS), required=False),
        Column("papers_en", cells.english(LONGEST_PAPERS), required=False),
        Column("days", cells.whole_number(1, 999), required=False, empty=None),
        Column("sensitive", cells.yes, required=False, empty=False, newer=True),
        Column("source", cells.free),
    ),
)
FEES: Final = Layout(
    "fees",
    Fee,
    key="service",
    once=(("service", "odsc", "valid_from"),),
    columns=(
        Column("service", _KEY),
        Column("odsc", _DISTRICT, required=False, empty=None),
        Column("fee_kip", _KIP, required=False, empty=None),
        Column("charge_kip", _KIP, required=False, empty=None),
        Column("valid_from", cells.day),
        Column("valid_to", cells.day, required=False, empty=None),
        Column("legal_ref", cells.free, required=False),
        Column("source", cells.free),
    ),
)
CLOSED_DAYS: Final = Layout(
    "closed_days",
    ClosedDay,
    key="day",
    once=(("odsc", "day"),),
    columns=(
        Column("odsc", _DISTRICT, required=False, empty=None),
        Column("day", cells.day),
        Column("name", cells.free),
        Column("source", cells.free),
    ),
)
TARGETS: Final = Layout(
    "targets",
    Target,
    key="odsc",
    once=(("odsc",),),
    columns=(
        Column("odsc", _DISTRICT),
        Column("baseline", _PERCENT, required=False, empty=None),
        Column("target", _PERCENT, required=False, empty=None),
        Column("reach_by", cells.day, required=False, empty=None),
        Column("source", cells.free),
    ),
)
GROUPS: Final = Layout(
    "groups",
    Group,
    key="key",
    once=(("key",),),
    columns=(Column("key", _KEY), *_NAMES),
)
GROUP_DISTRICTS: Final = Layout(
    "group_districts",
    GroupDistrict.of,
    key="group",
    once=(("group", "district"),),
    columns=(Column("group", _KEY), Column("district", _DISTRICT)),
)
NEEDED: Final = tuple(
    layout.file for layout in (PROVINCES, DISTRICTS, PLACE_ALIASES, ODSCS, SERVICES, FEES)
)
# A folder without one of these holds none of it.
OPTIONAL: Final = tuple(layout.file for layout in (CLOSED_DAYS, TARGETS, GROUPS, GROUP_DISTRICTS))
FILES: Final = (*NEEDED, *OPTIONAL)
