"""The drain that turns due conversations into responses and moves the tallies with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from app.feedback.cells import Response, movement
from app.feedback.reading import QUESTIONS, Comment, Extra, Reading, Registry, choices, read
from app.storage import responses as storage
from app.storage import tallies
from app.storage.responses import Answer, DueConversation

log = structlog.get_logger(__name__)

BATCH = 300
NO_EXTRA: Final[Extra] = {}
ATTEMPTS = 5
# PostgreSQL's words for "another transaction was in the way; the same again will do".
IN_THE_WAY = frozenset({"40001", "40P01"})
RESPONSE = tuple(field.name for field in fields(Response))
COMMENT = tuple(field.name for field in fields(Comment))


def drain(
    engine: Engine,
    now: datetime,
    stop: Callable[[], bool],
    batch: int = BATCH,
    extra: Extra = NO_EXTRA,
) -> int:
    """Store the responses of every due conversation; how many conversations were read.

    `extra` are the questions whose answers are counted beside the core ones.

    One transaction a batch: killed anywhere, a batch happened whole or not at all. What is due
    is taken whatever the clocks say; `now` only tells how long the oldest has waited.
    """
    done = 0
    while not stop():
        taken = _taken(engine, now, batch, extra)
        done += taken
        if taken < batch:
            break
    return done


def sweep(engine: Engine, now: datetime, after: timedelta, batch: int = BATCH) -> int:
    """Open conversations silent for longer than `after` become abandoned and due; how many."""
    done = 0
    while True:
        with engine.begin() as tx:
            swept = storage.abandon(tx, now, now - after, batch)
        done += swept
        if swept < batch:
            return done


def _taken(engine: Engine, now: datetime, batch: int, extra: Extra) -> int:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with engine.begin() as tx:
                return _take(tx, now, batch, extra)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", "") not in IN_THE_WAY or attempt == ATTEMPTS:
                raise
            log.info("responses_again", attempt=attempt)
    raise AssertionError("the last attempt returns or raises")


def _take(tx: Connection, now: datetime, batch: int, extra: Extra) -> int:
    due = storage.take_due(tx, batch)
    if not due:
        return 0
    ids = [conversation.id for conversation in due]
    answers = storage.answers_of(tx, ids, (*QUESTIONS, *extra))
    # Read after the locks: whoever flags a request makes its conversations due afterwards.
    registry = _registry(tx, due, answers, extra)
    before = {row["conversation_id"]: Response(**row) for row in storage.stored(tx, ids)}
    readings = {
        conversation.id: read(
            conversation, answers.get(conversation.id, {}), registry, before.get(conversation.id)
        )
        for conversation in due
    }
    changed = {
        key: (before.get(key), reading.response)
        for key, reading in readings.items()
        if before.get(key) != reading.response
    }
    _store(tx, readings, changed)
    storage.settle(tx, ids)
    # Last, since these rows are the ones that workers share: held for the shortest time.
    tallies.move(tx, movement(changed.values()))
    _tell(now, due, readings)
    return len(due)


def _registry(
    tx: Connection,
    due: Sequence[DueConversation],
    answers: Mapping[int, Mapping[str, Answer]],
    extra: Extra,
) -> Registry:
    paid_for = {
        given["service"].value
        for given in answers.values()
        if "paid" in given and "service" in given
    }
    fees = storage.fees_of(tx, paid_for) if paid_for else []
    about = {one.request_id for one in due if one.request_id is not None}
    filed = storage.filed(tx, about) if about else {}
    offered = choices(storage.odsc_codes(tx), storage.service_keys(tx), extra)
    return Registry(offered, fees, filed, tuple(extra))


def _store(
    tx: Connection,
    readings: Mapping[int, Reading],
    changed: Mapping[int, tuple[Response | None, Response | None]],
) -> None:
    storage.save(tx, _columns(RESPONSE, [after for _, after in changed.values() if after]))
    # Somebody went back and took the score away: then nothing was said.
    storage.withdraw(tx, [key for key, (_, after) in changed.items() if not after])
    written = [comment for reading in readings.values() for comment in reading.comments]
    storage.save_comments(tx, list(readings), _columns(COMMENT, written))


def _columns(names: Sequence[str], rows: Sequence[Response | Comment]) -> storage.Columns:
    return {name: list(map(attrgetter(name), rows)) for name in names}


def _tell(now: datetime, due: Sequence[DueConversation], readings: Mapping[int, Reading]) -> None:
    for key, reading in readings.items():
        for question in reading.left_out:
            # Never the value: it may be anything that a citizen typed.
            log.warning("answer_left_out", conversation=key, question=question)
        if reading.response is not None:
            log.info("response_stored", conversation=key, status=reading.response.status)
    waited = max(0.0, (now - due[0].due_at).total_seconds())
    log.debug("responses_stored", conversations=len(due), oldest_waited=round(waited, 1))
