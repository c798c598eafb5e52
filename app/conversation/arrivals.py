"""What arrived, and where it goes: into the database, or into the spool while that is away.

A gateway is told 200 once either has it. One phone's things are taken in the order in which they
came, so that what comes directly goes behind what of the same phone still waits in the spool.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from app import counters, logs
from app.channels.base import Channel
from app.conversation import intake
from app.conversation.deadline import Patience
from app.conversation.desk import Desk
from app.delivery import sending
from app.delivery.post import Post
from app.errors import Contradicts, NotAPhoneNumber, RefusedRequest, SendError
from app.storage import alarms, conversations, heartbeats, people, reconciling
from app.storage.database import with_fresh_connection
from app.text.numbers import e164
from app.words import Arrived, Ended, Heartbeat, Inbound, OptOut, Receipt

log = structlog.get_logger()

Stop = Callable[[], bool]

# How often providers are asked for what they received, and from how long before the last time on.
MISSED_EVERY = timedelta(minutes=5)
MISSED_OVERLAP = timedelta(minutes=15)
# What an alarm about the spool is about.
SPOILT = "corrupt"


def take(desk: Desk, post: Post, arrival: Arrived) -> None:
    """Commit what arrived, with the effect of once. Raises Contradicts and SQLAlchemyError.

    A USSD input is no matter of this: it wants its answer at once.
    """
    match arrival:
        case Inbound():
            intake.accept(desk, arrival)
        case Receipt():
            _note(desk, post, arrival)
        case OptOut():
            intake.opt(desk, arrival)
        case Ended():
            _end(desk, arrival)
        case Heartbeat():
            with desk.engine.begin() as tx:
                heartbeats.beat(tx, arrival.channel, arrival.device, arrival.detail, arrival.at)


def keep(desk: Desk, post: Post, arrival: Arrived, patience: Patience) -> bool:
    """Commit it or spool it; False where neither is possible now. Raises Contradicts.

    A database that hangs is as good as away. What it commits later all the same is known when it
    comes from the spool.
    """
    whose = _whose(arrival)
    if desk.spool.holds(whose):
        return _spooled(desk, whose, arrival)
    try:
        patience.wait(lambda: with_fresh_connection(lambda: take(desk, post, arrival)))
    except RefusedRequest:
        raise
    except Exception as error:
        # Whatever broke: the spool keeps it until it can be taken, or until somebody looks.
        log.error("not_committed", channel=arrival.channel, cause=logs.where(error))
        return _spooled(desk, whose, arrival)
    counters.arrived(arrival.channel, type(arrival).__name__, "database")
    return True


def _spooled(desk: Desk, whose: str, arrival: Arrived) -> bool:
    kept = desk.spool.put(whose, arrival)
    counters.arrived(arrival.channel, type(arrival).__name__, "spool" if kept else "nowhere")
    return kept


def flush_spool(desk: Desk, post: Post, stop: Stop) -> int:
    """Commit what waits in the spool, while the database is there; how many."""

    def spoilt() -> None:
        with desk.engine.begin() as tx:
            alarms.notice(
                tx,
                kind="spool",
                subject=SPOILT,
                detail="Something in the spool cannot be taken in; it is kept as *.corrupt there",
                now=desk.now(),
            )

    try:
        flushed = desk.spool.flush(lambda arrival: _taken(desk, post, arrival), spoilt, stop)
        if not desk.spool.spoilt():
            with desk.engine.begin() as tx:
                alarms.close(tx, "spool", SPOILT, desk.now())
    except (SQLAlchemyError, OSError) as error:
        log.error("spool_not_flushed", cause=logs.where(error))
        return 0
    if flushed:
        log.info("spool_flushed", arrivals=flushed)
    return flushed


def fetch_missed(desk: Desk, post: Post, stop: Stop) -> int:
    """Ask each provider that can tell what it received for us; how many were new to us.

    At most once in five minutes for each channel, whoever asks. Raises SQLAlchemyError; then the
    next time asks for the same again.
    """
    found = 0
    for name, channel in post.channels.items():
        if stop():
            break
        if "missed" in channel.abilities:
            found += _fetch(desk, post, name, channel)
    return found


def join_late_parts(desk: Desk) -> int:
    """Join what is there of long messages whose missing parts come no more; how many."""
    return intake.join_late_parts(desk)


# --- one of each kind -------------------------------------------------------------------------


def _note(desk: Desk, post: Post, receipt: Receipt) -> None:
    if not sending.receive(post, receipt):
        log.warning("receipt_unknown", channel=receipt.channel)


def _end(desk: Desk, ended: Ended) -> None:
    """What was answered counts at once; who dials again within the day may go on."""
    try:
        sealed = desk.seal(ended.sender)
    except NotAPhoneNumber:
        log.warning("end_of_no_phone", channel=ended.channel)
        return
    with desk.engine.begin() as tx:
        contact = people.lock_known(tx, sealed.hash)
        closed = contact is not None and conversations.end_session(
            tx, contact, ended.channel, ended.session, ended.at, desk.now()
        )
    if closed:
        desk.bell.ring("responses")


def _whose(arrival: Arrived) -> str:
    """Whom something is of, in one spelling: whose things must stay in order."""
    match arrival:
        case Inbound() | Ended():
            written = arrival.sender
        case OptOut():
            written = arrival.phone
        case Receipt():
            written = arrival.phone or arrival.message_id or arrival.provider_ref
        case Heartbeat():
            written = f"{arrival.channel}/{arrival.device}"
    try:
        return e164(written)
    except NotAPhoneNumber:
        return written


# --- from the spool ---------------------------------------------------------------------------


def _taken(desk: Desk, post: Post, arrival: Arrived) -> bool:
    """Whether it was committed; False where the database is away."""
    try:
        take(desk, post, arrival)
    except Contradicts:
        # There is an alarm about it already, and nobody is there any more to be told 409.
        log.warning("spooled_contradicts", channel=arrival.channel)
    except SQLAlchemyError as error:
        if not _is_away(error):
            raise
        log.warning("spool_waits", cause=logs.where(error))
        return False
    return True


def _is_away(error: SQLAlchemyError) -> bool:
    """Whether the fault is the database's and passes, and not that of what was to be stored."""
    if isinstance(error, OperationalError) or not isinstance(error, DBAPIError):
        return True
    # Class 42: a table or a column is not there yet.
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state.startswith("42")


