"""Lists of requests for the operator: what is overdue, who answers, what looks invented."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from app.storage.request_due import ZONE


@dataclass(frozen=True, slots=True)
class Overdue:
    """A request whose office is late."""

    number: str
    alias: str
    odsc: str
    service: str
    status: str
    filed_on: date
    due_on: date


def overdue(
    tx: Connection, today: date, statuses: Collection[str], odsc: str | None
) -> Iterator[Overdue]:
    """Requests in these statuses that were due before today, the latest first; one by one."""
    rows = tx.execution_options(stream_results=True, yield_per=1000).execute(
        text(
            "SELECT number, alias, odsc, service, status, "
            "CAST(filed_at AT TIME ZONE :zone AS date), due_on FROM requests "
            "WHERE due_on < :today AND status = ANY(:statuses) "
            "AND odsc = coalesce(CAST(:odsc AS text), odsc) ORDER BY due_on, odsc, number"
        ),
        {"today": today, "statuses": list(statuses), "odsc": odsc, "zone": ZONE},
    )
    return (Overdue(*row) for row in rows)


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of an ODSC's applicants were asked how it was, and how many answered.

    `flagged` of the answered have a sign of being invented.
    """

    odsc: str
    sent: int
    answered: int
    flagged: int

    @property
    def percent(self) -> float | None:
        return round(100 * self.answered / self.sent, 1) if self.sent else None


def rates(tx: Connection) -> list[Rate]:
    """Every ODSC that asked, by code."""
    rows = tx.execute(
        text(
            "SELECT r.odsc, count(*) FILTER (WHERE i.sent_at IS NOT NULL), "
            "count(*) FILTER (WHERE i.answered_at IS NOT NULL), "
            "count(*) FILTER (WHERE i.answered_at IS NOT NULL "
            "AND EXISTS (SELECT FROM request_flags f WHERE f.request_id = r.id)) "
            "FROM invitations i JOIN requests r ON r.id = i.request_id "
            "GROUP BY r.odsc ORDER BY r.odsc"
        )
    )
    return [Rate(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Flagged:
    """How many requests of an ODSC show one kind of sign of being invented."""

    odsc: str
    kind: str
    requests: int
    latest: date


def flagged(tx: Connection) -> list[Flagged]:
    """Every kind at every ODSC, the commonest first."""
    rows = tx.execute(
        text(
            "SELECT r.odsc, f.kind, count(*), CAST(max(f.at) AT TIME ZONE :zone AS date) "
            "FROM request_flags f JOIN requests r ON r.id = f.request_id "
            "GROUP BY r.odsc, f.kind ORDER BY count(*) DESC, r.odsc, f.kind"
        ),
        {"zone": ZONE},
    )
    return [Flagged(*row) for row in rows]
