"""Who is told of an alert, and who is told next where nobody acknowledges it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from app.delivery.policy import WAITS_FOR_DAY
from app.storage.levels import StaffLevel
from tests.insight.alert_desk import AlertDesk


@pytest.fixture
def desk(engine: Engine) -> AlertDesk:
    desk = AlertDesk(engine)
    desk.without("silent")
    desk.many_bad()
    return desk


def test_it_goes_from_level_to_level_and_to_each_once(desk: AlertDesk) -> None:
    center, district, province, country = desk.chain()
    desk.staff(place="0901")
    desk.staff("district", "0901")
    desk.staff("province", "09")
    desk.staff("operator", "")
    desk.look()
    assert desk.told() == [center]
    assert desk.wait(hours=47).told() == []
    assert desk.wait(hours=1).told() == [district]
    assert desk.wait(hours=47).told() == []
    # From Friday 10:00 on: two working days later.
    assert desk.wait(hours=1).told() == [province]
    assert desk.wait(days=3).told() == []
    assert desk.wait(days=1).told() == [country]
    assert desk.wait(days=10).told() == []
    assert desk.rows("SELECT level, escalate_at FROM alerts") == [("country", None)]


def test_everybody_of_a_level_is_told(desk: AlertDesk) -> None:
    both = [desk.staff(), desk.staff()]
    desk.look()
    assert desk.told() == both


def test_days_on_which_nobody_works_do_not_count(desk: AlertDesk) -> None:
    desk.chain()
    # A Friday evening.
    desk.now += timedelta(days=4, hours=10)
    desk.look()
    assert len(desk.told()) == 1
    assert desk.wait(days=3, hours=23).told() == []
    assert len(desk.wait(hours=1).told()) == 1


ABOVE: list[tuple[StaffLevel, str]] = [("district", "0103"), ("province", "01"), ("country", "LA")]


@pytest.mark.parametrize(("level", "place"), ABOVE)
def test_where_nobody_is_registered_the_next_level_is_told_at_once(
    desk: AlertDesk, level: StaffLevel, place: str
) -> None:
    reader = desk.staff(level, place)
    desk.look()
    assert desk.told() == [reader]
    assert desk.rows("SELECT level FROM alerts") == [(level,)]


def test_a_phone_that_has_stopped_counts_as_nobody(desk: AlertDesk) -> None:
    center, district, province, _ = desk.chain()
    desk.stops(center)
    desk.look()
    assert desk.told() == [district]
    desk.stops(province)
    desk.wait(days=2)
    assert desk.rows("SELECT level FROM alerts") == [("country",)]


def test_who_is_on_two_levels_is_told_once(desk: AlertDesk) -> None:
    desk.also(center := desk.staff(), "district", "0103")
    province = desk.staff("province", "01")
    desk.look()
    assert desk.told() == [center]
    assert desk.wait(days=2).told() == [province]


def test_who_left_is_not_told(desk: AlertDesk) -> None:
    desk.chain()
    desk.sql("UPDATE staff SET removed_at = now() WHERE level = 'odsc'")
    desk.look()
    assert desk.rows("SELECT level FROM alerts") == [("district",)]


def test_with_nobody_on_the_list_it_stays_open_and_silent(desk: AlertDesk) -> None:
    desk.look()
    assert desk.wait(days=10).told() == []
    assert desk.states() == ["bad_scores 0103: open"]


def test_what_is_over_goes_no_further(desk: AlertDesk) -> None:
    desk.chain()
    desk.look()
    desk.answers(5, 20)
    desk.wait(hours=1)
    assert desk.states() == ["bad_scores 0103: over"]
    assert len(desk.told()) == 1
    assert desk.wait(days=10).told() == []


def test_what_is_acknowledged_goes_no_further(desk: AlertDesk) -> None:
    center, *_ = desk.chain()
    desk.look()
    desk.says(center, f"OK {desk.newest()}")
    assert len(desk.told()) == 1
    assert desk.wait(days=10).told() == []
    assert desk.states() == ["bad_scores 0103: open"]


def test_nothing_is_told_in_the_night(desk: AlertDesk) -> None:
    desk.staff()
    desk.look()
    ((purpose,),) = desk.rows("SELECT purpose FROM outbox")
    assert purpose in WAITS_FOR_DAY
