"""What goes out: written in the transaction that decided it, claimed, sent, accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from app.text.encoding import encoding_of, segment_count
from app.words import Purpose

# How long a claim may last; after that the claimer is gone and the message's fate unknown.
LEASE = timedelta(minutes=2)

Wanted = tuple[Purpose, str]
"""A purpose on a channel."""


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
    expires_at: datetime,
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
            "expires": expires_at,
        },
    ).scalar()
    return None if found is None else str(found)


_ADD = text(
    "INSERT INTO outbox (contact_id, channel, purpose, text, encoding, segments, state, once_key, "
    "created_at, next_at, expires_at) VALUES (:contact, :channel, :purpose, :text, :encoding, "
    ":segments, 'queued', :once_key, :now, :now, :expires) "
    "ON CONFLICT (once_key) DO NOTHING RETURNING id"
)

# One look into the index for each purpose and channel, in the order in which they were given:
# what cannot be sent now is never read.
_CLAIM = text(
    """
    WITH chosen AS (
        SELECT due.id
        FROM unnest(CAST(:purposes AS text[]), CAST(:channels AS text[]))
             WITH ORDINALITY AS wanted (purpose, channel, turn),
        LATERAL (
            SELECT id FROM outbox
            WHERE state = 'queued' AND channel = wanted.channel AND purpose = wanted.purpose
              AND next_at <= :now AND expires_at > :now
            ORDER BY next_at, number LIMIT 1 FOR UPDATE SKIP LOCKED) AS due
        LIMIT 1)
    UPDATE outbox o SET state = CASE WHEN c.stopped_at IS NOT NULL AND o.purpose <> 'consent'
                                     THEN 'suppressed' ELSE 'sending' END,
           reason = CASE WHEN c.stopped_at IS NOT NULL AND o.purpose <> 'consent'
                         THEN 'the phone has stopped messages' ELSE '' END,
           attempts = o.attempts + 1, next_at = :lease, tried_at = :now
    FROM contacts c, chosen WHERE o.id = chosen.id AND c.id = o.contact_id
    RETURNING o.id, o.contact_id, o.channel, o.purpose, o.attempts, o.segments, o.text,
              c.phone_hash, c.phone_cipher, o.state
    """
)


def claim(
    tx: Connection, now: datetime, wanted: Sequence[Wanted], lease: timedelta = LEASE
) -> Claimed | None:
    """Take the first due message of what is `wanted`, in that order; None when nothing is due.

    Commit before calling out. Messages to phones that have stopped are suppressed on the way.
    """
    values = _columns(wanted) | {"now": now, "lease": now + lease}
    while True:
        row = tx.execute(_CLAIM, values).first()
        if row is None:
            return None
        if row.state == "sending":
            return Claimed(str(row.id), *row[1:9])


def due(tx: Connection, now: datetime, wanted: Sequence[Wanted]) -> bool:
    """Whether anything of what is wanted is due."""
    found = tx.execute(
        text(
            "SELECT EXISTS (SELECT 1 FROM "
            "unnest(CAST(:purposes AS text[]), CAST(:channels AS text[])) AS wanted (p, c) "
            "JOIN outbox ON channel = wanted.c AND purpose = wanted.p "
            "WHERE state = 'queued' AND next_at <= :now AND expires_at > :now)"
        ),
        _columns(wanted) | {"now": now},
    )
    return bool(found.scalar_one())


def _columns(wanted: Sequence[Wanted]) -> dict[str, object]:
    return {
        "purposes": [purpose for purpose, _ in wanted],
        "channels": [channel for _, channel in wanted],
    }


def begun(tx: Connection, message_id: str, parts: int, now: datetime) -> None:
    """The first of several parts is out: whatever comes, the message is not begun again."""
    tx.execute(
        text(
            "UPDATE outbox SET segments = :parts, sent_at = coalesce(sent_at, :now) WHERE id = :id"
        ),
        {"id": message_id, "parts": parts, "now": now},
    )


def sent(
    tx: Connection,
    claimed: Claimed,
    *,
    state: str,
    cost_kip: int,
    now: datetime,
    ask_at: datetime | None,
) -> None:
    """The provider took it. A receipt that came before this answer is not undone."""
    tx.execute(
        text(
            "UPDATE outbox SET state = CASE WHEN state IN ('sending', 'unknown') THEN :state "
            "ELSE state END, reason = CASE WHEN state IN ('sending', 'unknown') THEN '' "
            "ELSE reason END, cost_kip = :cost, sent_at = coalesce(sent_at, :now), "
            "ask_at = CASE WHEN state IN ('sending', 'unknown') AND :state = 'sent' "
            "THEN CAST(:ask_at AS timestamptz) END, asked = 0 WHERE id = :id"
        ),
        {"id": claimed.id, "state": state, "cost": cost_kip, "now": now, "ask_at": ask_at},
    )


def name(tx: Connection, channel: str, ref: str, message_id: str) -> None:
    """Remember the provider's id of a message, or of a part of it."""
    tx.execute(
        text(
            "INSERT INTO provider_refs (channel, ref, message_id) VALUES (:channel, :ref, :id) "
            "ON CONFLICT DO NOTHING"
        ),
        {"channel": channel, "ref": ref, "id": message_id},
    )
    tx.execute(
        text("UPDATE outbox SET provider_ref = :ref WHERE id = :id AND provider_ref = ''"),
        {"ref": ref, "id": message_id},
    )


