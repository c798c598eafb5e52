"""What people type → what they mean."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

import regex

from app.text.lao import canonical, digits, fold, narrow

_LONGEST_TEXT: Final = 1000
_HIGHEST_AMOUNT: Final = 1_000_000_000
_LONGEST_FIGURE: Final = 15
# Five figures with their multipliers and a currency are shorter.
_LONGEST_AMOUNT: Final = 200

_MEANT: Final = r"[^\p{P}\s<>`´]"
_FIRST_MEANT: Final = regex.compile(_MEANT)
_LAST_MEANT: Final = regex.compile(_MEANT, regex.REVERSE)
_WHITE: Final = regex.compile(r"\s+")
_FIRST_WORD: Final = regex.compile(r"([^\s\p{P}]+)[\s\p{P}]*(.*)", regex.DOTALL)

_ITEM: Final = regex.compile(
    r"(?:(?:ຂໍ້|ເລກ)(?:ທີ)?|ข้อ(?:ที่)?|(?:no|number|option)(?=[\s\p{P}]*[0-9]))[\s\p{P}]*",
    regex.IGNORECASE,
)
_NUMBERED: Final = regex.compile(r"([0-9]+)[\s\p{P}]*(.*)", regex.DOTALL)

_NUMBER_WORDS: Final[Mapping[str, str]] = {
    canonical(word): str(number)
    for number, words in enumerate(
        (
            "ສູນ zero",
            "ໜຶ່ງ ຫນຶ່ງ ນຶ່ງ one",
            "ສອງ two",
            "ສາມ three",
            "ສີ່ four",
            "ຫ້າ five",
            "ຫົກ six",
            "ເຈັດ seven",
            "ແປດ eight",
            "ເກົ້າ nine",
            "ສິບ ten",
        )
    )
    for word in words.split()
}
_FOLDED_NUMBER_WORDS: Final[Mapping[str, str]] = {
    fold(word): number for word, number in _NUMBER_WORDS.items()
}

_LEADING: Final = regex.compile(r"([\p{L}\p{M}]+|[0-9]+)[\s\p{P}]*(.*)", regex.DOTALL)
_BETWEEN: Final = regex.compile(r"[\s\p{Pd}._/]+")
_SHORTEST_REFERENCE: Final = 3
_LONGEST_REFERENCE: Final = 30

_CODE: Final = regex.compile(r"[0-9](?:[ .\p{Pd}]*[0-9])*")

_MULTIPLIERS: Final[Mapping[str, int]] = {
    fold(word): value
    for words, value in (
        ("k ພັນ thousand", 1_000),
        ("ໝື່ນ", 10_000),
        ("ແສນ", 100_000),
        ("m ລ້ານ million", 1_000_000),
        ("ຕື້", 1_000_000_000),
    )
    for word in words.split()
}
_CURRENCY: Final = rf"(?:{fold('ກີບ')}|kips?|lak|₭)"
_FIGURE: Final = r"[0-9]+(?:[., ][0-9]+)*"
_TERM: Final = regex.compile(rf"({_FIGURE})\s*({'|'.join(_MULTIPLIERS)})\s*")
_SUM: Final = regex.compile(rf"{_CURRENCY}?\s*(?:{_TERM.pattern})+{_CURRENCY}?")
_PLAIN: Final = regex.compile(rf"{_CURRENCY}?\s*({_FIGURE})\s*{_CURRENCY}?")
_GROUPED: Final = regex.compile(r"[0-9]{1,3}([., ])[0-9]{3}(?:\1[0-9]{3})*(?:(?!\1)[.,]00)?")
_DECIMAL: Final = regex.compile(r"[0-9]+(?:[.,][0-9]+)?")
_NEGATIVE: Final = regex.compile(r"[^\w]*[\p{Pd}\u2212]")

# Words in a row: Lao ones stand together without spaces, and part from Latin ones.
_LAO_WORDS: Final = regex.compile(r"\p{Lao}+")
_LATIN: Final = r"[[\p{L}\p{M}\p{N}]--\p{Lao}]+"
_TOKEN: Final = regex.compile(rf"(?V1)\p{{Lao}}+|{_LATIN}(?:'{_LATIN})*")
_LONGEST_WISH: Final = 120
# Labels and keywords are compared with everything that is typed; what is typed is never kept.
_LABELS: Final = 4096

_GAP: Final = r"[\s\u200B-\u200D\u2060\uFEFF.,;:/\p{Pd}*#]"
_OPENING: Final = rf"(?:{_GAP}|[\p{{Ps}}\p{{Pi}}\p{{Pf}}\"'])*"
_CODE_FIRST: Final = regex.compile(rf"{_OPENING}([0-9]{{4}}){_GAP}+([1-5])(?![.,]?[0-9]){_GAP}*")
_SCORE_FIRST: Final = regex.compile(
    rf"{_OPENING}([1-5])({_GAP}+)([0-9]{{4}})(?![.,]?[0-9]){_GAP}*+(?![0-9])"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A number that opens an answer (digits as sent, "00" stays "00") and the text after it."""

    number: str
    rest: str


