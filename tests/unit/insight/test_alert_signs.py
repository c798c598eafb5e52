"""When an alert is raised, when it is cleared, and that nothing flaps between the two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.insight import alert_rules
from app.insight.alert_signs import (
    BadScores,
    Overcharges,
    ReasonJump,
    Rule,
    Sign,
    Silence,
    Window,
)
from app.settings import ROOT

NOTHING = Window({}, {"waiting": 0, "money": 0})
SHIPPED: Mapping[str, Rule] = alert_rules.load(Path(ROOT / "config"))

BAD = BadScores(28, 20, 30, 20, 48)
OVERCHARGES = Overcharges(28, 20, 5, 2, 48)
SILENCE = Silence(10, 28, 20, 72)
JUMP = ReasonJump(28, 84, 30, 8, 0.001, 0.05, 72)


def scored(bad: int, n: int, overcharged: int = 0, **reasons: int) -> Window:
    given = {reason: reasons.get(reason, 0) for reason in ("waiting", "money")}
    return Window({1: bad // 2, 2: bad - bad // 2, 4: n - bad}, given, overcharged)


def sign(rule: Rule, now: Window, before: Window = NOTHING) -> Sign:
    return rule.signs(now, before)[""]


@pytest.mark.parametrize(
    ("bad", "n", "told"),
    [
        (6, 20, "raise"),
        (5, 20, "keep"),
        (30, 100, "raise"),
        (29, 100, "keep"),
        (21, 100, "keep"),
        (20, 100, "clear"),
        # Enough to keep what was raised, too few to raise it.
        (19, 19, "keep"),
        (10, 10, "keep"),
        (9, 9, "clear"),
        (0, 0, "clear"),
    ],
)
def test_the_share_of_bad_scores(bad: int, n: int, told: Sign) -> None:
    assert sign(BAD, scored(bad, n)) == told


@pytest.mark.parametrize(
    ("overcharged", "n", "told"),
    [
        (5, 20, "raise"),
        (5, 19, "keep"),
        (4, 100, "keep"),
        (3, 100, "keep"),
        (2, 100, "clear"),
        (0, 0, "clear"),
    ],
)
def test_overcharges(overcharged: int, n: int, told: Sign) -> None:
    assert sign(OVERCHARGES, scored(0, n, overcharged)) == told


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (0, 20, "raise"),
        (0, 19, "keep"),
        # The days before roll on: who is silent stays so.
        (0, 0, "keep"),
        (1, 20, "clear"),
        (1, 0, "clear"),
    ],
)
def test_a_center_gone_silent(now: int, before: int, told: Sign) -> None:
    assert sign(SILENCE, scored(0, now), scored(0, before)) == told


def test_a_reason_jumps_by_itself() -> None:
    now, before = scored(0, 60, waiting=20, money=9), scored(0, 200, waiting=20, money=30)
    assert JUMP.signs(now, before) == {"waiting": "raise", "money": "clear"}


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (scored(0, 30, waiting=8), scored(0, 300, waiting=10), "raise"),
        (scored(0, 29, waiting=8), scored(0, 300, waiting=10), "keep"),
        (scored(0, 30, waiting=7), scored(0, 300, waiting=10), "keep"),
        (scored(0, 30, waiting=15), scored(0, 29), "keep"),
        (scored(0, 40, waiting=9), scored(0, 200, waiting=20), "keep"),
        (scored(0, 40, waiting=5), scored(0, 200, waiting=20), "clear"),
        # Fewer than before is a change too, and nothing to be told.
        (scored(0, 60), scored(0, 200, waiting=90), "clear"),
        (scored(0, 14, waiting=14), scored(0, 200), "clear"),
        (NOTHING, scored(0, 200, waiting=20), "clear"),
        (scored(0, 60, waiting=60), scored(0, 60, waiting=60), "clear"),
    ],
)
def test_a_reason_that_jumps(now: Window, before: Window, told: Sign) -> None:
    assert JUMP.signs(now, before)["waiting"] == told


# --- hysteresis -------------------------------------------------------------------------------

counts = st.integers(0, 60)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    scores = {score: draw(counts) for score in range(1, 6)}
    most = sum(scores.values())
    reasons = {reason: draw(st.integers(0, most)) for reason in ("waiting", "money")}
    return Window(scores, reasons, draw(st.integers(0, most)))


def opened(signs: list[Sign]) -> list[bool]:
    """Whether the alert is open after each look."""
    states: list[bool] = []
    for one in signs:
        before = bool(states) and states[-1]
        states.append(one == "raise" or (before and one == "keep"))
    return states


@given(st.integers(20, 200), st.data(), st.booleans())
def test_between_the_two_shares_nothing_changes(n: int, data: st.DataObject, first: bool) -> None:
    between = st.integers(20 * n // 100 + 1, (30 * n - 1) // 100)
    bad = data.draw(st.lists(between, max_size=20))
    signs = [sign(BAD, scored(one, n)) for one in (n if first else 0, *bad)]
    assert set(opened(signs)) == {first}


@given(st.lists(st.integers(3, 4), max_size=20), st.integers(20, 200), st.booleans())
def test_between_the_two_counts_nothing_changes(
    overcharged: list[int], n: int, first: bool
) -> None:
    numbers = [5 if first else 0, *overcharged]
    signs = [sign(OVERCHARGES, scored(0, n, one)) for one in numbers]
    assert set(opened(signs)) == {first}


@given(windows(), windows(), st.integers(1, 4), st.integers(1, 4))
def test_one_answer_more_never_opens_what_it_closed_or_closes_what_it_opened(
    now: Window, before: Window, first: int, second: int
) -> None:
    later = Window(
        {**now.scores, first: now.scores[first] + 1}, now.reasons, now.overcharged + second % 2
    )
    for rule in (BAD, OVERCHARGES, JUMP):
        for subject, one in rule.signs(now, before).items():
            other = rule.signs(later, before)[subject]
            assert {one, other} != {"raise", "clear"}


@given(st.sampled_from(sorted(SHIPPED)), windows(), windows())
def test_nothing_is_raised_on_too_few_answers(name: str, now: Window, before: Window) -> None:
    rule = SHIPPED[name]
    for subject, one in rule.signs(now, before).items():
        if one != "raise":
            continue
        if isinstance(rule, Silence):
            assert (now.answers, before.answers >= 5) == (0, True)
            continue
        behind = {"bad_scores": now.bad, "overcharges": now.overcharged}
        assert behind.get(rule.kind, now.reasons.get(subject, 0)) >= 5
        assert now.answers >= rule.min_answers
