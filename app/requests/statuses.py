"""PURE. What may follow what, which statuses need a note, and clerks' words for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.text import answers
from app.text.lao import fold

RUNNING: Final = ("received", "in_process", "need_documents")
"""While a request stands there the office's time runs."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`words` are as they are heard: tones, capitals and punctuation do not matter."""

    transitions: Mapping[str, frozenset[str]]
    needs_note: frozenset[str]
    texted: frozenset[str]
    words: Mapping[str, str]

    def allows(self, before: str, after: str) -> bool:
        return after in self.transitions[before]

    def status(self, written: str) -> str | None:
        """The status that a clerk's word means."""
        return self.words.get(heard(written))


def heard(word: str) -> str:
    """A word as it is compared with others."""
    return fold(answers.normalise(word.replace("_", " ")))


def overdue(status: str, due_on: date | None, today: date) -> bool:
    """Whether the office should have been ready before today."""
    return status in RUNNING and due_on is not None and due_on < today
