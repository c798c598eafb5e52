"""Asks providers what became of messages: those in doubt, and those whose end nobody reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from app.delivery.post import Post
from app.errors import ConfigError, SendError
from app.storage import accounts, outbox
from app.storage.accounts import Doubtful
from app.words import Asked, Fate

log = structlog.get_logger()

AT_ONCE = 20
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
    """Ask about what is due; how many were asked about. No transaction is open meanwhile."""
    asked = 0
    while not stop():
        with post.engine.begin() as tx:
            doubtful = accounts.to_ask(tx, post.now(), AT_ONCE, LEASE)
        for one in doubtful:
            if stop():
                break
            _learn(post, one, _ask(post, one))
            asked += 1
        if len(doubtful) < AT_ONCE:
            break
    return asked


def _ask(post: Post, one: Doubtful) -> Fate | None:
    """The provider's answer; None if it could not answer now."""
    channel = post.channels.get(one.channel)
    if channel is None:
        return Fate("unknowable")
    try:
        outgoing = post.outgoing(
            one.id, one.channel, one.text, one.segments, one.phone_hash, one.phone_cipher
        )
        return channel.fate(Asked(outgoing, one.provider_ref, one.tried_at))
    except (SendError, ConfigError) as error:
        log.warning("asking_failed", channel=one.channel, kind=type(error).__name__)
    except Exception as error:
        log.error("asking_failed", channel=one.channel, kind=type(error).__name__)
    return None


def _learn(post: Post, one: Doubtful, fate: Fate | None) -> None:
    now = post.now()
    later = now + WAITS[one.asked - 1] if one.asked <= len(WAITS) else None
    with post.engine.begin() as tx:
        if fate is None:
            accounts.ask_again(tx, one.id, later)
            return
        if fate.provider_ref:
            outbox.name(tx, one.channel, fate.provider_ref, one.id)
            accounts.attach(tx, one.channel, fate.provider_ref, one.id)
        if fate.state == "unknowable" or (fate.state == "absent" and one.begun):
            accounts.ask_again(tx, one.id, None)
        elif fate.state == "absent":
            _send_again(post, tx, one)
        else:
            accounts.learn(tx, one.id, fate.state, fate.detail, now)
            polled = "status" in post.channels[one.channel].abilities
            accounts.ask_again(tx, one.id, later if polled else None)


def _send_again(post: Post, tx: Connection, one: Doubtful) -> None:
    """The provider never had it: as good as a call that failed."""
    if one.attempts > len(post.waits):
        outbox.settle(tx, one.id, "dead", "the provider never had it", post.now())
    else:
        outbox.again(tx, one.id, "the provider never had it", post.now())
