"""Look-ups by number of requests that are not the caller's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a phone, and its block of numbers, has lately looked for what is not its own."""

    misses: int
    day_misses: int
    found: int
    block_misses: int


def counted(
    tx: Connection,
    contact_id: int,
    block_hash: bytes,
    *,
    hour: datetime,
    day: datetime,
    burst: datetime,
) -> Tries:
    """Misses of the phone since `hour` and since `day`, different numbers that it found since
    `day`, misses of the block since `burst`.
    """
    row = tx.execute(
        text(
            "SELECT (SELECT count(*) FROM lookup_tries WHERE contact_id = :contact "
            "AND at > :hour AND NOT found), "
            "(SELECT count(*) FROM lookup_tries WHERE contact_id = :contact "
            "AND at > :day AND NOT found), "
            "(SELECT count(DISTINCT number_hash) FROM lookup_tries WHERE contact_id = :contact "
            "AND at > :day AND found), "
            "(SELECT count(*) FROM lookup_tries WHERE block_hash = :block AND at > :burst "
            "AND NOT found)"
        ),
        {"contact": contact_id, "block": block_hash, "hour": hour, "day": day, "burst": burst},
    ).one()
    return Tries(*row)


def record(
    tx: Connection,
    contact_id: int,
    *,
    block_hash: bytes,
    number_hash: bytes,
    found: bool,
    now: datetime,
) -> None:
    tx.execute(
        text(
            "INSERT INTO lookup_tries (contact_id, block_hash, number_hash, found, at) "
            "VALUES (:contact, :block, :number, :found, :now)"
        ),
        {
            "contact": contact_id,
            "block": block_hash,
            "number": number_hash,
            "found": found,
            "now": now,
        },
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One phone's tries of a time, for the operator: never its number.

    Phones of one block of numbers have the same `block`.
    """

    contact_id: int
    block: str
    tries: int
    misses: int
    numbers: int
    first_at: datetime
    last_at: datetime


def of_phones(tx: Connection, since: datetime, at_least: int) -> list[Row]:
    """Phones with that many misses since then, the busiest first."""
    rows = tx.execute(
        text(
            "SELECT contact_id, min(left(encode(block_hash, 'hex'), 6)), count(*), "
            "count(*) FILTER (WHERE NOT found), "
            "count(DISTINCT number_hash), min(at), max(at) FROM lookup_tries WHERE at > :since "
            "GROUP BY contact_id HAVING count(*) FILTER (WHERE NOT found) >= :least "
            "ORDER BY 4 DESC, 1"
        ),
        {"since": since, "least": at_least},
    )
    return [Row(*row) for row in rows]


def forget(tx: Connection, before: datetime) -> None:
    """Drop tries of before; who asked for what is nobody's business for ever."""
    tx.execute(text("DELETE FROM lookup_tries WHERE at < :before"), {"before": before})
