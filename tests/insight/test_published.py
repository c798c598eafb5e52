"""What is told beside released figures: change, dimensions and rank."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from app import clock
from app.cli import main
from app.clock import Week
from app.feedback.cells import Cell
from app.insight import published, releases
from app.insight.dimensions import Dimension
from app.insight.figures import Area, Figures, Part
from app.insight.published import Change
from app.storage import tallies

WEEK = Week(2026, 46)
NOW = clock.local_moment(WEEK.shifted(1).monday, 8)
NOBODY = Figures(
    week=str(WEEK),
    level="odsc",
    code="0103",
    answers=0,
    satisfied=0,
    scores=dict.fromkeys(range(1, 6), 0),
    sexes={},
    services={},
    reasons={"waiting": 0, "money": 0},
    main_reason=None,
    overcharged=0,
    running=0,
    overdue=0,
)


def figures(answers: int, satisfied: int | None) -> Figures:
    return replace(NOBODY, answers=answers, satisfied=satisfied)


def area(code: str) -> Area:
    return Area("odsc", code, code, code)


# --- change -----------------------------------------------------------------------------------


def test_a_change_is_told_in_points_and_whether_it_is_one() -> None:
    assert published.change(Part(40, 30), Part(40, 10)) == Change(50.0, True)
    assert published.change(Part(40, 21), Part(40, 20)) == Change(2.5, False)
    # Too few on one side to say so, however far apart.
    assert published.change(Part(40, 40), Part(6, 0)) == Change(100.0, False)
    assert published.change(Part(3, 1), Part(3, 2)) == Change(-33.333333, False)


@pytest.mark.parametrize("other", [Part(None, None), Part(30, None), Part(0, 0)])
def test_no_change_is_told_where_a_side_is_silent(other: Part) -> None:
    assert published.change(Part(40, 30), other) is None
    assert published.change(other, Part(40, 30)) is None


def test_intervals_are_told_where_rates_are() -> None:
    assert published.interval(Part(10, 10)) == (0.722467, 1.0)
    assert published.interval(Part(10, None)) is None
    assert published.interval(Part(0, 0)) is None


# --- dimensions -------------------------------------------------------------------------------


def test_a_dimension_is_hidden_as_soon_as_one_of_its_reasons_is() -> None:
    told_from = {"access": Dimension(("waiting", "papers")), "transparency": Dimension(("money",))}
    reasons = {"waiting": 6, "papers": 0, "money": 5}
    found = published.every_dimension(replace(figures(24, 9), reasons=reasons), told_from)
    assert found == {"access": Part(20, 14), "transparency": Part(20, 15)}
    hidden = published.every_dimension(
        replace(figures(24, 9), reasons=reasons | {"papers": None}), told_from
    )
    assert {part.rate for part in hidden.values()} == {None}
    few = published.every_dimension(replace(figures(4, None), reasons={"money": 0}), told_from)
    assert {part.rate for part in few.values()} == {None}


# --- ranking ----------------------------------------------------------------------------------


def test_three_happy_answers_do_not_lead() -> None:
    found = published.ranked(
        [
            (area("0101"), [figures(5, 5)]),
            (area("0102"), [figures(200, 170)] * 2),
            (area("0103"), [figures(300, 60)] * 2),
        ]
    )
    assert [(one.area.code, one.rank) for one in found] == [("0102", 1), ("0101", 2), ("0103", 3)]
    assert found[1].part.rate == 1.0
    assert found[1].share is not None
    assert found[1].share < 0.85


def test_weeks_that_hide_are_not_in_the_sum() -> None:
    (found,) = published.ranked(
        [(area("0101"), [figures(10, 5), figures(30, None), figures(10, 7)])]
    )
    assert (found.part, found.rank) == (Part(20, 12), 1)


def test_who_says_nothing_has_no_rank_and_comes_last() -> None:
    silent = [(area(code), [figures(3, None), NOBODY]) for code in ("0109", "0108")]
    found = published.ranked([*silent, (area("0110"), [figures(10, 0)])])
    assert [one.area.code for one in found] == ["0110", "0108", "0109"]
    assert [one.rank for one in found] == [1, None, None]
    assert published.ranked([]) == []


def test_those_that_cannot_be_told_apart_share_a_rank() -> None:
    alike = [(area(code), [figures(20, 10)]) for code in ("0102", "0101")]
    found = published.ranked([*alike, (area("0103"), [figures(500, 10)])])
    assert [(one.area.code, one.rank) for one in found] == [("0101", 1), ("0102", 1), ("0103", 3)]


# --- siang ranking ----------------------------------------------------------------------------


@pytest.fixture
def released(
    engine: Engine, database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Engine:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SIANG_HOME", str(home))
    with engine.begin() as tx:
        for odsc, score, times in (("0103", "5", 30), ("0103", "1", 30), ("0901", "5", 12)):
            cell = Cell(WEEK.monday, odsc, "", "score", score, "")
            tallies.move(tx, Counter({cell: times}))
    releases.make(engine, WEEK, NOW, {})
    return engine


def siang(*words: str) -> Result:
    return CliRunner().invoke(main, ["ranking", *words])


def test_the_command_ranks_centers_or_what_they_are_in(released: Engine) -> None:
    lines = siang().output.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["1", "0901"], ["2", "0103"]]
    assert "50% of 60 (38% to 62%)" in lines[1]
    assert lines[-1].endswith("too few answers")
    assert siang("--level", "province").output.split()[1] == "09"
    (place,) = json.loads(siang("--within", "09", "--json").output)
    assert (place["code"], place["rank"], place["rate"], place["n"]) == ("0901", 1, 1.0, 12)


def test_a_ranking_that_cannot_be_is_one_sentence(released: Engine) -> None:
    assert siang("--within", "99").stderr.startswith("There is no province 99. See config/")
    with released.begin() as tx:
        for table in ("released_figures", "releases"):
            tx.exec_driver_sql(f"DELETE FROM {table}")
    assert siang().stderr.startswith("No week is released yet")
