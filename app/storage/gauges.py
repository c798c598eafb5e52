"""What /metrics reads: counts by few and known labels, each from an index or a short range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

Counts = dict[tuple[str, ...], int]
"""Label values → how many."""


def limit(tx: Connection, time: timedelta) -> None:
    """Whatever this transaction asks is given up after so long."""
    tx.execute(
        text("SELECT set_config('statement_timeout', :milliseconds, true)"),
        {"milliseconds": str(int(time.total_seconds() * 1000))},
    )


def _counted(tx: Connection, statement: str, **values: object) -> Counts:
    rows = tx.execute(text(statement), values)
    return {tuple(map(str, row[:-1])): int(row[-1]) for row in rows}


def due(tx: Connection, now: datetime) -> Counts:
    """By drain: what it could take now."""
    return _counted(
        tx,
        "SELECT 'turns', count(*) FROM inbound WHERE state = 'new' AND next_at <= :now "
        "UNION ALL SELECT 'outbox', count(*) FROM outbox "
        "WHERE state IN ('queued', 'sending') AND next_at <= :now "
        "UNION ALL SELECT 'responses', count(*) FROM conversations WHERE due_at <= :now",
        now=now,
    )


def oldest_queued(tx: Connection, now: datetime) -> dict[str, float]:
    """By purpose: for how many seconds the oldest message that may be tried has waited."""
    rows = tx.execute(
        text(
            "SELECT purpose, extract(epoch FROM :now - min(next_at)) FROM outbox "
            "WHERE state = 'queued' AND next_at <= :now GROUP BY purpose"
        ),
        {"now": now},
    )
    return {row[0]: float(row[1]) for row in rows}


def messages(tx: Connection, since: datetime) -> Counts:
    """By state and purpose: all that are under way, and the others last tried since then."""
    return _counted(
        tx,
        "SELECT state, purpose, count(*) FROM outbox WHERE state IN ('queued', 'sending') "
        "GROUP BY 1, 2 "
        "UNION ALL SELECT state, purpose, count(*) FROM outbox WHERE state = 'unknown' "
        "GROUP BY 1, 2 "
        "UNION ALL SELECT state, purpose, count(*) FROM outbox WHERE tried_at >= :since "
        "AND state NOT IN ('queued', 'sending', 'unknown') GROUP BY 1, 2",
        since=since,
    )


# Not the reasons themselves: they are the providers' words, and without number.
_FAILURES = """
    SELECT channel, cause, count(*)
    FROM (SELECT channel, CASE
            WHEN state = 'failed' THEN 'refused'
            WHEN state = 'undelivered' THEN 'undelivered'
            WHEN state = 'dead' THEN 'given_up'
            WHEN state = 'expired' AND sent_at IS NULL THEN 'too_late'
            WHEN state = 'expired' THEN 'no_receipt'
            WHEN state = 'unknown' THEN 'in_doubt'
            WHEN state = 'queued' AND attempts > 0 THEN 'tried_again'
        END AS cause FROM outbox WHERE tried_at >= :since) AS judged
    WHERE cause IS NOT NULL GROUP BY 1, 2
"""
CAUSES = (
    "refused",
    "undelivered",
    "given_up",
    "too_late",
    "no_receipt",
    "in_doubt",
    "tried_again",
)


def failures(tx: Connection, since: datetime) -> Counts:
    """By channel and one of CAUSES: messages last tried since then that are not where they should
    be."""
    return _counted(tx, _FAILURES, since=since)


def dead(tx: Connection) -> Counts:
    """By direction: messages that were given up and wait for an operator."""
    return _counted(
        tx,
        "SELECT 'out', count(*) FROM outbox WHERE state IN ('dead', 'expired', 'unknown') "
        "AND (sent_at IS NULL OR doubts > 0) "
        "UNION ALL SELECT 'in', count(*) FROM inbound WHERE state = 'aside'",
    )


def alarms(tx: Connection) -> Counts:
    """By kind: the open ones."""
    return _counted(tx, "SELECT kind, count(*) FROM alarms WHERE closed_at IS NULL GROUP BY kind")


def alerts(tx: Connection) -> Counts:
    """By rule: the open ones."""
    return _counted(tx, "SELECT rule, count(*) FROM alerts WHERE cleared_at IS NULL GROUP BY rule")


@dataclass(frozen=True, slots=True)
class Stored:
    """Responses of the last hour and of the day."""

    hour: int
    day: int


# Center by center, so that the index on both finds the day.
_RESPONSES = text(
    """
    SELECT coalesce(sum(found.hour), 0), coalesce(sum(found.day), 0)
    FROM odscs, LATERAL (
        SELECT count(*) FILTER (WHERE at > :hour_ago) AS hour,
               count(*) FILTER (WHERE day = :today) AS day
        FROM responses WHERE odsc = odscs.code AND day >= :from_day) AS found
    """
)


def responses(tx: Connection, hour_ago: datetime, from_day: date, today: date) -> Stored:
    """Stored responses; `from_day` is the local day of an hour ago."""
    values = {"hour_ago": hour_ago, "from_day": from_day, "today": today}
    return Stored(*map(int, tx.execute(_RESPONSES, values).one()))
