"""The clock process: every two seconds it sees to what is due.

It rings for what is waiting; what has waited longer than a bell should take it drains by itself,
so that with Redis away the gateway is slower, not stopped. Two of them do no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from app.bell import Drain
from app.conversation import sms
from app.delivery import asking, ends, sending, watch
from app.feedback import responses
from app.insight import digests
from app.office import Office
from app.storage import conversations, upkeep

log = structlog.get_logger()

Stop = Callable[[], bool]

EVERY_SECONDS = 2.0
# Longer than an answered bell takes; every 2 s + 3 s leaves room within the ten that we promise.
PATIENCE_SECONDS = 3.0
# No gateway repeats a USSD post after a day; until then it gets its stored reply.
TURNS_KEPT = timedelta(days=1)

DRAIN_SECONDS = 10.0


def _or_late(stop: Stop) -> Stop:
    """`stop`, and also when a drain has had its ten seconds."""
    until = time.monotonic() + DRAIN_SECONDS
    return lambda: stop() or time.monotonic() > until


DRAINS: Mapping[Drain, Callable[[Office, Stop], int]] = {
    "turns": lambda office, stop: sms.drain(office.desk, stop),
    "responses": lambda office, stop: responses.drain(
        office.engine, office.desk.now(), _or_late(stop)
    ),
    "outbox": lambda office, stop: sending.drain(office.post, stop),
}
"""Every drain there is: without arguments, for at most ten seconds, harmless when run twice.
In the order in which one makes work for the next."""


def look_after(office: Office, stop: Stop) -> None:
    """One round."""
    now = office.desk.now()
    responses.sweep(office.engine, now, office.desk.abandon_after)
    _digests(office, now)
    with office.engine.begin() as tx:
        conversations.forget_turns(tx, now - TURNS_KEPT)
    ends.settle(office.post)
    watch.look(office.post)
    asking.drain(office.post, _or_late(stop))
    helped = False
    for name, drain in DRAINS.items():
        with office.engine.connect() as connection:
            waited = upkeep.oldest_due(connection, office.desk.now()).get(name)
        if waited is None:
            continue
        rung = office.desk.bell.ring_now(name)
        if helped or not rung or waited > PATIENCE_SECONDS:
            helped = bool(drain(office, stop)) or helped


def _digests(office: Office, now: datetime) -> None:
    settings = office.settings
    written = digests.write_due(
        office.engine,
        now,
        hour=settings.digest.hour,
        mail=office.post.mail,
        sentences=office.sentences,
    )
    if written:
        log.info("digests_written", messages=written)
