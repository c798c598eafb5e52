"""The slot of a digest never comes twice or too early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.clock import Week, local_day, local_moment
from app.insight import digests

WEEK = Week(2026, 47)


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        (local_moment(WEEK.shifted(1).monday, 8), WEEK),
        (local_moment(WEEK.shifted(1).monday, 8) - timedelta(seconds=1), WEEK.shifted(-1)),
        # A missed Monday: still this week's until the next falls due.
        (local_moment(WEEK.shifted(1).sunday, 23), WEEK),
        (local_moment(WEEK.shifted(2).monday, 7, 59), WEEK),
        # Monday 8 March 2027 is a holiday.
        (datetime(2027, 3, 8, 10, tzinfo=UTC), Week(2027, 8)),
        (local_moment(Week(2027, 10).monday + timedelta(days=1), 7, 59), Week(2027, 8)),
        (local_moment(Week(2027, 10).monday + timedelta(days=1), 8), Week(2027, 9)),
        # The turn of the year: 2026 has 53 weeks.
        (local_moment(Week(2027, 1).monday, 8), Week(2026, 53)),
    ],
)
def test_the_slot_of_a_moment(moment: datetime, week: Week) -> None:
    assert digests.due_slot(moment, 8) == week


@settings(deadline=None)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1)), st.integers(0, 23))
def test_slots_never_go_back(moment: datetime, hour: int) -> None:
    first = digests.due_slot(moment.replace(tzinfo=UTC), hour)
    second = digests.due_slot(moment.replace(tzinfo=UTC) + timedelta(days=7), hour)
    assert first is not None
    assert second is not None
    assert first <= second
    assert local_moment(first.shifted(1).monday, hour) <= moment.replace(tzinfo=UTC)


@settings(deadline=None)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1)), st.integers(0, 23))
def test_the_next_one_is_due_when_its_slot_begins(moment: datetime, hour: int) -> None:
    now = moment.replace(tzinfo=UTC)
    following = digests.next_due(now, hour)
    assert following > now
    assert digests.due_slot(following - timedelta(seconds=1), hour) == digests.due_slot(now, hour)
    assert digests.due_slot(following, hour) != digests.due_slot(now, hour)


def test_after_a_holiday_the_next_one_is_due_on_tuesday() -> None:
    saturday = datetime(2027, 3, 6, tzinfo=UTC)
    assert local_day(digests.next_due(saturday, 8)) == datetime(2027, 3, 9).date()
