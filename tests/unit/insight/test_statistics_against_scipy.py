"""The figures against numpy, scipy and statsmodels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

from app.insight.statistics import (
    FEWEST_FOR_CHANGE,
    WEAKEST_PRIOR,
    Share,
    is_change,
    prior_strength,
    shrunk,
    two_proportions,
    wilson,
)


def shares(fewest: int = 0, most: int = 2_000) -> st.SearchStrategy[Share]:
    sizes = st.integers(fewest, min(most, fewest + 12)) | st.integers(fewest, most)
    return sizes.flatmap(lambda n: st.builds(Share, st.integers(0, n), st.just(n)))


def same(share: Share) -> bool:
    return share.satisfied in (0, share.n)


@settings(deadline=None, max_examples=100)
@given(shares(fewest=1, most=99_999))
def test_wilson_is_that_of_statsmodels(share: Share) -> None:
    theirs = proportion_confint(share.satisfied, share.n, method="wilson")
    assert wilson(share.satisfied, share.n) == pytest.approx(theirs, abs=1e-9)


@settings(deadline=None, max_examples=100)
@given(shares(fewest=1), shares(fewest=1))
def test_the_z_test_is_that_of_statsmodels(now: Share, before: Share) -> None:
    p = two_proportions(now, before)
    if same(Share(now.satisfied + before.satisfied, now.n + before.n)):
        assert p is None
        return
    _, theirs = proportions_ztest([now.satisfied, before.satisfied], [now.n, before.n])
    assert p == pytest.approx(theirs, abs=1e-9)


def test_the_z_test_by_hand() -> None:
    # 45 of 60 and 48 of 80: pooled 93/140, deviation 0.08065, z = 0.15 / 0.08065 = 1.860.
    assert two_proportions(Share(45, 60), Share(48, 80)) == pytest.approx(0.0629, abs=5e-5)


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (Share(0, 0), Share(3, 9)),
        (Share(3, 9), Share(0, 0)),
        (Share(0, 9), Share(0, 30)),
        (Share(9, 9), Share(30, 30)),
    ],
)
def test_what_cannot_be_compared_has_no_p_value_and_is_no_change(now: Share, before: Share) -> None:
    assert two_proportions(now, before) is None
    assert not is_change(now, before)


def test_a_change_needs_twenty_answers_on_both_sides() -> None:
    assert is_change(Share(0, 20), Share(20, 20))
    assert not is_change(Share(0, 19), Share(20, 20))
    assert not is_change(Share(20, 20), Share(0, 19))
    assert FEWEST_FOR_CHANGE == 20


def test_a_change_is_more_than_chance() -> None:
    # Of a hundred each the z test gives 0.051 for 60 and 73, 0.035 for 60 and 74.
    assert not is_change(Share(60, 100), Share(73, 100))
    assert is_change(Share(60, 100), Share(74, 100))
    assert is_change(Share(74, 100), Share(60, 100))


@pytest.mark.parametrize(("satisfied", "n"), [(-1, 3), (4, 3), (1, 0)])
def test_a_share_refuses_what_is_no_proportion(satisfied: int, n: int) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        Share(satisfied, n)


# --- ranking ----------------------------------------------------------------------------------


def by_moments(places: Sequence[Share]) -> tuple[float, float] | None:
    """The prior's two parameters from the moments; None where no finite prior fits."""
    n = np.array([share.n for share in places if share.n], dtype=float)
    s = np.array([share.satisfied for share in places if share.n], dtype=float)
    weights = n / n.sum()
    p = float(np.average(s / n, weights=weights))
    if not 0 < p < 1:
        return None
    spread = float(np.sum(n * (s / n - p) ** 2))
    # E[S] = p (1 - p) (sum of (1 - w) + g sum of (n - 1) (1 - w)), solved for g.
    by_chance, by_place = float(np.sum(1 - weights)), float(np.sum((n - 1) * (1 - weights)))
    if by_place < 1e-9:
        return None
    g = (spread / (p * (1 - p)) - by_chance) / by_place
    if g < 1e-12:
        return None
    strength = max((1 - g) / g, WEAKEST_PRIOR)
    return p * strength, (1 - p) * strength


@settings(deadline=None, max_examples=100)
@given(st.lists(shares(most=300), min_size=1, max_size=9))
def test_shrunk_shares_are_posterior_means_by_the_moments(places: list[Share]) -> None:
    n = sum(share.n for share in places)
    if n == 0:
        assert shrunk(places) == [0.5] * len(places)
        return
    prior = by_moments(places)
    if prior is None:
        theirs = [sum(share.satisfied for share in places) / n] * len(places)
    else:
        happy = np.array([share.satisfied for share in places])
        unhappy = np.array([share.n - share.satisfied for share in places])
        theirs = beta(prior[0] + happy, prior[1] + unhappy).mean().tolist()
    assert shrunk(places) == pytest.approx(theirs, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.lists(shares(most=300), min_size=1, max_size=9))
def test_a_shrunk_share_lies_between_its_own_and_that_of_all(places: list[Share]) -> None:
    n = sum(share.n for share in places)
    overall = sum(share.satisfied for share in places) / n if n else 0.5
    for share, drawn in zip(places, shrunk(places), strict=True):
        own = share.satisfied / share.n if share.n else overall
        assert min(own, overall) - 1e-12 <= drawn <= max(own, overall) + 1e-12


def test_three_happy_answers_do_not_lead_the_country() -> None:
    country = [Share(3, 3), Share(95, 100), Share(180, 240), Share(40, 80), Share(70, 90)]
    ranks = shrunk(country)
    assert max(ranks) == ranks[1]
    assert ranks[0] < 0.9 * country[0].satisfied / country[0].n


def test_three_happy_answers_do_not_lead_places_that_are_far_apart() -> None:
    ranks = shrunk([Share(3, 3), Share(95, 100), Share(5, 100), Share(0, 4)])
    assert max(ranks) == ranks[1]


def test_places_that_differ_by_chance_alone_all_get_the_share_of_all() -> None:
    assert shrunk([Share(8, 10), Share(16, 20), Share(24, 30)]) == [0.8] * 3
    assert shrunk([Share(3, 5)]) == [0.6]
    assert shrunk([Share(1, 1), Share(0, 1), Share(1, 1), Share(0, 1)]) == [0.5] * 4
    assert shrunk([Share(7, 7), Share(2, 2)]) == [1.0, 1.0]
    assert shrunk([Share(0, 7), Share(0, 2)]) == [0.0, 0.0]


def test_a_place_without_answers_gets_the_share_of_all() -> None:
    ranks = shrunk([Share(0, 0), Share(90, 100), Share(10, 100)])
    assert ranks[0] == pytest.approx(0.5)
    assert shrunk([]) == []


def test_the_prior_is_found_again_in_what_was_drawn_from_it() -> None:
    chance = np.random.default_rng(1616)
    drawn = [Share(int(chance.binomial(60, one)), 60) for one in chance.beta(24, 6, 4_000)]
    assert prior_strength(drawn) == pytest.approx(30, rel=0.1)
