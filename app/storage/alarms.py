"""What an operator must know: one alarm of a kind about a subject is open at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Alarm:
    """`times` is how often it was noticed since it was raised."""

    id: int
    kind: str
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


def notice(tx: Connection, *, kind: str, subject: str, detail: str, now: datetime) -> bool:
    """Raise an alarm, or count it once more where it is open; whether it is new.

    `detail` is one sentence for an operator; neither it nor `subject` holds a number or a text.
    """
    values = {"kind": kind, "subject": subject, "detail": detail, "now": now}
    return int(tx.execute(_RAISE, values).scalar_one()) == 1


def close(tx: Connection, kind: str, subject: str, now: datetime) -> bool:
    """What was noticed is over; False if no such alarm was open."""
    closed = tx.execute(
        text(
            "UPDATE alarms SET closed_at = :now "
            "WHERE kind = :kind AND subject = :subject AND closed_at IS NULL"
        ),
        {"kind": kind, "subject": subject, "now": now},
    )
    return closed.rowcount == 1


def raised(tx: Connection, since: datetime) -> list[Alarm]:
    """Open ones, and those raised or closed since then, the newest first."""
    rows = tx.execute(
        text(
            "SELECT id, kind, subject, detail, times, raised_at, last_at, closed_at FROM alarms "
            "WHERE closed_at IS NULL OR closed_at > :since OR raised_at > :since "
            "ORDER BY raised_at DESC, id DESC"
        ),
        {"since": since},
    )
    return [Alarm(*row) for row in rows]


def open_of(tx: Connection, kind: str) -> list[Alarm]:
    """The open alarms of a kind."""
    rows = tx.execute(
        text(
            "SELECT id, kind, subject, detail, times, raised_at, last_at, closed_at FROM alarms "
            "WHERE closed_at IS NULL AND kind = :kind ORDER BY id"
        ),
        {"kind": kind},
    )
    return [Alarm(*row) for row in rows]
