"""PURE. Reference numbers: twelve digits that a keypad can type and a slip of the finger spoils.

The ODSC's code, a random serial of seven digits, and a Damm check digit (H. M. Damm, 2004): it
catches every single wrong digit and every two neighbours that changed places. Seven random digits
make guessing hopeless at the pace that look-ups allow.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import regex
from stdnum import damm

from app.text.lao import canonical, digits

LENGTH: Final = 12
SERIALS: Final = 10**7
LONGEST_ALIAS: Final = 30
SHORTEST_ALIAS: Final = 3
# What people put between groups of digits, and the joiner of some keyboards.
_BETWEEN: Final = regex.compile(r"[\s\p{Pd}._/\u200d]+")
_NUMBER: Final = regex.compile(rf"[0-9]{{{LENGTH}}}")


def new(odsc: str, serial: int) -> str:
    """The number of a serial below `SERIALS` at an ODSC of four digits."""
    begins = f"{odsc}{serial:07d}"
    return begins + str(damm.calc_check_digit(begins))


def read(typed: str) -> str:
    """What was typed, without blanks and dashes, with Lao digits as 0 to 9, in capitals."""
    return str(_BETWEEN.sub("", digits(canonical(typed)))).upper()


def is_ours(number: str) -> bool:
    """Whether it has the form of our numbers, right or mistyped; `number` has been read."""
    return _NUMBER.fullmatch(number) is not None


def checks(number: str) -> bool:
    """Whether the check digit of one of our numbers is right."""
    return bool(damm.is_valid(number))


def may_be_alias(number: str) -> bool:
    """Whether an office's own number can be this; `number` has been read.

    Lao vowels and tones are signs of their own, not letters.
    """
    lettered = all(unicodedata.category(sign)[0] in "LMN" for sign in number)
    return SHORTEST_ALIAS <= len(number) <= LONGEST_ALIAS and lettered and not is_ours(number)


def shown(number: str) -> str:
    """In groups, for a screen: "0103 1234567 8". An office's own number stays as it is."""
    if not is_ours(number):
        return number
    return f"{number[:4]} {number[4:11]} {number[11:]}"
