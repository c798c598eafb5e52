"""How each channel is: its next free moment to send, its breaker, its devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

# So many failures in a row, and the channel rests.
BREAKS_AT = 10
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
# How long the one message that tries a resting channel may take.
PROBE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Standing:
    """`wait` is seconds until the channel may send again; `down` that its breaker is open."""

    channel: str
    wait: float
    paused: bool
    down: bool


def standings(tx: Connection, channels: Sequence[str], now: datetime) -> list[Standing]:
    """Every channel's, in the order given."""
    rows = tx.execute(
        text(
            "SELECT channel, greatest(extract(epoch FROM slot_at - clock_timestamp()), 0), "
            "coalesce(paused_until > :now, false), down_since IS NOT NULL "
            "FROM channel_states WHERE channel = ANY(:channels)"
        ),
        {"channels": list(channels), "now": now},
    )
    known = {row[0]: Standing(row[0], float(row[1] or 0), row[2], row[3]) for row in rows}
    return [known.get(one, Standing(one, 0.0, paused=False, down=False)) for one in channels]


# A slot that a clock put back would leave far ahead is taken for free.
_RESERVE = text(
    "INSERT INTO channel_states (channel, slot_at) "
    "VALUES (:channel, clock_timestamp() + :spacing) ON CONFLICT (channel) DO UPDATE "
    "SET slot_at = :spacing + CASE "
    "WHEN channel_states.slot_at > clock_timestamp() + interval '1 minute' + :spacing "
    "THEN clock_timestamp() "
    "ELSE greatest(channel_states.slot_at, clock_timestamp()) END "
    "RETURNING extract(epoch FROM slot_at - :spacing - clock_timestamp())"
)


def reserve(tx: Connection, channel: str, spacing: timedelta) -> float:
    """Take the channel's next moment to send; seconds until then. `spacing` lies between two."""
    waited = tx.execute(_RESERVE, {"channel": channel, "spacing": spacing}).scalar_one()
    return max(float(waited), 0.0)


def probe(tx: Connection, channel: str, now: datetime) -> bool:
    """Whether this process may try a channel that is down; nobody else may meanwhile."""
    tried = tx.execute(
        text(
            "UPDATE channel_states SET paused_until = :until WHERE channel = :channel "
            "AND down_since IS NOT NULL AND coalesce(paused_until, :now) <= :now"
        ),
        {"channel": channel, "now": now, "until": now + PROBE},
    )
    return tried.rowcount == 1


def pause(tx: Connection, channel: str, until: datetime) -> None:
    """The provider asked to be left alone until then; that is no failure."""
    tx.execute(
        text(
            "INSERT INTO channel_states (channel, paused_until) VALUES (:channel, :until) "
            "ON CONFLICT (channel) DO UPDATE SET paused_until = "
            "greatest(channel_states.paused_until, excluded.paused_until)"
        ),
        {"channel": channel, "until": until},
    )


def worked(tx: Connection, channel: str) -> bool:
    """The channel took a message; True if it was down until now."""
    healed = tx.execute(
        text(
            "WITH before AS (SELECT down_since FROM channel_states WHERE channel = :channel "
            "AND failures > 0 FOR UPDATE) UPDATE channel_states SET failures = 0, pauses = 0, "
            "down_since = NULL, paused_until = NULL FROM before WHERE channel = :channel "
            "RETURNING before.down_since IS NOT NULL"
        ),
        {"channel": channel},
    ).scalar()
    return bool(healed)


def failed(tx: Connection, channel: str, now: datetime) -> bool:
    """The channel did not take a message; True if it goes down with this one.

    A channel that is down rests twice as long after every try that fails.
    """
    row = tx.execute(
        text(
            "INSERT INTO channel_states (channel, failures) VALUES (:channel, 1) "
            "ON CONFLICT (channel) DO UPDATE SET failures = channel_states.failures + 1 "
            "RETURNING failures, pauses, down_since"
        ),
        {"channel": channel},
    ).one()
    if row.failures < BREAKS_AT:
        return False
    rest = min(FIRST_PAUSE * 2 ** min(row.pauses, 10), LONGEST_PAUSE)
    tx.execute(
        text(
            "UPDATE channel_states SET paused_until = :until, pauses = pauses + 1, "
            "down_since = coalesce(down_since, :now) WHERE channel = :channel"
        ),
        {"channel": channel, "until": now + rest, "now": now},
    )
    return row.down_since is None


def silent_devices(tx: Connection, channel: str, before: datetime) -> list[tuple[str, datetime]]:
    """Devices of a channel that have not been heard since then, and when they last were."""
    rows = tx.execute(
        text(
            "SELECT device, at FROM heartbeats WHERE channel = :channel AND at < :before "
            "ORDER BY device"
        ),
        {"channel": channel, "before": before},
    )
    return [(row.device, row.at) for row in rows]
