"""Days, weeks, months and quarters: what each covers, how it is written, what comes next."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import PERIODS, Day, Month, Period, Quarter, Week

days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
kinds = st.sampled_from(list(PERIODS.values()))


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (Day.parse("2026-11-22"), date(2026, 11, 22), date(2026, 11, 22)),
        (Day.parse(" 2028-02-29 "), date(2028, 2, 29), date(2028, 2, 29)),
        (Week.parse("2026-W53"), date(2026, 12, 28), date(2027, 1, 3)),
        (Month.parse("2026-11"), date(2026, 11, 1), date(2026, 11, 30)),
        (Month.parse("2028-02"), date(2028, 2, 1), date(2028, 2, 29)),
        (Quarter.parse("2026-Q4"), date(2026, 10, 1), date(2026, 12, 31)),
        (Quarter.parse("2026Q1"), date(2026, 1, 1), date(2026, 3, 31)),
        (Quarter.parse("9999-Q4"), date(9999, 10, 1), date(9999, 12, 31)),
    ],
)
def test_a_period_is_read_and_knows_its_days(period: Period, first: date, last: date) -> None:
    assert (period.first, period.last) == (first, last)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        *(("day", one) for one in ("", "2026-11", "2026-11-31", "20261122", "2026-W47-1", "today")),
        *(("month", one) for one in ("", "2026", "2026-00", "2026-13", "2026-1", "0000-01")),
        *(("month", one) for one in ("2026-11-22", "2026-W11", "2026-1１", "November")),
        *(("quarter", one) for one in ("", "2026-Q0", "2026-Q5", "2026-4", "0000-Q1", "Q4")),
    ],
)
def test_what_is_no_period_is_refused_by_its_name(kind: str, written: str) -> None:
    with pytest.raises(ValueError, match=kind):
        PERIODS[kind].parse(written)


@given(days, kinds)
def test_every_day_is_in_its_period_and_the_period_reads_back(
    day: date, kind: type[Period]
) -> None:
    period = kind.of(day)
    assert period.first <= day <= period.last
    assert kind.parse(str(period)) == period
    assert kind.of(period.first) == kind.of(period.last) == period


@given(days, kinds, st.integers(-500, 500))
def test_periods_follow_each_other_without_a_gap(day: date, kind: type[Period], count: int) -> None:
    period = kind.of(day)
    assert period.shifted(1).first == period.last + timedelta(days=1)
    assert period.shifted(count).shifted(-count) == period
    assert (period.shifted(count).first > period.first) == (count > 0)


@given(days)
def test_days_make_months_and_months_make_quarters(day: date) -> None:
    month, quarter = Month.of(day), Quarter.of(day)
    assert Quarter.of(month.first) == Quarter.of(month.last) == quarter
    months = {str(Month.of(quarter.first).shifted(later)) for later in range(3)}
    assert str(month) in months
    assert Month.of(quarter.last) == Month.of(quarter.first).shifted(2)
