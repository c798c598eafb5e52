"""The only clock: now, the local calendar, working days.

UTC in the database and between rooms; days and ISO weeks are Asia/Vientiane's (UTC+7, no
summer time). Everything but `now` is a function of its arguments.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

VIENTIANE = ZoneInfo("Asia/Vientiane")

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_WEEK = re.compile(r"(\d{4})-?W(\d{1,2})", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_QUARTER = re.compile(r"(\d{4})-?Q(\d)", re.ASCII)


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
class Day:
    """A day of Vientiane's calendar, as a period among the others."""

    kind: ClassVar[str] = "day"
    first: date

    @classmethod
    def parse(cls, text: str) -> Day:
        """`2026-11-22`; raises ValueError where there is no such day."""
        if _DAY.fullmatch(text.strip()) is None:
            raise ValueError(f"{text!r} is no day such as 2026-11-22")
        try:
            return cls(date.fromisoformat(text.strip()))
        except ValueError:
            raise ValueError(f"there is no day {text.strip()}") from None

    @classmethod
    def of(cls, day: date) -> Day:
        return cls(day)

    @property
    def last(self) -> date:
        return self.first

    def shifted(self, days: int) -> Day:
        return Day(self.first + timedelta(days=days))

    def __str__(self) -> str:
        return self.first.isoformat()


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """An ISO 8601 week of Vientiane's calendar: Monday to Sunday."""

    kind: ClassVar[str] = "week"
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

    @property
    def first(self) -> date:
        return self.monday

    @property
    def last(self) -> date:
        return self.sunday

    def shifted(self, weeks: int) -> Week:
        return Week.of(self.monday + timedelta(weeks=weeks))

    def __str__(self) -> str:
        return f"{self.year}-W{self.number:02d}"


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month."""

    kind: ClassVar[str] = "month"
    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """`2026-11`; raises ValueError where there is no such month."""
        return cls(*_numbers(_MONTH, text, 12, "month such as 2026-11"))

    @classmethod
    def of(cls, day: date) -> Month:
        return cls(day.year, day.month)

    @property
    def first(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        return date(self.year, self.number, monthrange(self.year, self.number)[1])

    def shifted(self, months: int) -> Month:
        year, before = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, before + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """Three calendar months, the first from January on."""

    kind: ClassVar[str] = "quarter"
    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Quarter:
        """`2026-Q4`; raises ValueError where there is no such quarter."""
        return cls(*_numbers(_QUARTER, text, 4, "quarter such as 2026-Q4"))

    @classmethod
    def of(cls, day: date) -> Quarter:
        return cls(day.year, (day.month + 2) // 3)

    @property
    def first(self) -> date:
        return Month(self.year, 3 * self.number - 2).first

    @property
    def last(self) -> date:
        return Month(self.year, 3 * self.number).last

    def shifted(self, quarters: int) -> Quarter:
        year, before = divmod(self.year * 4 + self.number - 1 + quarters, 4)
        return Quarter(year, before + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-Q{self.number}"


def _numbers(pattern: re.Pattern[str], text: str, most: int, kind: str) -> tuple[int, int]:
    """The year, and which of its periods."""
    match = pattern.fullmatch(text.strip())
    if match is None or not 1 <= int(match[2]) <= most or not int(match[1]):
        raise ValueError(f"{text!r} is no {kind}")
    return int(match[1]), int(match[2])


Period = Day | Week | Month | Quarter
"""What figures are told of: has `kind`, `first` and `last` day, `parse`, `of` a day, `shifted`."""
PERIODS: Final[Mapping[str, type[Period]]] = {one.kind: one for one in (Day, Week, Month, Quarter)}


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
