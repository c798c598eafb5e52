"""Lao script: one spelling for what looks the same, digits, clusters, where a line may break."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final, Literal

import regex

_PREPOSED: Final = frozenset("\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4")
"""ເ ແ ໂ ໃ ໄ: stored before their consonant, and letters to Unicode, so clusters of their own."""

_TONES: Final = "\u0ec8\u0ec9\u0eca\u0ecb"
_SEMIVOWEL_LO: Final = "\u0ebc"
_ABOVE: Final = "\u0eb1\u0eb4\u0eb5\u0eb6\u0eb7\u0ebb\u0ecd"

# A joiner before a pictograph builds an emoji (a family); everywhere else it is invisible noise.
_INVISIBLE: Final = regex.compile(
    r"[\u00AD\u200B\u200C\u200E\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF]"
    r"|\u200D(?!\p{Extended_Pictographic})"
)
_MARK: Final = rf"[[{_SEMIVOWEL_LO}{_ABOVE}]||[\p{{M}}--\p{{Canonical_Combining_Class=0}}]]"
_MARKS: Final = regex.compile(rf"(?V1){_MARK}{{2,}}")
# NFC takes the square of a crowd's size to put it in order. No script stacks more than thirty marks
# (UAX #15, §13); the rest is room for what NFC takes apart.
_CROWD: Final = regex.compile(rf"(?V1)({_MARK}{{100}})\p{{M}}+")
_TWO_PART_AM: Final = regex.compile(rf"\u0ECD([{_TONES}]?)\u0EB2")
# \X alone looks back over a whole run of flags at each of them.
_CLUSTER: Final = regex.compile(
    r"\p{Regional_Indicator}{2}[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]*|\X"
)
_LETTER: Final = regex.compile(r"(?V1)[\p{Lao}&&\p{L}]")

_TO_ASCII_DIGITS: Final = {
    zero + value: str(value) for zero in (0x0ED0, 0x0E50, 0xFF10) for value in range(10)
}
_TO_ASCII_LETTERS: Final = {
    wide + place: chr(plain + place)
    for wide, plain in ((0xFF21, 65), (0xFF41, 97))
    for place in range(26)
}
_WITHOUT_TONES: Final = dict.fromkeys(map(ord, _TONES))

try:
    from icu4py.breakers import LineBreaker
except ImportError:

    def _line_pieces(text: str) -> list[str]:
        """Without a dictionary: after white space, and before every Lao cluster."""
        pieces: list[str] = []
        for cluster in clusters(text):
            if pieces and not _opens_piece(pieces[-1], cluster):
                pieces[-1] += cluster
            else:
                pieces.append(cluster)
        return pieces

else:

    def _line_pieces(text: str) -> list[str]:
        """UAX #14 line pieces with ICU's Lao dictionary."""
        return list(LineBreaker(text, "lo"))


def canonical(text: str) -> str:
    """One spelling for Lao that looks the same on a screen; what is shown does not change.

    NFC, which orders vowels below before tones; then what NFC leaves apart: "ເເ" typed for "ແ",
    a tone typed before a vowel above, "ໍ" and "າ" typed for "ຳ". Zero-width characters go
    (some Lao keyboards type U+200B between words), and so do marks after the hundredth on one
    letter. Never NFKC: it takes "ຳ" apart, which costs a UCS-2 unit and misleads word breaking.
    Idempotent.
    """
    plain = _uncrowded(_normal("NFC", _replaced(_INVISIBLE, "", text)))
    ordered = _rewritten(_MARKS, _in_mark_order, plain.replace("\u0ec0\u0ec0", "\u0ec1"))
    return _replaced(_TWO_PART_AM, "\\1\u0eb3", ordered)


def digits(text: str) -> str:
    """Lao, Thai and full-width digits as ASCII ones; the length stays the same."""
    return text.translate(_TO_ASCII_DIGITS)


def narrow(text: str) -> str:
    """Full-width letters, as Chinese and Japanese keyboards type them, as ASCII ones."""
    return text.translate(_TO_ASCII_LETTERS)


def clusters(text: str) -> list[str]:
    """What a reader sees as one sign: UAX #29 grapheme clusters, joined they are `text`.

    A preposed vowel sticks to the consonant it is read after, for a line or page that ends in
    "ເ" cannot be read.
    """
    found: list[str] = []
    waiting = False
    for grapheme in _CLUSTER.findall(text):
        if waiting and not grapheme.isspace():
            found[-1] += grapheme
        else:
            found.append(grapheme)
        waiting = grapheme[0] in _PREPOSED
    return found


def breaks(text: str) -> list[str]:
    """Pieces between which a line may be broken; joined they are `text`.

    White space ends a piece. No boundary falls inside one of `clusters`.
    """
    allowed = _ends(clusters(text))
    pieces: list[str] = []
    start = 0
    # ICU takes well-formed text only; a stand-in of the same length gives the same boundaries.
    for end in sorted(_ends(_line_pieces(_well_formed(text))) & allowed):
        pieces.append(text[start:end])
        start = end
    return pieces


def fold(text: str) -> str:
    """For MATCHING only, never to show or store: spellings that people mix become equal.

    Upper and lower case, full-width letters and ASCII ones, ໜ and ຫນ, ໝ and ຫມ, ຫຼ and ຫລ, ຣ and
    ລ; tones are dropped. Idempotent.
    """
    # Case folding is stable on decomposed text only (Unicode, definition D145).
    lowered = narrow(_normal("NFD", text)).casefold().translate(_WITHOUT_TONES)
    spelled = canonical(lowered).replace("\u0edc", "\u0eab\u0e99").replace("\u0edd", "\u0eab\u0ea1")
    return spelled.replace("\u0eab\u0ebc", "\u0eab\u0ea5").replace("\u0ea3", "\u0ea5")


def is_lao(text: str) -> bool:
    """Whether `text` has at least one Lao letter; digits and lone marks are none."""
    return _LETTER.search(text) is not None


def _normal(form: Literal["NFC", "NFD"], text: str) -> str:
    return unicodedata.normalize(form, _uncrowded(text))


def _uncrowded(text: str) -> str:
    return _replaced(_CROWD, "\\1", text)


def _in_mark_order(marks: str) -> str:
    """The marks on one consonant as Lao is typed: ຼ, vowels above, vowels below, tones."""
    return "".join(sorted(marks, key=_mark_order))


def _mark_order(mark: str) -> int:
    """Unicode gives ຼ and the vowels above no order (class 0); here they come before all others."""
    if mark == _SEMIVOWEL_LO:
        return -2
    return -1 if mark in _ABOVE else unicodedata.combining(mark)


def _opens_piece(before: str, cluster: str) -> bool:
    return not cluster.isspace() and (is_lao(cluster) or before[-1].isspace())


def _ends(pieces: list[str]) -> set[int]:
    """The offset at which each piece ends."""
    offsets: set[int] = set()
    end = 0
    for piece in pieces:
        end += len(piece)
        offsets.add(end)
    return offsets


def _well_formed(text: str) -> str:
    return "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in text)


def _replaced(pattern: regex.Pattern[str], replacement: str, text: str) -> str:
    return str(pattern.sub(replacement, text))


def _rewritten(pattern: regex.Pattern[str], rewrite: Callable[[str], str], text: str) -> str:
    return str(pattern.sub(lambda match: rewrite(match.group()), text))
