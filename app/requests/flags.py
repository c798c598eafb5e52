"""Signs that requests, or the answers to "how was it?", are invented.

Nothing is refused for them: what is flagged is counted apart, and an operator looks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from app.errors import ConfigError
from app.people.vault import Sealed, Vault
from app.requests.filing import Registrar
from app.storage import request_flags as storage
from app.text.numbers import EXTRA_MOBILE

# One phone for so many requests of one ODSC: a go-between, or a clerk's own.
PHONE_MANY, PHONE_SPAN = 6, timedelta(days=30)
# Nobody takes so many papers over a counter that quickly.
BURST_MANY, BURST_SPAN = 20, timedelta(minutes=10)
# One handset that answers for so many applicants.
ANSWERS_MANY, ANSWERS_SPAN = 4, timedelta(days=7)
# Every transaction that files is over by then, an office's file included.
SETTLED = timedelta(minutes=10)
SUBSCRIBER: Final = {"+85620": 8, "+85630": 7}
"""Digits behind the prefixes of Lao mobiles."""


def look(engine: Engine, registrar: Registrar, now: datetime) -> int:
    """Look at what was filed lately; how many signs were found. As often as one likes."""
    with engine.begin() as tx:
        since = storage.looked_up_to(tx, now - SETTLED)
        if not storage.begin_look(tx, since, now):
            return 0
        odd = _odd(registrar.vault, storage.numbers_since(tx, since))
        found = [
            storage.flag_phones(tx, since, PHONE_MANY, PHONE_SPAN, now),
            storage.flag_bursts(tx, since, BURST_MANY, BURST_SPAN, now),
            storage.flag_numbers(tx, odd, now),
        ]
        for flagged in found:
            storage.count_anew(tx, flagged, now)
    return sum(map(len, found))


def look_at_answers(tx: Connection, contact_id: int, now: datetime) -> None:
    """Whether a phone that has just answered does so for many."""
    flagged = storage.flag_answers(tx, contact_id, ANSWERS_MANY, now - ANSWERS_SPAN, now)
    storage.count_anew(tx, flagged, now)


def invented(number: str) -> bool:
    """Whether a number in E.164 is of a block that no Lao network has, or looks made up: one digit
    only, or digits in a row."""
    length = SUBSCRIBER.get(number[:6])
    digits = number[6:]
    if length is None or len(digits) != length:
        # A fixed line or a number from abroad.
        return False
    steps = {int(after) - int(before) for before, after in zip(digits, digits[1:], strict=False)}
    return EXTRA_MOBILE.fullmatch(number) is not None or steps in ({0}, {1}, {-1})


def _odd(vault: Vault, phones: Iterable[tuple[int, bytes, bytes]]) -> list[int]:
    return [contact for contact, *sealed in phones if invented(_number(vault, *sealed))]


def _number(vault: Vault, hashed: bytes, cipher: bytes) -> str:
    try:
        return vault.open(Sealed(hashed, cipher))
    except ConfigError:
        # Its key is lost: nobody can tell any more.
        return ""
