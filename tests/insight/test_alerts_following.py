"""Four weeks after an alert was acknowledged, its people read what became of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from app.clock import Week
from tests.insight.alert_desk import AlertDesk
from tests.versions import at_once

RAISED = Week(2026, 48)
"""The week in which the alert is raised and acknowledged."""


@pytest.fixture
def desk(engine: Engine) -> AlertDesk:
    """An alert at 0103 that its only clerk has acknowledged."""
    desk = AlertDesk(engine)
    desk.without("silent")
    desk.many_bad()
    return desk


def acknowledged(desk: AlertDesk) -> int:
    clerk = desk.staff()
    desk.look()
    desk.says(clerk, f"OK {desk.newest()} mended")
    assert desk.told() == [clerk]
    return clerk


def history(desk: AlertDesk, first: int, satisfied: int | None, weeks: int = 4) -> None:
    """Weeks of 25 answers, the first so many after the one of the alert."""
    for week in range(first, first + weeks):
        desk.releases(RAISED.shifted(week), 25, satisfied)


def test_who_was_told_reads_before_and_after(desk: AlertDesk) -> None:
    clerk = acknowledged(desk)
    history(desk, -4, 13)
    desk.releases(RAISED, 25, 0)
    # What came long before, or after, is not compared.
    desk.releases(RAISED.shifted(-5), 500, 0)
    desk.wait(days=30)
    history(desk, 1, 18)
    # Sunday of the fourth week; then the Monday after it, at eight.
    assert desk.wait(days=4, hours=20).texts() == []
    assert desk.wait(hours=1).texts() == []
    assert desk.wait(hours=1).texts() == [
        (
            clerk,
            f"{desk.newest()} Xaysetha: satisfied 52% before, 72% after (real change).",
        )
    ]
    assert desk.wait(days=40).texts() == []


def test_it_waits_for_the_fourth_week_to_be_released(desk: AlertDesk) -> None:
    acknowledged(desk)
    history(desk, -4, 13)
    history(desk, 1, 13, weeks=3)
    assert desk.wait(days=40).texts() == []
    history(desk, 4, 13, weeks=1)
    ((_, words),) = desk.wait(minutes=1).texts()
    assert words.endswith("satisfied 52% before, 52% after (no clear change).")


def test_weeks_with_too_few_answers_are_left_out(desk: AlertDesk) -> None:
    acknowledged(desk)
    history(desk, -4, 20, weeks=1)
    history(desk, -3, None, weeks=3)
    history(desk, 1, 10, weeks=2)
    history(desk, 3, None, weeks=2)
    ((_, words),) = desk.wait(days=40).texts()
    assert words.endswith("satisfied 80% before, 40% after (real change).")


@pytest.mark.parametrize(("before", "after"), [(None, 20), (20, None), (None, None)])
def test_where_nothing_is_left_it_says_so(
    desk: AlertDesk, before: int | None, after: int | None
) -> None:
    clerk = acknowledged(desk)
    history(desk, -4, before)
    history(desk, 1, after)
    told = f"{desk.newest()} Xaysetha: too few answers to compare before and after."
    assert desk.wait(days=40).texts() == [(clerk, told)]


def test_all_who_were_told_and_who_acknowledged_read_it_once(desk: AlertDesk) -> None:
    center, district, province, country = desk.chain()
    left, stopped = desk.staff(), desk.staff()
    desk.look()
    desk.wait(days=2)
    assert sorted(desk.told()) == sorted([center, left, stopped, district])
    # The country was not told, but looked.
    desk.says(country, f"OK {desk.newest()}")
    desk.sql("UPDATE staff SET removed_at = now() WHERE contact_id = :one", one=left)
    desk.stops(stopped)
    newcomer = desk.staff()
    history(desk, -4, 13)
    history(desk, 1, 18)
    told = desk.wait(days=40).told()
    assert sorted(told) == sorted([center, district, country])
    assert not {province, newcomer} & set(told)


def test_what_is_cleared_meanwhile_is_compared_too(desk: AlertDesk) -> None:
    clerk = acknowledged(desk)
    desk.answers(5, 20)
    desk.wait(hours=1)
    assert desk.states() == ["bad_scores 0103: over"]
    history(desk, -4, 13)
    history(desk, 1, 18)
    assert desk.wait(days=40).told() == [clerk]


def test_what_nobody_acknowledged_is_not_compared(desk: AlertDesk) -> None:
    desk.staff()
    desk.look()
    history(desk, -4, 13)
    history(desk, 1, 18)
    desk.told()
    assert desk.wait(days=60).told() == []


def test_only_the_first_acknowledgement_counts(desk: AlertDesk) -> None:
    clerk = acknowledged(desk)
    history(desk, -4, 13)
    history(desk, 1, 18)
    desk.now += timedelta(days=20)
    desk.says(clerk, f"OK {desk.newest()} again")
    assert desk.wait(days=20).told() == [clerk]
    desk.says(clerk, f"OK {desk.newest()} and again")
    assert desk.wait(days=60).told() == []


def test_it_is_told_in_lao_in_one_sms(desk: AlertDesk) -> None:
    clerk = desk.staff(language="lo")
    desk.look()
    desk.says(clerk, "OK")
    history(desk, -4, 13)
    history(desk, 1, 18)
    desk.texts()
    told = f"{desk.newest()} ໄຊເສດຖາ: ພໍໃຈ ກ່ອນ 52%, ຫຼັງ 72% (ປ່ຽນແທ້)"
    assert desk.wait(days=40).texts() == [(clerk, told)]


def test_two_clock_processes_compare_once(desk: AlertDesk) -> None:
    acknowledged(desk)
    history(desk, -4, 13)
    history(desk, 1, 18)
    desk.now += timedelta(days=40)
    at_once(2, desk.round)
    assert len(desk.texts()) == 1
