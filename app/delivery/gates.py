"""Who may send next: purposes by hour and budget, channels by rate and breaker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from app import clock
from app.delivery import policy
from app.delivery.policy import Spent
from app.delivery.post import Post
from app.storage import channels, outbox
from app.storage.channels import Standing
from app.storage.outbox import Claimed, Wanted
from app.words import Purpose

# A message is claimed for a slot so far ahead at most.
AHEAD = timedelta(seconds=0.25)
# Slots lie a tenth further apart than the rate asks for. So a call may be up to a tenth of a
# second late and no second sees more calls than the rate; one later than half of that gives its
# slot up, and the other half is for what happens from there to the provider.
SLACK = 1.1
LATE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Turn:
    """A claimed message and when to send it; or, without one, how long to wait for a channel."""

    claimed: Claimed | None
    wait: float
    # How late the call may be, in seconds.
    patience: float = 0.0
    begun: float = field(default_factory=time.monotonic)

    def in_time(self) -> bool:
        """Wait for the slot; False where it was missed, or the claim is too old to be sure of."""
        slot = self.begun + self.wait
        time.sleep(max(slot - time.monotonic(), 0))
        return time.monotonic() - slot <= self.patience


class Gate:
    """One drain's view of what may go out."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._spacings = {name: _spacing(post, name) for name in post.able("send")}
        self._allowed: tuple[Purpose, ...] = ()

    def next(self) -> Turn | None:
        """The next message, or the wait for one; None when nothing is due."""
        with self._post.engine.connect() as tx:
            self._allowed = allowed_now(self._post, tx)
            every = channels.standings(tx, self._spacings, self._post.now())
            awake = [one for one in every if not one.paused]
            ready = [one for one in awake if one.wait <= AHEAD.total_seconds()]
            claimed = self._probe(tx, ready) or self._claim(tx, ready)
            if claimed is None:
                tx.commit()
                return self._later(tx, [one for one in awake if one not in ready])
            wait = self._slot(tx, claimed.channel)
            if wait is None:
                # Others took the slots meanwhile. What is not committed was never claimed.
                return Turn(None, AHEAD.total_seconds() / 2)
            tx.commit()
            return Turn(claimed, wait, self._patience(claimed.channel))

    def give_back(self, claimed: Claimed) -> None:
        """Somebody else may have it: it was not sent."""
        now = self._post.now()
        with self._post.engine.begin() as tx:
            outbox.again(tx, claimed, "its moment passed", now, counts=False)

    def _claim(self, tx: Connection, ready: Sequence[Standing]) -> Claimed | None:
        wanted = self._wanted([one for one in ready if not one.down])
        return outbox.claim(tx, self._post.now(), wanted, self._post.lease)

    def _probe(self, tx: Connection, ready: Sequence[Standing]) -> Claimed | None:
        """A channel that is down is tried with one message, by one process, before all else."""
        now = self._post.now()
        for one in ready:
            wanted = self._wanted([one])
            if one.down and outbox.due(tx, now, wanted) and channels.probe(tx, one.channel, now):
                return outbox.claim(tx, now, wanted, self._post.lease)
        return None

    def _later(self, tx: Connection, slow: Sequence[Standing]) -> Turn | None:
        """What is due on a channel whose next slot is further ahead is waited for, but not long:
        something more urgent may come for another.
        """
        if not outbox.due(tx, self._post.now(), self._wanted(slow)):
            return None
        return Turn(None, min(AHEAD.total_seconds(), *(one.wait for one in slow)))

    def _slot(self, tx: Connection, channel: str) -> float | None:
        spacing = self._spacings[channel]
        return channels.reserve(tx, channel, spacing, AHEAD) if spacing else 0.0

    def _patience(self, channel: str) -> float:
        """Who was stopped for half a claim's time must not call: others may think it dead."""
        return LATE_SECONDS if self._spacings[channel] else self._post.lease.total_seconds() / 2

    def _wanted(self, standing: Sequence[Standing]) -> list[Wanted]:
        """Purpose before channel: an answer on any channel goes before a digest on any."""
        return [
            (purpose, one.channel)
            for purpose in policy.URGENCY
            for one in standing
            # The phone page wakes nobody and is billed by nobody.
            if purpose in self._allowed or self._post.mail.router.is_loopback(one.channel)
        ]


def keep_pace(post: Post, channel: str) -> None:
    """Wait for a slot of the channel; for the further parts of a message."""
    spacing = _spacing(post, channel)
    while spacing:
        with post.engine.begin() as tx:
            wait = channels.reserve(tx, channel, spacing, AHEAD)
        turn = Turn(None, AHEAD.total_seconds() / 2 if wait is None else wait, LATE_SECONDS)
        if turn.in_time() and wait is not None:
            return


def allowed_now(post: Post, tx: Connection) -> tuple[Purpose, ...]:
    """The purposes that hour and money allow now."""
    now = post.now()
    quiet = clock.is_quiet(now, post.delivery.quiet_from, post.delivery.quiet_until)
    return policy.allowed(quiet=quiet, spent=spent_now(post, tx), budget=post.budget)


def spent_now(post: Post, tx: Connection) -> Spent:
    """Nothing where there is no budget to compare it with."""
    if not post.budget.daily_kip and not post.budget.monthly_kip:
        return Spent()
    return post.purse.spent(tx, post.now())


def _spacing(post: Post, channel: str) -> timedelta:
    """What lies between two slots of a channel; nothing where it has no rate."""
    rate = post.channels[channel].config.rate
    return timedelta(seconds=SLACK / rate) if rate else timedelta()
