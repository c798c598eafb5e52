"""Who gets the weekly digest of what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from sqlalchemy import Connection, text

from app.storage.levels import Level
from app.words import COUNTRY, Language


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody on the staff who gets the digest of a place."""

    contact_id: int
    language: Language
    level: Level
    code: str


# The lowest level first: where a district's code is its ODSC's, who is in both gets the ODSC's.
_READERS = text(
    "SELECT mine.contact_id, mine.language, mine.level, mine.place FROM ("
    "  SELECT *, coalesce(odsc, district, province, :country) AS place FROM staff"
    "  WHERE removed_at IS NULL AND level = ANY(CAST(:levels AS text[]))"
    " ) AS mine JOIN contacts ON contacts.id = mine.contact_id"
    " WHERE contacts.stopped_at IS NULL"
    "  AND (CAST(:place AS text) IS NULL OR mine.place = :place)"
    "  AND (CAST(:contact AS bigint) IS NULL OR mine.contact_id = :contact)"
    " ORDER BY array_position(CAST(:levels AS text[]), mine.level), mine.place, mine.id"
)


def everybody(tx: Connection) -> list[Reader]:
    """Everybody who gets a digest; not those removed or stopped."""
    return _readers(tx)


def of_place(tx: Connection, level: Level, code: str) -> list[Reader]:
    """Those who get the digest of one place."""
    return _readers(tx, levels=(level,), place=code)


def of_contact(tx: Connection, contact_id: int) -> list[Reader]:
    """The places whose digest a phone gets, none twice for one code."""
    mine: dict[str, Reader] = {}
    for reader in _readers(tx, contact=contact_id):
        mine.setdefault(reader.code, reader)
    return list(mine.values())


def _readers(
    tx: Connection,
    *,
    levels: tuple[Level, ...] = get_args(Level),
    place: str | None = None,
    contact: int | None = None,
) -> list[Reader]:
    wanted = {"levels": list(levels), "place": place, "contact": contact, "country": COUNTRY}
    return [Reader(*row) for row in tx.execute(_READERS, wanted)]


def served(tx: Connection, run: str, slot: str) -> bool:
    """Whether the digests of a slot are written already."""
    found = tx.execute(
        text("SELECT EXISTS (SELECT FROM runs WHERE name = :run AND slot = :slot)"),
        {"run": run, "slot": slot},
    )
    return bool(found.scalar_one())