def settle(tx: Connection, message_id: str, state: str, reason: str, now: datetime) -> None:
    """The end of a message that was not sent: `failed` or `dead`."""
    tx.execute(
        text(
            "UPDATE outbox SET state = :state, reason = :reason, settled_at = :now, "
            "next_at = :now, ask_at = NULL WHERE id = :id AND state IN ('sending', 'unknown')"
        ),
        {"id": message_id, "state": state, "reason": reason, "now": now},
    )


def doubt(
    tx: Connection,
    message_id: str,
    reason: str,
    *,
    cost_kip: int,
    now: datetime,
    ask_at: datetime | None,
) -> None:
    """The request left and no answer came. It may have cost what it costs."""
    tx.execute(
        text(
            "UPDATE outbox SET state = 'unknown', reason = :reason, cost_kip = :cost, "
            "settled_at = :now, next_at = :now, ask_at = :ask_at, asked = 0 "
            "WHERE id = :id AND state = 'sending'"
        ),
        {"id": message_id, "reason": reason, "cost": cost_kip, "now": now, "ask_at": ask_at},
    )


def again(
    tx: Connection, message_id: str, reason: str, next_at: datetime, *, counts: bool = True
) -> None:
    """Certainly not sent: try again at `next_at`, as one attempt more unless it does not count."""
    tx.execute(
        text(
            "UPDATE outbox SET state = 'queued', reason = :reason, next_at = :next_at, "
            "attempts = attempts - :refund, cost_kip = 0, ask_at = NULL "
            "WHERE id = :id AND state IN ('sending', 'unknown')"
        ),
        {"id": message_id, "reason": reason, "next_at": next_at, "refund": 0 if counts else 1},
    )


def on_channel(
    tx: Connection, channel: str, now: datetime, limit: int
) -> list[tuple[str, bytes, bytes]]:
    """Due messages that wait for a channel, locked: id, phone's hash and cipher."""
    rows = tx.execute(
        text(
            "SELECT o.id, c.phone_hash, c.phone_cipher FROM outbox o "
            "JOIN contacts c ON c.id = o.contact_id "
            "WHERE o.state = 'queued' AND o.channel = :channel AND o.next_at <= :now "
            "AND o.purpose <> 'canary' "
            "ORDER BY o.next_at, o.number LIMIT :limit FOR UPDATE OF o SKIP LOCKED"
        ),
        {"channel": channel, "now": now, "limit": limit},
    )
    return [(str(row.id), bytes(row.phone_hash), bytes(row.phone_cipher)) for row in rows]


def channels_waited_for(tx: Connection) -> set[str]:
    """The channels for which anything is queued."""
    return set(
        tx.execute(text("SELECT DISTINCT channel FROM outbox WHERE state = 'queued'")).scalars()
    )


def move(tx: Connection, message_id: str, channel: str, reason: str) -> None:
    """Another channel is to carry a queued message."""
    tx.execute(
        text(
            "UPDATE outbox SET channel = :channel, reason = :reason "
            "WHERE id = :id AND state = 'queued'"
        ),
        {"id": message_id, "channel": channel, "reason": reason},
    )


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
