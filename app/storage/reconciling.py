"""How far each provider was asked for what it received for us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next question goes on; `asked_at` is when the last one was answered."""

    cursor: str
    asked_at: datetime | None


def win(tx: Connection, channel: str, now: datetime, every: timedelta) -> bool:
    """Whether this transaction is the one that asks now; the next may after `every`."""
    won = tx.execute(
        text(
            "INSERT INTO runs (name, slot, at) VALUES ('missed', :channel, :now) "
            "ON CONFLICT (name, slot) DO UPDATE SET at = excluded.at "
            "WHERE runs.at <= excluded.at - :every"
        ),
        {"channel": channel, "now": now, "every": every},
    )
    return won.rowcount == 1


def position(tx: Connection, channel: str) -> Position:
    row = tx.execute(
        text("SELECT cursor, asked_at FROM channel_states WHERE channel = :channel"),
        {"channel": channel},
    ).first()
    return Position("", None) if row is None else Position(*row)


def set_position(tx: Connection, channel: str, cursor: str, asked_at: datetime) -> None:
    """Everything up to `asked_at` is here."""
    tx.execute(
        text(
            "INSERT INTO channel_states (channel, cursor, asked_at) "
            "VALUES (:channel, :cursor, :asked_at) ON CONFLICT (channel) DO UPDATE "
            "SET cursor = excluded.cursor, asked_at = excluded.asked_at"
        ),
        {"channel": channel, "cursor": cursor, "asked_at": asked_at},
    )
