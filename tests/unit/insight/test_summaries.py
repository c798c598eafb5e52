"""A summary from counts: every key there, nothing invented."""

from __future__ import annotations

import json

import pytest

from app.clock import Week
from app.insight.summaries import summed
from app.storage.tallies import Count

WEEK = Week(2026, 47)


def test_an_empty_week_has_every_key_and_nulls() -> None:
    assert summed("odsc", "0103", WEEK, []).as_json() == {
        "odsc": "0103",
        "week": "2026-W47",
        "responses": 0,
        "complete": 0,
        "partial": 0,
        "women": 0,
        "satisfied": 0,
        "rate": None,
        "interval": None,
        "mean": None,
        "scores": {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0},
        "reasons": {"waiting": 0, "staff": 0, "money": 0, "papers": 0, "other": 0},
        "services": {},
        "overcharged": 0,
        "flagged": 0,
        "dimensions": {},
        "extra": {},
    }


def test_counts_are_added_over_sexes() -> None:
    counts = [
        Count("status", "complete", "F", 5),
        Count("status", "complete", "", 2),
        Count("status", "partial", "F", 1),
        Count("status", "partial", "M", 2),
        Count("score", "5", "F", 6),
        Count("score", "4", "M", 2),
        Count("score", "1", "", 2),
        Count("service", "id_card", "F", 3),
        Count("service", "id_card", "M", 1),
        Count("service", "family_book", "M", 0),
        Count("reason", "money", "", 2),
        Count("overcharged", "yes", "F", 1),
        Count("status", "flagged", "F", 3),
        Count("status", "flagged", "", 1),
    ]
    found = summed("odsc", "0103", WEEK, counts).as_json()
    assert (found["responses"], found["complete"], found["partial"]) == (10, 7, 3)
    assert (found["women"], found["satisfied"], found["overcharged"]) == (6, 8, 1)
    assert found["flagged"] == 4
    assert found["rate"] == pytest.approx(0.8)
    assert found["interval"] == pytest.approx([0.490162472, 0.943317849], abs=1e-9)
    assert found["mean"] == pytest.approx(4.0)
    assert found["services"] == {"id_card": 4}
    assert json.loads(json.dumps(found)) == found
