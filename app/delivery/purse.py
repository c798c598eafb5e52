"""What was spent, read no oftener than it matters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from app import clock
from app.delivery.policy import Spent
from app.storage import accounts

# Of this month's earlier days hardly anything changes, and they are most of what is to be read.
EARLIER_FOR = timedelta(minutes=1)
TODAY_FOR = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Figure:
    """Kip, as they were at `read_at` on the day that begins at `day`."""

    kip: int = 0
    day: datetime | None = None
    read_at: datetime = datetime.min.replace(tzinfo=UTC)

    def fresh(self, day: datetime, now: datetime, lasts: timedelta) -> bool:
        """Not where the clock was put back either."""
        return day == self.day and timedelta() <= now - self.read_at < lasts


class Purse:
    """One process's view of today's and this month's kip."""

    def __init__(self) -> None:
        self._earlier = _Figure()
        self._today = _Figure()

    def spent(self, tx: Connection, now: datetime) -> Spent:
        day = clock.local_day(now)
        begins, month = clock.local_moment(day, 0), clock.month_start(day)
        if not self._earlier.fresh(begins, now, EARLIER_FOR):
            self._earlier = _Figure(accounts.spent(tx, month, begins), begins, now)
        if not self._today.fresh(begins, now, TODAY_FOR):
            tomorrow = begins + timedelta(days=1)
            self._today = _Figure(accounts.spent(tx, begins, tomorrow), begins, now)
        return Spent(self._today.kip, self._earlier.kip + self._today.kip)
