"""The benchmark's own sums and tables."""

from __future__ import annotations

import pytest

from bench.figures import middle, number, percentile, ratio, table


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1), (0.0, 1)]
)
def test_percentiles_are_values_that_were_measured(share: float, expected: float) -> None:
    assert percentile([float(one) for one in range(1, 101)], share) == expected


def test_the_percentile_of_nothing_and_of_one() -> None:
    assert percentile([], 0.99) == 0.0
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7.0


def test_rounds_give_their_median_and_how_far_apart_they_were() -> None:
    assert middle([90.0, 100.0, 120.0]) == {"median": 100.0, "spread": 0.3}
    assert middle([0.0]) == {"median": 0.0, "spread": 0.0}


def test_a_ratio_to_nothing_is_nothing() -> None:
    assert ratio(1.0, 4.0) == 0.25
    assert ratio(1.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.04567, "0.0457"), (3.14159, "3.14"), (42.5678, "42.6"), (12345.6, "12,346")],
)
def test_figures_show_three_digits_that_matter(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_table_has_names_left_and_figures_right() -> None:
    shown = table(["", "a second"], [["SMS", "1,200"], ["USSD turns", "80"]])
    assert shown.splitlines() == [
        "            a second",
        "----------  --------",
        "SMS            1,200",
        "USSD turns        80",
    ]
