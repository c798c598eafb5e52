"""Queries of the registry: what is read of it. `registry_loading` replaces it as a whole.

The dataclasses have the fields of the tables, so a row of a CSV file, a row of a table and what
conversations are given are one thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Select, Table, or_, select, text

from app.storage.levels import Level
from app.storage.schema import districts, fees, odscs, provinces
from app.storage.schema import services as services_table
from app.storage.schema import targets as targets_table
from app.words import COUNTRY, Language

R = TypeVar("R")


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
    """What centers do for citizens. `days` as its source counts them; None: no source says.

    A `sensitive` one is not named in an SMS that somebody else may read.
    """

    key: str
    position: int
    name_lo: str
    name_en: str
    papers_lo: str
    papers_en: str
    days: int | None
    sensitive: bool
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
class ClosedDay:
    """A day on which an office, or without one every office, is closed besides the usual days."""

    odsc: str | None
    day: date
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Target:
    """What share of an ODSC's answers was satisfied before, and is to be, in whole percent."""

    odsc: str
    baseline: int | None
    target: int | None
    reach_by: date | None
    source: str


@dataclass(frozen=True, slots=True)
class Group:
    """Some districts that are looked at together, such as those of a project."""

    key: str
    name_lo: str
    name_en: str


@dataclass(frozen=True, slots=True)
class GroupDistrict:
    """A district of a group. The column is not named `group`, which SQL keeps for itself."""

    group_key: str
    district: str

    @classmethod
    def of(cls, group: str, district: str) -> GroupDistrict:
        return cls(group, district)

    @property
    def group(self) -> str:
        return self.group_key


@dataclass(frozen=True, slots=True)
class GroupedDistricts(Place):
    """A group with its districts' codes in order; its code is its key."""

    districts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Registry:
    """A whole registry; its fields are named like the files."""

    provinces: tuple[Province, ...] = ()
    districts: tuple[District, ...] = ()
    place_aliases: tuple[Alias, ...] = ()
    odscs: tuple[Odsc, ...] = ()
    services: tuple[Service, ...] = ()
    fees: tuple[Fee, ...] = ()
    closed_days: tuple[ClosedDay, ...] = ()
    targets: tuple[Target, ...] = ()
    groups: tuple[Group, ...] = ()
    group_districts: tuple[GroupDistrict, ...] = ()


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


# --- what figures are compared with, and who may read them ------------------------------------


def province(tx: Connection, code: str) -> Province | None:
    """The province with this code."""
    return _first(tx, Province, _rows_of(provinces, Province).where(provinces.c.code == code))


def targets(tx: Connection) -> Mapping[str, Target]:
    """The targets there are, by ODSC."""
    found = _all(tx, Target, _rows_of(targets_table, Target).order_by(targets_table.c.odsc))
    return {target.odsc: target for target in found}


_GROUPS = text(
    "SELECT key, name_lo, name_en, array_agg(district ORDER BY district)"
    " FROM district_groups JOIN group_districts ON group_key = key GROUP BY key ORDER BY key"
)


def groups(tx: Connection) -> list[GroupedDistricts]:
    """Every group with its districts, by key."""
    rows = tx.execute(_GROUPS)
    return [GroupedDistricts(key, lao, english, tuple(codes)) for key, lao, english, codes in rows]


# An area is one row; a group is as many as it has districts.
_WITHIN = text(
    """
    SELECT coalesce(bool_and(CASE CAST(:level AS text)
        WHEN 'odsc' THEN part.odsc = :place
        WHEN 'district' THEN part.district = :place
        WHEN 'province' THEN part.province = :place
        WHEN 'country' THEN true
    END), false)
    FROM (
        SELECT 'odsc' AS level, odscs.code, odscs.code AS odsc, district, province
        FROM odscs JOIN districts ON districts.code = odscs.district
        UNION ALL SELECT 'district', code, NULL, code, province FROM districts
        UNION ALL SELECT 'province', code, NULL, NULL, code FROM provinces
        UNION ALL SELECT 'country', :country, NULL, NULL, NULL
        UNION ALL SELECT 'group', group_key, NULL, district, province
        FROM group_districts JOIN districts ON districts.code = district
    ) AS part
    WHERE part.level = :area_level AND part.code = :area_code
    """
)


def covers(
    tx: Connection, level: Level, place: str, area_level: Level | Literal["group"], area_code: str
) -> bool:
    """Whether all of an area lies within a place; never for an area that does not exist."""
    asked = {"level": level, "place": place, "country": COUNTRY}
    asked |= {"area_level": area_level, "area_code": area_code}
    return bool(tx.execute(_WITHIN, asked).scalar_one())


def _rows_of(table: Table, row: type[Place | Service | Fee | Target]) -> Select[Any]:
    return select(*(table.c[field.name] for field in fields(row)))


def _all(tx: Connection, row: Callable[..., R], statement: Select[Any]) -> list[R]:
    return [row(**found._mapping) for found in tx.execute(statement)]


def _first(tx: Connection, row: Callable[..., R], statement: Select[Any]) -> R | None:
    found = tx.execute(statement).first()
    return None if found is None else row(**found._mapping)
