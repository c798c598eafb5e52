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

# A message is claimed when its channel's next slot is so near, and a slot taken.
AHEAD = timedelta(seconds=0.25)
# Slots lie a tenth further apart than the rate asks for. So a call may be up to a tenth of a
# second late and no second sees more calls than the rate. One that is later than LATE takes
# another slot; what is left of the tenth is for the way from there to the provider.
SLACK = 1.1
LATE_SECONDS = 0.03
# So long a claimed message is held for a slot; then another may have its place.
HELD_SECONDS = 1.0
NAP_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Turn:
    """A claimed message; without one, something waits for its channel's next slot."""

    claimed: Claimed | None
    begun: float = field(default_factory=time.monotonic)


class Gate:
    """One drain's view of what may go out."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._spacings = {name: spacing(post, name) for name in post.able("send")}
        self._allowed: tuple[Purpose, ...] = ()

    def next(self) -> Turn | None:
        """The next message; None when nothing is due."""
        now = self._post.now()
        with self._post.engine.begin() as tx:
            self._allowed = allowed_now(self._post, tx)
            every = channels.standings(tx, self._spacings, now)
            awake = [one for one in every if not one.paused]
            ready = [one for one in awake if one.wait <= AHEAD.total_seconds()]
            claimed = self._probe(tx, ready) or self._claim(tx, ready)
            slow = self._wanted([one for one in awake if one not in ready])
            if claimed is None and not (slow and outbox.due(tx, now, slow)):
                return None
        return Turn(claimed)

    def lets(self, turn: Turn) -> bool:
        """Wait for the message's slot; False where it is not to be sent now, and is given back.

        Who was stopped for half a claim's time must not call: others may think it dead.
        """
        assert turn.claimed is not None
        paced = keep_pace(self._post, turn.claimed.channel, HELD_SECONDS)
        age = time.monotonic() - turn.begun
        if paced and age <= self._post.lease.total_seconds() / 2:
            return True
        with self._post.engine.begin() as tx:
            reason = "its moment passed"
            outbox.again(tx, turn.claimed, reason, self._post.now(), counts=False)
        return False

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

    def _wanted(self, standing: Sequence[Standing]) -> list[Wanted]:
        """Purpose before channel: an answer on any channel goes before a digest on any."""
        return [
            (purpose, one.channel)
            for purpose in policy.URGENCY
            for one in standing
            # The phone page wakes nobody and is billed by nobody.
            if purpose in self._allowed or self._post.mail.router.is_loopback(one.channel)
        ]


def keep_pace(post: Post, channel: str, seconds: float) -> bool:
    """Wait for a slot of the channel, for so long at most; whether there was one in time."""
    between = spacing(post, channel)
    until = time.monotonic() + seconds
    while between:
        with post.engine.begin() as tx:
            wait = channels.reserve(tx, channel, between, AHEAD)
            slot = time.monotonic() + (NAP_SECONDS if wait is None else wait)
        time.sleep(max(slot - time.monotonic(), 0))
        if wait is not None and time.monotonic() - slot <= LATE_SECONDS:
            return True
        if time.monotonic() > until:
            return False
    return True


def spacing(post: Post, channel: str) -> timedelta:
    """What lies between two slots of a channel; nothing where it has no rate."""
    rate = post.channels[channel].config.rate
    return timedelta(seconds=SLACK / rate) if rate else timedelta()


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
