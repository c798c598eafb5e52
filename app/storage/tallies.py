"""Queries of tallies and their recount; runs that happen once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import Connection, text

Key = tuple[date, str, str, str, str, str]
"""A tally's primary key: day, odsc, service, question, answer, sex."""

_AnyKey = TypeVar("_AnyKey", bound=Key)

_MOVED = """
    WITH moved (day, odsc, service, question, answer, sex, n, position) AS (
        SELECT * FROM unnest(
            CAST(:days AS date[]), CAST(:odscs AS text[]), CAST(:services AS text[]),
            CAST(:questions AS text[]), CAST(:answers AS text[]), CAST(:sexes AS text[]),
            CAST(:counts AS integer[])
        ) WITH ORDINALITY
    )
"""

# Every row, also one that only goes down, is locked here in the order of the keys: two workers
# meeting on the same rows wait for each other in one direction only. Going down is a statement
# of its own because PostgreSQL checks "n >= 0" on the proposed row before it sees the conflict.
_RAISE = """
    INSERT INTO tallies (day, odsc, service, question, answer, sex, n)
    SELECT day, odsc, service, question, answer, sex, greatest(n, 0) FROM moved ORDER BY position
    ON CONFLICT (day, odsc, service, question, answer, sex)
    DO UPDATE SET n = tallies.n + excluded.n
"""

# Never below zero: a tally that somebody tampered with must not stop the responses behind it;
# the recount names it.
_LOWER = """
    UPDATE tallies SET n = greatest(tallies.n + moved.n, 0) FROM moved
    WHERE (tallies.day, tallies.odsc, tallies.service) = (moved.day, moved.odsc, moved.service)
      AND (tallies.question, tallies.answer, tallies.sex)
        = (moved.question, moved.answer, moved.sex)
"""

_UP, _DOWN = text(_MOVED + _RAISE), text(_MOVED + _LOWER)


def move(tx: Connection, changes: Counter[_AnyKey]) -> None:
    """Add to each tally, or take away from it.

    A tally that falls to zero stays as a row with n = 0: deleting it would only make the next
    answer insert it again, and every reader sums.
    """
    ordered = sorted((key, n) for key, n in changes.items() if n)
    if not ordered:
        return
    tx.execute(_UP, _arrays(ordered))
    falling = [(key, n) for key, n in ordered if n < 0]
    if falling:
        tx.execute(_DOWN, _arrays(falling))


def _arrays(changes: Sequence[tuple[Key, int]]) -> dict[str, list[object]]:
    return {
        "days": [key[0] for key, _ in changes],
        "odscs": [key[1] for key, _ in changes],
        "services": [key[2] for key, _ in changes],
        "questions": [key[3] for key, _ in changes],
        "answers": [key[4] for key, _ in changes],
        "sexes": [key[5] for key, _ in changes],
        "counts": [n for _, n in changes],
    }


@dataclass(frozen=True, slots=True)
class Count:
    """How often an answer was given to a question, by sex ("" where it is not known)."""

    question: str
    answer: str
    sex: str
    n: int


_ODSCS = text(
    """
    SELECT odscs.code FROM odscs JOIN districts ON districts.code = odscs.district
    WHERE CASE :level
        WHEN 'odsc' THEN odscs.code = :code
        WHEN 'district' THEN odscs.district = :code
        WHEN 'province' THEN districts.province = :code
        WHEN 'group' THEN odscs.district IN (
            SELECT district FROM group_districts WHERE group_key = :code)
        ELSE :level = 'country'
    END
    ORDER BY odscs.code
    """
)


def odscs_of(tx: Connection, level: str, code: str) -> list[str]:
    """The codes of all ODSCs of an area."""
    return list(tx.scalars(_ODSCS, {"level": level, "code": code}))


def of_days(tx: Connection, odscs: Sequence[str], first: date, last: date) -> list[Count]:
    """The counts of some ODSCs together over some days.

    Reads tallies alone: at most a few thousand rows an ODSC and week, however many answered.
    """
    rows = tx.execute(
        text(
            "SELECT question, answer, sex, CAST(sum(n) AS bigint) FROM tallies"
            " WHERE odsc = ANY(CAST(:odscs AS text[])) AND day BETWEEN :first AND :last"
            " GROUP BY question, answer, sex"
        ),
        {"odscs": list(odscs), "first": first, "last": last},
    )
    return [Count(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A tally that is not what the responses say."""

    key: Key
    stored: int
    rebuilt: int


# Written without a look at app.feedback.cells: it is the second opinion.
_RECOUNT = """
    WITH rebuilt AS (
        SELECT r.day, r.odsc, coalesce(r.service, '') AS service, said.question, said.answer,
               coalesce(r.sex, '') AS sex, count(*) AS n
        FROM responses AS r
        CROSS JOIN LATERAL (
            VALUES
                ('status', CASE WHEN r.flagged THEN 'flagged' ELSE r.status END),
                ('score', CASE WHEN NOT r.flagged THEN CAST(r.score AS text) END),
                ('service', CASE WHEN NOT r.flagged THEN r.service END),
                ('reason', CASE WHEN NOT r.flagged THEN r.reason END),
                ('overcharged', CASE WHEN r.overcharged AND NOT r.flagged THEN 'yes' END)
            UNION ALL SELECT key, value FROM jsonb_each_text(r.extra) WHERE NOT r.flagged
        ) AS said (question, answer)
        WHERE said.answer IS NOT NULL
        GROUP BY r.day, r.odsc, coalesce(r.service, ''), said.question, said.answer,
                 coalesce(r.sex, '')
    ), compared AS (
        SELECT day, odsc, service, question, answer, sex,
               coalesce(kept.n, 0) AS stored, coalesce(rebuilt.n, 0) AS rebuilt
        FROM (SELECT * FROM tallies WHERE n <> 0) AS kept
        FULL JOIN rebuilt USING (day, odsc, service, question, answer, sex)
    )
    SELECT day, odsc, service, question, answer, sex, stored, rebuilt,
           count(*) OVER () AS compared
    FROM compared
    ORDER BY stored = rebuilt, day, odsc COLLATE "C", service COLLATE "C",
             question COLLATE "C", answer COLLATE "C", sex COLLATE "C"
    LIMIT 1
"""


def recount(tx: Connection) -> tuple[int, Mismatch | None]:
    """How many tallies were compared with the responses, and the first that differs."""
    # A year of a whole country takes longer than a citizen's query may.
    tx.execute(text("SET LOCAL statement_timeout = '10min'"))
    row = tx.execute(text(_RECOUNT)).one_or_none()
    if row is None:
        return 0, None
    if row.stored == row.rebuilt:
        return row.compared, None
    key = (row.day, row.odsc, row.service, row.question, row.answer, row.sex)
    return row.compared, Mismatch(key, row.stored, row.rebuilt)


def win_run(tx: Connection, name: str, slot: str, now: datetime) -> bool:
    """Whether this transaction is the one that does `name` for `slot`, for ever."""
    won = tx.execute(
        text(
            "INSERT INTO runs (name, slot, at) VALUES (:name, :slot, :now)"
            " ON CONFLICT (name, slot) DO NOTHING"
        ),
        {"name": name, "slot": slot, "now": now},
    )
    return won.rowcount == 1
