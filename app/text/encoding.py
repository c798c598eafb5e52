"""GSM-7 and UCS-2: which one a text needs, how much of it, and what networks bill for it."""

from __future__ import annotations

from typing import Final, Literal

Encoding = Literal["GSM-7", "UCS-2"]

_GSM7_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""3GPP TS 23.038 §6.2.1: 127 characters; the 128th code is the escape itself."""

_GSM7_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""3GPP TS 23.038 §6.2.1.1: each is an escape and a second septet."""

_GSM7: Final = _GSM7_BASIC | _GSM7_EXTENSION

_WHOLE: Final[dict[Encoding, int]] = {"GSM-7": 160, "UCS-2": 70}
"""One message: 140 octets of user data (3GPP TS 23.040 §9.2.3.24)."""

_PART: Final[dict[Encoding, int]] = {"GSM-7": 153, "UCS-2": 67}
"""One part of a longer one: six octets go to the concatenation header (§9.2.3.24.1)."""


def encoding_of(text: str) -> Encoding:
    """The cheapest encoding that carries every character of `text`.

    Lao is in no national shift table of 3GPP TS 23.038, so one Lao letter makes a text UCS-2;
    so do "₭" and curly quotes.
    """
    return "GSM-7" if _GSM7.issuperset(text) else "UCS-2"


def units(text: str, encoding: Encoding | None = None) -> int:
    """Length in septets (GSM-7, extension characters 2) or UTF-16 code units (UCS-2).

    Without `encoding` the text is measured in its own. Measured in GSM-7, a character the
    alphabet lacks counts 1: a gateway forced to GSM-7 writes one "?" in its place.
    """
    if (encoding or encoding_of(text)) == "GSM-7":
        return len(text) + sum(map(text.count, _GSM7_EXTENSION))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def segments(text: str) -> list[str]:
    """The parts a network sends and bills: 160 septets or 70 units whole, else 153 or 67 each.

    Parts are filled to the brim as networks do it, words and grapheme clusters regardless; only
    an escape pair and a surrogate pair stay together (3GPP TS 23.040 §9.2.3.24.1). The parts
    joined are `text`; an empty text is one empty part.
    """
    encoding = encoding_of(text)
    if units(text, encoding) <= _WHOLE[encoding]:
        return [text]
    parts: list[str] = []
    start = filled = 0
    for index, character in enumerate(text):
        width = _width(character, encoding)
        if filled + width > _PART[encoding]:
            parts.append(text[start:index])
            start, filled = index, 0
        filled += width
    return [*parts, text[start:]]


def segment_count(text: str) -> int:
    """How many messages a network bills for `text`; 1 for an empty one."""
    return len(segments(text))


def _width(character: str, encoding: Encoding) -> int:
    """1 or 2: extension characters and characters beyond U+FFFF take two."""
    if encoding == "GSM-7":
        return 2 if character in _GSM7_EXTENSION else 1
    return 2 if character > "\uffff" else 1
