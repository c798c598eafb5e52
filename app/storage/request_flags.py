"""Signs of invented requests: found by counting, set once, and counted with what they concern."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

LOOKED, AGAIN = "flags", "flags again"
"""Runs: up to which request was looked, and in which minute once more at the newest."""


# --- which requests are new -------------------------------------------------------------------


def looked_up_to(tx: Connection, before: datetime) -> int:
    """The newest request of which a look told before that moment; 0 for none.

    Requests get their ids before they are committed: what is younger may still have gaps.
    """
    found = tx.execute(
        text("SELECT max(CAST(slot AS bigint)) FROM runs WHERE name = :name AND at < :before"),
        {"name": LOOKED, "before": before},
    ).scalar_one()
    return int(found or 0)


def begin_look(tx: Connection, since: int, now: datetime) -> bool:
    """Whether there is something to look at: anything new, or once a minute what is not settled."""
    newest = tx.execute(text("SELECT coalesce(max(id), 0) FROM requests")).scalar_one()
    if newest <= since:
        return False
    won = _note(tx, LOOKED, str(newest), now) or _note(tx, AGAIN, f"{now:%Y-%m-%d %H:%M}", now)
    if won:
        tx.execute(
            text(
                "DELETE FROM runs WHERE (name = :again AND at < :old) "
                "OR (name = :looked AND CAST(slot AS bigint) < :since)"
            ),
            {
                "again": AGAIN,
                "looked": LOOKED,
                "since": since,
                "old": now - timedelta(hours=1),
            },
        )
    return won


def _note(tx: Connection, name: str, slot: str, now: datetime) -> bool:
    noted = tx.execute(
        text(
            "INSERT INTO runs (name, slot, at) VALUES (:name, :slot, :now) ON CONFLICT DO NOTHING"
        ),
        {"name": name, "slot": slot, "now": now},
    )
    return noted.rowcount == 1


# --- signs ------------------------------------------------------------------------------------

# A request stands in a crowd if so many were filed within a span of time that holds it: `ahead`
# counts from each request on, and the largest count of those shortly before it is its own.
_CROWD = """
    , counted AS (
        SELECT id, whose, odsc, filed_at,
               count(*) OVER (PARTITION BY whose, odsc ORDER BY filed_at
                   RANGE BETWEEN CURRENT ROW AND CAST(:span AS interval) FOLLOWING) AS ahead
        FROM near
    ), crowded AS (
        SELECT id, max(ahead) OVER (PARTITION BY whose, odsc ORDER BY filed_at
                   RANGE BETWEEN CAST(:span AS interval) PRECEDING AND CURRENT ROW) AS most
        FROM counted
    )
    INSERT INTO request_flags (request_id, kind, at)
    SELECT id, :kind, :now FROM crowded WHERE most >= :least ORDER BY id
    ON CONFLICT DO NOTHING RETURNING request_id
"""

_PHONES = """
    WITH fresh AS (
        SELECT DISTINCT contact_id, odsc FROM requests
        WHERE id > :since AND contact_id IS NOT NULL
    ), near AS (
        SELECT r.id, r.contact_id AS whose, r.odsc, r.filed_at
        FROM fresh JOIN requests r USING (contact_id, odsc)
    )
"""

_BURSTS = """
    WITH fresh AS (
        SELECT odsc, min(filed_at) AS first, max(filed_at) AS last FROM requests
        WHERE id > :since AND source IN ('sms', 'api') GROUP BY odsc
    ), near AS (
        SELECT r.id, filed.by AS whose, r.odsc, r.filed_at
        FROM fresh JOIN requests r ON r.odsc = fresh.odsc AND r.filed_at
             BETWEEN fresh.first - CAST(:span AS interval) AND fresh.last + CAST(:span AS interval)
        CROSS JOIN LATERAL (
            SELECT by FROM request_history h WHERE h.request_id = r.id ORDER BY h.id LIMIT 1
        ) AS filed
        WHERE r.source IN ('sms', 'api')
    )
"""


def flag_phones(
    tx: Connection, since: int, least: int, span: timedelta, now: datetime
) -> list[int]:
    """Requests of one phone at one ODSC, so many in that time; those that were not flagged yet."""
    return _flag(tx, _PHONES, "one_phone", since, least, span, now)


def flag_bursts(
    tx: Connection, since: int, least: int, span: timedelta, now: datetime
) -> list[int]:
    """Requests that one clerk or token filed at one ODSC, so many in that time."""
    return _flag(tx, _BURSTS, "burst", since, least, span, now)


def _flag(
    tx: Connection, near: str, kind: str, since: int, least: int, span: timedelta, now: datetime
) -> list[int]:
    given = {"since": since, "least": least, "span": span, "kind": kind, "now": now}
    return list(tx.execute(text(near + _CROWD), given).scalars())


def numbers_since(tx: Connection, since: int) -> Iterator[tuple[int, bytes, bytes]]:
    """The phones of the requests behind that one: contact, keyed hash, ciphertext."""
    found = text(
        "SELECT id, phone_hash, phone_cipher FROM contacts WHERE id IN "
        "(SELECT contact_id FROM requests WHERE id > :since)"
    )
    # The connection itself must not stream: it also writes.
    rows = tx.execute(found.execution_options(yield_per=1000), {"since": since})
    return ((row.id, bytes(row.phone_hash), bytes(row.phone_cipher)) for row in rows)


def flag_numbers(tx: Connection, contacts: Collection[int], now: datetime) -> list[int]:
    """Every request of phones whose numbers look invented."""
    flagged = tx.execute(
        text(
            "INSERT INTO request_flags (request_id, kind, at) SELECT id, 'number', :now "
            "FROM requests WHERE contact_id = ANY(CAST(:contacts AS bigint[])) ORDER BY id "
            "ON CONFLICT DO NOTHING RETURNING request_id"
        ),
        {"contacts": list(contacts), "now": now},
    )
    return list(flagged.scalars())


def flag_answers(
    tx: Connection, contact_id: int, least: int, since: datetime, now: datetime
) -> list[int]:
    """Requests for which one phone has answered since then, where they are so many."""
    flagged = tx.execute(
        text(
            "WITH answered AS (SELECT request_id FROM invitations "
            "WHERE contact_id = :contact AND answered_at > :since) "
            "INSERT INTO request_flags (request_id, kind, at) "
            "SELECT request_id, 'one_handset', :now FROM answered "
            "WHERE (SELECT count(*) FROM answered) >= :least ORDER BY request_id "
            "ON CONFLICT DO NOTHING RETURNING request_id"
        ),
        {"contact": contact_id, "since": since, "least": least, "now": now},
    )
    return list(flagged.scalars())


def count_anew(tx: Connection, request_ids: Collection[int], now: datetime) -> None:
    """Make the conversations about these requests due: their responses now count apart."""
    if request_ids:
        tx.execute(
            text(
                "UPDATE conversations SET due_at = :now FROM invitations i "
                "WHERE i.request_id = ANY(CAST(:ids AS bigint[])) "
                "AND conversations.id = i.conversation_id"
            ),
            {"ids": list(request_ids), "now": now},
        )
