"""The rules by which small figures are not published, on trees of four levels."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.insight import disclosure, statistics
from app.insight.disclosure import FEWEST, hidden_blocks, hidden_cells, hidden_shares

Parents = Mapping[str, str | None]
Counts = dict[str, dict[str, int]]
SCORES = ("1", "2", "3", "4", "5")

TWO: Parents = {"country": None, "a": "country", "b": "country"}
FOUR: Parents = {**TWO, "c": "country", "d": "country"}


@dataclass(frozen=True)
class Country:
    """Areas, the answers of each, and how many gave which; all add up."""

    parents: Parents
    n: Mapping[str, int]
    counts: Counts


def added_up(parents: Parents, at_bottom: Mapping[str, Sequence[int]]) -> Country:
    """From rows at the bottom of the tree: so many gave each answer, the last number none."""
    answers = len(next(iter(at_bottom.values()))) - 1
    counts: Counts = {str(number + 1): dict.fromkeys(parents, 0) for number in range(answers)}
    n = dict.fromkeys(parents, 0)
    for bottom, row in at_bottom.items():
        area: str | None = bottom
        while area is not None:
            n[area] += sum(row)
            for counted, count in zip(counts.values(), row, strict=False):
                counted[area] += count
            area = parents[area]
    return Country(parents, n, counts)


@st.composite
def countries(draw: st.DrawFn, answers: int = 3, *, all_gave: bool = False) -> Country:
    """Centers in districts in provinces; some have nobody, many have few."""
    parents: dict[str, str | None] = {"country": None}
    at_bottom: dict[str, list[int]] = {}
    sizes = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=3), min_size=1, max_size=4)
    count = st.sampled_from([0, 0, 0, 1, 2, 3, 5, 6, 20])
    rest = st.just(0) if all_gave else count
    for p, province in enumerate(draw(sizes)):
        parents[f"p{p}"] = "country"
        for d, centers in enumerate(province):
            parents[f"p{p}d{d}"] = f"p{p}"
            for c in range(centers):
                parents[f"p{p}d{d}c{c}"] = f"p{p}d{d}"
                at_bottom[f"p{p}d{d}c{c}"] = [*(draw(count) for _ in range(answers)), draw(rest)]
    return added_up(parents, at_bottom)


def below(parents: Parents, area: str, n: Mapping[str, int]) -> list[str]:
    return [one for one, above in parents.items() if above == area and n[one]]


def open_below(
    parents: Parents, area: str, counts: Mapping[str, int], hidden: Collection[str]
) -> int:
    """How many people are left when the shown areas below are taken off."""
    inner = set(parents.values())
    total = 0
    for one in (one for one, above in parents.items() if above == area):
        if one in hidden:
            left = open_below(parents, one, counts, hidden) if one in inner else counts[one]
            total += left
    return total


def assert_the_tree_tells_nothing(
    country: Country, counts: Mapping[str, int], hidden: Collection[str]
) -> None:
    inner = {above for above in country.parents.values() if above is not None}
    for area in inner:
        family = [area, *below(country.parents, area, country.n)]
        together = sum(one in hidden for one in family)
        if area in hidden:
            assert together >= 2, f"{area} is hidden alone"
        elif counts[area]:
            assert together != 1, f"only one of {family} is hidden"
            left = open_below(country.parents, area, counts, hidden)
            assert left == 0 or left >= FEWEST, f"{area} leaves {left} people open"
        if len(family) == 2:
            assert (family[0] in hidden) == (family[1] in hidden)


# --- cells ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(countries())
def test_the_rules_of_cells_hold(country: Country) -> None:
    hidden = hidden_cells(country.parents, country.n, country.counts)
    for area, n in country.n.items():
        row = {answer: counts[area] for answer, counts in country.counts.items()}
        for answer, count in row.items():
            if 0 < count < FEWEST or 0 < n < FEWEST:
                assert (answer, area) in hidden
            assert n or (answer, area) not in hidden
        left = n - sum(count for answer, count in row.items() if (answer, area) not in hidden)
        assert left == 0 or left >= min(FEWEST, n)
    for answer, counts in country.counts.items():
        same = {area for one, area in hidden if one == answer}
        assert_the_tree_tells_nothing(country, counts, same)


def test_a_lone_small_cell_takes_the_smallest_other_with_it() -> None:
    country = added_up(FOUR, {"a": [3, 90], "b": [8, 90], "c": [7, 90], "d": [0, 90]})
    hidden = hidden_cells(country.parents, country.n, country.counts)
    assert hidden == {("1", "a"), ("1", "c")}


def test_two_small_cells_that_stay_under_five_together_take_a_third() -> None:
    country = added_up(FOUR, {"a": [1, 90], "b": [2, 90], "c": [7, 90], "d": [6, 90]})
    hidden = hidden_cells(country.parents, country.n, country.counts)
    assert hidden == {("1", "a"), ("1", "b"), ("1", "d")}


def test_few_who_gave_no_answer_are_not_told_by_what_the_others_gave() -> None:
    country = added_up({"country": None}, {"country": [9, 6, 0, 2]})
    assert hidden_cells(country.parents, country.n, country.counts) == {("2", "country")}


def test_a_small_area_shows_not_even_its_zeros_and_one_without_answers_shows_them() -> None:
    country = added_up(FOUR, {"a": [0, 9, 0], "b": [0, 20, 9], "c": [0, 0, 3], "d": [0, 0, 0]})
    hidden = hidden_cells(country.parents, country.n, country.counts)
    assert hidden >= {("1", "c"), ("2", "c")}
    assert not {("1", "d"), ("2", "d")} & hidden
    # The country shows that nobody said "1"; to hide more would not unsay it.
    assert [area for answer, area in hidden if answer == "1"] == ["c"]


def test_an_area_above_a_single_one_is_hidden_with_it() -> None:
    parents = {**TWO, "district": "country", "center": "district", "empty": "district"}
    rows = {"a": [40, 9], "b": [30, 9], "center": [3, 9], "empty": [0, 0]}
    country = added_up(parents, rows)
    hidden = hidden_cells(country.parents, country.n, country.counts)
    assert hidden == {("1", "district"), ("1", "center"), ("1", "b")}


def test_what_a_country_leaves_open_two_levels_below_counts_too_and_the_lowest_is_hidden() -> None:
    parents = {"country": None, "p": "country", "q": "country", "r": "country", "a": "p", "b": "p"}
    rows = {"a": [3, 30, 30, 2], "b": [7, 30, 30, 0], "q": [1, 90, 90, 9], "r": [50, 90, 90, 9]}
    country = added_up(parents, rows)
    hidden = hidden_cells(country.parents, country.n, country.counts)
    # p is hidden for its row; with b shown, a and q would be 4 people together.
    assert {area for answer, area in hidden if answer == "1"} == {"p", "q", "a", "b"}


def test_an_area_hidden_for_its_row_takes_one_below_with_it() -> None:
    parents = {**TWO, "center": "a", "other": "a"}
    rows = {"center": [5, 20, 6, 1], "other": [20, 5, 7, 1], "b": [90, 90, 90, 90]}
    country = added_up(parents, rows)
    hidden = hidden_cells(country.parents, country.n, country.counts)
    assert {area for answer, area in hidden if answer == "3"} == {"a", "b", "center"}


def test_where_all_of_two_small_areas_said_the_same_the_country_does_not_say_it() -> None:
    country = added_up(TWO, {"a": [3, 0, 0], "b": [4, 0, 0]})
    hidden = hidden_cells(country.parents, country.n, country.counts)
    assert ("1", "country") in hidden


def test_where_the_rest_of_an_area_is_mixed_it_is_hidden_rather_than_the_country() -> None:
    rows = {"a": [3, 0, 0], "b": [4, 0, 0], "c": [5, 5, 0], "d": [60, 60, 60]}
    country = added_up(FOUR, rows)
    hidden = hidden_cells(country.parents, country.n, country.counts)
    assert ("1", "c") in hidden
    assert "country" not in {area for _, area in hidden}


# --- shares -----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(countries(answers=1))
def test_the_rules_of_shares_hold_with_and_without_the_counts(country: Country) -> None:
    by_bases = hidden_shares(country.parents, country.n)
    by_both = hidden_shares(country.parents, country.n, satisfied=country.counts["1"])
    assert by_bases <= by_both
    for hidden in (by_bases, by_both):
        small = {area for area, n in country.n.items() if 0 < n < FEWEST}
        assert small <= hidden <= {area for area, n in country.n.items() if n}
        assert_the_tree_tells_nothing(country, country.n, hidden)


def test_a_lone_small_base_takes_the_smallest_other_with_it() -> None:
    assert hidden_shares(FOUR, {"country": 60, "a": 3, "b": 30, "c": 20, "d": 7}) == {"a", "d"}
    assert hidden_shares(FOUR, {"country": 57, "a": 3, "b": 30, "c": 20, "d": 4}) == {"a", "d"}
    assert hidden_shares(FOUR, {"country": 52, "a": 1, "b": 30, "c": 20, "d": 1}) == {"a", "d", "c"}
    assert hidden_shares(FOUR, {"country": 57, "a": 7, "b": 30, "c": 20}) == frozenset()


def test_all_of_the_hidden_satisfied_is_known_by_the_bases_alone_and_not_with_the_counts() -> None:
    bases = {"country": 47, "a": 3, "b": 30, "c": 10, "d": 4}
    satisfied = {"country": 32, "a": 3, "b": 20, "c": 5, "d": 4}
    assert hidden_shares(FOUR, bases) == {"a", "d"}
    assert hidden_shares(FOUR, bases, satisfied=satisfied) == {"a", "d", "c"}


# --- blocks -----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(countries(answers=5, all_gave=True))
def test_the_rules_of_blocks_hold(country: Country) -> None:
    hidden = hidden_blocks(country.parents, country.n, country.counts)
    assert hidden >= hidden_shares(country.parents, country.n)
    for area, n in country.n.items():
        figures = [n, *(counts[area] for counts in country.counts.values())]
        assert area in hidden or not any(0 < figure < FEWEST for figure in figures)
        assert n or area not in hidden
    for counts in country.counts.values():
        assert_the_tree_tells_nothing(country, counts, hidden)


def test_a_block_with_a_small_cell_is_hidden_with_the_smallest_other() -> None:
    enough = [9, 9, 9, 9, 9, 0]
    rows = {"a": [1, 9, 9, 9, 9, 0], "b": [20] * 5 + [0], "c": enough, "d": [10] * 5 + [0]}
    country = added_up(FOUR, rows)
    assert hidden_blocks(country.parents, country.n, country.counts) == {"a", "c"}


def test_a_block_that_would_tell_of_few_without_a_score_is_hidden() -> None:
    country = added_up({"country": None}, {"country": [9, 9, 9, 9, 9, 2]})
    assert hidden_blocks(country.parents, country.n, country.counts) == {"country"}


def test_a_known_share_and_a_shown_zero_above_do_not_tell_a_score() -> None:
    # Nobody gave a 4, so with the shares known every 5 would be.
    rows = {"a": [9, 9, 9, 0, 3, 0], "b": [9, 9, 9, 0, 4, 0]}
    country = added_up(TWO, rows)
    hidden = hidden_blocks(country.parents, country.n, country.counts)
    assert hidden == {"a", "b", "country"}


def test_the_satisfied_scores_are_those_of_the_statistics() -> None:
    assert tuple(map(int, disclosure.SATISFIED)) == statistics.SATISFIED


# --- all --------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(countries(all_gave=True), st.randoms(use_true_random=False))
def test_the_order_of_the_mappings_changes_nothing(country: Country, chance: random.Random) -> None:
    order, names = list(country.parents), list(country.counts)
    chance.shuffle(order)
    chance.shuffle(names)
    parents = {area: country.parents[area] for area in order}
    n = {area: country.n[area] for area in order}
    counts = {name: {area: country.counts[name][area] for area in order} for name in names}
    cells = hidden_cells(parents, n, counts)
    assert cells == hidden_cells(country.parents, country.n, country.counts)
    blocks = hidden_blocks(parents, n, counts)
    assert blocks == hidden_blocks(country.parents, country.n, country.counts)
    shares = hidden_shares(parents, n, satisfied=counts["1"])
    assert shares == hidden_shares(country.parents, country.n, satisfied=country.counts["1"])


def test_a_whole_country_of_148_centers_keeps_its_rules() -> None:
    chance = random.Random(1616)
    parents: dict[str, str | None] = {"country": None}
    parents |= {f"p{p}": "country" for p in range(18)}
    parents |= {f"d{d}": f"p{d % 18}" for d in range(148)}
    parents |= {f"c{d}": f"d{d}" for d in range(148)}
    rows = {f"c{d}": [int(chance.expovariate(1 / 4)) for _ in range(13)] for d in range(148)}
    country = added_up(parents, rows)
    hidden = hidden_cells(country.parents, country.n, country.counts)
    for answer, counts in country.counts.items():
        same = {area for one, area in hidden if one == answer}
        assert_the_tree_tells_nothing(country, counts, same)
        assert "country" not in same


def test_nobody_answered_anywhere() -> None:
    nobody = dict.fromkeys(TWO, 0)
    assert hidden_cells(TWO, nobody, {"1": nobody}) == frozenset()
    assert hidden_shares(TWO, nobody) == frozenset()
    assert hidden_blocks(TWO, nobody, {"1": nobody}) == frozenset()
    assert hidden_cells({}, {}, {}) == frozenset()


def test_what_does_not_add_up_is_refused() -> None:
    right = {"country": 9, "a": 4, "b": 5}
    with pytest.raises(ValueError, match="country has 9, but the areas below it have 8"):
        hidden_cells(TWO, right, {"1": {"country": 9, "a": 4, "b": 4}})
    with pytest.raises(ValueError, match="are no part of its"):
        hidden_cells(TWO, right, {"1": right, "2": right})
    with pytest.raises(ValueError, match="below it have"):
        hidden_shares(TWO, {"a": 4, "b": 5})
