"""Queries of the registry: what conversations read of it, and its replacement as a whole.

The dataclasses have the fields of the tables, so a row of a CSV file, a row of a table and what
conversations are given are one thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Final, TypeVar

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    text,
    update,
)

from app.errors import Problem, RegistryError
from app.storage.schema import (
    districts,
    fees,
    metadata,
    odscs,
    place_aliases,
    provinces,
    runs,
    tallies,
)
from app.storage.schema import services as services_table
from app.words import Language

# "SIANGRG": any number that no other program uses for an advisory lock in this database.
LOAD_LOCK: Final = 0x5349414E475247
MARK: Final = "registry"

R = TypeVar("R")
Key = tuple[object, ...]
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Place:
    """Anything with a code and a name in each language."""

    code: str
    name_lo: str
    name_en: str

    @property
    def names(self) -> Mapping[Language, str]:
        return {"lo": self.name_lo, "en": self.name_en}


@dataclass(frozen=True, slots=True)
class Province(Place):
    iso: str


@dataclass(frozen=True, slots=True)
class District(Place):
    province: str


@dataclass(frozen=True, slots=True)
class Odsc(Place):
    """A center. Its name is the place's short one; `opened` is a year, a month, a day or ""."""

    district: str
    opened: str
    source: str


@dataclass(frozen=True, slots=True)
class Alias:
    """Another spelling of a province's or a district's name."""

    code: str
    alias: str
    level: str


@dataclass(frozen=True, slots=True)
class Service:
    """What centers do for citizens. `days` as its source counts them; None: no source says."""

    key: str
    position: int
    name_lo: str
    name_en: str
    papers_lo: str
    papers_en: str
    days: int | None
    source: str

    @property
    def names(self) -> Mapping[Language, str]:
        return {"lo": self.name_lo, "en": self.name_en}

    @property
    def papers(self) -> Mapping[Language, str]:
        return {"lo": self.papers_lo, "en": self.papers_en}


@dataclass(frozen=True, slots=True)
class Fee:
    """What a service costs in a time: nationally, or at one ODSC.

    A fee is for a state right, a charge for technical work: two amounts in the ordinance. None is
    "not recorded", 0 is "free".
    """

    service: str
    odsc: str | None
    fee_kip: int | None
    charge_kip: int | None
    valid_from: date
    valid_to: date | None
    legal_ref: str
    source: str


