"""The replacement of the registry as a whole, and the mark that a load leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    select,
    text,
    update,
)

from app.errors import Problem, RegistryError
from app.storage.registry import Registry
from app.storage.schema import (
    closed_days,
    district_groups,
    districts,
    fees,
    group_districts,
    metadata,
    odscs,
    place_aliases,
    provinces,
    runs,
    tallies,
    targets,
)
from app.storage.schema import services as services_table

# "SIANGRG": any number that no other program uses for an advisory lock in this database.
LOAD_LOCK: Final = 0x5349414E475247
MARK: Final = "registry"

Key = tuple[object, ...]
Row = dict[str, object]


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
    closed_days: ("odsc", "day"),
    targets: ("odsc",),
    district_groups: ("key",),
    group_districts: ("group_key", "district"),
}
"""What makes a row the same row; tables that are pointed to stand before those that point."""

# The field of the Registry and the file, where they are not called like the table.
CALLED: Final[Mapping[Table, str]] = {district_groups: "groups"}

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
    def file(self) -> str:
        return _file(self.table)

    @property
    def count(self) -> Count:
        return Count(len(self.new), len(self.changed), len(self.removed))


def replace(tx: Connection, registry: Registry) -> Changes:
    """Make the tables hold exactly this registry; rows that are the same are not touched.

    Raises RegistryError when rows would go to which something points; the caller's transaction
    must then be rolled back.
    """
    wanted = {table: [asdict(row) for row in getattr(registry, _file(table))] for table in KEYS}
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
    return Changes({difference.file: difference.count for difference in differences})


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
            file=f"{difference.file}.csv",
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


def _file(table: Table) -> str:
    return CALLED.get(table, table.name)


def _and(names: set[str]) -> str:
    return " and ".join(sorted(names))
