"""PURE. The three dimensions of the SUFS survey (access, quality, transparency) from answers.

A dimension's share is that of those who did not name one of its `reasons` as the main problem,
among all who were satisfied or named a reason (who was not satisfied and named none may have had
any); or that of 4 and 5 among the answers to a question of its own, `satisfied`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from app.insight import disclosure, statistics
from app.insight.figures import Figures, Part

Name = Literal["access", "quality", "transparency"]
NAMES: Final[tuple[Name, ...]] = get_args(Name)
RATED: Final = ("1", "2", "3", "4", "5")
"""The answers to a question of which the share of satisfied can be told."""

Counts = Mapping[str, int | None]
"""Answer → how many gave it; None where that is hidden."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """What a dimension is told from: either of the two."""

    reasons: tuple[str, ...] = ()
    satisfied: str = ""


def part(
    dimension: Dimension,
    answers: int,
    satisfied: int | None,
    reasons: Counts,
    extra: Mapping[str, Counts],
) -> Part:
    """How many answers a dimension rests on, and how many of them were satisfied with it.

    `reasons` has all of them. None where one of the counts it is made of is hidden: their
    difference would tell it.
    """
    if dimension.satisfied:
        asked = extra.get(dimension.satisfied, {})
        given = {int(answer): n for answer in RATED if (n := asked.get(answer, 0)) is not None}
        if len(given) < len(RATED):
            return Part(None, None)
        return Part(sum(given.values()), statistics.satisfied(given))
    named = {reason: n for reason, n in reasons.items() if n is not None}
    if satisfied is None or len(named) < len(reasons):
        return Part(None, None)
    # Who went back and scored anew may have left a reason with a good score.
    heard = min(satisfied + sum(named.values()), answers)
    return Part(heard, heard - sum(named.get(reason, 0) for reason in dimension.reasons))


def published(dimension: Dimension, figures: Figures) -> Part:
    """The same of released figures: hidden with their satisfaction, and where it rests on few."""
    if figures.satisfied is None:
        return Part(None, None)
    found = part(dimension, figures.answers, figures.satisfied, figures.reasons, figures.extra)
    return Part(None, None) if found.n and found.n < disclosure.FEWEST else found
