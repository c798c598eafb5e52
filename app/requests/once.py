"""What an office's system asks for, done with the effect of once under its idempotency key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from app.errors import RequestRefused
from app.people.vault import Vault
from app.storage import api_answers
from app.storage.api_answers import Stored
from app.storage.database import with_fresh_connection

KEPT: Final = timedelta(hours=24)
"""How long the first answer to a key is given again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the office's system is told: HTTP status and JSON."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Once:
    """A token's key, and everything that was asked under it."""

    token_id: int
    key: str
    asked: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done in a transaction, and how a refusal of it is answered."""

    done: Callable[[Connection], Answer]
    refused: Callable[[RequestRefused], Answer]


def act(engine: Engine, work: Work) -> Answer:
    """Do it, or say why not; what was refused has left nothing behind."""
    try:
        with engine.begin() as tx:
            return work.done(tx)
    except RequestRefused as refusal:
        return work.refused(refusal)


def act_once(engine: Engine, vault: Vault, once: Once, work: Work, now: datetime) -> Answer:
    """Do it unless it was done under this key: then the first answer, byte for byte.

    Raises RequestRefused "key_reused" for a key that came with something else, and "key_in_use"
    while the first request with it is still being worked on.
    """
    # Keyed, because what was asked may hold a phone number, and there are too few of those.
    asked = vault.hash(once.asked)

    def attempt() -> Answer:
        with engine.begin() as tx:
            return _first(tx, once, asked) or _done(tx, once, asked, work, now)

    return with_fresh_connection(attempt)


def forget(engine: Engine, now: datetime) -> int:
    """Drop the answers to keys that are over a day old; how many there were."""
    with engine.begin() as tx:
        return api_answers.forget(tx, now - KEPT)


def _first(tx: Connection, once: Once, asked: bytes) -> Answer | None:
    if not api_answers.claim(tx, once.token_id, once.key):
        raise RequestRefused(
            "key_in_use", "Idempotency-Key", "a request with this key is being worked on"
        )
    stored = api_answers.find(tx, once.token_id, once.key)
    if stored is None:
        return None
    if stored.request_hash != asked:
        raise RequestRefused("key_reused", "Idempotency-Key", "this key came with another request")
    return Answer(stored.status, stored.body)


def _done(tx: Connection, once: Once, asked: bytes, work: Work, now: datetime) -> Answer:
    try:
        with tx.begin_nested():
            answer = work.done(tx)
    except RequestRefused as refusal:
        answer = work.refused(refusal)
    stored = Stored(answer.status, answer.body, asked)
    api_answers.keep(tx, once.token_id, once.key, stored, now)
    return answer
