"""PURE. The figures behind every summary."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution: a two-sided interval of 95 %."""

SATISFIED = (4, 5)
"""The scores that count as satisfied (top two of five)."""


def wilson(successes: int, n: int, z: float = Z95) -> tuple[float, float] | None:
    """The Wilson score interval of a proportion (Wilson 1927), without continuity correction.

    None for n = 0: nothing was observed, and (0, 1) would look like a finding.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no proportion")
    if n == 0:
        return None
    share, square = successes / n, z * z
    middle = (share + square / (2 * n)) / (1 + square / n)
    reach = z / (1 + square / n) * sqrt(share * (1 - share) / n + square / (4 * n * n))
    # The ends are exact at 0 and n; rounding would leave them a hair off, even outside 0..1.
    low = 0.0 if successes == 0 else middle - reach
    high = 1.0 if successes == n else middle + reach
    return low, high


def mean(scores: Mapping[int, int]) -> float | None:
    """The mean of scores, given how often each was chosen; None when there is none."""
    n = sum(scores.values())
    return sum(score * times for score, times in scores.items()) / n if n else None


def satisfied(scores: Mapping[int, int]) -> int:
    """How many chose one of the satisfied scores."""
    return sum(scores.get(score, 0) for score in SATISFIED)


def satisfaction(scores: Mapping[int, int]) -> float | None:
    """The share, 0 to 1, of satisfied among all scores; None when there is none."""
    n = sum(scores.values())
    return satisfied(scores) / n if n else None


def percent(part: int, whole: int) -> int:
    """A share in whole percent, halves upwards, in integers so that no machine rounds otherwise."""
    return (200 * part + whole) // (2 * whole)
