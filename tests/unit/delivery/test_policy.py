"""What may go out when: tables of hours and of money."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from app import clock
from app.delivery.policy import URGENCY, VALID, WAITS_FOR_DAY, Spent, allowed, held_by_budget
from app.sections import BudgetSection
from app.words import Purpose

BUDGET = BudgetSection(daily_kip=1000, monthly_kip=10_000)


def test_every_purpose_has_its_place_and_its_time() -> None:
    assert sorted(URGENCY) == sorted(VALID) == sorted(get_args(Purpose))


def test_answers_go_before_notifications_before_bulk() -> None:
    order = [URGENCY.index(purpose) for purpose in ("reply", "confirmation", "digest", "bulk")]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("spent", "held"),
    [
        (Spent(), ""),
        (Spent(day=799), ""),
        (Spent(day=800), "bulk"),
        (Spent(day=899), "bulk"),
        (Spent(day=900), "bulk digest"),
        (Spent(day=999), "bulk digest"),
        (Spent(day=1000), "alert bulk confirmation digest notice"),
        (Spent(day=5000), "alert bulk confirmation digest notice"),
        (Spent(month=7999), ""),
        (Spent(day=10, month=8000), "bulk"),
        (Spent(day=850, month=9500), "bulk digest"),
        (Spent(month=10_000), "alert bulk confirmation digest notice"),
    ],
)
def test_the_ladder_of_the_budget(spent: Spent, held: str) -> None:
    assert sorted(held_by_budget(spent, BUDGET)) == held.split()


def test_without_a_budget_nothing_is_held() -> None:
    assert held_by_budget(Spent(10**9, 10**9), BudgetSection()) == frozenset()


def test_the_rungs_are_the_operators() -> None:
    budget = BudgetSection(daily_kip=100, bulk_percent=50, digest_percent=60)
    assert held_by_budget(Spent(day=55), budget) == {"bulk"}
    assert held_by_budget(Spent(day=60), budget) == {"bulk", "digest"}


@pytest.mark.parametrize("spent", [Spent(), Spent(day=10**6), Spent(month=10**6)])
@pytest.mark.parametrize("quiet", [False, True])
def test_an_answer_is_never_held(spent: Spent, quiet: bool) -> None:
    chosen = allowed(quiet=quiet, spent=spent, budget=BUDGET)
    assert chosen[:3] == ("consent", "reply", "alarm")
    assert "canary" in chosen


def test_what_waits_for_the_day_outlasts_the_longest_holidays() -> None:
    longest = hours = 0
    at = datetime(2026, 1, 1, tzinfo=UTC)
    while at.year < 2040:
        at += timedelta(hours=1)
        hours = hours + 1 if clock.is_quiet(at, 20, 8) else 0
        longest = max(longest, hours)
    assert longest > 24
    assert all(VALID[purpose] > timedelta(hours=longest + 10) for purpose in WAITS_FOR_DAY)
