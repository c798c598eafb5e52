"""Citizens' requests: filed and moved on by the office, looked up by number or phone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import Connection, Executable, select, text
from sqlalchemy.dialects.postgresql import insert

from app.storage import requests_schema as schema


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the office knows it. `contact_id` points to the applicant's phone, if known.

    `news_at` is when the office last said anything about it; `fee_kip` and `charge_kip` are the
    official amounts on the day of filing, None where none was recorded.
    """

    id: int
    number: str
    alias: str
    odsc: str
    service: str
    contact_id: int | None
    status: str
    note: str
    due_on: date | None
    fee_kip: int | None
    charge_kip: int | None
    texts: bool
    sensitive: bool
    filed_at: datetime
    status_at: datetime
    news_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a request's history. `by` is never a name or a number."""

    status: str
    note: str
    by: str
    source: str
    at: datetime


_TABLE = schema.requests
_COLUMNS = tuple(_TABLE.c[field.name] for field in fields(Request))
_EVERY = select(*_COLUMNS)


def _first(tx: Connection, query: Executable) -> Request | None:
    row = tx.execute(query).first()
    return None if row is None else Request(*row)


def by_number(tx: Connection, number: str) -> Request | None:
    return _first(tx, _EVERY.where(_TABLE.c.number == number))


def by_alias(tx: Connection, alias: str, odsc: str | None = None) -> list[Request]:
    """Requests with this office number, at most one an ODSC: offices may number alike."""
    found = _EVERY.where(_TABLE.c.alias == alias, _TABLE.c.alias != "")
    if odsc is not None:
        found = found.where(_TABLE.c.odsc == odsc)
    return [Request(*row) for row in tx.execute(found.order_by(_TABLE.c.odsc))]


def of_phone(tx: Connection, contact_id: int, limit: int = 8) -> list[Request]:
    """What a phone has filed, the newest first."""
    found = _EVERY.where(_TABLE.c.contact_id == contact_id)
    newest = found.order_by(_TABLE.c.filed_at.desc(), _TABLE.c.id.desc()).limit(limit)
    return [Request(*row) for row in tx.execute(newest)]


def lock(tx: Connection, request_id: int) -> Request:
    """The request, locked to the end of the transaction."""
    return Request(*tx.execute(_EVERY.where(_TABLE.c.id == request_id).with_for_update()).one())


def add(tx: Connection, values: Mapping[str, object]) -> Request | None:
    """File a request with these columns; None where its number, or its alias there, is taken."""
    filed = insert(_TABLE).values(**values).on_conflict_do_nothing().returning(*_COLUMNS)
    return _first(tx, filed)


def set_status(
    tx: Connection, request_id: int, status: str, note: str, status_at: datetime, now: datetime
) -> None:
    """What became of it: since when it is so, and when we heard."""
    tx.execute(
        text(
            "UPDATE requests SET status = :status, note = :note, status_at = :since, "
            "news_at = :now WHERE id = :id"
        ),
        {"id": request_id, "status": status, "note": note, "since": status_at, "now": now},
    )


def set_reach(tx: Connection, request_id: int, contact_id: int | None, texts: bool) -> None:
    """Whose request it is, and whether that phone is texted."""
    tx.execute(
        text("UPDATE requests SET contact_id = :contact, texts = :texts WHERE id = :id"),
        {"id": request_id, "contact": contact_id, "texts": texts},
    )


def touch(tx: Connection, request_id: int, now: datetime) -> None:
    """The office said again what it had said before."""
    tx.execute(
        text("UPDATE requests SET news_at = greatest(news_at, :now) WHERE id = :id"),
        {"id": request_id, "now": now},
    )


def remember(
    tx: Connection, request_id: int, *, status: str, note: str, by: str, source: str, at: datetime
) -> None:
    """Write a line of the history."""
    tx.execute(
        text(
            "INSERT INTO request_history (request_id, status, note, by, source, at) "
            "VALUES (:id, :status, :note, :by, :source, :at)"
        ),
        {"id": request_id, "status": status, "note": note, "by": by, "source": source, "at": at},
    )


def history(tx: Connection, request_id: int) -> list[Change]:
    """A request's history, the oldest first."""
    rows = tx.execute(
        text(
            "SELECT status, note, by, source, at FROM request_history "
            "WHERE request_id = :id ORDER BY at, id"
        ),
        {"id": request_id},
    )
    return [Change(*row) for row in rows]


def invite(tx: Connection, request_id: int, contact_id: int, due_at: datetime) -> None:
    """The applicant is to be asked how it was; once for a request."""
    tx.execute(
        text(
            "INSERT INTO invitations (request_id, contact_id, state, due_at) "
            "VALUES (:id, :contact, 'waiting', :due) ON CONFLICT DO NOTHING"
        ),
        {"id": request_id, "contact": contact_id, "due": due_at},
    )
