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
    """A message that this process, and no other, may send now.

    `tried_at` is the claim's own: who holds an older one may settle the message no more.
    """

    id: str
    contact_id: int
    channel: str
    purpose: Purpose
    attempts: int
    segments: int
    tried_at: datetime
    text: str = field(repr=False)
    phone_hash: bytes = field(repr=False)
    phone_cipher: bytes = field(repr=False)
    # Whose answer it is.
    conversation: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to a phone; one with a `once_key` is queued once."""

    contact_id: int
    text: str = field(repr=False)
    once_key: str | None
    conversation: int | None = None


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
    conversation: int | None = None,
) -> str | None:
    """Queue a message; its id, or None where one with this `once_key` exists already."""
    letter = Letter(contact_id, text, once_key, conversation)
    found = tx.execute(_ADD_ONE, _values(letter, channel, purpose, now, expires_at)).scalar()
    return None if found is None else str(found)


def add_all(
    tx: Connection,
    letters: Sequence[tuple[Letter, str]],
    *,
    purpose: Purpose,
    now: datetime,
    expires_at: datetime,
) -> int:
    """Queue many messages, each on its channel, unless one with its `once_key` exists already;
    how many were."""
    rows = [_values(letter, channel, purpose, now, expires_at) for letter, channel in letters]
    return tx.execute(_ADD, rows).rowcount if rows else 0


_INSERT = (
    "INSERT INTO outbox (contact_id, channel, purpose, text, encoding, segments, state, once_key, "
    "conversation_id, created_at, next_at, expires_at) VALUES (:contact, :channel, :purpose, "
    ":text, :encoding, :segments, 'queued', :once_key, :conversation, :now, :now, :expires) "
    "ON CONFLICT (once_key) DO NOTHING"
)
_ADD, _ADD_ONE = text(_INSERT), text(f"{_INSERT} RETURNING id")


def _values(
    letter: Letter, channel: str, purpose: Purpose, now: datetime, expires_at: datetime
) -> dict[str, object]:
    return {
        "contact": letter.contact_id,
        "channel": channel,
        "purpose": purpose,
        "text": letter.text,
        "encoding": encoding_of(letter.text),
        "segments": segment_count(letter.text),
        "once_key": letter.once_key,
        "conversation": letter.conversation,
        "now": now,
        "expires": expires_at,
    }


def exists(tx: Connection, once_key: str) -> bool:
    """Whether a message with this key was ever queued."""
    found = tx.execute(text("SELECT 1 FROM outbox WHERE once_key = :key"), {"key": once_key})
    return found.first() is not None


# --- claiming ---------------------------------------------------------------------------------

# One look into the index for each purpose and channel, in the order in which they were given:
# what cannot be sent now is never read.
_CLAIM = text(
    """
    WITH chosen AS (
        SELECT due.id
        FROM unnest(CAST(:purposes AS text[]), CAST(:channels AS text[]))
             AS wanted (purpose, channel),
        LATERAL (
            SELECT id FROM outbox
            WHERE state = 'queued' AND channel = wanted.channel AND purpose = wanted.purpose
              AND next_at <= :now AND expires_at > :now
            ORDER BY next_at, number LIMIT 1 FOR UPDATE SKIP LOCKED) AS due
        LIMIT 1),
    judged AS (
        SELECT o.id, c.stopped_at IS NOT NULL AND o.purpose <> 'consent' AS stopped,
               c.phone_hash, c.phone_cipher
        FROM chosen JOIN outbox o USING (id) JOIN contacts c ON c.id = o.contact_id)
    UPDATE outbox o SET
        state = CASE WHEN stopped THEN 'suppressed' ELSE 'sending' END,
        reason = CASE WHEN stopped THEN 'the phone has stopped messages' ELSE '' END,
        settled_at = CASE WHEN stopped THEN CAST(:now AS timestamptz) END,
        tried_at = CASE WHEN stopped THEN tried_at ELSE CAST(:now AS timestamptz) END,
        attempts = attempts + CASE WHEN stopped THEN 0 ELSE 1 END,
        next_at = :lease
    FROM judged WHERE o.id = judged.id
    RETURNING NOT stopped AS ours, o.id, contact_id, channel, purpose, attempts, segments,
              tried_at, text, phone_hash, phone_cipher, conversation_id
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
        if row.ours:
            return Claimed(str(row.id), *row[2:-1], conversation=row.conversation_id)


# Asked of each lane by itself, so that a long one costs no more than a short one.
_DUE = text(
    """
    SELECT EXISTS (
        SELECT 1
        FROM unnest(CAST(:purposes AS text[]), CAST(:channels AS text[]))
             AS wanted (purpose, channel),
        LATERAL (
            SELECT 1 FROM outbox
            WHERE state = 'queued' AND channel = wanted.channel AND purpose = wanted.purpose
              AND next_at <= :now AND expires_at > :now
            ORDER BY next_at, number LIMIT 1) AS due)
    """
)


def due(tx: Connection, now: datetime, wanted: Sequence[Wanted]) -> bool:
    """Whether anything of what is wanted is due."""
    return bool(tx.execute(_DUE, _columns(wanted) | {"now": now}).scalar_one())


def _columns(wanted: Sequence[Wanted]) -> dict[str, object]:
    return {
        "purposes": [purpose for purpose, _ in wanted],
        "channels": [channel for _, channel in wanted],
    }


