"""What the rows of an office's file change, once nothing speaks against it.

Works on `effects`, which `request_staging.compare` made in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, column, or_, select, table, text

from app.storage.requests import Request
from app.storage.schema import contacts, requests

Reckoned = tuple[str, int, date]
"""An ODSC, the working days that a service takes, the day of filing."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by what they do: file, change, only repeat; `outdated` ones are among the last."""

    rows: int
    new: int
    changed: int
    outdated: int


def counts(tx: Connection) -> Counts:
    row = tx.execute(
        text(
            "SELECT count(*), count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE differs), "
            "count(*) FILTER (WHERE outdated) FROM effects"
        )
    ).one()
    return Counts(*row)


# --- numbers ----------------------------------------------------------------------------------


def unnumbered(tx: Connection, limit: int) -> list[tuple[int, str]]:
    """Some of the new rows that still need a number: row and ODSC."""
    rows = tx.execute(
        text("SELECT row, odsc FROM effects WHERE is_new AND number = '' LIMIT :limit"),
        {"limit": limit},
    )
    return [(row, odsc) for row, odsc in rows]


def give_numbers(tx: Connection, drawn: Mapping[str, int]) -> None:
    """Give these numbers to these rows, except those that are taken."""
    tx.execute(
        text(
            "UPDATE effects e SET number = drawn.number "
            "FROM unnest(CAST(:numbers AS text[]), CAST(:rows AS integer[])) AS drawn (number, row)"
            " WHERE e.row = drawn.row "
            "AND NOT EXISTS (SELECT FROM requests r WHERE r.number = drawn.number) "
            "AND NOT EXISTS (SELECT FROM effects o WHERE o.number = drawn.number)"
        ),
        {"numbers": list(drawn), "rows": list(drawn.values())},
    )


# --- due dates and fees -----------------------------------------------------------------------

# As registry.fee_in_force: the ODSC's own before the national one.
_TERMS = text(
    """
    CREATE TEMPORARY TABLE terms ON COMMIT DROP AS
    SELECT wanted.*, s.days, CAST(NULL AS date) AS due_on, fee.fee_kip, fee.charge_kip
    FROM (SELECT DISTINCT odsc, service, filed_day FROM effects WHERE is_new) AS wanted
    JOIN services s ON s.key = wanted.service
    LEFT JOIN LATERAL (
        SELECT fee_kip, charge_kip FROM fees f
        WHERE f.service = wanted.service AND (f.odsc IS NULL OR f.odsc = wanted.odsc)
          AND f.valid_from <= wanted.filed_day
          AND (f.valid_to IS NULL OR f.valid_to >= wanted.filed_day)
        ORDER BY f.odsc IS NULL, f.valid_from DESC LIMIT 1) AS fee ON true
    """
)


def terms(tx: Connection) -> list[Reckoned]:
    """Look up the fees of what is filed, and tell of which days a due date is wanted."""
    tx.execute(_TERMS)
    rows = tx.execute(
        text("SELECT DISTINCT odsc, days, filed_day FROM terms WHERE days IS NOT NULL")
    )
    return [(odsc, days, filed) for odsc, days, filed in rows]


def set_due(tx: Connection, due: Mapping[Reckoned, date | None]) -> None:
    tx.execute(
        text(
            "UPDATE terms t SET due_on = reckoned.due_on "
            "FROM unnest(CAST(:odscs AS text[]), CAST(:days AS integer[]), CAST(:filed AS date[]), "
            "CAST(:due AS date[])) AS reckoned (odsc, days, filed, due_on) "
            "WHERE t.odsc = reckoned.odsc AND t.days = reckoned.days "
            "AND t.filed_day = reckoned.filed"
        ),
        {
            "odscs": [odsc for odsc, _, _ in due],
            "days": [days for _, days, _ in due],
            "filed": [filed for _, _, filed in due],
            "due": list(due.values()),
        },
    )


# --- writing ----------------------------------------------------------------------------------

_WRITE: Final = tuple(
    map(
        text,
        (
            "ANALYZE terms",
            """
            INSERT INTO requests (number, alias, odsc, service, contact_id, status, note, due_on,
                fee_kip, charge_kip, texts, sensitive, source, filed_at, status_at, news_at)
            SELECT e.number, e.alias, e.odsc, e.service, e.contact_id, e.status, e.note, t.due_on,
                t.fee_kip, t.charge_kip, e.texts, e.sensitive, :source, e.filed_at, e.status_at,
                CAST(:now AS timestamptz)
            FROM effects e JOIN terms t USING (odsc, service, filed_day)
            WHERE e.is_new ORDER BY e.row
            """,
            "UPDATE effects e SET request_id = r.id FROM requests r "
            "WHERE e.is_new AND r.number = e.number",
            """
            UPDATE requests r SET alias = e.alias, contact_id = e.contact_id, status = e.status,
                note = e.note, texts = e.texts, sensitive = e.sensitive, status_at = e.status_at,
                news_at = greatest(r.news_at, :now)
            FROM effects e
            WHERE r.id = e.request_id AND NOT e.is_new AND (e.differs OR e.confirms)
            """,
            "INSERT INTO request_history (request_id, status, note, by, source, at) "
            "SELECT request_id, status, note, :by, :source, "
            "CASE WHEN is_new OR moved THEN status_at ELSE :now END "
            "FROM effects WHERE is_new OR noted ORDER BY row",
        ),
    )
)


def write(tx: Connection, *, by: str, source: str, now: datetime) -> None:
    """File, change and remember."""
    for statement in _WRITE:
        tx.execute(statement, {"by": by, "source": source, "now": now})


def invite(tx: Connection, since: date, now: datetime, after: timedelta) -> None:
    """Whoever collected something since that day is to be asked how it was."""
    tx.execute(
        text(
            "INSERT INTO invitations (request_id, contact_id, state, due_at) "
            "SELECT request_id, contact_id, 'waiting', :due FROM effects "
            "WHERE (is_new OR moved) AND status = 'collected' AND contact_id IS NOT NULL "
            "AND news_day >= :since ON CONFLICT DO NOTHING"
        ),
        {"due": now + after, "since": since},
    )


_EFFECTS: Final = table(
    "effects", column("request_id"), column("is_new"), column("noted"), column("news_day")
)


def news(
    tx: Connection, statuses: Collection[str], since: date, after: int, limit: int
) -> Sequence[tuple[Request, str | None]]:
    """Requests that moved since that day to one of these statuses, whose applicants want texts.

    With the phone's language; in the order of their ids, those behind `after`.
    """
    columns = [requests.c[one.name] for one in fields(Request)]
    told = select(*columns, contacts.c.language).where(
        requests.c.id == _EFFECTS.c.request_id,
        contacts.c.id == requests.c.contact_id,
        or_(_EFFECTS.c.is_new, _EFFECTS.c.noted),
        _EFFECTS.c.news_day >= since,
        requests.c.texts,
        requests.c.status.in_(statuses),
        contacts.c.stopped_at.is_(None),
        requests.c.id > after,
    )
    rows = tx.execute(told.order_by(requests.c.id).limit(limit))
    return [(Request(*values), language) for *values, language in rows]
