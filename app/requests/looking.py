"""Looking a request up by its number, at a pace that makes guessing hopeless."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy import Connection

from app.clock import local_day
from app.errors import ConfigError
from app.people.vault import Sealed, Vault
from app.requests import numbers
from app.storage import alarms, lookup_tries, people
from app.storage import requests as storage
from app.storage.lookup_tries import Tries
from app.storage.people import Contact
from app.storage.requests import Request

log = structlog.get_logger()

# Numbers that differ only in so many last digits are a block: SIM cards are bought by the box.
BLOCK_DIGITS = 4
BURST, HOUR, DAY = timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)

Outcome = Literal["found", "mistyped", "unknown", "paused"]


@dataclass(frozen=True, slots=True)
class Pace:
    """What one phone, and one block of numbers, may look up that is not its own."""

    misses_per_hour: int = 5
    misses_per_day: int = 15
    found_per_day: int = 10
    burst: int = 20


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of it; `own` that the caller filed it."""

    outcome: Outcome
    request: Request | None = None
    own: bool = False


def look_up(
    tx: Connection, vault: Vault, pace: Pace, contact: Contact, typed: str, now: datetime
) -> Looked:
    """Find what was typed. A slip of the finger is told before anything is asked or counted."""
    number = numbers.read(typed)
    possible = numbers.checks(number) if numbers.is_ours(number) else numbers.may_be_alias(number)
    if not possible:
        return Looked("mistyped")
    request = _find(tx, contact, number)
    if request is not None and request.contact_id == contact.id:
        return Looked("found", request, own=True)
    block = _block(tx, vault, contact)
    tries = lookup_tries.counted(
        tx, contact.id, block, hour=now - HOUR, day=now - DAY, burst=now - BURST
    )
    if _spent(pace, tries):
        log.warning("look_up_paused", contact=contact.id, misses=tries.misses, found=tries.found)
        return Looked("paused")
    lookup_tries.record(
        tx,
        contact.id,
        block_hash=block,
        number_hash=vault.hash(number),
        found=request is not None,
        now=now,
    )
    if request is not None:
        return Looked("found", request)
    if tries.block_misses + 1 >= pace.burst:
        detail = "Phones of one block of numbers guess at requests. See siang requests tries"
        alarms.notice(tx, kind="guessing", subject=f"{local_day(now)}", detail=detail, now=now)
    return Looked("unknown")


def _find(tx: Connection, contact: Contact, number: str) -> Request | None:
    if numbers.is_ours(number):
        return storage.by_number(tx, number)
    fitting = storage.by_alias(tx, number)
    fitting = [one for one in fitting if one.contact_id == contact.id] or fitting
    if len(fitting) > 1:
        # Two offices number alike: which one is meant cannot be guessed.
        fitting = [one for one in fitting if one.odsc == contact.last_odsc]
    return fitting[0] if fitting else None


def _block(tx: Connection, vault: Vault, contact: Contact) -> bytes:
    try:
        number = vault.open(Sealed(*people.sealed(tx, contact.id)))
    except ConfigError:
        # Its key is lost: nobody knows its block any more.
        return vault.hash(f"contact {contact.id}")
    return vault.hash(number[:-BLOCK_DIGITS])


def _spent(pace: Pace, tries: Tries) -> bool:
    return (
        tries.misses >= pace.misses_per_hour
        or tries.day_misses >= pace.misses_per_day
        or tries.found >= pace.found_per_day
        or tries.block_misses >= pace.burst
    )
