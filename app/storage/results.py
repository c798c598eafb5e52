"""Queries of single responses for statistics: pseudonyms in the place of every id.

A pseudonym is HMAC-SHA-256 of an id. It is made here, in the database, because rows are sorted
and sought by it, and because an id that is never read cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, text

BATCH: Final = 2000
"""How many responses are in memory at once, however many there are."""


@dataclass(frozen=True, slots=True)
class Pads:
    """A key as HMAC uses it: the pseudonym of an id is H(outer + H(inner + id))."""

    inner: bytes = field(repr=False)
    outer: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Masks:
    """What sessions and contacts are hidden behind."""

    session: Pads
    contact: Pads


@dataclass(frozen=True, slots=True)
class Span:
    """The days of the first and of the newest response."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Center:
    """An ODSC and what it is called."""

    code: str
    name_lo: str
    name_en: str


# Of each ODSC the first and the last entry of the index on (odsc, day): no response is read.
_SPAN = text(
    """
    SELECT min(own.first) AS first, max(own.last) AS last
    FROM odscs CROSS JOIN LATERAL (
        SELECT min(day) AS first, max(day) AS last FROM responses
        WHERE odsc = odscs.code AND day BETWEEN :first AND :last AND NOT flagged
    ) AS own
    """
)

# Every ODSC is named, for the index begins with it.
_OF_DAY = """
    SELECT * FROM (
        SELECT r.day, r.odsc, r.status, r.score, r.service, r.reason, r.paid, r.overcharged,
               r.sex, r.extra, c.medium,
               encode(substr(sha256(:session_outer ||
                   sha256(:session_inner || int8send(c.id))), 1, 16), 'hex')
                   COLLATE "C" AS session,
               encode(substr(sha256(:contact_outer ||
                   sha256(:contact_inner || int8send(c.contact_id))), 1, 16), 'hex') AS contact
        FROM responses AS r JOIN conversations AS c ON c.id = r.conversation_id
        WHERE r.odsc = ANY (ARRAY(SELECT code FROM odscs)) AND r.day = :day AND NOT r.flagged
    ) AS told
"""
_PART = " WHERE session BETWEEN :since AND :until"
_ALL = text(_OF_DAY + " ORDER BY session")
_FORWARDS = text(_OF_DAY + _PART + " ORDER BY session LIMIT :limit")
_BACKWARDS = text(_OF_DAY + _PART + " ORDER BY session DESC LIMIT :limit")


def span(tx: Connection, first: date, last: date) -> Span | None:
    """Between which days there are responses that are not flagged; None where there is none."""
    found = tx.execute(_SPAN, {"first": first, "last": last}).one()
    return None if found.first is None else Span(found.first, found.last)


def centers(tx: Connection) -> list[Center]:
    """Every ODSC, by code."""
    rows = tx.execute(text("SELECT code, name_lo, name_en FROM odscs ORDER BY code"))
    return [Center(*row) for row in rows]


def take_time(tx: Connection) -> None:
    """A day of the whole country may take longer to sort than a citizen's query may."""
    tx.execute(text("SET LOCAL statement_timeout = '10min'"))


def of_day(tx: Connection, masks: Masks, day: date) -> Iterator[Mapping[str, Any]]:
    """The responses of a day in the order of their sessions' pseudonyms, read as they are used."""
    streamed = {"stream_results": True, "yield_per": BATCH}
    rows = tx.execute(_ALL, {"day": day, **_keys(masks)}, execution_options=streamed)
    return (row._asdict() for row in rows)


def part_of_day(
    tx: Connection,
    masks: Masks,
    day: date,
    *,
    since: str,
    until: str,
    limit: int,
    backwards: bool,
) -> Iterator[Mapping[str, Any]]:
    """Some of them: sessions from `since` to `until`, both included, at most so many."""
    asked = {"day": day, "since": since, "until": until, "limit": limit, **_keys(masks)}
    rows = tx.execute(_BACKWARDS if backwards else _FORWARDS, asked)
    return (row._asdict() for row in rows)


def _keys(masks: Masks) -> dict[str, bytes]:
    return {
        "session_inner": masks.session.inner,
        "session_outer": masks.session.outer,
        "contact_inner": masks.contact.inner,
        "contact_outer": masks.contact.outer,
    }
