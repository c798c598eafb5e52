"""What goes out: written in the transaction that decided it, claimed, sent, accounted for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from app.text.encoding import encoding_of, segment_count
from app.words import Purpose, ReceiptState

# How long a claim may last; after that the claimer is gone and the message's fate unknown.
LEASE = timedelta(minutes=2)
# An answer whose fate stayed unknown this long is sent once more.
DOUBT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this process, and no other, may send now."""

    id: str
    contact_id: int
    channel: str
    purpose: Purpose
    attempts: int
    segments: int
    text: str = field(repr=False)
    phone_hash: bytes = field(repr=False)
    phone_cipher: bytes = field(repr=False)


def add(
    tx: Connection,
    *,
    contact_id: int,
    channel: str,
    purpose: Purpose,
    text: str,
    now: datetime,
    once_key: str | None = None,
) -> str | None:
    """Queue a message; its id, or None where one with this `once_key` exists already."""
    found = tx.execute(
        _ADD,
        {
            "contact": contact_id,
            "channel": channel,
            "purpose": purpose,
            "text": text,
            "encoding": encoding_of(text),
            "segments": segment_count(text),
            "once_key": once_key,
            "now": now,
        },
    ).scalar()
    return None if found is None else str(found)


_ADD = text(
    "INSERT INTO outbox (contact_id, channel, purpose, text, encoding, segments, state, once_key, "
    "created_at, next_at) VALUES (:contact, :channel, :purpose, :text, :encoding, :segments, "
    "'queued', :once_key, :now, :now) ON CONFLICT (once_key) DO NOTHING RETURNING id"
)

_CLAIM = text(
    """
    WITH chosen AS (
        SELECT id FROM outbox WHERE state = 'queued' AND next_at <= :now
        ORDER BY CASE purpose WHEN 'consent' THEN 0 WHEN 'reply' THEN 1 ELSE 2 END, number
        LIMIT 1 FOR UPDATE SKIP LOCKED)
    UPDATE outbox o SET state = CASE WHEN c.stopped_at IS NOT NULL AND o.purpose <> 'consent'
                                     THEN 'suppressed' ELSE 'sending' END,
           reason = CASE WHEN c.stopped_at IS NOT NULL AND o.purpose <> 'consent'
                         THEN 'the phone has stopped messages' ELSE '' END,
           attempts = o.attempts + 1, next_at = :lease
    FROM contacts c, chosen WHERE o.id = chosen.id AND c.id = o.contact_id
    RETURNING o.id, o.contact_id, o.channel, o.purpose, o.attempts, o.segments, o.text,
              c.phone_hash, c.phone_cipher, o.state
    """
)


def claim(tx: Connection, now: datetime) -> Claimed | None:
    """Take the most urgent due message; None when nothing is due. Commit before calling out.

    Messages to phones that have stopped are suppressed on the way.
    """
    while True:
        row = tx.execute(_CLAIM, {"now": now, "lease": now + LEASE}).first()
        if row is None:
            return None
        if row.state == "sending":
            return Claimed(str(row.id), *row[1:9])


def begun(tx: Connection, message_id: str, parts: int, now: datetime) -> None:
    """The first of several parts is out: whatever comes, the message is not begun again."""
    tx.execute(
        text(
            "UPDATE outbox SET segments = :parts, sent_at = coalesce(sent_at, :now) WHERE id = :id"
        ),
        {"id": message_id, "parts": parts, "now": now},
    )


def sent(tx: Connection, message_id: str, state: str, provider_ref: str, now: datetime) -> None:
    """The provider took it. A receipt that came before this answer is not undone."""
    tx.execute(
        text(
            "UPDATE outbox SET state = CASE WHEN state IN ('sending', 'unknown') THEN :state "
            "ELSE state END, provider_ref = :ref, sent_at = coalesce(sent_at, :now) WHERE id = :id"
        ),
        {"id": message_id, "state": state, "ref": provider_ref, "now": now},
    )


