"""After the faults: wait until everything is at its end, putting the clock forward over waits.

Read from PostgreSQL directly. The clock is put forward only while nothing happens, and where a call
may be under way for longer than one takes: so each wait of the product is gone through, and none is
sat through.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psycopg

from tests.chaos.clock import put
from tests.chaos.stack import Stack

# Longer than a call to the provider and what is written of it; and where there is none.
CALL_SECONDS, STILL_SECONDS = 2.2, 0.6
LOOKS_EVERY: Final = 0.25

WAITING: Final = """
    SELECT (SELECT count(*) FROM inbound WHERE state IN ('new', 'part')) AS messages,
           (SELECT count(*) FROM conversations WHERE due_at IS NOT NULL) AS conversations,
           (SELECT count(*) FROM outbox
            WHERE state IN ('queued', 'sending', 'unknown', 'sent')) AS outgoing,
           (SELECT count(*) FROM outbox WHERE state = 'sending') AS calls,
           (SELECT coalesce(max(id), 0) + (SELECT coalesce(sum(asked), 0) FROM outbox)
            FROM outbox_history) AS changes
"""
# What comes next by the product's clock, and until when it may not.
COMING: Final = """
    SELECT extract(epoch FROM min(at) - now()) FROM (
        SELECT next_at FROM inbound WHERE state = 'new'
        UNION ALL SELECT greatest(next_at, (
            SELECT max(paused_until) FROM channel_states)) FROM outbox WHERE state = 'queued'
        UNION ALL SELECT next_at FROM outbox WHERE state = 'sending'
        UNION ALL SELECT ask_at FROM outbox WHERE ask_at IS NOT NULL
        UNION ALL SELECT next_at + interval '10 minutes' FROM outbox
            WHERE state = 'unknown' AND ask_at IS NULL) AS coming (at)
"""


@dataclass(frozen=True)
class Waiting:
    """How much is not at its end; `changes` grows with all that happens to a message."""

    messages: int
    conversations: int
    outgoing: int
    calls: int
    changes: int
    spooled: int
    receipts: int

    @property
    def nothing(self) -> bool:
        return not (
            self.messages + self.conversations + self.outgoing + self.spooled + self.receipts
        )

    @property
    def still_for(self) -> float:
        """For how long nothing must happen before the clock is put forward."""
        return CALL_SECONDS if self.calls else STILL_SECONDS


@dataclass(frozen=True)
class Settled:
    """How long it took, by how much the clock was put forward, and what still waits at the end."""

    seconds: float
    ahead: float
    late: Waiting | None = None


def settle(stack: Stack, seconds: float) -> Settled:
    """Wait until nothing waits, for so long at most."""
    begun = moved = time.monotonic()
    before: Waiting | None = None
    coming: float | None = None
    ahead = 0.0
    while True:
        waiting = None
        with suppress(psycopg.OperationalError), psycopg.connect(stack.database.dsn) as link:
            waiting = _look(stack, link)
            coming = _coming(link)
        now = time.monotonic()
        if waiting is not None and waiting.nothing:
            return Settled(now - begun, ahead)
        if now - begun > seconds:
            return Settled(now - begun, ahead, waiting or before)
        if waiting != before:
            before, moved = waiting, now
        elif waiting is not None and now - moved > waiting.still_for and (coming or 0) > ahead:
            assert coming is not None
            ahead, moved = coming, now
            put(stack.shared, ahead)
        time.sleep(LOOKS_EVERY)


def _look(stack: Stack, link: psycopg.Connection) -> Waiting:
    row = link.execute(WAITING).fetchone()
    assert row is not None
    spooled = len(list((stack.disk.folder / "spool").glob("*.arrival")))
    messages, conversations, outgoing, calls, changes = map(int, row)
    owed = stack.operator.owes
    return Waiting(messages, conversations, outgoing, calls, changes, spooled, owed)


def _coming(link: psycopg.Connection) -> float | None:
    """By how much the clock must be ahead for the next thing to be due."""
    row = link.execute(COMING).fetchone()
    return None if row is None or row[0] is None else float(row[0]) + 0.5
