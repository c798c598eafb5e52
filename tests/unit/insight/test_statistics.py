"""The figures against values from literature and against a second way of computing them."""

from __future__ import annotations

from decimal import Decimal, getcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.insight import statistics


def exact(successes: int, n: int) -> tuple[float, float]:
    """The two roots of (p - share)² = z² p (1 - p) / n, in 50 digits."""
    getcontext().prec = 50
    z2, s, m = Decimal(statistics.Z95) ** 2, Decimal(successes), Decimal(n)
    a, b, c = 1 + z2 / m, -(2 * s / m + z2 / m), (s / m) ** 2
    root = (b * b - 4 * a * c).sqrt()
    return float((-b - root) / (2 * a)), float((-b + root) / (2 * a))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # By hand: z² / (n + z²) is the far end where all or none succeeded.
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (8, 10, 0.4902, 0.9433),
    ],
)
def test_wilson_is_the_published_interval(successes: int, n: int, low: float, high: float) -> None:
    assert statistics.wilson(successes, n) == pytest.approx((low, high), abs=5e-5)
    assert statistics.wilson(successes, n) == pytest.approx(exact(successes, n), abs=1e-9)


def test_wilson_to_nine_digits() -> None:
    square = 3.8414588206941236
    assert statistics.wilson(0, 10) == pytest.approx((0.0, square / (10 + square)), abs=1e-9)
    assert statistics.wilson(10, 10) == pytest.approx((10 / (10 + square), 1.0), abs=1e-9)
    assert statistics.wilson(1, 1) == pytest.approx((1 / (1 + square), 1.0), abs=1e-9)
    assert statistics.wilson(8, 10) == pytest.approx((0.490162472, 0.943317849), abs=1e-9)


@settings(deadline=None)
@given(st.integers(1, 99_999).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_within_bounds(pair: tuple[int, int]) -> None:
    successes, n = pair
    interval = statistics.wilson(successes, n)
    assert interval is not None
    low, high = interval
    assert 0 <= low <= successes / n <= high <= 1
    assert (low, high) == pytest.approx(exact(successes, n), abs=1e-9)


def test_wilson_without_observations_is_none() -> None:
    assert statistics.wilson(0, 0) is None


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3), (1, 0)])
def test_wilson_refuses_what_is_no_proportion(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        statistics.wilson(successes, n)


def test_mean_and_satisfaction() -> None:
    scores = {1: 1, 2: 0, 3: 2, 4: 3, 5: 4}
    assert statistics.mean(scores) == pytest.approx(3.9)
    assert statistics.satisfied(scores) == 7
    assert statistics.satisfaction(scores) == pytest.approx(0.7)


def test_without_scores_there_is_no_mean_and_no_satisfaction() -> None:
    nothing = dict.fromkeys(range(1, 6), 0)
    assert statistics.mean(nothing) is None
    assert statistics.satisfaction(nothing) is None


@pytest.mark.parametrize(
    ("part", "whole", "percent"), [(1, 8, 13), (1, 3, 33), (2, 3, 67), (5, 5, 100)]
)
def test_percent_rounds_halves_up(part: int, whole: int, percent: int) -> None:
    assert statistics.percent(part, whole) == percent
