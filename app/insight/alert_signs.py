"""PURE. What speaks for an alert at a center, and what against one that is open.

Between the two lies a reach in which nothing changes: an alert that was raised is not cleared
because one answer more came in, nor raised again the next hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from app.insight.statistics import Share, two_proportions

Sign = Literal["raise", "keep", "clear"]
Kind = Literal["bad_scores", "overcharges", "silent", "reason_jump"]
"""Rules of one kind are told in the same words."""

BAD: Final = (1, 2)
WHOLE: Final = ""
"""The subject of an alert that is about the center as such."""


@dataclass(frozen=True, slots=True)
class Window:
    """What was answered at a center in some days, flagged responses left out.

    `reasons` has every key; every answer has a score, so there are as many as answers.
    """

    scores: Mapping[int, int]
    reasons: Mapping[str, int]
    overcharged: int = 0

    @property
    def answers(self) -> int:
        return sum(self.scores.values())

    @property
    def bad(self) -> int:
        return sum(self.scores.get(score, 0) for score in BAD)


@dataclass(frozen=True, slots=True)
class BadScores:
    """The share of bad scores in the last `days`, in percent of the answers."""

    kind: ClassVar[Kind] = "bad_scores"
    days_before: ClassVar[int] = 0
    days: int
    min_answers: int
    raise_at: int
    clear_at: int
    escalate_after_hours: int

    def signs(self, now: Window, before: Window) -> dict[str, Sign]:
        bad = 100 * now.bad
        raises = now.answers >= self.min_answers and bad >= self.raise_at * now.answers
        clears = _says_nothing(now, self.min_answers) or bad <= self.clear_at * now.answers
        return {WHOLE: _sign(raises, clears)}


@dataclass(frozen=True, slots=True)
class Overcharges:
    """How many in the last `days` paid more than the official fee."""

    kind: ClassVar[Kind] = "overcharges"
    days_before: ClassVar[int] = 0
    days: int
    min_answers: int
    at_least: int
    clear_at: int
    escalate_after_hours: int

    def signs(self, now: Window, before: Window) -> dict[str, Sign]:
        raises = now.answers >= self.min_answers and now.overcharged >= self.at_least
        return {WHOLE: _sign(raises, now.overcharged <= self.clear_at)}


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer in so many working days, of a center that had some in the `days_before`."""

    kind: ClassVar[Kind] = "silent"
    working_days: int
    days_before: int
    min_answers: int
    escalate_after_hours: int

    def signs(self, now: Window, before: Window) -> dict[str, Sign]:
        raises = not now.answers and before.answers >= self.min_answers
        return {WHOLE: _sign(raises, now.answers > 0)}


@dataclass(frozen=True, slots=True)
class ReasonJump:
    """A reason is given in the last `days` by a larger share of all than in the `days_before`.

    One alert for each reason. What has lasted until the days before are full of it is a jump no
    more, and clears.
    """

    kind: ClassVar[Kind] = "reason_jump"
    days: int
    days_before: int
    min_answers: int
    at_least: int
    raise_p: float
    clear_p: float
    escalate_after_hours: int

    def signs(self, now: Window, before: Window) -> dict[str, Sign]:
        return {reason: self._sign(reason, now, before) for reason in now.reasons}

    def _sign(self, reason: str, now: Window, before: Window) -> Sign:
        p = _chance_of_rise(_share(now, reason), _share(before, reason))
        enough = min(now.answers, before.answers) >= self.min_answers
        raises = enough and now.reasons[reason] >= self.at_least and p <= self.raise_p
        clears = _says_nothing(now, self.min_answers) or p > self.clear_p
        return _sign(raises, clears)


Rule = BadScores | Overcharges | Silence | ReasonJump


def _says_nothing(now: Window, min_answers: int) -> bool:
    """Whether too few answers are left to go on saying what once was raised.

    Half of what it takes to raise: at the same number a single answer would open and close it.
    """
    return 2 * now.answers < min_answers


def _sign(raises: bool, clears: bool) -> Sign:
    if raises:
        return "raise"
    return "clear" if clears else "keep"


def _share(window: Window, reason: str) -> Share:
    return Share(min(window.reasons.get(reason, 0), window.answers), window.answers)


def _chance_of_rise(now: Share, before: Share) -> float:
    """The two-sided p value of a share that rose; 1 where it did not or nothing can be told."""
    p = two_proportions(now, before)
    rose = now.satisfied * before.n > before.satisfied * now.n
    return p if rose and p is not None else 1.0
