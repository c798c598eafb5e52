"""Citizens' requests: looked up by their number, filed and moved on by the office."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Request:
    """A request as its applicant may see it by number alone: no name, no phone."""

    number: str
    odsc: str
    service: str
    status: str
    status_at: datetime


def by_number(tx: Connection, number: str) -> Request | None:
    row = tx.execute(
        text(
            "SELECT number, odsc, service, status, status_at FROM requests WHERE number = :number"
        ),
        {"number": number.upper()},
    ).first()
    return None if row is None else Request(*row)


def put(
    tx: Connection, *, number: str, odsc: str, service: str, status: str, now: datetime
) -> None:
    """File a request, or move a filed one to another status; the same status keeps its date."""
    tx.execute(
        text(
            "INSERT INTO requests (number, odsc, service, status, filed_at, status_at) "
            "VALUES (:number, :odsc, :service, :status, :now, :now) "
            "ON CONFLICT (number) DO UPDATE SET odsc = excluded.odsc, service = excluded.service, "
            "status_at = CASE WHEN requests.status = excluded.status THEN requests.status_at "
            "ELSE excluded.status_at END, status = excluded.status"
        ),
        {"number": number.upper(), "odsc": odsc, "service": service, "status": status, "now": now},
    )
