"""How each channel is: its next free moment to send, its breaker, its devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

# So many failures in a row, and the channel rests.
BREAKS_AT = 5
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Standing:
    """`wait` is seconds until the channel may send again; `down` that its breaker is open."""

    channel: str
    wait: float
    paused: bool
    down: bool


# A slot much further ahead than it can be is one that a clock put back has left there.
_STANDINGS = text(
    """
    SELECT one.channel,
           CASE WHEN slot_at < clock_timestamp() + interval '5 seconds' + spacing
                THEN greatest(extract(epoch FROM slot_at - clock_timestamp()), 0)
                ELSE 0 END,
           coalesce(paused_until > :now, false), down_since IS NOT NULL
    FROM unnest(CAST(:channels AS text[]), CAST(:spacings AS interval[]))
         WITH ORDINALITY AS one (channel, spacing, place)
         LEFT JOIN channel_states USING (channel)
    ORDER BY place
    """
)


def standings(tx: Connection, spacings: Mapping[str, timedelta], now: datetime) -> list[Standing]:
    """Every channel's, in the order given, which comes with what lies between two slots."""
    values = {"channels": list(spacings), "spacings": list(spacings.values()), "now": now}
    rows = tx.execute(_STANDINGS, values)
    return [Standing(row[0], float(row[1]), row[2], row[3]) for row in rows]


_RESERVE = text(
    """
    INSERT INTO channel_states AS known (channel, slot_at)
    VALUES (:channel, clock_timestamp() + :spacing)
    ON CONFLICT (channel) DO UPDATE SET slot_at = :spacing +
        CASE WHEN known.slot_at < clock_timestamp() + interval '5 seconds' + :spacing
             THEN greatest(known.slot_at, clock_timestamp())
             ELSE clock_timestamp() END
    WHERE known.slot_at IS NULL OR known.slot_at <= clock_timestamp() + :ahead
          OR known.slot_at >= clock_timestamp() + interval '5 seconds' + :spacing
    RETURNING extract(epoch FROM slot_at - :spacing - clock_timestamp())
    """
)


def reserve(tx: Connection, channel: str, spacing: timedelta, ahead: timedelta) -> float | None:
    """Take the channel's next slot; seconds until then, None where it is not within `ahead`.

    `spacing` lies between two. A slot need not outlive a crash of the database: waiting for the
    disk would make its taker late.
    """
    tx.execute(text("SET LOCAL synchronous_commit = off"))
    values = {"channel": channel, "spacing": spacing, "ahead": ahead}
    waited = tx.execute(_RESERVE, values).scalar()
    return None if waited is None else max(float(waited), 0.0)


def probe(tx: Connection, channel: str, now: datetime) -> bool:
    """Whether this process may try a channel that is down with one message.

    The next one may after a rest twice as long: what works wakes the channel before.
    """
    tried = tx.execute(
        text(
            "UPDATE channel_states SET pauses = pauses + 1, paused_until = "
            ":now + least(:first * power(2, least(pauses + 1, 10)), :longest) "
            "WHERE channel = :channel AND down_since IS NOT NULL "
            "AND coalesce(paused_until, :now) <= :now"
        ),
        {"channel": channel, "now": now, "first": FIRST_REST, "longest": LONGEST_REST},
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
    """The channel's provider answered; True if it was down until now.

    A pause for which the provider asked goes on.
    """
    healed = tx.execute(
        text(
            "WITH before AS (SELECT down_since FROM channel_states WHERE channel = :channel "
            "AND failures > 0 FOR UPDATE) UPDATE channel_states SET failures = 0, pauses = 0, "
            "down_since = NULL, paused_until = CASE WHEN before.down_since IS NULL "
            "THEN paused_until END FROM before WHERE channel = :channel "
            "RETURNING before.down_since IS NOT NULL"
        ),
        {"channel": channel},
    ).scalar()
    return bool(healed)


_FAILED = text(
    """
    INSERT INTO channel_states AS known (channel, failures) VALUES (:channel, 1)
    ON CONFLICT (channel) DO UPDATE SET
        failures = known.failures + 1,
        down_since = CASE WHEN known.failures + 1 >= :breaks
                          THEN coalesce(known.down_since, :now) END,
        paused_until = CASE WHEN known.failures + 1 = :breaks
                            THEN greatest(known.paused_until, :until)
                            ELSE known.paused_until END
    RETURNING failures = :breaks
    """
)


def failed(tx: Connection, channel: str, now: datetime) -> bool:
    """The channel did not take a message; True if it goes down with this one, and rests."""
    values = {"channel": channel, "now": now, "breaks": BREAKS_AT, "until": now + FIRST_REST}
    return bool(tx.execute(_FAILED, values).scalar_one())


def silent_devices(
    tx: Connection, channel: str, before: datetime, since: datetime
) -> list[tuple[str, datetime]]:
    """Devices of a channel that were last heard between the two moments, and when."""
    rows = tx.execute(
        text(
            "SELECT device, at FROM heartbeats WHERE channel = :channel "
            "AND at BETWEEN :since AND :before ORDER BY device"
        ),
        {"channel": channel, "before": before, "since": since},
    )
    return [(row.device, row.at) for row in rows]