@dataclass(frozen=True, slots=True)
class Behind:
    """A word that opens a text, and what comes after it, normalised."""

    word: str
    rest: str


@dataclass(frozen=True, slots=True)
class OneLine:
    """A whole rating in one SMS: four-digit center code, score 1 to 5, comment or ""."""

    code: str
    score: int
    comment: str


def clean(text: str) -> str:
    """Free text fit to store: as typed, without what a database or a page chokes on.

    NUL, control characters and lone surrogates go, line ends become newlines, a tab a space;
    ends are stripped; at most 1000 characters remain. Idempotent.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    kept = "".join(sign for sign in lines if sign == "\n" or not _is_unstorable(sign))
    return kept.strip()[:_LONGEST_TEXT].rstrip()


def normalise(text: str) -> str:
    """What was typed, ready to be compared: canonical Lao, ASCII digits, single spaces.

    Punctuation, quotes and brackets around it go, so `(1)`, `«1»` and `#1` are "1" and "*" is "".
    Idempotent.
    """
    spaced = str(_WHITE.sub(" ", canonical(digits(text))))
    first, last = _FIRST_MEANT.search(spaced), _LAST_MEANT.search(spaced)
    return spaced[first.start() : last.end()] if first and last else ""


def choice(text: str) -> Choice | None:
    """The number an answer begins with: a figure, a Lao or English number word, "ຂໍ້ 1".

    None where it begins with neither. `rest` is normalised.
    """
    typed = normalise(text)
    item = _ITEM.match(typed)
    spoken = typed[item.end() :] if item else typed
    numbered = _NUMBERED.match(spoken)
    if numbered:
        return Choice(numbered[1], numbered[2])
    return _number_word(spoken)


def code(text: str, length: int = 4) -> str | None:
    """Exactly `length` digits; spaces, dots or hyphens between them do no harm."""
    typed = normalise(text)
    if not _CODE.fullmatch(typed):
        return None
    figures = "".join(filter(str.isdecimal, typed))
    return figures if len(figures) == length else None


def reference(text: str) -> str | None:
    """A reference number without the blanks, dashes, dots and slashes in it: 3 to 30 signs."""
    typed = str(_BETWEEN.sub("", normalise(clean(text))))
    return typed if _SHORTEST_REFERENCE <= len(typed) <= _LONGEST_REFERENCE else None


def behind(text: str, words: Collection[str]) -> Behind | None:
    """What follows one of the words at the beginning; None where none of them stands there.

    Figures and letters part without a space: "ສະຖານະ123" is a word and a number.
    """
    found = _LEADING.fullmatch(normalise(text))
    if not found or not matches_any(found[1], words):
        return None
    return Behind(found[1], found[2])


def amount(text: str) -> int | None:
    """Whole kip, 0 to 1 000 000 000: "50.000 ກີບ", "50ພັນ", "1.5 ລ້ານ", "1 ລ້ານ 5 ແສນ".

    One point or comma before a multiplier is a decimal one; elsewhere points, commas and spaces
    group three digits. None for anything else, fractions of a kip included.
    """
    typed = normalise(text)
    if len(typed) > _LONGEST_AMOUNT or _NEGATIVE.match(canonical(text)):
        return None
    value = _kip(fold(typed))
    if value is None or value > _HIGHEST_AMOUNT or value % 1:
        return None
    return int(value)


def one_line(text: str) -> OneLine | None:
    """A center's code, a score and perhaps a comment: "0103 5 ດີຫຼາຍ", or "5 0103 ດີຫຼາຍ".

    None where it is not plain which digits are the code and which the score. The comment is the
    text as typed, `clean`; punctuation alone is none.
    """
    figures = digits(text)
    found = _CODE_FIRST.match(figures)
    if found:
        return OneLine(found[1], int(found[2]), _comment(text[found.end() :]))
    found = _SCORE_FIRST.match(figures)
    # "1.5000" is more likely an amount than a score and a code.
    if not found or not found[2].strip(".,"):
        return None
    return OneLine(found[3], int(found[1]), _comment(text[found.end() :]))


def matches(text: str, label: str) -> bool:
    """Whether what was typed is the label itself, spelling variants and tones apart."""
    return matches_any(text, (label,))


def matches_any(text: str, labels: Iterable[str]) -> bool:
    """Whether what was typed is one of the labels, spelling variants and tones apart."""
    typed = fold(normalise(text))
    return bool(typed) and any(typed == _folded(label) for label in labels)


def exactly(text: str, words: Collection[str]) -> bool:
    """Whether one of the words is all that is typed, tones and all; letters may be capitals."""
    typed = narrow(normalise(text)).casefold()
    return any(typed == _lowered(word) for word in words)


def keyword(text: str, aliases: Mapping[str, Sequence[str]]) -> str | None:
    """The key of `aliases` that the text names: all of it, or the first of at most three words.

    A long text that only begins with "stop" is a comment, not a command.
    """
    typed = fold(normalise(text))
    words = typed.split()
    first = normalise(words[0]) if 0 < len(words) <= 3 else ""
    folded = {key: set(map(_folded, names)) for key, names in aliases.items()}
    for wanted in filter(None, (typed, first)):
        for key, names in folded.items():
            if wanted in names:
                return key
    return None


def vocabulary(wishes: Mapping[str, Sequence[str]], around: Collection[str]) -> dict[str, str]:
    """Words as `wish` compares them: each with the key it asks for, "" for those of `around`."""
    known = {_in_words(word): "" for word in around}
    known |= {_in_words(word): key for key, words in wishes.items() for word in words}
    known.pop("", None)
    return known


def wish(text: str, known: Mapping[str, str]) -> str | None:
    """The key that the text asks for and nothing besides; `known` is a `vocabulary`.

    Every word must be known, and those with a key have the same one: "please stop sending me SMS"
    asks, "stop asking for money" tells something. Lao has no spaces between words, so a text in
    Lao must be put together from known words without rest.
    """
    # Every word with a key has letters: figures, which most answers are, ask for nothing.
    spoken = len(text) <= _LONGEST_WISH and any(map(str.isalpha, text))
    typed = _in_words(text) if spoken else ""
    # The keys that the text up to each place may have named; at most one of them can be meant.
    reached: list[set[str]] = [{""}] + [set() for _ in typed]
    for place, keys in enumerate(reached[:-1]):
        if keys and typed[place] == " ":
            reached[place + 1] |= keys
        for word, key in known.items() if keys else ():
            end = place + len(word)
            if typed.startswith(word, place) and _ends_word(typed, end):
                reached[end] |= {named or key for named in keys if not key or named in ("", key)}
    wanted = reached[-1] - {""}
    return wanted.pop() if len(wanted) == 1 else None


@lru_cache(_LABELS)
def _folded(label: str) -> str:
    return fold(normalise(label))


@lru_cache(_LABELS)
def _lowered(word: str) -> str:
    return narrow(normalise(word)).casefold()


def _in_words(text: str) -> str:
    """Folded, with one space between words; punctuation and pictures are gone."""
    return " ".join(_TOKEN.findall(fold(normalise(text)).replace("’", "'")))


def _ends_word(typed: str, end: int) -> bool:
    return typed[end : end + 1] in ("", " ") or _LAO_WORDS.match(typed[end - 1]) is not None


def _comment(text: str) -> str:
    return clean(text) if normalise(text) else ""


def _is_unstorable(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cs")


def _number_word(typed: str) -> Choice | None:
    """A number word that stands by itself; alone it may lack its tones, before other text not.

    Without tones "five" reads "seek" and "nine" reads "scratch", which may well open a sentence.
    """
    found = _FIRST_WORD.match(typed)
    if not found:
        return None
    word, rest = found[1], found[2]
    number = _NUMBER_WORDS.get(word.casefold()) if rest else _FOLDED_NUMBER_WORDS.get(fold(word))
    return Choice(number, rest) if number else None


def _kip(typed: str) -> Decimal | None:
    plain = _PLAIN.fullmatch(typed)
    if plain:
        return _grouped(plain[1])
    return _sum_of_terms(typed) if _SUM.fullmatch(typed) else None


def _sum_of_terms(typed: str) -> Decimal | None:
    """ "1 ລ້ານ 5 ແສນ": every multiplier smaller than the one before it."""
    total = Decimal(0)
    ceiling = 10 * _HIGHEST_AMOUNT
    for figure, word in _TERM.findall(typed):
        factor = _MULTIPLIERS[word]
        value = _decimal(figure)
        if value is None or factor >= ceiling:
            return None
        total += value * factor
        ceiling = factor
    return total


def _grouped(figure: str) -> Decimal | None:
    """A figure whose points, commas or spaces, if any, group thousands ("50,000.00" too)."""
    if figure.isdecimal():
        return _whole(figure)
    found = _GROUPED.fullmatch(figure)
    if not found:
        return None
    mark = found[1]
    whole = figure[:-3] if figure[-3] != mark and figure[-3] in ".," else figure
    return _whole(whole.replace(mark, ""))


def _decimal(figure: str) -> Decimal | None:
    """A figure before a multiplier: "1.5", "1,5", "1500"; else grouped."""
    if len(figure) > _LONGEST_FIGURE:
        return None
    if _DECIMAL.fullmatch(figure):
        return Decimal(figure.replace(",", "."))
    return _grouped(figure)


def _whole(figure: str) -> Decimal | None:
    return Decimal(figure) if len(figure) <= _LONGEST_FIGURE else None
