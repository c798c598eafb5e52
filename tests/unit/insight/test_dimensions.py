"""A dimension from the core question or one of its own; nothing hidden comes out of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.insight.dimensions import Counts, Dimension, part, published
from app.insight.figures import Figures, Part

ACCESS = Dimension(reasons=("waiting", "papers"))
ASKED = Dimension(satisfied="sufs_access")
FIGURES = Figures(
    week="2026-W47",
    level="odsc",
    code="0103",
    answers=40,
    satisfied=25,
    scores=None,
    sexes={},
    services={},
    reasons={"waiting": 6, "staff": 5, "money": 0, "papers": 0, "other": None},
    main_reason="waiting",
    overcharged=0,
    running=0,
    overdue=0,
    extra={"sufs_access": {"1": 5, "2": 0, "3": 5, "4": 5, "5": 15}},
)


@pytest.mark.parametrize(
    ("reasons", "found"),
    [
        ({"waiting": 2, "papers": 1, "money": 4}, Part(17, 14)),
        # Three were not satisfied and said nothing: nobody knows of them.
        ({"waiting": 0, "papers": 0, "money": 0}, Part(10, 10)),
        ({"waiting": None, "papers": 1}, Part(None, None)),
        ({"waiting": 2, "papers": 0, "money": None}, Part(None, None)),
        # Some scored anew after they had named a reason.
        ({"waiting": 9, "papers": 9, "money": 0}, Part(20, 2)),
    ],
)
def test_access_is_who_did_not_name_waiting_or_papers(reasons: Counts, found: Part) -> None:
    assert part(ACCESS, 20, 10, reasons, {}) == found


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({"1": 1, "3": 2, "4": 3, "5": 4}, Part(10, 7)),
        ({}, Part(0, 0)),
        ({"1": None, "5": 9}, Part(None, None)),
    ],
)
def test_a_question_of_its_own_counts_four_and_five(answers: Counts, found: Part) -> None:
    assert part(ASKED, 99, 0, {}, {"sufs_access": answers}) == found


def test_released_figures_tell_it_only_where_satisfaction_is_told() -> None:
    told = replace(FIGURES, reasons=dict(FIGURES.reasons) | {"other": 0})
    assert published(ACCESS, told) == Part(36, 30)
    assert published(ASKED, FIGURES) == Part(30, 20)
    assert published(ACCESS, FIGURES) == Part(None, None)
    few = replace(told, satisfied=None)
    assert published(ACCESS, few) == published(ASKED, few) == Part(None, None)


def test_a_dimension_that_few_told_of_is_not_told() -> None:
    silent = replace(FIGURES, satisfied=3, reasons=dict.fromkeys(FIGURES.reasons, 0))
    assert published(ACCESS, silent) == Part(None, None)
