"""Messages that wait for a channel which cannot carry them now, and their way to another."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, text

# One step of the index for each channel, not one for each message.
_WAITED_FOR = text(
    """
    WITH RECURSIVE found (channel) AS (
        (SELECT min(channel) FROM outbox WHERE state = 'queued')
        UNION ALL
        SELECT (SELECT min(channel) FROM outbox WHERE state = 'queued' AND channel > found.channel)
        FROM found WHERE found.channel IS NOT NULL)
    SELECT channel FROM found WHERE channel IS NOT NULL
    """
)


def channels(tx: Connection) -> set[str]:
    """The channels for which anything is queued."""
    return set(tx.execute(_WAITED_FOR).scalars())


Place = tuple[str, datetime, int]
"""Where a message stands in its channel's queue: purpose, time, number."""

BEGINNING: Place = ("", datetime.min.replace(tzinfo=UTC), 0)


@dataclass(frozen=True, slots=True)
class Stranded:
    """A due message whose channel cannot carry it now."""

    id: str
    place: Place
    phone_hash: bytes = field(repr=False)
    phone_cipher: bytes = field(repr=False)


def page(tx: Connection, channel: str, now: datetime, after: Place, limit: int) -> list[Stranded]:
    """Due messages of a channel in the order of its queue, from the one after `after` on.

    Canaries are none of them: they are there to try their own channel.
    """
    rows = tx.execute(
        text(
            "SELECT o.id, o.purpose, o.next_at, o.number, c.phone_hash, c.phone_cipher "
            "FROM outbox o JOIN contacts c ON c.id = o.contact_id "
            "WHERE o.state = 'queued' AND o.channel = :channel AND o.purpose <> 'canary' "
            "AND o.next_at <= :now AND o.expires_at > :now "
            "AND (o.purpose, o.next_at, o.number) > (:purpose, :next_at, :number) "
            "ORDER BY o.purpose, o.next_at, o.number LIMIT :limit"
        ),
        {"channel": channel, "now": now, "limit": limit}
        | dict(zip(("purpose", "next_at", "number"), after, strict=True)),
    )
    return [
        Stranded(str(row.id), tuple(row[1:4]), bytes(row.phone_hash), bytes(row.phone_cipher))
        for row in rows
    ]


def move(tx: Connection, message_id: str, channel: str, to: str, reason: str) -> bool:
    """Another channel is to carry a message that is still queued on this one."""
    moved = tx.execute(
        text(
            "UPDATE outbox SET channel = :to, reason = :reason "
            "WHERE id = :id AND state = 'queued' AND channel = :channel"
        ),
        {"id": message_id, "channel": channel, "to": to, "reason": reason},
    )
    return moved.rowcount == 1
