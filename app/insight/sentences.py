"""The wording of the digest: config/languages/<language>/digest.yaml."""

from __future__ import annotations

from pathlib import Path

from app import sentences
from app.feedback.cells import REASONS
from app.sentences import FALLBACK as FALLBACK
from app.sentences import Placeholders
from app.sentences import Sentences as Sentences
from app.words import Language

FILE = "digest.yaml"

_HEAD = ("place", "week", "year")
PLACEHOLDERS: Placeholders = {
    "none": _HEAD,
    "head": (*_HEAD, "answers"),
    "answers": ("n",),
    "answers_of_women": ("n", "women"),
    "satisfaction": ("percent",),
    "satisfaction_changed": ("percent", "change"),
    "change": ("points",),
    "same": (),
    "reason": ("reason",),
    "overcharged": ("n",),
    **{f"reason_{reason}": () for reason in REASONS},
}
"""Every sentence of a digest and exactly the placeholders it has."""


def load_all(languages: Path) -> dict[Language, Sentences]:
    """The digest's sentences in every language that has them. Raises FlowError."""
    return sentences.load_all(languages, FILE, PLACEHOLDERS)
