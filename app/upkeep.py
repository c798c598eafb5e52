"""The clock process: every two seconds it sees to what is due.

It rings for what is waiting; what has waited longer than a bell should take it drains by itself,
so that with Redis away the gateway is slower, not stopped. Two of them do no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import structlog

from app import living, logs
from app.bell import Drain
from app.conversation import arrivals, sms
from app.delivery import asking, ends, sending, watch
from app.feedback import reading, responses
from app.insight import alerts, digests
from app.office import Office
from app.people import retention
from app.requests import flags, invitations, once
from app.requests.invitations import Patience
from app.spool import SET_ASIDE
from app.storage import conversations, lookup_tries, operations, upkeep
from app.storage.database import with_lock_timeout

log = structlog.get_logger()

Stop = Callable[[], bool]

EVERY_SECONDS = 2.0
# Longer than an answered bell takes; every 2 s + 3 s leaves room within the ten that we promise.
PATIENCE_SECONDS = 3.0
# No gateway repeats a USSD post after a day; until then it gets its stored reply.
TURNS_KEPT = timedelta(days=1)
TRIES_KEPT = timedelta(days=30)

DRAIN_SECONDS = 10.0
# So long upkeep itself drains one thing: the others wait meanwhile.
HELP_SECONDS = 3.0
# Somebody's phone is held: what is spooled of it is tried again in the next round.
LOCK_SECONDS = 1.0


def _or_late(stop: Stop, seconds: float = DRAIN_SECONDS) -> Stop:
    """`stop`, and also when a drain has had its time."""
    until = time.monotonic() + seconds
    return lambda: stop() or time.monotonic() > until


DRAINS: Mapping[Drain, Callable[[Office, Stop], int]] = {
    "turns": lambda office, stop: sms.drain(office.desk, stop),
    "responses": lambda office, stop: responses.drain(
        office.engine, office.desk.now(), _or_late(stop), extra=office.insight.questions
    ),
    "outbox": lambda office, stop: sending.drain(office.post, stop),
}
"""Every drain there is: without arguments, for at most ten seconds, harmless when run twice.
In the order in which one makes work for the next."""


def look_after(office: Office, stop: Stop) -> None:
    """One round. A duty that fails keeps no other from being done."""
    for name, duty in DUTIES.items():
        if stop():
            return
        try:
            duty(office, stop)
        except Exception as error:
            log.error("duty_failed", duty=name, cause=logs.where(error))
    _help(office, stop)


def _help(office: Office, stop: Stop) -> None:
    """Ring for what is due; what no bell got done is drained here."""
    helped = False
    for name, drain in DRAINS.items():
        with office.engine.connect() as connection:
            waited = upkeep.oldest_due(connection, office.desk.now()).get(name)
        if waited is None:
            continue
        rung = office.desk.bell.ring_now(name)
        if helped or not rung or waited > PATIENCE_SECONDS:
            helped = bool(drain(office, _or_late(stop, HELP_SECONDS))) or helped


def _flush(office: Office, stop: Stop) -> None:
    engine = with_lock_timeout(office.desk.engine, LOCK_SECONDS)
    desk, post = replace(office.desk, engine=engine), replace(office.post, engine=engine)
    arrivals.flush_spool(desk, post, stop)


def _digests(office: Office, stop: Stop) -> None:
    settings = office.settings
    written = digests.write_due(
        office.engine,
        office.desk.now(),
        hour=settings.digest.hour,
        mail=office.post.mail,
        sentences=office.sentences,
        extra=office.insight.questions,
    )
    if written:
        log.info("digests_written", messages=written)


def _forget(office: Office, stop: Stop) -> None:
    now = office.desk.now()
    with office.engine.begin() as tx:
        conversations.forget_turns(tx, now - TURNS_KEPT)
        lookup_tries.forget(tx, now - TRIES_KEPT)
        operations.forget_processes(tx, now - living.KEPT)
    once.forget(office.engine, now)


def _purge(office: Office, stop: Stop) -> None:
    """A little in each round, until the day's share is done: nothing else waits for it long."""
    settings = office.settings
    terms = retention.terms(settings.retention, reading.closed(office.insight.questions))
    set_aside = sorted((settings.home / "spool").glob(f"*{SET_ASIDE}"))
    now, until = office.desk.now(), _or_late(stop, HELP_SECONDS)
    retention.look(office.engine, terms, set_aside, now, until)


def _invite(office: Office, stop: Stop) -> None:
    section = office.settings.requests
    patience = Patience(
        timedelta(hours=section.remind_after_hours), timedelta(hours=section.close_after_hours)
    )
    invitations.look(office.engine, office.registrar, patience, office.desk.now())


DUTIES: Mapping[str, Callable[[Office, Stop], object]] = {
    "spool": _flush,
    "parts": lambda office, stop: arrivals.join_late_parts(office.desk),
    "missed": lambda office, stop: arrivals.fetch_missed(office.desk, office.post, stop),
    "silent": lambda office, stop: responses.sweep(
        office.engine, office.desk.now(), office.desk.abandon_after
    ),
    "digests": _digests,
    "alerts": lambda office, stop: alerts.look(office.engine, office.lookout, office.desk.now()),
    "invitations": _invite,
    "flags": lambda office, stop: flags.look(office.engine, office.registrar, office.desk.now()),
    "forgetting": _forget,
    "purge": _purge,
    "ends": lambda office, stop: ends.settle(office.post),
    "watch": lambda office, stop: watch.look(office.post),
    "asking": lambda office, stop: asking.drain(office.post, _or_late(stop, HELP_SECONDS)),
}
"""What is done in every round, in this order."""
