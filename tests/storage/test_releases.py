"""A week that is over is released once, for all areas, and stays as it is."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from app import clock
from app.clock import Week
from app.errors import OperatorError
from app.feedback.cells import Cell, Response, cells
from app.insight import releases
from app.insight.figures import Part
from app.storage import tallies

WEEK = Week(2026, 46)
MONDAY = clock.local_moment(WEEK.shifted(1).monday, 8)


def answered(
    tx: Connection,
    odsc: str,
    score: int,
    times: int,
    day: date = WEEK.monday,
    *,
    sex: str | None = None,
    service: str | None = None,
    reason: str | None = None,
    flagged: bool = False,
) -> None:
    """So many responses, as the drain would tally them."""
    one = Response(
        conversation_id=0,
        odsc=odsc,
        status="complete",
        at=MONDAY,
        day=day,
        channel="kannel",
        language="lo",
        score=score,
        service=service,
        reason=reason,
        sex=sex,
        flagged=flagged,
    )
    tallies.move(tx, Counter(dict.fromkeys(cells(one), times)))


def test_every_area_of_the_country_is_released(engine: Engine) -> None:
    with engine.begin() as tx:
        answered(tx, "0103", 5, 12, sex="F")
        answered(tx, "0103", 2, 8, sex="M", reason="waiting", service="id_card")
    assert releases.make(engine, WEEK, MONDAY, {})
    with engine.connect() as tx:
        every = releases.every(tx, WEEK)
        levels = Counter(level for level, _ in every)
        assert levels == {"odsc": 3, "district": 148, "province": 18, "country": 1}
        for key in (("odsc", "0103"), ("district", "0103"), ("province", "01"), ("country", "LA")):
            found = every[key]
            assert (found.answers, found.part) == (20, Part(20, 12))
            assert found.sexes["F"] == Part(12, 12)
            assert found.services["id_card"] == Part(8, 0)
            assert found.main_reason == "waiting"
        assert every["odsc", "0901"].answers == 0


def test_what_comes_later_is_tallied_and_not_released(engine: Engine) -> None:
    with engine.begin() as tx:
        answered(tx, "0103", 5, 10)
    assert releases.make(engine, WEEK, MONDAY, {})
    with engine.begin() as tx:
        before = releases.document(tx, "odsc", "0103", WEEK)
        answered(tx, "0103", 1, 1)
    assert not releases.make(engine, WEEK, MONDAY + timedelta(hours=1), {})
    with engine.connect() as tx:
        assert releases.document(tx, "odsc", "0103", WEEK) == before
        live = releases.live(tx, WEEK, {}, WEEK.sunday)
        assert live["odsc", "0103"].answers == 11


def test_a_week_that_is_not_over_is_not_released(engine: Engine) -> None:
    sunday_night = clock.local_moment(WEEK.sunday, 23, 59)
    with pytest.raises(OperatorError, match="2026-W46 is not over"):
        releases.make(engine, WEEK, sunday_night, {})
    with engine.connect() as tx:
        assert releases.newest(tx) is None
        assert releases.of(tx, "odsc", "0103", WEEK) is None


def test_only_days_of_the_week_are_in_it(engine: Engine) -> None:
    with engine.begin() as tx:
        answered(tx, "0103", 5, 1, WEEK.monday - timedelta(days=1))
        answered(tx, "0103", 5, 2, WEEK.monday)
        answered(tx, "0103", 5, 4, WEEK.sunday)
        answered(tx, "0103", 5, 8, WEEK.sunday + timedelta(days=1))
        answered(tx, "0103", 5, 16, WEEK.monday, flagged=True)
        assert releases.live(tx, WEEK, {}, WEEK.sunday)["odsc", "0103"].answers == 6


def test_the_past_is_read_oldest_first_without_gaps_filled(engine: Engine) -> None:
    for back in (3, 1, 0):
        week = WEEK.shifted(-back)
        with engine.begin() as tx:
            answered(tx, "0103", 4, 5 + back, week.monday)
        releases.make(engine, week, MONDAY, {})
    with engine.connect() as tx:
        past = releases.history(tx, "odsc", "0103", WEEK, 4)
        assert [(one.week, one.answers) for one in past] == [
            ("2026-W43", 8),
            ("2026-W45", 6),
            ("2026-W46", 5),
        ]
        assert [one.week for one in releases.histories(tx, "odsc", WEEK, 2)["0103"]] == [
            "2026-W45",
            "2026-W46",
        ]
        assert releases.newest(tx) == WEEK


def test_requests_that_run_are_in_it(engine: Engine) -> None:
    with engine.begin() as tx:
        for n, (status, due) in enumerate(
            [("received", -1), ("in_process", 0), ("need_documents", -9), ("ready", -9)]
        ):
            tx.execute(
                text(
                    "INSERT INTO requests (number, odsc, service, status, due_on)"
                    " VALUES (:number, '0103', 'id_card', :status, :due)"
                ),
                {
                    "number": f"01030000000{n}",
                    "status": status,
                    "due": clock.local_day(MONDAY) + timedelta(days=due),
                },
            )
    releases.make(engine, WEEK, MONDAY, {})
    with engine.connect() as tx:
        found = releases.of(tx, "province", "01", WEEK)
        assert found is not None
        assert (found.running, found.overdue) == (3, 2)


def test_a_group_of_districts_is_an_area(engine: Engine) -> None:
    with engine.begin() as tx:
        tx.execute(text("INSERT INTO district_groups VALUES ('pilot', 'ທົດລອງ', 'Pilot')"))
        tx.execute(text("INSERT INTO group_districts VALUES ('pilot', '0103'), ('pilot', '1610')"))
        answered(tx, "0103", 5, 10)
        answered(tx, "1610", 3, 10)
        found = releases.live(tx, WEEK, {}, WEEK.sunday)["group", "pilot"]
        assert (found.answers, found.part) == (20, Part(20, 10))
        assert [one.code for one in releases.children(tx, "group", "pilot")] == ["0103", "1610"]
        assert releases.area(tx, "group", "pilot") is not None


def test_areas_consist_of_those_below(engine: Engine) -> None:
    with engine.connect() as tx:
        assert len(releases.children(tx, "country", "LA")) == 18
        assert len(releases.children(tx, "province", "01")) == 9
        assert [one.code for one in releases.children(tx, "district", "0103")] == ["0103"]
        assert releases.children(tx, "odsc", "0103") == []
        assert releases.area(tx, "district", "9999") is None


def test_extra_questions_are_released(engine: Engine) -> None:
    with engine.begin() as tx:
        answered(tx, "0103", 5, 10)
        cell = Cell(WEEK.monday, "0103", "", "access", "4", "")
        tallies.move(tx, Counter({cell: 5}))
    releases.make(engine, WEEK, MONDAY, {"access": ("4", "5")})
    with engine.connect() as tx:
        found = releases.of(tx, "odsc", "0103", WEEK)
        assert found is not None
        assert found.extra == {"access": {"4": 5, "5": 0}}
