"""SMS that came in: stored once, worked in the order received, put aside when they cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message whose turn it is; its contact is locked by the transaction that fetched it."""

    id: int
    channel: str
    contact_id: int
    attempts: int
    received_at: datetime
    text: str = field(repr=False)


def accept(
    tx: Connection,
    *,
    channel: str,
    provider_id: str,
    contact_id: int | None,
    content: str,
    received_at: datetime,
    now: datetime,
) -> bool:
    """Store a message; False if it was known. Without a contact nobody is ever answered."""
    stored = tx.execute(
        text(
            "INSERT INTO inbound (channel, provider_id, contact_id, text, state, reason, "
            "received_at, next_at) VALUES (:channel, :provider_id, :contact, :content, "
            "CASE WHEN CAST(:contact AS bigint) IS NULL THEN 'ignored' ELSE 'new' END, "
            "CASE WHEN CAST(:contact AS bigint) IS NULL THEN 'the sender is no phone' ELSE '' END, "
            ":received_at, :now) ON CONFLICT (channel, provider_id) DO NOTHING"
        ),
        {
            "channel": channel,
            "provider_id": provider_id,
            "contact": contact_id,
            "content": content,
            "received_at": received_at,
            "now": now,
        },
    )
    return stored.rowcount == 1


_NEXT = text(
    """
    SELECT i.id, i.channel, i.contact_id, i.attempts, i.received_at, i.text
    FROM inbound i JOIN contacts c ON c.id = i.contact_id
    WHERE i.state = 'new' AND i.next_at <= :now AND NOT EXISTS (
        SELECT 1 FROM inbound earlier
        WHERE earlier.contact_id = i.contact_id AND earlier.state = 'new' AND earlier.id < i.id)
    ORDER BY i.next_at, i.id LIMIT 1
    FOR NO KEY UPDATE OF i, c SKIP LOCKED
    """
)


def next_due(tx: Connection, now: datetime) -> Waiting | None:
    """The oldest due message that is its contact's first, with both rows locked."""
    row = tx.execute(_NEXT, {"now": now}).first()
    return None if row is None else Waiting(*row)


def done(tx: Connection, inbound_id: int) -> None:
    tx.execute(text("UPDATE inbound SET state = 'done' WHERE id = :id"), {"id": inbound_id})


def failed(tx: Connection, inbound_id: int, reason: str, next_at: datetime | None) -> None:
    """Try again at `next_at`; None puts the message aside, so that the next one is not kept."""
    tx.execute(
        text(
            "UPDATE inbound SET attempts = attempts + 1, reason = :reason, "
            "state = CASE WHEN CAST(:next_at AS timestamptz) IS NULL THEN 'aside' ELSE state END, "
            "next_at = coalesce(:next_at, next_at) WHERE id = :id"
        ),
        {"id": inbound_id, "reason": reason, "next_at": next_at},
    )
