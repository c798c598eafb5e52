"""What is erased when its time is over: which rows are due, and how they forget.

Everything goes in batches of a transaction each. What was erased is not due again, so that it may
be stopped anywhere and begun anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text

Values = Mapping[str, Any]


def _sql(*parts: str) -> TextClause:
    """A statement of parts that all stand in this file."""
    return text(" ".join(parts))


# --- texts ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of `table` that are `due`; `erase` says what becomes of those with the chosen ids."""

    table: str
    key: str
    due: str
    erase: str


KINDS: Mapping[str, Kind] = {
    "comments": Kind("comments", "id", "at < :texts", "DELETE FROM comments"),
    # What is counted has closed answers; any other is in a citizen's own words.
    "answers": Kind(
        "answers",
        "conversation_id",
        "at < :texts AND NOT question = ANY(CAST(:closed AS text[]))",
        "DELETE FROM answers",
    ),
    # What offices write about people. Of a request that an office still speaks of, its note stays.
    "notes": Kind(
        "requests",
        "id",
        "news_at < :texts AND note <> ''",
        "UPDATE requests SET note = ''",
    ),
    "notes of the history": Kind(
        "request_history",
        "id",
        "at < :texts AND note <> ''",
        "UPDATE request_history SET note = ''",
    ),
    # Where it stood, with the answers of then; the network's name of the session leads to a phone.
    "conversations": Kind(
        "conversations",
        "id",
        "turned_at < :messages AND status <> 'open' AND due_at IS NULL AND state <> '{}'",
        "UPDATE conversations SET state = '{}', session = '', path_hash = ''",
    ),
    "texts received": Kind(
        "inbound",
        "id",
        "received_at < :messages AND state NOT IN ('new', 'part') "
        "AND (text <> '' OR body_hash IS NOT NULL)",
        "UPDATE inbound SET text = '', body_hash = NULL",
    ),
    "texts sent": Kind(
        "outbox",
        "number",
        "created_at < :messages AND text <> '' AND state NOT IN ('queued', 'sending', 'unknown')",
        "UPDATE outbox SET text = ''",
    ),
    "receipts": Kind(
        "receipts",
        "id",
        "at < :messages AND phone_hash IS NOT NULL",
        "UPDATE receipts SET phone_hash = NULL",
    ),
}
"""Times are `:texts` and `:messages`; what is younger stays."""


def due(tx: Connection, kind: Kind, values: Values) -> int:
    """How many rows are to be erased."""
    counting = _sql("SELECT count(*) FROM", kind.table, "WHERE", kind.due)
    return int(tx.execute(counting, values).scalar_one())


def erase(kind: Kind, tx: Connection, values: Values, after: int, limit: int) -> tuple[int, int]:
    """Erase those beyond the key `after`; how many, and the last key; 0 where none is left.

    Rows that somebody is working on are left for the next time.
    """
    key = kind.key
    chosen = _sql("SELECT", key, "FROM", kind.table, "WHERE", key, "> :after AND", kind.due)
    chosen = _sql(str(chosen), "ORDER BY", key, "LIMIT :limit FOR UPDATE SKIP LOCKED")
    found = list(tx.scalars(chosen, {**values, "after": after, "limit": limit}))
    if not found:
        return 0, after
    # Looked at once more under the lock.
    erasing = _sql(kind.erase, "WHERE", key, "= ANY(CAST(:ids AS bigint[])) AND", kind.due)
    erased = tx.execute(erasing, {**values, "ids": found})
    return erased.rowcount, int(found[-1])


# --- numbers ----------------------------------------------------------------------------------

