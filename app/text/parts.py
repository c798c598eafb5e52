"""A long text as separate messages, for networks that do not join parts."""

from __future__ import annotations

from typing import Final

from app.text.encoding import segment_count
from app.text.screens import split_text
from app.words import Limits

_ONE_MESSAGE: Final = Limits()


def separate(text: str) -> list[str]:
    """Messages that each fit, and can be read, by themselves: cut between words.

    A text that fits is one message, as it is.
    """
    if segment_count(text) == 1:
        return [text]
    return split_text(text, _ONE_MESSAGE.gsm7, _ONE_MESSAGE.ucs2)
