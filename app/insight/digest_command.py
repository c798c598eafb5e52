"""`D`: what staff text to read their newest digest at once, or more about one of its lines.

`D` brings the digest of each of their places, `D 2` what is behind line 2; `D 0103` and
`D 0103 2` do it for one of their places. Whoever gets no digest, an operator's phone too, texts an
ordinary message with these letters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from app.clock import local_day
from app.insight import digest_reports, digests, releases
from app.insight.digest_reports import Reports
from app.insight.digest_text import LINES
from app.insight.sentences import FALLBACK, Sentences
from app.storage import readers
from app.storage.readers import Reader
from app.text.lao import canonical, digits
from app.words import COUNTRY, Language

WORDS: Final = ("d", "ດ", "digest")
MOST: Final = 3
"""Of more places none is told: whoever has them names one."""
CODES: Final = (2, 4)
"""The digits of a province's code, and of a district's or an ODSC's."""
LONGEST: Final = 3
"""A text of more words is no command that somebody mistyped."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which place, "" for all of theirs, and which line of its digest, None for all of it."""

    code: str = ""
    line: int | None = None


def answer(
    every: Mapping[Language, Sentences],
    hour: int,
    tx: Connection,
    contact_id: int,
    text: str,
    now: datetime,
) -> Sequence[str] | None:
    """The answers to a text; None where it is no command, or from nobody who gets digests.

    `hour` is when digests are due.
    """
    words = _after_command(text)
    mine = readers.of_contact(tx, contact_id) if words is not None else []
    if words is None or not mine:
        return None
    language = mine[0].language
    wish, sentences = _wish(words), every.get(language) or every[FALLBACK]
    if wish is None:
        return [sentences["help"]]
    wanted = [one for one in mine if wish.code in ("", one.code)]
    if not wanted:
        return [sentences["not_yours"].format(code=wish.code)]
    told = [_told(tx, every, one, wish.line) for one in wanted[:MOST]]
    first = local_day(digests.next_due(now, hour))
    return [one for one in told if one is not None] or [
        sentences["none_yet"].format(date=f"{first:%d/%m/%Y}")
    ]


def _after_command(text: str) -> list[str] | None:
    """The words behind the D, which may stand close to a number; None where it is no command."""
    words = digits(canonical(text)).casefold().strip(" .!?").split()
    if not words or len(words) > LONGEST:
        return None
    if words[0] in WORDS:
        return words[1:]
    close = next((words[0].removeprefix(one) for one in WORDS if words[0].startswith(one)), "")
    return [close, *words[1:]] if close.isdecimal() else None


def _wish(words: Sequence[str]) -> Wish | None:
    """What is asked for; None where it cannot be told."""
    code, line = "", None
    for word in words:
        if word == COUNTRY.casefold() or (word.isdecimal() and len(word) in CODES):
            code = word.upper()
        elif word.isdecimal() and int(word) in LINES:
            line = int(word)
        else:
            return None
    return Wish(code, line)


def _told(
    tx: Connection, every: Mapping[Language, Sentences], reader: Reader, line: int | None
) -> str | None:
    """The newest digest of a place; None before there is one."""
    week = releases.newest(tx)
    if week is None:
        return None
    place = (reader.level, reader.code)
    language = reader.language if reader.language in every else FALLBACK
    reports = Reports(tx, week, digest_reports.around(tx, place, week))
    return digests.shown(reports, place, language, every[language], line)
