"""The only clock: now, the local calendar, working days.

UTC in the database and between rooms; days and ISO weeks are Asia/Vientiane's (UTC+7, no
summer time). Everything but `now` is a function of its arguments.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

VIENTIANE = ZoneInfo("Asia/Vientiane")

_WEEK = re.compile(r"(\d{4})-?W(\d{1,2})")


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def local_day(moment: datetime) -> date:
    """The day on which a moment falls in Vientiane."""
    return moment.astimezone(VIENTIANE).date()


def month_start(day: date) -> datetime:
    """The first moment of the day's month in Vientiane, as UTC."""
    return local_moment(day.replace(day=1), 0)


def local_moment(day: date, hour: int, minute: int = 0) -> datetime:
    """A time of day in Vientiane, as UTC."""
    return datetime.combine(day, time(hour, minute), VIENTIANE).astimezone(UTC)


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """An ISO 8601 week of Vientiane's calendar: Monday to Sunday."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Week:
        """`2026-W47`; raises ValueError where there is no such week."""
        match = _WEEK.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is no ISO week such as 2026-W47")
        week = cls(int(match[1]), int(match[2]))
        if not 1 <= week.number <= 53 or cls.of(week.monday) != week:
            raise ValueError(f"the year {week.year} has no week {week.number}")
        return week

    @classmethod
    def of(cls, day: date) -> Week:
        year, number, _ = day.isocalendar()
        return cls(year, number)

    @property
    def monday(self) -> date:
        # Week 1 holds 4 January; counting from there keeps impossible numbers from raising.
        january = date(self.year, 1, 4)
        return january - timedelta(days=january.weekday()) + timedelta(weeks=self.number - 1)

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)

    def shifted(self, weeks: int) -> Week:
        return Week.of(self.monday + timedelta(weeks=weeks))

    def __str__(self) -> str:
        return f"{self.year}-W{self.number:02d}"


@cache
def _public_holidays(year: int) -> frozenset[date]:
    # Only who asks for a working day loads the calendars of the world, 10 MB of them.
    import holidays

    # "LA" public category: offices are closed (python-holidays).
    return frozenset(holidays.country_holidays("LA", years=year))


def is_working_day(day: date, closed: Collection[date] = ()) -> bool:
    """Monday to Friday, no public holiday of Lao PDR and none of the office's `closed` days."""
    return day.weekday() < 5 and day not in _public_holidays(day.year) and day not in closed


def is_quiet(moment: datetime, begins: int, ends: int) -> bool:
    """Whether phones should not ring: from the local hour `begins` to `ends`, and on holidays.

    Two hours that are the same mean that no time is quiet.
    """
    if begins == ends:
        return False
    local = moment.astimezone(VIENTIANE)
    hours = local.hour >= begins or local.hour < ends
    if begins < ends:
        hours = begins <= local.hour < ends
    return hours or local.date() in _public_holidays(local.year)


def working_day_from(day: date, closed: Collection[date] = ()) -> date:
    """`day` itself or the next working day after it."""
    while not is_working_day(day, closed):
        day += timedelta(days=1)
    return day


def working_days_after(day: date, count: int, closed: Collection[date] = ()) -> date:
    """The last of `count` working days after `day`, which itself does not count."""
    for _ in range(count):
        day = working_day_from(day + timedelta(days=1), closed)
    return day
