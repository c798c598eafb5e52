"""What one cell of a registry file may hold: a text becomes a value, or a fault that says why not.

Cells come canonical and without white space around them (see `files`), and never empty: whether
a column may be empty is the layout's affair.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.text.encoding import encoding_of, units
from app.text.lao import digits, is_lao

LONGEST_SOURCE: Final = 200
_OPENED: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SPREADSHEET_COMMANDS: Final = ("=", "+", "-", "@")
# Control, format, surrogate, private use; line and paragraph separators.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a cell, and what to do about it."""

    message: str
    remedy: str


Rule = Callable[[str], object]
"""From a cell's text to its value, or to a Fault."""


def unsafe(cell: str) -> Fault | None:
    """Why no column whatsoever may hold this cell; None if it may."""
    if any(unicodedata.category(sign) in _INVISIBLE for sign in cell):
        return Fault("there is an invisible control character or a line break", "Type it anew")
    if cell.startswith(_SPREADSHEET_COMMANDS):
        return Fault(
            f"{cell!r} begins like a spreadsheet's formula",
            f"Write it without {cell[0]!r} in front",
        )
    return None


def code(length: int) -> Rule:
    """Exactly so many digits."""

    def rule(cell: str) -> object:
        number = digits(cell)
        if len(number) == length and _is_digits(number):
            return number
        return Fault(
            f"{cell!r} is no code of {length} digits",
            f"Write {length} digits; in a spreadsheet format the column as text, so that "
            "zeros in front stay",
        )

    return rule


def matching(pattern: str, what: str, remedy: str) -> Rule:
    """What a regular expression describes."""
    wanted = re.compile(pattern, re.ASCII)

    def rule(cell: str) -> object:
        return cell if wanted.fullmatch(cell) else Fault(f"{cell!r} is no {what}", remedy)

    return rule


def one_of(words: Collection[str]) -> Rule:
    """One of a few words."""

    def rule(cell: str) -> object:
        if cell in words:
            return cell
        return Fault(f"{cell!r} is not known here", f"Write one of: {', '.join(words)}")

    return rule


def yes(cell: str) -> object:
    """The word yes; an empty cell says no."""
    if cell.casefold() == "yes":
        return True
    return Fault(f"{cell!r} is not yes", "Write yes or nothing")


def whole_number(least: int, most: int) -> Rule:
    """Digits alone: no separators, no unit, since 8,000 and 8.000 differ between countries."""

    def rule(cell: str) -> object:
        number = digits(cell)
        # The length first: Python refuses to read numbers of thousands of digits.
        if not _is_digits(number) or len(number) > len(str(most)):
            remedy = f"Write digits alone, such as {min(8000, most)}"
            return Fault(f"{cell!r} is no whole number up to {most}", remedy)
        if not least <= int(number) <= most:
            return Fault(f"{number} is out of range", f"Write a number from {least} to {most}")
        return int(number)

    return rule


def day(cell: str) -> object:
    """A date in ISO form."""
    number = digits(cell)
    found = _real_day(number) if _DAY.fullmatch(number) else None
    return found or Fault(f"{cell!r} is no date", "Write year-month-day, such as 2026-11-16")


def opened(cell: str) -> object:
    """When a center opened, as exactly as the source knows it."""
    number = digits(cell)
    if _OPENED.fullmatch(number) and _real_day((number + "-01-01")[:10]):
        return number
    return Fault(f"{cell!r} is no time of opening", "Write 2008, 2008-05, 2008-05-01 or nothing")


def lao(most: int) -> Rule:
    """Lao for a phone's screen, at most so many UCS-2 units."""

    def rule(cell: str) -> object:
        if not is_lao(cell):
            return Fault(f"{cell!r} has no Lao letter", "Write it in Lao script")
        length = units(cell, "UCS-2")
        if length > most:
            return _too_long(length, most)
        return cell

    return rule


def english(most: int) -> Rule:
    """English for a phone's screen: one character outside GSM-7 halves what a screen holds."""

    def rule(cell: str) -> object:
        foreign = sorted({sign for sign in cell if encoding_of(sign) != "GSM-7"})
        if foreign:
            return Fault(
                f"old phones' alphabet lacks {' '.join(foreign)}",
                "Write plain letters and straight quotes, else a screen holds half as much",
            )
        length = units(cell)
        return _too_long(length, most) if length > most else cell

    return rule


def free(cell: str) -> object:
    """Words for people at a desk, e.g. a source."""
    return _too_long(len(cell), LONGEST_SOURCE) if len(cell) > LONGEST_SOURCE else cell


def _too_long(length: int, most: int) -> Fault:
    return Fault(f"{length} characters are too long", f"Shorten it to {most}")


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _real_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
