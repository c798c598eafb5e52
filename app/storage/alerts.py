"""Queries of alerts: what they are raised from, who answers for them, what was done."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from app.storage.levels import Level


class Key(NamedTuple):
    """What at most one alert is open about."""

    rule: str
    odsc: str
    subject: str


class Span(NamedTuple):
    """Days at an ODSC, both ends among them; none where the last is before the first."""

    odsc: str
    first: date
    last: date


Counts = Mapping[tuple[str, str], int]
"""How often an answer was given to a question: (question, answer) → times."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it stands. `level` was told last; moments that are still to come may be None."""

    id: int
    rule: str
    odsc: str
    subject: str
    level: Level
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: int | None
    cleared_at: datetime | None

    @property
    def key(self) -> Key:
        return Key(self.rule, self.odsc, self.subject)


_ALERT = (
    "SELECT alerts.id, rule, alerts.odsc, subject, alerts.level, raised_at, acknowledged_at,"
    " acknowledged_by, cleared_at FROM alerts "
)


# --- what alerts are raised from --------------------------------------------------------------


def centers(tx: Connection) -> list[str]:
    """The code of every ODSC."""
    return list(tx.execute(text("SELECT code FROM odscs ORDER BY code")).scalars())


# Each span by itself on the index of ODSC and day: spans may be of different days.
_COUNTED = text(
    """
    SELECT span.odsc, span.first, span.last, tallies.question, tallies.answer,
           CAST(sum(tallies.n) AS bigint) AS n
    FROM unnest(CAST(:odscs AS text[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]))
         AS span (odsc, first, last)
    JOIN tallies ON tallies.odsc = span.odsc AND tallies.day BETWEEN span.first AND span.last
    WHERE tallies.question IN ('score', 'reason', 'overcharged')
    GROUP BY 1, 2, 3, 4, 5
    """
)


def counted(
    tx: Connection, spans: Collection[Span]
) -> Mapping[Span, Mapping[tuple[str, str], int]]:
    """How often each question got each answer in these days; a span without answers has none.

    Flagged responses are in no such tally.
    """
    found: dict[Span, dict[tuple[str, str], int]] = {span: {} for span in spans}
    columns = {
        "odscs": [span.odsc for span in spans],
        "firsts": [span.first for span in spans],
        "lasts": [span.last for span in spans],
    }
    for row in tx.execute(_COUNTED, columns):
        found[Span(row.odsc, row.first, row.last)][row.question, row.answer] = row.n
    return found


def forget_runs(tx: Connection, name: str, before: datetime) -> None:
    """Slots that nobody asks for any more."""
    tx.execute(
        text("DELETE FROM runs WHERE name = :name AND at < :before"),
        {"name": name, "before": before},
    )


# --- an alert's life --------------------------------------------------------------------------


def still_open(tx: Connection) -> Mapping[Key, int]:
    """The open alerts."""
    rows = tx.execute(text(_ALERT + "WHERE cleared_at IS NULL"))
    return {one.key: one.id for one in (Alert(*row) for row in rows)}


def begin(tx: Connection, key: Key, now: datetime) -> Alert | None:
    """Raise an alert; None where one about the same is open already."""
    row = tx.execute(
        text(
            "INSERT INTO alerts (rule, odsc, subject, raised_at)"
            " VALUES (:rule, :odsc, :subject, :now)"
            " ON CONFLICT (rule, odsc, subject) WHERE cleared_at IS NULL DO NOTHING"
            " RETURNING id, rule, odsc, subject, level, raised_at, acknowledged_at,"
            " acknowledged_by, cleared_at"
        ),
        {**key._asdict(), "now": now},
    ).first()
    return None if row is None else Alert(*row)


def hand_on(tx: Connection, alert_id: int, level: Level, escalate_at: datetime | None) -> None:
    """This level was told last; the next one is at `escalate_at`, or never."""
    tx.execute(
        text("UPDATE alerts SET level = :level, escalate_at = :at WHERE id = :id"),
        {"id": alert_id, "level": level, "at": escalate_at},
    )


def clear(tx: Connection, ids: Collection[int], now: datetime) -> None:
    """They are over; nobody else is told."""
    if ids:
        tx.execute(
            text(
                "UPDATE alerts SET cleared_at = :now, escalate_at = NULL"
                " WHERE id = ANY(CAST(:ids AS bigint[])) AND cleared_at IS NULL"
            ),
            {"ids": list(ids), "now": now},
        )


def escalating(tx: Connection, now: datetime, most: int) -> list[Alert]:
    """Alerts that nobody acknowledged in time, locked; not those that somebody else sees to."""
    due = "WHERE escalate_at <= :now ORDER BY escalate_at, id LIMIT :most FOR UPDATE SKIP LOCKED"
    return [Alert(*row) for row in tx.execute(text(_ALERT + due), {"now": now, "most": most})]


def following(tx: Connection, now: datetime, most: int) -> list[Alert]:
    """Alerts whose figures are to be compared, locked; not those that somebody else sees to."""
    due = "WHERE follow_up_at <= :now ORDER BY follow_up_at, id LIMIT :most FOR UPDATE SKIP LOCKED"
    return [Alert(*row) for row in tx.execute(text(_ALERT + due), {"now": now, "most": most})]


