"""The wording of digests, their details and answers to `D`: languages/<language>/digest.yaml."""

from __future__ import annotations

from pathlib import Path

from app import sentences
from app.feedback.cells import REASONS
from app.sentences import FALLBACK as FALLBACK
from app.sentences import Placeholders
from app.sentences import Sentences as Sentences
from app.words import Language

FILE = "digest.yaml"

_DIGEST: Placeholders = {
    "head": ("place", "week", "year"),
    "none": (),
    "few": ("n",),
    "answers": ("n",),
    "answers_of_women": ("n", "women"),
    "hidden": (),
    "satisfaction": ("percent",),
    "rise": ("points",),
    "fall": ("points",),
    "satisfaction_hidden": (),
    "reason": ("reason",),
    **{f"reason_{reason}": () for reason in REASONS},
    "overcharged": ("n",),
    "overcharged_hidden": (),
    "requests": ("running", "overdue"),
    "first": ("advice",),
    "first_overdue_at": ("place", "n"),
    "first_lowest": ("place", "percent"),
    **{f"first_{key}": () for key in ("overdue", "overcharged", *REASONS, "few")},
}
_DETAILS: Placeholders = {
    "sexes": ("women", "men", "unknown"),
    "rate": ("percent", "low", "high", "n"),
    "mean": ("mean",),
    "weeks": ("list",),
    "target": ("percent",),
    "target_by": ("percent", "date"),
    "baseline": ("percent",),
    "lowest_first": ("list",),
    "below_rate": ("place", "percent", "n"),
    "below_requests": ("place", "running", "overdue"),
    "advice_overdue_at": ("place", "n"),
    "advice_lowest": ("place", "percent", "n"),
    **{f"advice_{key}": ("n",) for key in ("overdue", "overcharged", "few")},
    **{f"advice_{key}": () for key in (*REASONS, "none")},
}
PLACEHOLDERS: Placeholders = {
    **_DIGEST,
    **_DETAILS,
    "help": (),
    "none_yet": ("date",),
    "not_yours": ("code",),
}
"""Every sentence and exactly the placeholders it has."""


def load_all(languages: Path) -> dict[Language, Sentences]:
    """The digest's sentences in every language that has them. Raises FlowError."""
    return sentences.load_all(languages, FILE, PLACEHOLDERS)


def names_in_lao(language: Language) -> bool:
    """Whether names stand in Lao script. A Latin digest with one Lao name in it would cost as much
    as a Lao one."""
    return language == FALLBACK