def settle(tx: Connection, message_id: str, state: str, reason: str, now: datetime) -> None:
    """The end of a message that was not sent (`failed`, `dead`) or perhaps was (`unknown`)."""
    tx.execute(
        text(
            "UPDATE outbox SET state = :state, reason = :reason, settled_at = :now, "
            "next_at = :now WHERE id = :id AND state = 'sending'"
        ),
        {"id": message_id, "state": state, "reason": reason, "now": now},
    )


def again(tx: Connection, message_id: str, reason: str, next_at: datetime) -> None:
    """Certainly not sent: try again at `next_at`."""
    tx.execute(
        text(
            "UPDATE outbox SET state = 'queued', reason = :reason, next_at = :next_at "
            "WHERE id = :id AND state = 'sending'"
        ),
        {"id": message_id, "reason": reason, "next_at": next_at},
    )


def resolve_lost(tx: Connection, now: datetime) -> int:
    """Claims whose claimer died become `unknown`; answers in doubt for long are sent once more.

    Not those of which a part is out.
    """
    lost = tx.execute(
        text(
            "UPDATE outbox SET state = 'unknown', settled_at = :now, next_at = :now, "
            "reason = 'the sender stopped before the provider answered' "
            "WHERE state = 'sending' AND next_at < :now"
        ),
        {"now": now},
    )
    tx.execute(
        text(
            "UPDATE outbox SET state = 'queued', next_at = :now WHERE state = 'unknown' "
            "AND purpose IN ('reply', 'consent') AND attempts = 1 AND next_at < :doubt "
            "AND next_at > :old AND sent_at IS NULL"
        ),
        {"now": now, "doubt": now - DOUBT, "old": now - timedelta(hours=1)},
    )
    return lost.rowcount


# Receipts come in any order: a message's state only moves up this ladder.
RANK = {"queued": 0, "sending": 1, "unknown": 2, "sent": 3, "buffered": 3}
FINAL = 9


def receive(
    tx: Connection, message_id: str, state: ReceiptState, detail: str, at: datetime
) -> bool:
    """Note a delivery receipt; False if we sent no such message."""
    known = tx.execute(
        text("SELECT state FROM outbox WHERE id = CAST(:id AS uuid) FOR UPDATE"), {"id": message_id}
    ).scalar()
    if known is None:
        return False
    tx.execute(
        text(
            "INSERT INTO receipts (message_id, state, detail, at) "
            "VALUES (:id, :state, :detail, :at)"
        ),
        {"id": message_id, "state": state, "detail": detail[:200], "at": at},
    )
    if RANK.get(state, FINAL) > RANK.get(known, FINAL):
        moved = "sent" if state == "buffered" else state
        tx.execute(
            text(
                "UPDATE outbox SET state = :state, sent_at = coalesce(sent_at, :at), "
                "settled_at = :at WHERE id = :id"
            ),
            {"id": message_id, "state": moved, "at": at},
        )
    return True


def answers_since(tx: Connection, contact_id: int, since: datetime) -> int:
    """How many answers a phone was sent since then."""
    return int(
        tx.execute(
            text(
                "SELECT count(*) FROM outbox WHERE contact_id = :contact AND purpose = 'reply' "
                "AND created_at > :since"
            ),
            {"contact": contact_id, "since": since},
        ).scalar_one()
    )


def inbox(tx: Connection, contact_id: int, channel: str) -> list[tuple[int, str, datetime]]:
    """What a phone on this channel was sent, oldest first: number, text, time."""
    rows = tx.execute(
        text(
            "SELECT number, text, sent_at FROM outbox WHERE contact_id = :contact "
            "AND channel = :channel AND sent_at IS NOT NULL ORDER BY number DESC LIMIT 50"
        ),
        {"contact": contact_id, "channel": channel},
    )
    return [(row.number, row.text, row.sent_at) for row in rows][::-1]
