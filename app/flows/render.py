"""A screen's keys and values → the pages a phone shows, in one language, within its limits."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from babel.numbers import format_decimal

from app.flows.model import NAMES_KEY, Named, Pack, Phrase, Screen, Value
from app.text import screens
from app.words import Language, Limits

# Languages without number rules of their own in CLDR write numbers as Lao offices do.
NUMBERS = {"en": "en"}
_SCREENS = 1024
_TEXTS = 4096


def pages(screen: Screen, pack: Pack, language: Language, limits: Limits) -> list[str]:
    """At least one page; a notice (what was wrong) stands before the question.

    What is spare is left out, the first first, as far as that saves pages.
    """
    given = screen.values
    tries = [
        {key: value for key, value in given.items() if key not in screen.spare[:count]}
        for count in range(len(screen.spare) + 1)
    ]
    laid = (_laid_out(replace(screen, values=values), pack, language, limits) for values in tries)
    best = next(laid)
    for shorter in laid:
        if len(best) == 1:
            break
        best = min(best, shorter, key=len)
    return best


def _laid_out(screen: Screen, pack: Pack, language: Language, limits: Limits) -> list[str]:
    prompt = filled(pack[screen.text], screen.values, pack, language)
    if screen.notice:
        prompt = f"{filled(pack[screen.notice], screen.values, pack, language)}\n{prompt}"
    short = filled(pack[screen.short], screen.values, pack, language) if screen.short else ""
    nav = screens.Nav(
        next=pack["nav.next"],
        back=pack["nav.back"],
        home=pack["nav.home"],
        can_back=screen.can_back,
        can_home=screen.can_home,
    )
    options = tuple(
        screens.Option(number, _written(label, pack, language)) for number, label in screen.options
    )
    return list(_pages(prompt, options, nav, limits, short))


# Thousands read the same screen, and to lay it out takes longer than anything else of a turn.
@lru_cache(_SCREENS)
def _pages(
    prompt: str,
    options: tuple[screens.Option, ...],
    nav: screens.Nav,
    limits: Limits,
    short: str,
) -> tuple[str, ...]:
    return tuple(screens.lay_out(prompt, options, nav, limits, short))


def filled(text: str, values: Mapping[str, Value], pack: Pack, language: Language) -> str:
    """A text with its placeholders filled; lines that come out empty are left out."""
    # What a lookup no longer finds leaves its place empty: a citizen must read something.
    written = {name: _written(values.get(name, ""), pack, language) for name in _places(text)}
    lines = (line.strip() for line in text.format_map(written).split("\n"))
    return "\n".join(line for line in lines if line)


@lru_cache(_TEXTS)
def _places(text: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def _written(value: Value, pack: Pack, language: Language) -> str:
    if isinstance(value, Named):
        return value.names.get(pack[NAMES_KEY]) or next(iter(value.names.values()), "")
    if isinstance(value, Phrase):
        key = value.key if value.key in pack else value.instead
        return filled(pack[key], value.values, pack, language)
    if isinstance(value, int):
        return str(format_decimal(value, locale=NUMBERS.get(language, "lo")))
    return value
