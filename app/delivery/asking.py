"""Asks providers what became of messages: those in doubt, and those whose end nobody reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from app.delivery.post import Post
from app.errors import ConfigError, SendError
from app.storage import accounts, outbox
from app.storage.accounts import Doubtful
from app.words import Asked, Fate

log = structlog.get_logger()

# Who asks may be killed; then somebody else asks after this.
LEASE = timedelta(minutes=2)
# Between questions about the same message; after the last it counts as unreported.
WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=24),
    timedelta(hours=36),
)


def drain(post: Post, stop: Callable[[], bool]) -> int:
    """Ask about what is due, one at a time; how many were asked about.

    No transaction is open while a provider is asked. One that cannot answer keeps nobody waiting:
    the others are asked in the next round.
    """
    asked = 0
    while not stop():
        with post.engine.begin() as tx:
            one = accounts.to_ask(tx, post.now(), LEASE)
        if one is None:
            break
        fate = _ask(post, one)
        with post.engine.begin() as tx:
            _learn(post, tx, one, fate)
        asked += 1
        if fate is None:
            break
    return asked


def _ask(post: Post, one: Doubtful) -> Fate | None:
    """The provider's answer; None if it could not answer now."""
    channel = post.channels.get(one.channel)
    if channel is None:
        return Fate("unknowable")
    try:
        return channel.fate(Asked(post.outgoing(one), one.provider_ref, one.tried_at))
    except (SendError, ConfigError) as error:
        log.warning("asking_failed", channel=one.channel, kind=type(error).__name__)
    except Exception as error:
        log.error("asking_failed", channel=one.channel, kind=type(error).__name__)
    return None


def _learn(post: Post, tx: Connection, one: Doubtful, fate: Fate | None) -> None:
    now = post.now()
    if fate is None:
        accounts.ask_again(tx, one.id, _next(one, now))
        return
    if fate.provider_ref:
        outbox.name(tx, one.channel, fate.provider_ref, one.id)
    if fate.state == "absent" and not one.begun:
        _send_again(post, tx, one)
    elif fate.state in ("absent", "unknowable"):
        accounts.ask_again(tx, one.id, None)
    else:
        accounts.learn(tx, one.id, fate.state, fate.detail, now)
        polled = "status" in post.channels[one.channel].abilities
        accounts.ask_again(tx, one.id, _next(one, now) if polled else None)


def _next(one: Doubtful, now: datetime) -> datetime | None:
    return now + WAITS[one.asked - 1] if one.asked <= len(WAITS) else None


def _send_again(post: Post, tx: Connection, one: Doubtful) -> None:
    """The provider never had it: as good as a call that failed."""
    reason = "the provider never had it"
    if one.attempts > len(post.waits):
        outbox.settle(tx, one, "dead", reason, post.now())
    else:
        outbox.again(tx, one, reason, post.now())
