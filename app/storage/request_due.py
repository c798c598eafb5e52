"""What due dates are reckoned from: closed days, and the requests whose time runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, text

ZONE: Final = "Asia/Vientiane"
"""Whose days count."""


@dataclass(frozen=True, slots=True)
class Term:
    """Requests of one service, filed at one ODSC on one day; `days` is what the service takes."""

    odsc: str
    service: str
    days: int | None
    filed: date
    due_on: date | None


def closed_days(tx: Connection) -> Mapping[str | None, frozenset[date]]:
    """Days when an office, or under None every office, is closed besides the usual ones."""
    rows = tx.execute(text("SELECT odsc, array_agg(day) FROM closed_days GROUP BY odsc"))
    return {odsc: frozenset(days) for odsc, days in rows}


def terms(tx: Connection, statuses: Collection[str]) -> list[Term]:
    """Every different term of the requests in these statuses; of millions it takes seconds."""
    tx.execute(text("SET LOCAL statement_timeout = 0"))
    rows = tx.execute(
        text(
            "SELECT r.odsc, r.service, s.days, "
            "CAST(r.filed_at AT TIME ZONE :zone AS date) AS filed, r.due_on "
            "FROM requests r JOIN services s ON s.key = r.service "
            "WHERE r.status = ANY(:statuses) GROUP BY 1, 2, 3, 4, 5"
        ),
        {"statuses": list(statuses), "zone": ZONE},
    )
    return [Term(*row) for row in rows]


_RENEW = text(
    """
    WITH found AS (
        SELECT r.id, new.due_on
        FROM unnest(CAST(:odscs AS text[]), CAST(:services AS text[]), CAST(:filed AS date[]),
                    CAST(:due AS date[])) AS new (odsc, service, filed, due_on)
        JOIN requests r ON r.odsc = new.odsc AND r.service = new.service
             AND r.status = ANY(:statuses)
             AND CAST(r.filed_at AT TIME ZONE :zone AS date) = new.filed
        WHERE r.due_on IS DISTINCT FROM new.due_on
        ORDER BY r.id FOR NO KEY UPDATE OF r)
    UPDATE requests r SET due_on = found.due_on FROM found WHERE r.id = found.id
    """
)


def renew(tx: Connection, changed: Sequence[Term], statuses: Collection[str]) -> int:
    """Give the requests of these terms their new due date; how many had another."""
    done = tx.execute(
        _RENEW,
        {
            "odscs": [one.odsc for one in changed],
            "services": [one.service for one in changed],
            "filed": [one.filed for one in changed],
            "due": [one.due_on for one in changed],
            "statuses": list(statuses),
            "zone": ZONE,
        },
    )
    return int(done.rowcount)
