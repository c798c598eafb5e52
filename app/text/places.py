"""Names of places as people type them → the places they may mean.

Lao names are written with and without tones, romanised ones by ear: Xaysetha, Saysettha,
Xaisetha. Whoever asks must have the answer confirmed, so a guess too many does little harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import regex

from app.text.answers import normalise
from app.text.lao import fold, is_lao

MOST: Final = 6
SHORTEST_GUESS: Final = 4
"""Shorter names are one letter away from too many others."""

_LONGEST: Final = 60
_ACCENTS: Final = regex.compile(r"[\u0300-\u036F]")
_NO_LETTER: Final = regex.compile(r"[^\p{L}\p{M}]")
_CROWDING: Final = 12
"""Lao names with more letters and marks than these crowd a screen."""

_LAO_KIND: Final = regex.compile(r"^(?:ເມືອງ|ແຂວງ|ນະຄອນ|(?:ມ|ຂ)\.)\s*")
_LATIN_KIND: Final = regex.compile(
    r"\b(?:muang|meuang|mueang|district|city|khoueng|khoeng|khwaeng|province)\b"
)

_BY_EAR: Final = tuple(
    (regex.compile(pattern), sound)
    for pattern, sound in (
        (r"x", "s"),
        (r"j", "ch"),
        (r"w", "v"),
        (r"ck", "k"),
        (r"y", "i"),
        (r"oo|ou", "u"),
        (r"ee", "i"),
        (r"ia", "ie"),
        # Ph, th, kh, and the h that many write after a vowel.
        (r"(?<=.)h", ""),
        (r"pr", "p"),
        (r"r(?![aeiou])", ""),
        (r"r", "l"),
        (r"(?<=[^aeiou])e$", ""),
        (r"(.)\1+", r"\1"),
    )
)
"""How romanised Lao differs from writer to writer; each rule works on what the last one left."""


class Gazetteer:
    """Places by every spelling of their names. The first spelling of a code is its name."""

    def __init__(self, spellings: Iterable[tuple[str, str]]) -> None:
        """Pairs of a code and a spelling."""
        self._names: dict[str, str] = {}
        self._codes: dict[str, set[str]] = {}
        for code, spelling in spellings:
            key = sound(spelling)
            self._names.setdefault(code, key)
            self._codes.setdefault(key, set()).add(code)

    def find(self, typed: str) -> Sequence[str]:
        """The codes of the places that may be meant, at most six, in their order.

        Those that sound like it; if there are none, those one letter away. A place that bears the
        name of one that is found is found too.
        """
        wanted = _spoken(typed)
        hits = self._same(wanted) or self._near(wanted)
        namesakes = {twin for code in hits for twin in self._codes[self._names[code]]}
        return sorted(hits | namesakes)[:MOST]

    def _same(self, wanted: Sequence[str]) -> set[str]:
        return {code for key in wanted for code in self._codes.get(key, ())}

    def _near(self, wanted: Sequence[str]) -> set[str]:
        long = [key for key in wanted if len(key) >= SHORTEST_GUESS]
        return {
            code
            for known, codes in self._codes.items()
            if any(one_apart(known, key) for key in long)
            for code in codes
        }


def short(name: str, aliases: Iterable[str]) -> str:
    """A long Lao name as people say it for short: its beginning, if that is a name of its own."""
    if len(name) <= _CROWDING or not is_lao(name):
        return name
    return min((one for one in aliases if name.startswith(one)), key=len, default=name)


def _spoken(typed: str) -> list[str]:
    """What was typed, by ear, with and without the word for what kind of place it is."""
    plain = normalise(typed)[:_LONGEST]
    bare = _LATIN_KIND.sub(" ", _LAO_KIND.sub("", plain).casefold())
    # "District" alone is no name, however near to one.
    return list(dict.fromkeys((sound(plain), sound(bare)))) if sound(bare) else []


def sound(name: str) -> str:
    """For matching only: spellings of one name that are read the same become equal."""
    key = str(_NO_LETTER.sub("", fold(name)))
    if is_lao(key):
        # Two letters of one sound.
        return key.replace("ໃ", "ໄ")
    key = str(_ACCENTS.sub("", key))
    for pattern, heard in _BY_EAR:
        key = str(pattern.sub(heard, key))
    return key


def one_apart(one: str, other: str) -> bool:
    """Whether a letter too many, too few or wrong, or two that changed places, is all between."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    left, right = one[start:], other[start:]
    while left and right and left[-1] == right[-1]:
        left, right = left[:-1], right[:-1]
    swapped = len(left) == 2 and left == right[::-1]
    return swapped or max(len(left), len(right)) <= 1
