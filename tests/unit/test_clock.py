"""The local calendar: days, ISO weeks and working days of Vientiane."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import clock
from app.clock import VIENTIANE, Week, is_working_day, local_day, local_moment, working_day_from

days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
moments = st.datetimes(datetime(1990, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))


# --- weeks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "monday"),
    [
        ("2026-W47", date(2026, 11, 16)),
        ("2026W47", date(2026, 11, 16)),
        (" 2026-W01 ", date(2025, 12, 29)),
        ("2026-W1", date(2025, 12, 29)),
        ("2026-W53", date(2026, 12, 28)),
        ("2027-W01", date(2027, 1, 4)),
        ("2020-W53", date(2020, 12, 28)),
    ],
)
def test_a_week_is_read_and_knows_its_days(written: str, monday: date) -> None:
    week = Week.parse(written)
    assert (week.monday, week.sunday) == (monday, monday + timedelta(days=6))
    assert Week.parse(str(week)) == week


@pytest.mark.parametrize(
    "written",
    [
        "",
        "2026",
        "2026-47",
        "2026-W",
        "2026-W00",
        "2026-W54",
        "2026-W99",
        "2025-W53",
        "2027-W53",
        "26-W47",
        "2026-W047",
        "2026-w47",
        "2026-W47-1",
        "W47",
        "0000-W01",
        "last week",
        "2026-W4７7",
    ],
)
def test_what_is_no_week_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"week|year"):
        Week.parse(written)


@given(days)
def test_every_day_is_in_its_week_and_the_week_reads_back(day: date) -> None:
    week = Week.of(day)
    assert week.monday <= day <= week.sunday
    assert week.monday.weekday() == 0
    assert Week.parse(str(week)) == week


@given(days, st.integers(-500, 500))
def test_weeks_shift_by_seven_days_and_back(day: date, weeks: int) -> None:
    week = Week.of(day)
    shifted = week.shifted(weeks)
    assert shifted.monday - week.monday == timedelta(weeks=weeks)
    assert shifted.shifted(-weeks) == week
    assert (shifted > week) == (weeks > 0)


def test_a_year_of_53_weeks_has_one_more() -> None:
    assert str(Week(2026, 52).shifted(1)) == "2026-W53"
    assert str(Week(2026, 53).shifted(1)) == "2027-W01"
    assert str(Week(2025, 52).shifted(1)) == "2026-W01"


# --- days -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 22, 16, 59, 59, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 22, 17, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 12, 31, 17, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2026, 11, 23, 0, 0, tzinfo=VIENTIANE), date(2026, 11, 23)),
        (datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=-5))), date(2026, 11, 23)),
    ],
)
def test_a_day_begins_at_midnight_in_vientiane(moment: datetime, day: date) -> None:
    assert local_day(moment) == day


@given(moments)
def test_vientiane_is_seven_hours_ahead_all_year(moment: datetime) -> None:
    assert local_day(moment) == (moment + timedelta(hours=7)).date()


@given(days, st.integers(0, 23), st.integers(0, 59))
def test_a_time_of_day_falls_on_its_day(day: date, hour: int, minute: int) -> None:
    moment = local_moment(day, hour, minute)
    assert moment.utcoffset() == timedelta(0)
    assert local_day(moment) == day


def test_eight_in_the_morning_is_one_in_utc() -> None:
    assert local_moment(date(2026, 11, 23), 8) == datetime(2026, 11, 23, 1, tzinfo=UTC)


def test_now_is_aware_and_in_utc() -> None:
    assert clock.now().utcoffset() == timedelta(0)


# --- working days -----------------------------------------------------------------------------

HOLIDAYS = [
    date(2026, 1, 1),
    date(2026, 4, 14),
    date(2026, 4, 15),
    date(2026, 4, 16),
    date(2026, 5, 1),
    date(2026, 12, 2),
    date(2027, 1, 1),
    date(2027, 3, 8),
    date(2027, 4, 14),
    date(2027, 4, 15),
    date(2027, 4, 16),
    date(2027, 12, 2),
]


@pytest.mark.parametrize("day", HOLIDAYS)
def test_offices_are_closed_on_public_holidays(day: date) -> None:
    assert day.weekday() < 5
    assert not is_working_day(day)


@pytest.mark.parametrize("day", [date(2026, 11, 21), date(2026, 11, 22)])
def test_offices_are_closed_at_weekends(day: date) -> None:
    assert not is_working_day(day)


def test_other_mondays_are_working_days() -> None:
    assert is_working_day(date(2026, 11, 23))
    assert is_working_day(date(2027, 3, 1))


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 11, 23), date(2026, 11, 23)),
        (date(2026, 11, 21), date(2026, 11, 23)),
        (date(2027, 3, 8), date(2027, 3, 9)),
        (date(2027, 3, 6), date(2027, 3, 9)),
        (date(2027, 1, 1), date(2027, 1, 4)),
    ],
)
def test_the_next_working_day_is_the_day_itself_or_after_it(day: date, working: date) -> None:
    assert working_day_from(day) == working


def test_an_office_has_closing_days_of_its_own() -> None:
    closed = {date(2026, 11, 23), date(2026, 11, 24)}
    assert not is_working_day(date(2026, 11, 23), closed)
    assert working_day_from(date(2026, 11, 21), closed) == date(2026, 11, 25)


@given(days)
def test_a_working_day_is_never_far(day: date) -> None:
    found = working_day_from(day)
    assert is_working_day(found)
    assert timedelta(0) <= found - day < timedelta(days=14)
