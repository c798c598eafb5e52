"""Parts of long SMS that no gateway joined: stored at once, joined when all are there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class PartGroup:
    """What parts of one message have in common. The network uses a reference again and again."""

    channel: str
    contact_id: int
    reference: str
    total: int


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part that waits for the others."""

    id: int
    number: int
    received_at: datetime
    text: str = field(repr=False)


_WAITING = text(
    "SELECT id, part_number, received_at, text FROM inbound "
    "WHERE contact_id = :contact AND channel = :channel AND state = 'part' "
    "AND part_ref = :ref AND part_total = :total "
    "AND next_at BETWEEN :since AND :until ORDER BY id"
)


def waiting(tx: Connection, group: PartGroup, since: datetime, until: datetime) -> list[StoredPart]:
    """The group's parts whose time is over between these two, in the order they came."""
    rows = tx.execute(
        _WAITING,
        {
            "contact": group.contact_id,
            "channel": group.channel,
            "ref": group.reference,
            "total": group.total,
            "since": since,
            "until": until,
        },
    )
    return [StoredPart(*row) for row in rows]


def join(
    tx: Connection, ids: Collection[int], joined: str, state: str, reason: str, now: datetime
) -> None:
    """The first of these becomes the message, the others are parts of it."""
    first, *others = sorted(ids)
    tx.execute(
        text(
            "UPDATE inbound SET state = :state, reason = :reason, text = :text, next_at = :now "
            "WHERE id = :id"
        ),
        {"id": first, "text": joined, "state": state, "reason": reason, "now": now},
    )
    if others:
        tx.execute(
            text("UPDATE inbound SET state = 'joined' WHERE id = ANY(:ids)"), {"ids": others}
        )


def next_late(tx: Connection, now: datetime) -> tuple[PartGroup, datetime] | None:
    """A group whose first part has waited long enough, and since when; its contact is locked."""
    row = tx.execute(
        text(
            "SELECT i.channel, i.contact_id, i.part_ref, i.part_total, i.next_at FROM inbound i "
            "JOIN contacts c ON c.id = i.contact_id "
            "WHERE i.state = 'part' AND i.next_at <= :now ORDER BY i.next_at, i.id LIMIT 1 "
            "FOR NO KEY UPDATE OF c SKIP LOCKED"
        ),
        {"now": now},
    ).first()
    return None if row is None else (PartGroup(*row[:4]), row.next_at)
