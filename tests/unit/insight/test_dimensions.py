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
        ({"waiting": 2, "papers": 1, "money": 4}, Part(10, 7)),
        ({}, Part(10, 10)),
        ({"waiting": None, "papers": 1}, Part(10, None)),
        ({"waiting": 2, "money": None}, Part(10, 8)),
    ],
)
def test_access_is_who_did_not_name_waiting_or_papers(reasons: Counts, found: Part) -> None:
    assert part(ACCESS, 10, reasons, {}) == found


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({"1": 1, "3": 2, "4": 3, "5": 4}, Part(10, 7)),
        ({}, Part(0, 0)),
        ({"1": None, "5": 9}, Part(None, None)),
    ],
)
def test_a_question_of_its_own_counts_four_and_five(answers: Counts, found: Part) -> None:
    assert part(ASKED, 99, {}, {"sufs_access": answers}) == found


def test_released_figures_tell_it_only_where_satisfaction_is_told() -> None:
    assert published(ACCESS, FIGURES) == Part(40, 34)
    assert published(ASKED, FIGURES) == Part(30, 20)
    assert published(Dimension(reasons=("other",)), FIGURES) == Part(40, None)
    few = replace(FIGURES, satisfied=None)
    assert published(ACCESS, few) == Part(40, None)
    assert published(ASKED, few) == Part(None, None)
