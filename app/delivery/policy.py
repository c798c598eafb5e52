"""What may go out when: by purpose, hour and money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.sections import BudgetSection
from app.words import Purpose

URGENCY: tuple[Purpose, ...] = (
    "consent",
    "reply",
    "alarm",
    "canary",
    "confirmation",
    "notice",
    "alert",
    "digest",
    "bulk",
)
"""Every purpose, the most urgent first."""

WAITS_FOR_DAY: frozenset[Purpose] = frozenset({"confirmation", "notice", "alert", "digest", "bulk"})
"""What nobody should be woken for. An answer is for somebody who is awake, an alarm for an
operator; a canary has an hour of its own and goes to a number of ours."""

VALID: Mapping[Purpose, timedelta] = {
    "consent": timedelta(days=1),
    "reply": timedelta(days=1),
    "alarm": timedelta(days=1),
    "canary": timedelta(hours=2),
    "confirmation": timedelta(days=7),
    "notice": timedelta(days=7),
    "alert": timedelta(days=7),
    "digest": timedelta(days=7),
    "bulk": timedelta(days=7),
}
"""How long a message is of use. What waits for the day must outlast the longest holidays: the new
year's with a weekend before them are five days and a half of quiet."""

ALERT_PERCENTS = (80, 100)


@dataclass(frozen=True, slots=True)
class Spent:
    """Kip spent today and this month."""

    day: int = 0
    month: int = 0

    def percent(self, budget: BudgetSection) -> float:
        """Of the day's or the month's budget, whichever is nearer its end; 0 without either."""
        return max(self.of_day(budget), self.of_month(budget))

    def of_day(self, budget: BudgetSection) -> float:
        return 100 * self.day / budget.daily_kip if budget.daily_kip else 0.0

    def of_month(self, budget: BudgetSection) -> float:
        return 100 * self.month / budget.monthly_kip if budget.monthly_kip else 0.0


def held_by_budget(spent: Spent, budget: BudgetSection) -> frozenset[Purpose]:
    """What the money left is not for: bulk first, then digests, then the rest of what we begin.

    Never an answer, nor the few messages that keep the gateway itself in order.
    """
    percent = spent.percent(budget)
    held: set[Purpose] = set()
    if percent >= budget.bulk_percent:
        held.add("bulk")
    if percent >= budget.digest_percent:
        held.add("digest")
    if percent >= budget.confirmation_percent:
        held |= {"confirmation", "notice", "alert"}
    return frozenset(held)


def allowed(*, quiet: bool, spent: Spent, budget: BudgetSection) -> tuple[Purpose, ...]:
    """The purposes that may go out now, the most urgent first."""
    held = held_by_budget(spent, budget) | (WAITS_FOR_DAY if quiet else frozenset())
    return tuple(purpose for purpose in URGENCY if purpose not in held)
