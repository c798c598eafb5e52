"""PURE. The figures behind every summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, inf, sqrt

Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution: a two-sided interval of 95 %."""

SATISFIED = (4, 5)
"""The scores that count as satisfied (top two of five)."""

FEWEST_FOR_CHANGE = 20
"""With fewer answers than this on either side no change is spoken of."""

SIGNIFICANT = 0.05
"""A difference that chance alone brings about more rarely than this is called a change."""

WEAKEST_PRIOR = 2.0
"""The answers that the prior of a ranking weighs at least: as many as Laplace's uniform prior."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of `n` answers were satisfied."""

    satisfied: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.satisfied <= self.n:
            raise ValueError(f"{self.satisfied} of {self.n} is no proportion")


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


def two_proportions(now: Share, before: Share) -> float | None:
    """The two-sided p value of the z test that two shares are one, with the pooled variance.

    None where it is undefined: one side has no answers, or all answers of both are the same.
    """
    n, successes = now.n + before.n, now.satisfied + before.satisfied
    if not now.n or not before.n or successes in (0, n):
        return None
    pooled = successes / n
    deviation = sqrt(pooled * (1 - pooled) * (1 / now.n + 1 / before.n))
    z = (now.satisfied / now.n - before.satisfied / before.n) / deviation
    return erfc(abs(z) / sqrt(2))


def is_change(now: Share, before: Share) -> bool:
    """Whether two shares differ by more than chance, and rest on enough answers to say so."""
    if min(now.n, before.n) < FEWEST_FOR_CHANGE:
        return False
    p = two_proportions(now, before)
    return p is not None and p < SIGNIFICANT


def shrunk(shares: Sequence[Share]) -> list[float]:
    """Shares, each drawn towards that of all by how little it rests on: for ranking only.

    The posterior means (s + p M) / (n + M) of the beta-binomial model: p is the share of all
    together, M what `prior_strength` says. A place without answers gets p; where nobody answered
    anywhere, every place gets 0.5.
    """
    n = sum(share.n for share in shares)
    if n == 0:
        return [0.5] * len(shares)
    p, strength = sum(share.satisfied for share in shares) / n, prior_strength(shares)
    if strength == inf:
        return [p] * len(shares)
    return [(share.satisfied + p * strength) / (share.n + strength) for share in shares]


def prior_strength(shares: Sequence[Share]) -> float:
    """How many answers the prior of a beta-binomial model weighs, by the method of moments.

    Kleinman, JASA 68 (1973), his moment estimates with the weights w_i = n_i. With N = sum of
    n_i, p = sum of s_i / N, S = sum of n_i (s_i / n_i - p)^2 over the k places that have answers:

        g = (S / (p (1 - p)) - (k - 1)) / (N - sum of n_i^2 / N - (k - 1)),   M = (1 - g) / g

    Infinite where the places differ no more than chance lets them (g <= 0), or where nothing can
    be told: one place, one answer each, all answers the same. Never less than WEAKEST_PRIOR:
    places far apart (g near 1, or by chance above) would have three happy answers lead them all.
    """
    asked = [share for share in shares if share.n]
    n, successes = sum(share.n for share in asked), sum(share.satisfied for share in asked)
    if successes in (0, n):
        return inf
    p, free = successes / n, len(asked) - 1
    spread = sum(share.n * (share.satisfied / share.n - p) ** 2 for share in asked)
    excess = spread / (p * (1 - p)) - free
    # In integers: one answer each, or one place, makes this 0 exactly.
    room = n * n - sum(share.n**2 for share in asked) - n * free
    if room <= 0 or excess <= 0:
        return inf
    alike = excess / (room / n)
    return max((1 - alike) / alike, WEAKEST_PRIOR)