def followed_up(tx: Connection, alert_id: int) -> None:
    """The comparison went out."""
    tx.execute(text("UPDATE alerts SET follow_up_at = NULL WHERE id = :id"), {"id": alert_id})


def queued(tx: Connection, once_keys: Collection[str]) -> set[str]:
    """Of these messages the ones that exist."""
    found = tx.execute(
        text("SELECT once_key FROM outbox WHERE once_key = ANY(CAST(:keys AS text[]))"),
        {"keys": list(once_keys)},
    )
    return set(found.scalars())


# --- who answers for it -----------------------------------------------------------------------

# An alert with the entries of a phone on the staff list that answer for it.
_MINE = """
    FROM alerts JOIN odscs ON odscs.code = alerts.odsc
    JOIN districts ON districts.code = odscs.district
    JOIN staff ON staff.contact_id = :contact AND staff.removed_at IS NULL
     AND (staff.odsc = odscs.code OR staff.district = districts.code
          OR staff.province = districts.province OR staff.level = 'country')
    CROSS JOIN (VALUES (ARRAY['odsc', 'district', 'province', 'country'])) AS every (levels)
"""
_OWNER = text(
    "SELECT staff.id "
    + _MINE
    + "WHERE alerts.id = :id ORDER BY array_position(levels, staff.level) LIMIT 1"
)
_OPEN = text(
    "SELECT DISTINCT acknowledged_at IS NOT NULL, alerts.id "
    + _MINE
    + "WHERE cleared_at IS NULL"
    + " AND array_position(levels, staff.level) <= array_position(levels, alerts.level)"
    + " ORDER BY 1, 2"
)


def lock_mine(tx: Connection, contact_id: int, alert_id: int) -> tuple[Alert, int] | None:
    """An alert that a phone answers for, locked, and the id of its entry on the staff list.

    The entry nearest to the center; None where there is no such alert, or it is not theirs.
    """
    owner = tx.execute(_OWNER, {"contact": contact_id, "id": alert_id}).scalar()
    if owner is None:
        return None
    row = tx.execute(text(_ALERT + "WHERE id = :id FOR UPDATE"), {"id": alert_id}).one()
    return Alert(*row), int(owner)


def open_of(tx: Connection, contact_id: int) -> list[int]:
    """The open alerts of which a phone's level was told, those that nobody acknowledged first."""
    return [row.id for row in tx.execute(_OPEN, {"contact": contact_id})]


def acknowledge(
    tx: Connection, alert_id: int, staff_id: int, now: datetime, follow_up_at: datetime
) -> None:
    """Somebody sees to it. What the first one set stays."""
    tx.execute(
        text(
            "UPDATE alerts SET acknowledged_at = :now, acknowledged_by = :staff,"
            " escalate_at = NULL, follow_up_at = :follow_up"
            " WHERE id = :id AND acknowledged_at IS NULL"
        ),
        {"id": alert_id, "staff": staff_id, "now": now, "follow_up": follow_up_at},
    )


def note(
    tx: Connection, alert_id: int, staff_id: int, words: str, now: datetime, since: datetime
) -> None:
    """Add what somebody did, unless they wrote the very same since then. The alert is locked."""
    tx.execute(
        text(
            "INSERT INTO alert_notes (alert_id, staff_id, text, at)"
            " SELECT :alert, :staff, :words, :now WHERE NOT EXISTS ("
            "SELECT 1 FROM alert_notes WHERE alert_id = :alert AND staff_id = :staff"
            " AND text = :words AND at > :since)"
        ),
        {"alert": alert_id, "staff": staff_id, "words": words, "now": now, "since": since},
    )


# --- to look at -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody on the staff list wrote of an alert."""

    staff: int
    at: datetime
    text: str


_LATELY = "EXISTS (SELECT 1 FROM alert_notes WHERE alert_id = alerts.id AND at > :since)"
_LISTED = text(
    _ALERT + "WHERE cleared_at IS NULL OR cleared_at > :since OR " + _LATELY + " "
    "ORDER BY cleared_at IS NOT NULL, raised_at DESC, id DESC"
)


def listed(tx: Connection, since: datetime) -> list[tuple[Alert, list[Note]]]:
    """The open alerts, then those cleared since then or noted on; the newest first."""
    found = [Alert(*row) for row in tx.execute(_LISTED, {"since": since})]
    notes = _notes(tx, [one.id for one in found])
    return [(one, notes.get(one.id, [])) for one in found]


def _notes(tx: Connection, ids: Collection[int]) -> dict[int, list[Note]]:
    rows = tx.execute(
        text(
            "SELECT alert_id, staff_id, at, text FROM alert_notes"
            " WHERE alert_id = ANY(CAST(:ids AS bigint[])) ORDER BY id"
        ),
        {"ids": list(ids)},
    )
    notes: dict[int, list[Note]] = {}
    for row in rows:
        notes.setdefault(row.alert_id, []).append(Note(row.staff_id, row.at, row.text))
    return notes
