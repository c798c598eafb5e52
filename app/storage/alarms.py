"""What an operator must know: one alarm of a kind about a subject is open at a time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, text

Kind = Literal[
    "channel_down",
    "canary",
    "device_silent",
    "contradiction",
    "guessing",
    "spool",
    "budget_day",
    "budget_month",
]


@dataclass(frozen=True, slots=True)
class Alarm:
    """`times` is how often it was noticed since it was raised."""

    id: int
    kind: Kind
    subject: str
    detail: str
    times: int
    raised_at: datetime
    last_at: datetime
    closed_at: datetime | None


_RAISE = text(
    "INSERT INTO alarms (kind, subject, detail, raised_at, last_at) "
    "VALUES (:kind, :subject, :detail, :now, :now) "
    "ON CONFLICT (kind, subject) WHERE closed_at IS NULL DO UPDATE "
    "SET times = alarms.times + 1, last_at = excluded.last_at RETURNING times"
)


def notice(tx: Connection, *, kind: Kind, subject: str, detail: str, now: datetime) -> bool:
    """Raise an alarm, or count it once more where it is open; whether it is new.

    `detail` is one sentence for an operator; neither it nor `subject` holds a number or a text.
    """
    values = {"kind": kind, "subject": subject, "detail": detail, "now": now}
    return int(tx.execute(_RAISE, values).scalar_one()) == 1


def close(tx: Connection, kind: Kind, subject: str, now: datetime) -> bool:
    """What was noticed is over; False if no such alarm was open."""
    closed = tx.execute(
        text(
            "UPDATE alarms SET closed_at = :now "
            "WHERE kind = :kind AND subject = :subject AND closed_at IS NULL"
        ),
        {"kind": kind, "subject": subject, "now": now},
    )
    return closed.rowcount == 1


def close_unnoticed(
    tx: Connection, kinds: Collection[Kind], before: datetime, now: datetime
) -> int:
    """What of these kinds was not noticed again since `before` is over; how many."""
    closed = tx.execute(
        text(
            "UPDATE alarms SET closed_at = :now "
            "WHERE kind = ANY(:kinds) AND last_at < :before AND closed_at IS NULL"
        ),
        {"kinds": list(kinds), "before": before, "now": now},
    )
    return closed.rowcount


def listed(tx: Connection, since: datetime) -> list[Alarm]:
    """The open ones, then those raised or closed since then; the newest first."""
    rows = tx.execute(
        text(
            "SELECT id, kind, subject, detail, times, raised_at, last_at, closed_at FROM alarms "
            "WHERE closed_at IS NULL OR closed_at > :since OR raised_at > :since "
            "ORDER BY closed_at IS NOT NULL, raised_at DESC, id DESC"
        ),
        {"since": since},
    )
    return [Alarm(*row) for row in rows]


def still_open(tx: Connection) -> list[Alarm]:
    """The open alarms, the oldest first."""
    rows = tx.execute(
        text(
            "SELECT id, kind, subject, detail, times, raised_at, last_at, closed_at FROM alarms "
            "WHERE closed_at IS NULL ORDER BY id"
        )
    )
    return [Alarm(*row) for row in rows]
