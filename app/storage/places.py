"""Queries about places by name: what the gazetteer is made of, and when that changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from app.storage.registry_loading import MARK
from app.words import Language

Load = tuple[str, datetime]
"""Which load the registry is from; another one after every load.

The time tells apart loads of other folders, which all leave the same fingerprint.
"""


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A province (two digits) or a district (four, the first two its province's), or a center."""

    code: str
    names: Mapping[Language, str]
    aliases: tuple[str, ...] = ()


_ALL = text(
    "SELECT place.code, place.name_lo, place.name_en,"
    "  coalesce(array_agg(alias ORDER BY alias) FILTER (WHERE alias IS NOT NULL), '{}')"
    " FROM (SELECT code, name_lo, name_en FROM provinces"
    "   UNION ALL SELECT code, name_lo, name_en FROM districts) AS place"
    " LEFT JOIN place_aliases ON place_aliases.code = place.code"
    " GROUP BY 1, 2, 3 ORDER BY 1"
)
_CENTERS = text(
    "SELECT odscs.code, odscs.name_lo, odscs.name_en FROM odscs"
    " JOIN districts ON districts.code = odscs.district"
    " WHERE :place IN (districts.code, districts.province) ORDER BY odscs.code"
)
_LOADED = text("SELECT slot, at FROM runs WHERE name = :mark")


def loaded(tx: Connection) -> Load | None:
    """The load that is in force, None before the first."""
    row = tx.execute(_LOADED, {"mark": MARK}).first()
    return None if row is None else (row.slot, row.at)


def every(tx: Connection) -> list[NamedPlace]:
    """Provinces and districts by code."""
    return [
        NamedPlace(code, {"lo": lao, "en": english}, tuple(aliases))
        for code, lao, english, aliases in tx.execute(_ALL)
    ]


def centers_in(tx: Connection, place: str) -> list[NamedPlace]:
    """The centers of a district or of a whole province, by code."""
    return [
        NamedPlace(code, {"lo": lao, "en": english})
        for code, lao, english in tx.execute(_CENTERS, {"place": place})
    ]