@dataclass(frozen=True, slots=True)
class Registry:
    """A whole registry; its fields are named like the tables and the files."""

    provinces: tuple[Province, ...] = ()
    districts: tuple[District, ...] = ()
    place_aliases: tuple[Alias, ...] = ()
    odscs: tuple[Odsc, ...] = ()
    services: tuple[Service, ...] = ()
    fees: tuple[Fee, ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """What a load did to one table."""

    new: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What a load did, table by table."""

    tables: Mapping[str, Count]

    @property
    def nothing(self) -> bool:
        return all(count == Count() for count in self.tables.values())


# --- what conversations read ----------------------------------------------------------------


def odsc(tx: Connection, code: str) -> Odsc | None:
    """The center with this code."""
    return _first(tx, Odsc, _rows_of(odscs, Odsc).where(odscs.c.code == code))


def district(tx: Connection, code: str) -> District | None:
    """The district with this code."""
    return _first(tx, District, _rows_of(districts, District).where(districts.c.code == code))


def provinces_with_odscs(tx: Connection) -> list[Place]:
    """The provinces that have a center, by code."""
    has_one = (
        select(odscs.c.code)
        .join(districts, districts.c.code == odscs.c.district)
        .where(districts.c.province == provinces.c.code)
        .exists()
    )
    return _all(tx, Place, _rows_of(provinces, Place).where(has_one).order_by(provinces.c.code))


def districts_with_odscs(tx: Connection, province: str) -> list[Place]:
    """The districts of a province that have a center, by code."""
    has_one = select(odscs.c.code).where(odscs.c.district == districts.c.code).exists()
    found = _rows_of(districts, Place).where(districts.c.province == province, has_one)
    return _all(tx, Place, found.order_by(districts.c.code))


def services(tx: Connection) -> list[Service]:
    """All services, the commonest first."""
    return _all(tx, Service, _rows_of(services_table, Service).order_by(services_table.c.position))


def service(tx: Connection, key: str) -> Service | None:
    """The service with this key."""
    return _first(tx, Service, _rows_of(services_table, Service).where(services_table.c.key == key))


def fee_in_force(tx: Connection, service: str, odsc: str | None, day: date) -> Fee | None:
    """What a service costs on a day: the ODSC's own fee before the national one.

    Without an ODSC only the national fee counts. None: no official fee is recorded.
    """
    found = _rows_of(fees, Fee).where(
        fees.c.service == service,
        or_(fees.c.odsc.is_(None), fees.c.odsc == odsc),
        fees.c.valid_from <= day,
        or_(fees.c.valid_to.is_(None), fees.c.valid_to >= day),
    )
    own_first = found.order_by(fees.c.odsc.is_(None), fees.c.valid_from.desc())
    return _first(tx, Fee, own_first.limit(1))


def _rows_of(table: Table, row: type[Place | Service | Fee]) -> Select[Any]:
    return select(*(table.c[field.name] for field in fields(row)))


def _all(tx: Connection, row: Callable[..., R], statement: Select[Any]) -> list[R]:
    return [row(**found._mapping) for found in tx.execute(statement)]


def _first(tx: Connection, row: Callable[..., R], statement: Select[Any]) -> R | None:
    found = tx.execute(statement).first()
    return None if found is None else row(**found._mapping)


# --- the mark of the last load --------------------------------------------------------------


def lock(tx: Connection) -> None:
    """Let other loads wait until this transaction ends."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOAD_LOCK})


def mark(tx: Connection) -> str | None:
    """The fingerprint that the last load left; None before the first."""
    return tx.execute(select(runs.c.slot).where(runs.c.name == MARK)).scalar()


def set_mark(tx: Connection, fingerprint: str) -> None:
    """Leave the fingerprint for the next start: one row, the last load's."""
    tx.execute(delete(runs).where(runs.c.name == MARK))
    tx.execute(insert(runs).values(name=MARK, slot=fingerprint))


# --- replacing it ---------------------------------------------------------------------------

KEYS: Final[Mapping[Table, tuple[str, ...]]] = {
    provinces: ("code",),
    districts: ("code",),
    place_aliases: ("code", "alias"),
    odscs: ("code",),
    services_table: ("key",),
    fees: ("service", "odsc", "valid_from"),
}
"""What makes a row the same row; tables that are pointed to stand before those that point."""

# "" stands for "none" there, so no foreign key can guard it.
UNGUARDED: Final[Mapping[Table, tuple[Column[Any], ...]]] = {services_table: (tallies.c.service,)}


@dataclass(frozen=True, slots=True)
class _Difference:
    """What has to happen to a table so that it holds exactly the wanted rows."""

    table: Table
    new: Sequence[Row]
    changed: Sequence[Row]
    removed: Sequence[Row]

    @property
    def count(self) -> Count:
        return Count(len(self.new), len(self.changed), len(self.removed))


def replace(tx: Connection, registry: Registry) -> Changes:
    """Make the tables hold exactly this registry; rows that are the same are not touched.

    Raises RegistryError when rows would go to which something points; the caller's transaction
    must then be rolled back.
    """
    wanted = {table: [asdict(row) for row in getattr(registry, table.name)] for table in KEYS}
    differences = [_difference(tx, table, rows) for table, rows in wanted.items()]
    for difference in differences:
        _make_way(tx, difference)
        _write(tx, difference)
    problems: list[Problem] = []
    for difference in reversed(differences):
        needed = _still_needed(tx, difference)
        if not needed and difference.removed:
            tx.execute(delete(difference.table).where(_is_row(difference.table)), _keys(difference))
        problems += needed
    if problems:
        raise RegistryError(problems)
    return Changes({difference.table.name: difference.count for difference in differences})


def _difference(tx: Connection, table: Table, rows: Sequence[Row]) -> _Difference:
    columns = [column for column in table.c if column.name != "id"]
    stored = [dict(found._mapping) for found in tx.execute(select(*columns))]
    before = {_key(table, row): row for row in stored}
    after = {_key(table, row): row for row in rows}
    return _Difference(
        table,
        new=[row for key, row in after.items() if key not in before],
        changed=[row for key, row in after.items() if key in before and row != before[key]],
        removed=[row for key, row in before.items() if key not in after],
    )


def _make_way(tx: Connection, difference: _Difference) -> None:
    """Free the unique values of rows about to change or go, so that rows can swap them."""
    going = [row[KEYS[difference.table][0]] for row in (*difference.changed, *difference.removed)]
    if difference.table is services_table:
        column = services_table.c.position
        aside = update(services_table).values(position=-column - 1)
        tx.execute(aside.where(services_table.c.key.in_(going)))
    if difference.table is provinces:
        aside = update(provinces).values(iso="-" + provinces.c.code)
        tx.execute(aside.where(provinces.c.code.in_(going)))


def _write(tx: Connection, difference: _Difference) -> None:
    table = difference.table
    if difference.new:
        tx.execute(insert(table), difference.new)
    if difference.changed:
        keys = KEYS[table]
        names = [name for name in difference.changed[0] if name not in keys]
        values: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in names}
        rows = [
            {f"is_{name}" if name in keys else name: value for name, value in row.items()}
            for row in difference.changed
        ]
        tx.execute(update(table).where(_is_row(table)).values(values), rows)


def _still_needed(tx: Connection, difference: _Difference) -> list[Problem]:
    """The removed rows to which other tables point, each with the names of those tables."""
    key = KEYS[difference.table][0]
    removed = [row[key] for row in difference.removed]
    pointing: dict[object, set[str]] = {}
    for column in _pointers(difference.table) if removed else ():
        for code in tx.execute(select(column).distinct().where(column.in_(removed))).scalars():
            pointing.setdefault(code, set()).add(column.table.name)
    return [
        Problem(
            file=f"{difference.table.name}.csv",
            line=1,
            where=f"column {key}",
            message=f"there is no row {code} any more, but {_and(tables)} in the database need it",
            remedy="Keep the row",
        )
        for code, tables in sorted(pointing.items(), key=str)
    ]


def _pointers(table: Table) -> list[Column[Any]]:
    """Every column of the schema that holds keys of this table."""
    keys = (key for other in metadata.sorted_tables for key in other.foreign_keys)
    guarded = [key.parent for key in keys if key.column.table is table]
    return [*guarded, *UNGUARDED.get(table, ())]


def _is_row(table: Table) -> ColumnElement[bool]:
    """The row with the bound key; a key column may be null (a national fee)."""
    return and_(
        *(table.c[name].is_not_distinct_from(bindparam(f"is_{name}")) for name in KEYS[table])
    )


def _keys(difference: _Difference) -> list[Row]:
    names = KEYS[difference.table]
    return [{f"is_{name}": row[name] for name in names} for row in difference.removed]


def _key(table: Table, row: Row) -> Key:
    return tuple(row[name] for name in KEYS[table])


def _and(names: set[str]) -> str:
    return " and ".join(sorted(names))
