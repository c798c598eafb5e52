"""Replies that were given: to answer repeats by, and to show no screen twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from app.words import Inbound, Reply


@dataclass(frozen=True, slots=True)
class Told:
    """A reply, and the keyed hash of the input that it answered; None where none was kept."""

    reply: Reply
    body_hash: bytes | None


def told(
    tx: Connection, contact_id: int, channel: str, session: str, path_hash: bytes
) -> Told | None:
    """What was said to this very input."""
    row = tx.execute(
        text(
            "SELECT reply, ends, body_hash FROM turns WHERE channel = :channel "
            "AND session = :session AND contact_id = :contact AND path_hash = :path_hash"
        ),
        {
            "channel": channel,
            "session": session,
            "contact": contact_id,
            "path_hash": path_hash,
        },
    ).first()
    if row is None:
        return None
    body = None if row.body_hash is None else bytes(row.body_hash)
    return Told(Reply(row.reply, row.ends), body)


# One input may have left several replies; all of one time are the newest.
_NEWEST = (
    "UPDATE turns SET pushed_at = :now FROM contacts c WHERE c.phone_hash = :phone "
    "AND turns.contact_id = c.id AND channel = :channel AND session = :session "
    "AND reply = :reply AND ends = :ends AND at = (SELECT max(at) FROM turns newest "
    "WHERE newest.contact_id = c.id AND newest.channel = :channel AND newest.session = :session)"
)


def win_push(
    tx: Connection, phone_hash: bytes, inbound: Inbound, reply: Reply, now: datetime
) -> bool:
    """Whether the screen is this caller's to push.

    It is nobody's when it was pushed before, or when the session has a newer one.
    """
    won = tx.execute(
        text(f"{_NEWEST} AND pushed_at IS NULL"), _screen(phone_hash, inbound, reply, now)
    )
    return won.rowcount > 0


def give_back_push(tx: Connection, phone_hash: bytes, inbound: Inbound, reply: Reply) -> None:
    """The screen was not pushed after all: the next repeat of its input may."""
    tx.execute(text(_NEWEST), _screen(phone_hash, inbound, reply, None))


def _screen(
    phone_hash: bytes, inbound: Inbound, reply: Reply, now: datetime | None
) -> dict[str, object]:
    return {
        "phone": phone_hash,
        "channel": inbound.channel,
        "session": inbound.session,
        "reply": reply.text,
        "ends": reply.ends,
        "now": now,
    }
