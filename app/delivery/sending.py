"""Drains the outbox: one message at a time is claimed, sent and recorded.

One at a time, because a claim says "the call is being made": whoever is killed leaves at most
one message in doubt.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from app.channels.base import Channel
from app.delivery.gates import Gate, Turn
from app.delivery.post import Post
from app.errors import (
    ConfigError,
    FateUnknown,
    NotAPhoneNumber,
    OptedOut,
    Refused,
    SendError,
    TryLater,
)
from app.storage import accounts, alarms, channels, outbox, people
from app.storage.outbox import Claimed
from app.text.numbers import e164
from app.text.parts import separate
from app.words import Outgoing, Receipt, Sent

log = structlog.get_logger()

DRAIN_SECONDS = 10.0
_JITTER = random.SystemRandom()
# A provider that is asked at once may not have filed yet what it just took.
FIRST_ASKED = timedelta(seconds=30)
FIRST_POLLED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Spent:
    """What a message costs on the channel that carries it."""

    outgoing: Outgoing
    kip: int


def drain(post: Post, stop: Callable[[], bool]) -> int:
    """Send what is due for at most ten seconds; how many were tried."""
    until = time.monotonic() + DRAIN_SECONDS
    gate = Gate(post)
    tried = 0
    while not stop() and time.monotonic() < until:
        turn = gate.next()
        if turn is None:
            break
        if turn.claimed is None:
            time.sleep(min(turn.wait, max(until - time.monotonic(), 0)))
            continue
        if _in_time(post, turn):
            _send(post, turn.claimed)
            tried += 1
    return tried


def _in_time(post: Post, turn: Turn) -> bool:
    """Wait for the message's moment; False when so late that others may think us dead."""
    claimed = turn.claimed
    assert claimed is not None
    if not turn.keep():
        # A process that was stopped meanwhile must not call a provider that was asked already.
        log.warning("claim_too_old", message=claimed.id)
        return False
    return True


def _send(post: Post, claimed: Claimed) -> None:
    """Call the provider; no transaction is open meanwhile."""
    spent: _Spent | None = None
    try:
        outgoing = post.outgoing(
            claimed.id,
            claimed.channel,
            claimed.text,
            claimed.segments,
            claimed.phone_hash,
            claimed.phone_cipher,
        )
        price = post.mail.router.price(claimed.channel, outgoing.to)
        spent = _Spent(outgoing, price * claimed.segments)
        sent = _hand_over(post, post.channels[claimed.channel], outgoing)
    except TryLater as error:
        _put_off(post, claimed, error)
    except Refused as error:
        _refuse(post, claimed, error)
    except FateUnknown as error:
        _doubt(post, claimed, str(error), spent)
    except (ConfigError, KeyError) as error:
        reason = f"{type(error).__name__}: the channel or the keys are not set"
        _put_off(post, claimed, TryLater(reason))
    except Exception as error:
        # A fault of ours in the middle of a call: nobody knows what the provider has.
        log.error("sending_failed", message=claimed.id, kind=type(error).__name__)
        _doubt(post, claimed, type(error).__name__, spent)
    else:
        _record(post, claimed, sent, spent)


def _hand_over(post: Post, channel: Channel, outgoing: Outgoing) -> Sent:
    """Send the message, where the channel joins no parts as several with the same id, in order.

    Each of them may bring a receipt; all are the message's.
    """
    first, *others = [outgoing.text] if channel.config.joins else separate(outgoing.text)
    sent = channel.send(replace(outgoing, text=first, segments=1) if others else outgoing)
    if others:
        with post.engine.begin() as tx:
            outbox.begun(tx, outgoing.id, 1 + len(others), post.now())
            _name(post, outgoing, sent)
    for number, part in enumerate(others, 2):
        try:
            sent = channel.send(replace(outgoing, text=part, segments=1))
        except Exception as error:
            reason = str(error) if isinstance(error, SendError) else type(error).__name__
            raise FateUnknown(f"only {number - 1} of {1 + len(others)} parts: {reason}") from None
        _name(post, outgoing, sent)
    return sent


