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
from uuid import UUID, uuid5

import structlog
from sqlalchemy import Connection

from app import logs
from app.delivery import failover
from app.delivery.ends import FIRST_ASKED
from app.delivery.gates import NAP_SECONDS, Gate, keep_pace
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
from app.text.encoding import segment_count
from app.text.numbers import e164
from app.text.parts import separate
from app.words import Outgoing, Receipt, Sent

log = structlog.get_logger()

DRAIN_SECONDS = 10.0
FIRST_POLLED = timedelta(minutes=1)
# After so many calls that failed a message goes on by another channel, if there is one.
PASSED_ON_AT = 2
# A provider that wants to be left alone for no time at all would be called without end.
LEAST_AFTER = timedelta(seconds=1)
_JITTER = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class _Letter:
    """A claimed message as its channel carries it: in one piece, or in parts."""

    claimed: Claimed
    outgoing: Outgoing
    parts: tuple[str, ...]
    segments: int
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
            time.sleep(NAP_SECONDS)
        elif gate.lets(turn):
            with logs.one_conversation(turn.claimed.conversation):
                _send(post, turn.claimed)
            tried += 1
    return tried


# --- the call ---------------------------------------------------------------------------------


def _send(post: Post, claimed: Claimed) -> None:
    """Call the provider; no transaction is open meanwhile."""
    try:
        letter = _letter(post, claimed)
    except ConfigError:
        _put_off(post, claimed, "the keys that open its number are not set")
        return
    try:
        sent = _hand_over(post, letter)
    except TryLater as error:
        _leave_for_later(post, claimed, error)
    except Refused as error:
        _refuse(post, claimed, error)
    except FateUnknown as error:
        _doubt(post, letter, str(error))
    except Exception as error:
        # A fault of ours in the middle of a call: nobody knows what the provider has.
        log.error("sending_failed", message=claimed.id, kind=type(error).__name__)
        _doubt(post, letter, type(error).__name__)
    else:
        _record(post, letter, sent)


def _letter(post: Post, claimed: Claimed) -> _Letter:
    """Raises ConfigError where the keys do not open the number."""
    joins = post.channels[claimed.channel].config.joins
    parts = (claimed.text,) if joins else tuple(separate(claimed.text))
    segments = sum(segment_count(part) for part in parts)
    outgoing = replace(post.outgoing(claimed), segments=segments)
    return _Letter(claimed, outgoing, parts, segments, post.price(outgoing, segments))


def _hand_over(post: Post, letter: _Letter) -> Sent:
    """Send the message, where the channel joins no parts as several, in order.

    Each of them may bring a receipt; all are the message's.
    """
    channel = post.channels[letter.outgoing.channel]
    if len(letter.parts) == 1:
        return channel.send(letter.outgoing)
    ids = _part_ids(letter)
    for number, (id_, part) in enumerate(zip(ids, letter.parts, strict=True), 1):
        try:
            sent = channel.send(replace(letter.outgoing, id=id_, text=part, segments=1))
        except Exception as error:
            if number == 1:
                raise
            reason = str(error) if isinstance(error, SendError) else type(error).__name__
            told = f"only {number - 1} of {len(letter.parts)} parts: {reason}"
            raise FateUnknown(told) from None
        with post.engine.begin() as tx:
            outbox.begun(tx, letter.claimed, len(letter.parts), post.now())
            _name(tx, letter.claimed, sent)
            # Before they leave: their receipts may be here before the provider's answer.
            accounts.expect(tx, letter.claimed.channel, letter.claimed.id, ids[number:])
        if number < len(letter.parts):
            keep_pace(post, letter.outgoing.channel, post.lease.total_seconds())
    return sent


def _part_ids(letter: _Letter) -> list[str]:
    """The message's own id, then one for each further part: who sees an id again sends nothing."""
    known = letter.claimed.id
    further = range(2, len(letter.parts) + 1)
    return [known, *(str(uuid5(UUID(known), str(number))) for number in further)]


def _name(tx: Connection, claimed: Claimed, sent: Sent) -> None:
    if sent.provider_ref:
        outbox.name(tx, claimed.channel, sent.provider_ref, claimed.id)


# --- its outcome ------------------------------------------------------------------------------


def _record(post: Post, letter: _Letter, sent: Sent) -> None:
    now, claimed = post.now(), letter.claimed
    polled = "status" in post.channels[claimed.channel].abilities
    with post.engine.begin() as tx:
        outbox.sent(
            tx,
            claimed,
            state=sent.state,
            parts=len(letter.parts),
            segments=letter.segments,
            cost_kip=letter.kip,
            now=now,
            ask_at=now + FIRST_POLLED if polled else None,
        )
        _name(tx, claimed, sent)
        _note_answer(post, tx, claimed.channel)
    log.info("message_sent", message=claimed.id, channel=claimed.channel)


def _leave_for_later(post: Post, claimed: Claimed, error: TryLater) -> None:
    if error.after is None:
        _put_off(post, claimed, str(error))
        _note_failure(post, claimed.channel)
        if claimed.attempts >= PASSED_ON_AT and claimed.purpose != "canary":
            failover.pass_on(post, claimed)
        return
    log.warning("channel_paused", channel=claimed.channel, reason=str(error))
    until = post.now() + max(error.after, LEAST_AFTER)
    with post.engine.begin() as tx:
        outbox.again(tx, claimed, str(error), until, counts=False)
        channels.pause(tx, claimed.channel, until)


def _put_off(post: Post, claimed: Claimed, reason: str) -> None:
    log.warning("message_put_off", message=claimed.id, channel=claimed.channel, reason=reason)
    now = post.now()
    with post.engine.begin() as tx:
        if claimed.attempts > len(post.waits):
            outbox.settle(tx, claimed, "dead", reason, now)
        else:
            # ± 20 %, so that what failed together does not come back together.
            wait = post.waits[claimed.attempts - 1] * _JITTER.uniform(0.8, 1.2)
            outbox.again(tx, claimed, reason, now + wait)


def _refuse(post: Post, claimed: Claimed, error: Refused) -> None:
    """A no is an answer too: the channel works."""
    log.warning("message_refused", message=claimed.id, reason=str(error))
    now = post.now()
    with post.engine.begin() as tx:
        outbox.settle(tx, claimed, "failed", str(error), now)
        if isinstance(error, OptedOut):
            people.set_stopped(tx, claimed.contact_id, now)
        _note_answer(post, tx, claimed.channel)


def _doubt(post: Post, letter: _Letter, reason: str) -> None:
    claimed = letter.claimed
    log.warning("message_in_doubt", message=claimed.id, reason=reason)
    now = post.now()
    answers = "fate" in post.channels[claimed.channel].abilities
    with post.engine.begin() as tx:
        outbox.doubt(
            tx,
            claimed,
            reason,
            cost_kip=letter.kip,
            now=now,
            ask_at=now + FIRST_ASKED if answers else None,
        )
    _note_failure(post, claimed.channel)


def _note_answer(post: Post, tx: Connection, channel: str) -> None:
    if channels.worked(tx, channel):
        log.info("channel_up", channel=channel)
        alarms.close(tx, "channel_down", channel, post.now())


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
        noted = accounts.receive(tx, receipt, hashed)
        of = (receipt.channel, receipt.message_id, receipt.provider_ref)
        known = outbox.reported(tx, *of) if noted else None
    # One that overtook the provider's answer is of no message yet.
    if known is not None:
        message, conversation = known
        with logs.one_conversation(conversation):
            log.info("receipt_noted", message=message, channel=receipt.channel, state=receipt.state)
    return noted
