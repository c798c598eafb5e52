"""Drains the outbox: one message at a time is claimed, sent and recorded.

One at a time, because a claim says "the call is being made": whoever is killed leaves at most
one message in doubt.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from app import clock
from app.channels.base import Channel
from app.errors import ConfigError, FateUnknown, Refused, SendError, TryLater
from app.people.vault import Sealed, Vault
from app.storage import outbox
from app.storage.outbox import Claimed
from app.text.parts import separate
from app.words import Outgoing, Receipt, Sent

log = structlog.get_logger()

DRAIN_SECONDS = 10.0
_JITTER = random.SystemRandom()
# Waits before the second, third … attempt; after the last the message is dead (about 8 hours).
WAITS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
)


@dataclass(frozen=True, slots=True)
class Post:
    """What sending needs at hand."""

    engine: Engine
    vault: Vault
    channels: Mapping[str, Channel]
    now: Callable[[], datetime] = clock.now


def drain(post: Post, stop: Callable[[], bool]) -> int:
    """Send what is due for at most ten seconds; how many were tried."""
    until = time.monotonic() + DRAIN_SECONDS
    tried = 0
    while not stop() and time.monotonic() < until:
        with post.engine.begin() as tx:
            claimed = outbox.claim(tx, post.now())
        if claimed is None:
            break
        _send(post, claimed)
        tried += 1
    return tried


def _send(post: Post, claimed: Claimed) -> None:
    """Call the provider; no transaction is open meanwhile."""
    try:
        outgoing = _opened(post, claimed)
        sent = _hand_over(post, post.channels[claimed.channel], outgoing)
    except TryLater as error:
        _put_off(post, claimed, str(error))
    except Refused as error:
        _settle(post, claimed, "failed", str(error))
    except FateUnknown as error:
        _settle(post, claimed, "unknown", str(error))
    except (ConfigError, KeyError) as error:
        _put_off(post, claimed, f"{type(error).__name__}: the channel or the keys are not set")
    except Exception as error:
        # A fault of ours in the middle of a call: nobody knows what the provider has.
        log.error("sending_failed", message=claimed.id, kind=type(error).__name__)
        _settle(post, claimed, "unknown", type(error).__name__)
    else:
        with post.engine.begin() as tx:
            outbox.sent(tx, claimed.id, sent.state, sent.provider_ref, post.now())
        log.info("message_sent", message=claimed.id, channel=claimed.channel)


def _hand_over(post: Post, channel: Channel, outgoing: Outgoing) -> Sent:
    """Send the message, where the channel joins no parts as several with the same id, in order.

    Each of them may bring a receipt; all are the message's.
    """
    first, *others = [outgoing.text] if channel.config.joins else separate(outgoing.text)
    sent = channel.send(replace(outgoing, text=first, segments=1) if others else outgoing)
    if others:
        with post.engine.begin() as tx:
            outbox.begun(tx, outgoing.id, 1 + len(others), post.now())
    for number, part in enumerate(others, 2):
        try:
            sent = channel.send(replace(outgoing, text=part, segments=1))
        except Exception as error:
            reason = str(error) if isinstance(error, SendError) else type(error).__name__
            raise FateUnknown(f"only {number - 1} of {1 + len(others)} parts: {reason}") from None
    return sent


def _opened(post: Post, claimed: Claimed) -> Outgoing:
    sealed = Sealed(bytes(claimed.phone_hash), bytes(claimed.phone_cipher))
    return Outgoing(
        id=claimed.id,
        channel=claimed.channel,
        to=post.vault.open(sealed),
        text=claimed.text,
        segments=claimed.segments,
    )


def _put_off(post: Post, claimed: Claimed, reason: str) -> None:
    if claimed.attempts > len(WAITS):
        _settle(post, claimed, "dead", reason)
        return
    # ± 20 %, so that what failed together does not come back together.
    wait = WAITS[claimed.attempts - 1] * _JITTER.uniform(0.8, 1.2)
    log.warning("message_put_off", message=claimed.id, channel=claimed.channel, reason=reason)
    with post.engine.begin() as tx:
        outbox.again(tx, claimed.id, reason, post.now() + wait)


def _settle(post: Post, claimed: Claimed, state: str, reason: str) -> None:
    log.warning("message_settled", message=claimed.id, state=state, reason=reason)
    with post.engine.begin() as tx:
        outbox.settle(tx, claimed.id, state, reason, post.now())


def receive(post: Post, receipt: Receipt) -> bool:
    """Note a delivery receipt; False if we sent no such message."""
    with post.engine.begin() as tx:
        return outbox.receive(tx, receipt.message_id, receipt.state, receipt.detail, receipt.at)