def _name(post: Post, outgoing: Outgoing, sent: Sent) -> None:
    """File the provider's id, and the receipts that came before it."""
    if sent.provider_ref:
        with post.engine.begin() as tx:
            outbox.name(tx, outgoing.channel, sent.provider_ref, outgoing.id)
            accounts.attach(tx, outgoing.channel, sent.provider_ref, outgoing.id)


def _record(post: Post, claimed: Claimed, sent: Sent, spent: _Spent) -> None:
    now = post.now()
    polled = "status" in post.channels[claimed.channel].abilities
    with post.engine.begin() as tx:
        outbox.sent(
            tx,
            claimed,
            state=sent.state,
            cost_kip=spent.kip,
            now=now,
            ask_at=now + FIRST_POLLED if polled else None,
        )
        if sent.provider_ref:
            outbox.name(tx, claimed.channel, sent.provider_ref, claimed.id)
            accounts.attach(tx, claimed.channel, sent.provider_ref, claimed.id)
        if channels.worked(tx, claimed.channel):
            alarms.close(tx, "channel_down", claimed.channel, now)
    log.info("message_sent", message=claimed.id, channel=claimed.channel)


def _put_off(post: Post, claimed: Claimed, error: TryLater) -> None:
    log.warning("message_put_off", message=claimed.id, channel=claimed.channel, reason=str(error))
    now = post.now()
    if error.after is not None:
        with post.engine.begin() as tx:
            outbox.again(tx, claimed.id, str(error), now + error.after, counts=False)
            channels.pause(tx, claimed.channel, now + error.after)
        return
    with post.engine.begin() as tx:
        if claimed.attempts > len(post.waits):
            outbox.settle(tx, claimed.id, "dead", str(error), now)
        else:
            # ± 20 %, so that what failed together does not come back together.
            wait = post.waits[claimed.attempts - 1] * _JITTER.uniform(0.8, 1.2)
            outbox.again(tx, claimed.id, str(error), now + wait)
    _note_failure(post, claimed.channel)


def _refuse(post: Post, claimed: Claimed, error: Refused) -> None:
    log.warning("message_refused", message=claimed.id, reason=str(error))
    now = post.now()
    with post.engine.begin() as tx:
        outbox.settle(tx, claimed.id, "failed", str(error), now)
        if isinstance(error, OptedOut):
            people.set_stopped(tx, claimed.contact_id, now)


def _doubt(post: Post, claimed: Claimed, reason: str, spent: _Spent | None) -> None:
    log.warning("message_in_doubt", message=claimed.id, reason=reason)
    now = post.now()
    answers = "fate" in post.channels[claimed.channel].abilities
    with post.engine.begin() as tx:
        outbox.doubt(
            tx,
            claimed.id,
            reason,
            cost_kip=spent.kip if spent else 0,
            now=now,
            ask_at=now + FIRST_ASKED if answers else None,
        )
    _note_failure(post, claimed.channel)


def _note_failure(post: Post, channel: str) -> None:
    """Apart from the message's own transaction: the channel's row is everybody's."""
    now = post.now()
    with post.engine.begin() as tx:
        if channels.failed(tx, channel, now):
            log.error("channel_down", channel=channel)
            detail = "It took none of the last messages; they go by another channel or wait"
            alarms.notice(tx, kind="channel_down", subject=channel, detail=detail, now=now)


def receive(post: Post, receipt: Receipt) -> bool:
    """Note a delivery receipt; False if we sent no such message to such a phone."""
    try:
        hashed = post.vault.hash(e164(receipt.phone)) if receipt.phone else None
    except NotAPhoneNumber:
        return False
    with post.engine.begin() as tx:
        contact = accounts.receive(tx, receipt, hashed)
        if contact and receipt.opted_out:
            people.set_stopped(tx, contact, receipt.at)
        if receipt.state == "delivered":
            alarms.close(tx, "canary", receipt.channel, receipt.at)
    return contact is not None
