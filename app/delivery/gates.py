"""Who may send next: purposes by hour and budget, channels by rate and breaker."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from app import clock
from app.delivery import policy
from app.delivery.policy import Spent
from app.delivery.post import Post
from app.delivery.routing import LOOPBACK
from app.storage import accounts, channels, outbox
from app.storage.channels import Standing
from app.storage.outbox import Claimed, Wanted
from app.words import Purpose

# Hour and budget are looked at anew this often.
FRESH_SECONDS = 1.0
# A message is claimed for a slot so far ahead at most.
AHEAD_SECONDS = 0.25
# Slots lie further apart than the rate asks for, and one that was missed by more than LATE is
# given back: together no second sees more calls than the rate, whatever the machine does.
SLACK = 1.1
LATE_SECONDS = 0.02
MOVED_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Turn:
    """A claimed message and when to send it; or, without one, how long to wait for a channel."""

    gate: Gate
    claimed: Claimed | None
    wait: float
    begun: float = field(default_factory=time.monotonic)

    def keep(self) -> bool:
        """Wait for the slot, or another where it was missed; False once the claim is too old."""
        assert self.claimed is not None
        slot = self.begun + self.wait
        while True:
            time.sleep(max(slot - time.monotonic(), 0))
            if not self.gate.paces(self.claimed.channel):
                break
            if time.monotonic() - slot <= LATE_SECONDS:
                break
            wait = self.gate.slot(self.claimed.channel)
            slot = time.monotonic() + wait
        half = self.gate.post.lease.total_seconds() / 2
        return time.monotonic() - self.begun < half


class Gate:
    """One drain's view of what may go out."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self._looked = float("-inf")
        self._allowed: tuple[Purpose, ...] = ()

    def next(self) -> Turn | None:
        """The next message, or the wait for one; None when nothing is due."""
        self._look()
        now = self.post.now()
        with self.post.engine.begin() as tx:
            standing = channels.standings(tx, self.post.able("send"), now)
            ready = [one for one in standing if not one.paused and one.wait <= AHEAD_SECONDS]
            claimed = self._claim(tx, ready)
            if claimed is not None:
                return Turn(self, claimed, self._reserve(tx, claimed.channel))
            slow = [one for one in standing if not one.paused and one.wait > AHEAD_SECONDS]
            if slow and outbox.due(tx, now, self._wanted(slow)):
                return Turn(self, None, min(one.wait for one in slow) - AHEAD_SECONDS / 2)
        return None

    def paces(self, channel: str) -> bool:
        """Whether the channel has a rate to keep."""
        return self.post.channels[channel].config.rate > 0

    def slot(self, channel: str) -> float:
        """Take another slot; seconds until then."""
        with self.post.engine.begin() as tx:
            return self._reserve(tx, channel)

    def _claim(self, tx: Connection, ready: list[Standing]) -> Claimed | None:
        """A channel that is down is tried with one message, by one process."""
        now, lease = self.post.now(), self.post.lease
        up = [one for one in ready if not one.down]
        claimed = outbox.claim(tx, now, self._wanted(up), lease)
        if claimed is not None:
            return claimed
        for one in ready:
            wanted = self._wanted([one])
            if one.down and outbox.due(tx, now, wanted) and channels.probe(tx, one.channel, now):
                return outbox.claim(tx, now, wanted, lease)
        return None

    def _reserve(self, tx: Connection, channel: str) -> float:
        rate = self.post.channels[channel].config.rate
        if not rate:
            return 0.0
        return channels.reserve(tx, channel, timedelta(seconds=SLACK / rate))

    def _wanted(self, standing: list[Standing]) -> list[Wanted]:
        """Purpose before channel: an answer on any channel goes before a digest on any."""
        return [
            (purpose, one.channel)
            for purpose in policy.URGENCY
            for one in standing
            if purpose in self._allowed or self._is_loopback(one.channel)
        ]

    def _is_loopback(self, channel: str) -> bool:
        """The phone page wakes nobody and costs nothing."""
        return self.post.channels[channel].config.kind == LOOPBACK

    def _look(self) -> None:
        if time.monotonic() - self._looked < FRESH_SECONDS:
            return
        self._looked = time.monotonic()
        with self.post.engine.begin() as tx:
            self._allowed = allowed_now(self.post, tx)
            move_from_down(self.post, tx)


def allowed_now(post: Post, tx: Connection) -> tuple[Purpose, ...]:
    """The purposes that hour and money allow now."""
    now = post.now()
    quiet = clock.is_quiet(now, post.delivery.quiet_from, post.delivery.quiet_until)
    return policy.allowed(quiet=quiet, spent=spent_now(post, tx), budget=post.budget)


def spent_now(post: Post, tx: Connection) -> Spent:
    if not post.budget.daily_kip and not post.budget.monthly_kip:
        return Spent()
    day = clock.local_day(post.now())
    return Spent(*accounts.spent(tx, clock.local_moment(day, 0), clock.month_start(day)))


def move_from_down(post: Post, tx: Connection) -> None:
    """Messages that wait for a channel that is down, or gone, go to the next that can carry them.

    Once its rest is over one of them tries it first.
    """
    now = post.now()
    standing = channels.standings(tx, post.able("send"), now)
    down = {one.channel for one in standing if one.down}
    resting = {one.channel for one in standing if one.down and one.paused}
    gone = outbox.channels_waited_for(tx) - {one.channel for one in standing}
    for channel in resting | gone:
        for message, hashed, cipher in outbox.on_channel(tx, channel, now, MOVED_AT_ONCE):
            to = post.outgoing(message, channel, "", 1, hashed, cipher).to
            others = post.mail.router.candidates(to, channel)
            other = next((one for one in others if one not in down), None)
            if other is not None and other in post.channels:
                outbox.move(tx, message, other, f"{channel} is down")