# --- what became of a claim -------------------------------------------------------------------


def begun(tx: Connection, claimed: Claimed, parts: int, now: datetime) -> None:
    """The first of several parts is out: whatever comes, the message is not begun again."""
    tx.execute(
        text(
            "UPDATE outbox SET parts = :parts, segments = :parts, "
            "sent_at = coalesce(sent_at, :now) WHERE id = :id"
        ),
        {"id": claimed.id, "parts": parts, "now": now},
    )


# Whatever happened meanwhile, the provider has it; but receipts that overtook its answer stand.
# A call so slow that it was given up was counted as doubtful, and its price with it.
_SENT = text(
    """
    UPDATE outbox SET
        state = CASE WHEN open THEN :state ELSE outbox.state END,
        reason = CASE WHEN open THEN '' ELSE reason END,
        settled_at = CASE WHEN NOT open THEN settled_at
                          WHEN :state = 'delivered' THEN CAST(:now AS timestamptz) END,
        ask_at = CASE WHEN open AND :state = 'sent' THEN CAST(:ask_at AS timestamptz) END,
        cost_kip = cost_kip + CASE WHEN counted THEN 0 ELSE :cost END,
        parts = :parts, segments = :segments, asked = 0, doubts = 0,
        sent_at = coalesce(sent_at, :now)
    FROM (SELECT id, state IN ('queued', 'sending', 'unknown', 'expired', 'dead') AS open,
                 state = 'unknown' AND tried_at = :tried_at AS counted
          FROM outbox WHERE id = :id FOR UPDATE) AS known
    WHERE outbox.id = known.id
    """
)


def sent(
    tx: Connection,
    claimed: Claimed,
    *,
    state: str,
    parts: int,
    segments: int,
    cost_kip: int,
    now: datetime,
    ask_at: datetime | None,
) -> None:
    """The provider took it, as `parts` messages of `segments` in all."""
    values = {"id": claimed.id, "tried_at": claimed.tried_at, "now": now, "ask_at": ask_at}
    values |= {"state": state, "parts": parts, "segments": segments, "cost": cost_kip}
    tx.execute(_SENT, values)


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


def doubt(
    tx: Connection,
    claimed: Claimed,
    reason: str,
    *,
    cost_kip: int,
    now: datetime,
    ask_at: datetime | None,
) -> None:
    """The request left and no answer came. It may have cost what it costs."""
    tx.execute(
        text(
            "UPDATE outbox SET state = 'unknown', reason = :reason, next_at = :now, "
            "doubts = doubts + 1, cost_kip = cost_kip + :cost, ask_at = :ask_at, asked = 0 "
            "WHERE id = :id AND tried_at = :tried_at AND state = 'sending'"
        ),
        _of(claimed) | {"reason": reason, "cost": cost_kip, "now": now, "ask_at": ask_at},
    )


# Of several doubtful attempts, which cost the same, this one turned out to be none.
_NOT_SENT = text(
    """
    UPDATE outbox SET
        state = :state, reason = :reason, next_at = :next_at, settled_at = :settled_at,
        ask_at = NULL, attempts = attempts - :refund,
        cost_kip = CASE WHEN state = 'unknown'
                        THEN cost_kip * greatest(doubts - 1, 0) / greatest(doubts, 1)
                        ELSE cost_kip END,
        doubts = CASE WHEN state = 'unknown' THEN greatest(doubts - 1, 0) ELSE doubts END
    WHERE id = :id AND tried_at = :tried_at AND state IN ('sending', 'unknown')
    """
)


def settle(tx: Connection, claimed: Claimed, state: str, reason: str, now: datetime) -> None:
    """Certainly not sent, and it never will be: `failed` or `dead`."""
    values = {"state": state, "reason": reason, "next_at": now, "settled_at": now, "refund": 0}
    tx.execute(_NOT_SENT, _of(claimed) | values)


def again(
    tx: Connection, claimed: Claimed, reason: str, next_at: datetime, *, counts: bool = True
) -> None:
    """Certainly not sent: try again at `next_at`, as one attempt more unless it does not count."""
    values = {"state": "queued", "reason": reason, "next_at": next_at, "settled_at": None}
    tx.execute(_NOT_SENT, _of(claimed) | values | {"refund": 0 if counts else 1})


def _of(claimed: Claimed) -> dict[str, object]:
    return {"id": claimed.id, "tried_at": claimed.tried_at}


_REPORTED = text(
    """
    SELECT id, conversation_id FROM outbox WHERE id = coalesce(
        (SELECT message_id FROM provider_refs WHERE channel = :channel AND ref = :id),
        CAST(:message AS uuid),
        (SELECT message_id FROM provider_refs WHERE channel = :channel AND ref = :ref))
    """
)


def reported(
    tx: Connection, channel: str, message_id: str, ref: str
) -> tuple[str, int | None] | None:
    """The message that a receipt is of, by our id for it or for a part, or by the provider's;
    and its conversation."""
    values = {"channel": channel, "id": message_id, "message": message_id or None, "ref": ref}
    row = tx.execute(_REPORTED, values).first()
    return None if row is None else (str(row.id), row.conversation_id)


# --- one phone's messages ---------------------------------------------------------------------


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
