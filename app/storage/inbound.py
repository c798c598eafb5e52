"""SMS that came in: stored once, worked in the order received, put aside when they cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from app.words import Part


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message whose turn it is; its contact is locked by the transaction that fetched it."""

    id: int
    channel: str
    contact_id: int
    attempts: int
    received_at: datetime
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to be stored. `body` is the keyed hash of what it says and who says it.

    Without a contact nobody is ever answered. `next_at` is when a worker may take it, and for a
    part when the others are no longer waited for.
    """

    channel: str
    provider_id: str
    contact_id: int | None
    body: bytes
    state: str
    received_at: datetime
    next_at: datetime
    text: str = field(repr=False)
    reason: str = ""
    part: Part | None = None


_STORE = text(
    "INSERT INTO inbound (channel, provider_id, contact_id, text, body_hash, state, reason, "
    "part_ref, part_number, part_total, received_at, next_at) VALUES (:channel, :provider_id, "
    ":contact, :text, :body, :state, :reason, :ref, :number, :total, :received_at, :next_at) "
    "ON CONFLICT (channel, provider_id) DO NOTHING RETURNING id"
)


def store(tx: Connection, letter: Letter) -> int | None:
    """Store a message; its id, or None if the provider's id was known already."""
    part = letter.part
    found = tx.execute(
        _STORE,
        {
            "channel": letter.channel,
            "provider_id": letter.provider_id,
            "contact": letter.contact_id,
            "text": letter.text,
            "body": letter.body,
            "state": letter.state,
            "reason": letter.reason,
            "ref": part and part.reference,
            "number": part and part.number,
            "total": part and part.total,
            "received_at": letter.received_at,
            "next_at": letter.next_at,
        },
    ).scalar()
    return None if found is None else int(found)


def body_of(tx: Connection, channel: str, provider_id: str) -> bytes | None:
    """The hash of what a provider's id brought; None where none was kept."""
    found = tx.execute(
        text(
            "SELECT body_hash FROM inbound WHERE channel = :channel AND provider_id = :provider_id"
        ),
        {"channel": channel, "provider_id": provider_id},
    ).scalar()
    return None if found is None else bytes(found)


def heard(
    tx: Connection, contact_id: int, channel: str, body: bytes, at: datetime, within: timedelta
) -> bool:
    """Whether the same came from this phone on this channel at about that time."""
    found = tx.execute(
        text(
            "SELECT EXISTS (SELECT 1 FROM inbound WHERE contact_id = :contact "
            "AND received_at BETWEEN :at - :within AND :at + :within "
            "AND channel = :channel AND body_hash = :body)"
        ),
        {"contact": contact_id, "channel": channel, "body": body, "at": at, "within": within},
    )
    return bool(found.scalar_one())


def times_said(
    tx: Connection, contact_id: int, written: str, until: datetime, within: timedelta
) -> int:
    """How often this phone sent this text in the time before."""
    found = tx.execute(
        text(
            "SELECT count(*) FROM inbound WHERE contact_id = :contact AND text = :written "
            "AND received_at BETWEEN :until - :within AND :until AND state <> 'part'"
        ),
        {"contact": contact_id, "written": written, "until": until, "within": within},
    )
    return int(found.scalar_one())


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
