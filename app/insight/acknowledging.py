"""`OK 17`: somebody on the staff sees to an alert; what follows the number is what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import regex
from sqlalchemy import Connection

from app.insight import alert_texts, alerts
from app.sentences import FALLBACK, Sentences
from app.storage import alerts as storage
from app.storage import people
from app.text import answers
from app.text.lao import canonical, digits, narrow
from app.words import Language

LONGEST_NOTE: Final = 300
# Gateways and people send the same once more.
REPEATED_WITHIN: Final = timedelta(days=1)

# OK 17, ok17, OK #17: words; alone, or with a number. Latin letters close behind the number make
# it something else ("ok 2nd floor"); Lao is written without spaces.
_COMMAND: Final = regex.compile(
    r"[\s\p{P}]*(?:ok|ຕົກລົງ)[\s\p{P}]*(?:([0-9]{1,9})(?![0-9a-z])[\s\p{P}]*(.*))?",
    regex.IGNORECASE | regex.DOTALL,
)


def answer(
    every: Mapping[Language, Sentences], tx: Connection, contact_id: int, text: str, now: datetime
) -> Sequence[str] | None:
    """Do what an OK says and answer it; None where it is none, or comes from a citizen.

    Without a number it means the only alert that is open; where none is, it is an ordinary text.
    A number that is nobody's and one of somebody else's are answered alike.
    """
    command = _COMMAND.fullmatch(digits(narrow(canonical(text))))
    entries = people.staff(tx, contact_id) if command else []
    if command is None or not entries:
        return None
    sentences = every.get(entries[0].language) or every[FALLBACK]
    number, words = command.groups()
    if number is not None:
        return (_noted(sentences, tx, contact_id, int(number), words, now),)
    mine = storage.open_of(tx, contact_id)
    if len(mine) > 1:
        return (alert_texts.which(sentences, mine),)
    return (_noted(sentences, tx, contact_id, mine[0], "", now),) if mine else None


def _noted(
    sentences: Sentences, tx: Connection, contact_id: int, alert_id: int, words: str, now: datetime
) -> str:
    mine = storage.lock_mine(tx, contact_id, alert_id)
    if mine is None:
        return sentences["refused"].format(id=alert_id)
    alert, staff_id = mine
    storage.acknowledge(tx, alert.id, staff_id, now, alerts.compare_at(now))
    done = _clean(words)
    if not done:
        return sentences["acknowledged"].format(id=alert.id)
    storage.note(tx, alert.id, staff_id, done, now, now - REPEATED_WITHIN)
    return sentences["noted"].format(id=alert.id)


def _clean(words: str) -> str:
    """A note on one line, cut where it is too long."""
    return " ".join(answers.clean(words).split())[:LONGEST_NOTE].rstrip()