# --- from the providers' own lists ------------------------------------------------------------


def _fetch(desk: Desk, post: Post, name: str, channel: Channel) -> int:
    now = desk.now()
    with desk.engine.begin() as tx:
        if not reconciling.win(tx, name, now, MISSED_EVERY):
            return 0
        position = reconciling.position(tx, name)
    since = (position.asked_at or now) - MISSED_OVERLAP
    try:
        listed = channel.missed(since, position.cursor, now)
    except Exception as error:
        # The next time asks from where this one would have.
        reason = str(error) if isinstance(error, SendError) else logs.where(error)
        log.warning("missed_not_listed", channel=name, reason=reason)
        return 0
    new = sum(_fetched(desk, post, message) for message in listed.found)
    _ask_on(desk, name, listed.cursor, now)
    if new:
        log.warning("missed_fetched", channel=name, messages=new)
    return new


def _fetched(desk: Desk, post: Post, message: Inbound) -> bool:
    whose = _whose(message)
    if desk.spool.holds(whose):
        return desk.spool.put(whose, message)
    try:
        return with_fresh_connection(lambda: intake.accept(desk, message))
    except Contradicts:
        log.warning("missed_contradicts", channel=message.channel)
        return False


def _ask_on(desk: Desk, channel: str, cursor: str, asked_at: datetime) -> None:
    with desk.engine.begin() as tx:
        reconciling.set_position(tx, channel, cursor, asked_at)