# Silent on both sides, owed nothing, and on no list. An erased one has no cipher.
_SILENT = """
    c.phone_cipher <> '' AND c.created_at < :numbers
    AND NOT EXISTS (SELECT FROM staff s WHERE s.contact_id = c.id AND s.removed_at IS NULL)
    AND NOT EXISTS (SELECT FROM conversations v WHERE v.contact_id = c.id
                    AND (v.turned_at >= :numbers OR v.status = 'open' OR v.due_at IS NOT NULL))
    AND NOT EXISTS (SELECT FROM inbound i WHERE i.contact_id = c.id
                    AND (i.received_at >= :numbers OR i.state IN ('new', 'part')))
    AND NOT EXISTS (SELECT FROM outbox o WHERE o.contact_id = c.id
                    AND (o.created_at >= :numbers OR o.state IN ('queued', 'sending', 'unknown')))
    AND NOT EXISTS (SELECT FROM requests r WHERE r.contact_id = c.id
                    AND (r.status_at >= :numbers
                         OR r.status NOT IN ('collected', 'rejected', 'withdrawn')))
    AND NOT EXISTS (SELECT FROM cases k WHERE k.contact_id = c.id AND k.open_until >= :now)
    AND NOT EXISTS (SELECT FROM invitations n WHERE n.contact_id = c.id
                    AND n.due_at IS NOT NULL)
"""
_COUNT = _sql("SELECT count(*) FROM contacts c WHERE", _SILENT)
_CHOOSE = _sql(
    "SELECT c.id FROM contacts c WHERE c.id > :after AND",
    _SILENT,
    "ORDER BY c.id LIMIT :limit FOR UPDATE OF c SKIP LOCKED",
)
# Two random UUIDs are 244 random bits: no number has that hash.
_FORGET = _sql(
    """
    WITH chosen AS (
        SELECT c.id, c.phone_hash, c.stopped_at, c.language FROM contacts c
        WHERE c.id = ANY(CAST(:ids AS bigint[])) AND""",
    _SILENT,
    """
    ), unasked AS (
        UPDATE requests SET contact_id = NULL, texts = false
        FROM chosen WHERE requests.contact_id = chosen.id
    ), forgotten AS (
        UPDATE contacts SET phone_cipher = '', stopped_at = NULL, last_odsc = NULL,
            phone_hash = uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
        FROM chosen WHERE contacts.id = chosen.id RETURNING contacts.id
    )
    SELECT chosen.phone_hash, chosen.stopped_at, chosen.language
    FROM chosen JOIN forgotten USING (id)
    """,
)
_REMEMBER = text(
    "INSERT INTO contacts (phone_hash, phone_cipher, stopped_at, language) "
    "VALUES (:hash, '', :stopped_at, :language) ON CONFLICT (phone_hash) DO NOTHING"
)


def due_numbers(tx: Connection, values: Values) -> int:
    return int(tx.execute(_COUNT, values).scalar_one())


def forget_numbers(tx: Connection, values: Values, after: int, limit: int) -> tuple[int, int]:
    """Make contacts beyond the id `after` nobody's; how many, and the last id; 0: none is left.

    A STOP outlives its number: a contact that holds its keyed hash alone, and no past, remembers
    it, so that whoever wants nothing of us gets nothing even when an office files their number.
    """
    found = list(tx.scalars(_CHOOSE, {**values, "after": after, "limit": limit}))
    if not found:
        return 0, after
    # Looked at once more under the lock: a turn may have been taken in between.
    rows = tx.execute(_FORGET, {**values, "ids": found}).all()
    stopped = [
        {"hash": bytes(row.phone_hash), "stopped_at": row.stopped_at, "language": row.language}
        for row in rows
        if row.stopped_at is not None
    ]
    if stopped:
        tx.execute(_REMEMBER, stopped)
    return len(rows), int(found[-1])


# --- receipts ---------------------------------------------------------------------------------


def record(
    tx: Connection, at: datetime, numbers: date, texts: date, erased: Mapping[str, int]
) -> None:
    """Note what was erased: how much of what, never whose."""
    tx.execute(
        text(
            "INSERT INTO purges (at, numbers_before, texts_before, erased) "
            "VALUES (:at, :numbers, :texts, CAST(:erased AS jsonb))"
        ),
        {"at": at, "numbers": numbers, "texts": texts, "erased": json.dumps(dict(erased))},
    )


def patient(tx: Connection) -> None:
    """Whole tables are looked through, which takes longer than a citizen's query may."""
    tx.execute(text("SET LOCAL statement_timeout = '10min'"))


def ran(tx: Connection, name: str, slots: Sequence[str]) -> frozenset[str]:
    """Those of the slots for which that was done."""
    query = text("SELECT slot FROM runs WHERE name = :name AND slot = ANY(CAST(:slots AS text[]))")
    return frozenset(tx.scalars(query, {"name": name, "slots": list(slots)}))
