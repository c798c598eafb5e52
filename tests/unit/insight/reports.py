"""Reports for tests: one district's week, and what is changed about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.feedback.cells import REASONS
from app.insight.digest_text import Report
from app.insight.figures import Figures, Part
from app.insight.sentences import load_all
from app.settings import ROOT

WORDS = load_all(ROOT / "config" / "languages")
WEEK = "2026-W47"
BEFORE = "2026-W46"


def figures(answers: int = 57, satisfied: int | None = 42, **more: object) -> Figures:
    """A week of 57 answers, 31 of women and 42 satisfied, and nothing that presses."""
    given: dict[str, Any] = {
        "week": WEEK,
        "level": "odsc",
        "code": "0103",
        "scores": None,
        "sexes": {"F": Part(31, None), "M": Part(20, None)},
        "services": {},
        "reasons": dict.fromkeys(REASONS, 0),
        "main_reason": None,
        "overcharged": 0,
        "running": 0,
        "overdue": 0,
        **more,
    }
    return Figures(answers=answers, satisfied=satisfied, **given)


def report(
    now: Figures,
    before: Figures | None = None,
    *,
    name: str = "Xaysetha",
    below: Sequence[Report] = (),
) -> Report:
    """What is told of it, with the week before where there is one."""
    weeks = [one for one in (before, now) if one is not None]
    return Report(name, now, before, weeks, below)


def named(
    name: str, answers: int = 57, satisfied: int | None = 42, *, running: int = 0, overdue: int = 0
) -> Report:
    """An area below, of that name."""
    return report(figures(answers, satisfied, running=running, overdue=overdue), name=name)
