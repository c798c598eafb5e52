"""The outbox as an operator looks at it: no number and no text is ever read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from app.words import Purpose


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up, and may be sent again.

    `doubtful`: it may have gone out all the same.
    """

    id: str
    channel: str
    purpose: str
    state: str
    created_at: datetime
    attempts: int
    reason: str
    doubtful: bool


# What was never taken by a provider, and what nobody knows of. Not what was refused: that helps
# nobody; nor what went out and was never reported.
_DEAD = text(
    "SELECT id, channel, purpose, state, created_at, attempts, reason, doubts > 0 FROM outbox "
    "WHERE state IN ('dead', 'expired', 'unknown') AND (sent_at IS NULL OR doubts > 0) "
    "ORDER BY number"
)


def dead(tx: Connection) -> list[DeadLetter]:
    """All of them, the oldest first."""
    return [DeadLetter(str(row[0]), *row[1:]) for row in tx.execute(_DEAD)]


_REQUEUE = text(
    """
    UPDATE outbox SET
        state = 'queued', reason = 'sent again by an operator', attempts = 0, doubts = 0,
        next_at = :now, sent_at = NULL, settled_at = NULL, ask_at = NULL, asked = 0,
        expires_at = :now + valid.long
    FROM unnest(CAST(:purposes AS text[]), CAST(:longs AS interval[])) AS valid (purpose, long)
    WHERE outbox.purpose = valid.purpose AND id = ANY(CAST(:ids AS uuid[]))
      AND state IN ('dead', 'expired', 'unknown')
      AND (:doubtful AND doubts > 0 OR doubts = 0 AND sent_at IS NULL)
    RETURNING id
    """
)


def requeue(
    tx: Connection,
    ids: Sequence[str],
    valid: Mapping[Purpose, timedelta],
    now: datetime,
    *,
    doubtful: bool,
) -> list[str]:
    """Queue dead letters anew, those in doubt only if `doubtful`; which."""
    values = {"ids": list(ids), "now": now, "doubtful": doubtful}
    values |= {"purposes": list(valid), "longs": list(valid.values())}
    return [str(found) for found in tx.execute(_REQUEUE, values).scalars()]


@dataclass(frozen=True, slots=True)
class Sum:
    """What one channel carried for one purpose on one day.

    `messages` were handed to the provider, `ucs2` of them not in GSM-7; `segments` and `kip` are
    of those that it took or may have taken; `failed` did not arrive.
    """

    day: date
    channel: str
    purpose: str
    messages: int
    ucs2: int
    segments: int
    kip: int
    delivered: int
    failed: int


def sums(tx: Connection, since: datetime, zone: str) -> list[Sum]:
    """By local day, channel and purpose, the newest day first."""
    rows = tx.execute(
        text(
            "SELECT (tried_at AT TIME ZONE :zone)::date, channel, purpose, count(*), "
            "count(*) FILTER (WHERE encoding = 'UCS-2'), "
            "coalesce(sum(segments) FILTER (WHERE sent_at IS NOT NULL OR doubts > 0), 0), "
            "sum(cost_kip), count(*) FILTER (WHERE state = 'delivered'), "
            "count(*) FILTER (WHERE state IN ('undelivered', 'failed', 'expired', 'dead')) "
            "FROM outbox WHERE tried_at >= :since GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3"
        ),
        {"since": since, "zone": zone},
    )
    return [Sum(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Message:
    """One message's account."""

    id: str
    channel: str
    purpose: str
    state: str
    reason: str
    encoding: str
    segments: int
    parts: int
    cost_kip: int
    attempts: int
    created_at: datetime
    next_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    conversation: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """A state that a message was in since `at`, and on which channel."""

    at: datetime
    state: str
    channel: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A receipt as it came: what the network said and when."""

    at: datetime
    channel: str
    state: str
    detail: str


def one(tx: Connection, message_id: str) -> Message | None:
    """The message with this id."""
    row = tx.execute(
        text(
            "SELECT id, channel, purpose, state, reason, encoding, segments, parts, cost_kip, "
            "attempts, created_at, next_at, expires_at, sent_at, conversation_id "
            "FROM outbox WHERE id = :id"
        ),
        {"id": message_id},
    ).first()
    return None if row is None else Message(str(row[0]), *row[1:])


def history(tx: Connection, message_id: str) -> list[Change]:
    """Every state that it was in, in order."""
    rows = tx.execute(
        text(
            "SELECT at, state, channel, reason FROM outbox_history "
            "WHERE message_id = :id ORDER BY id"
        ),
        {"id": message_id},
    )
    return [Change(*row) for row in rows]


def receipts(tx: Connection, message_id: str) -> list[Reported]:
    """Its receipts in the order in which they came."""
    rows = tx.execute(
        text("SELECT at, channel, state, detail FROM receipts WHERE message_id = :id ORDER BY id"),
        {"id": message_id},
    )
    return [Reported(*row) for row in rows]


def states(tx: Connection) -> dict[str, int]:
    """How many messages are in each state."""
    rows = tx.execute(text("SELECT state, count(*) FROM outbox GROUP BY state ORDER BY state"))
    return {row[0]: int(row[1]) for row in rows}


def oldest_due(tx: Connection, now: datetime) -> datetime | None:
    """Since when the message that is due the longest waits; None when none is due."""
    found = tx.execute(
        text("SELECT min(next_at) FROM outbox WHERE state = 'queued' AND next_at <= :now"),
        {"now": now},
    )
    due: datetime | None = found.scalar()
    return due
