"""Flow versions by the hash of their sources, and which of them was published when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

# "SIANGFL": any number that no other program uses for an advisory lock in this database.
PUBLISH_LOCK: Final = 0x5349414E47464C


@dataclass(frozen=True, slots=True)
class Current:
    """The newest publication; a higher number is a newer one."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Publication:
    """A row of the history. `open` conversations are still walking through this version."""

    number: int
    hash: str
    note: str
    forced: bool
    at: datetime
    open: int


_CURRENT = text("SELECT id, hash FROM flow_publications ORDER BY id DESC LIMIT 1")

# The open ones are few and have an index of their own; no finished conversation is looked at.
_HISTORY = text(
    """
    SELECT p.id, p.hash, p.note, p.forced, p.at, coalesce(walking.n, 0)
    FROM flow_publications p
    LEFT JOIN (SELECT flow, count(*) AS n FROM conversations WHERE status = 'open' GROUP BY flow)
         AS walking ON walking.flow = p.hash
    ORDER BY p.id DESC
    """
)


def lock(tx: Connection) -> None:
    """Let other publications wait until this transaction ends."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PUBLISH_LOCK})


def current(tx: Connection) -> Current | None:
    """What new conversations begin on; None where nothing was ever published."""
    row = tx.execute(_CURRENT).first()
    return None if row is None else Current(*row)


def current_hash(tx: Connection) -> str | None:
    """The hash of the current version."""
    published = current(tx)
    return None if published is None else published.hash


def store(tx: Connection, flow_hash: str, sources: Mapping[str, str]) -> None:
    """Keep a version: conversations finish on the one on which they began."""
    tx.execute(
        text(
            "INSERT INTO flow_versions (hash, sources) VALUES (:hash, :sources) "
            "ON CONFLICT (hash) DO NOTHING"
        ).bindparams(bindparam("sources", type_=JSONB)),
        {"hash": flow_hash, "sources": dict(sources)},
    )


def sources(tx: Connection, flow_hash: str) -> Mapping[str, str] | None:
    """The sources of a stored version."""
    found = tx.execute(
        text("SELECT sources FROM flow_versions WHERE hash = :hash"), {"hash": flow_hash}
    ).scalar()
    return None if found is None else dict(found)


def publish(tx: Connection, flow_hash: str, note: str, forced: bool, at: datetime) -> None:
    """Make a stored version the current one."""
    tx.execute(
        text(
            "INSERT INTO flow_publications (hash, note, forced, at) "
            "VALUES (:hash, :note, :forced, :at)"
        ),
        {"hash": flow_hash, "note": note, "forced": forced, "at": at},
    )


def history(tx: Connection) -> list[Publication]:
    """Every publication, newest first."""
    return [Publication(*row) for row in tx.execute(_HISTORY)]


def beginning_with(tx: Connection, digits: str) -> list[str]:
    """The stored versions whose hash begins with these hexadecimal digits."""
    found = tx.execute(
        text("SELECT hash FROM flow_versions WHERE starts_with(hash, :digits) ORDER BY hash"),
        {"digits": digits},
    )
    return list(found.scalars())
