"""Flow Results packages for the API: one a calendar quarter, told page by page.

They end with the last released week, so nobody can watch answers come in. Pages begin behind or
before a row, whose id says where it stands: whatever is stored or withdrawn meanwhile, no other
row is told twice or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from app import clock
from app.insight import flow_results, releases
from app.insight.flow_results import Extent, Questions, Response, Row
from app.insight.press import Press
from app.insight.pseudonyms import Pseudonyms
from app.storage import results
from app.storage.results import Span

# Behind every session's pseudonym, which is hexadecimal.
_LAST_SESSION = "~"


@dataclass(frozen=True, slots=True)
class Edition:
    """The package of a quarter, and between which days it has responses by now."""

    extent: Extent
    pseudonyms: Pseudonyms
    span: Span

    @property
    def id(self) -> str:
        return str(self.pseudonyms.package)

    @property
    def told(self) -> tuple[date, date]:
        return self.span.first, self.span.last


def every(tx: Connection, press: Press) -> list[Edition]:
    """All packages, the oldest first."""
    released = _released(tx)
    found = (_edition(tx, press, extent, released) for extent in _quarters(tx, released))
    return [edition for edition in found if edition is not None]


def of(tx: Connection, press: Press, package: str) -> Edition | None:
    """The package of that id."""
    released = _released(tx)
    for extent in _quarters(tx, released):
        if str(press.pseudonyms(extent).package) == package:
            return _edition(tx, press, extent, released)
    return None


def _released(tx: Connection) -> date:
    """The last day of which anything is told."""
    week = releases.newest(tx)
    return date.min if week is None else week.sunday


def _quarters(tx: Connection, released: date) -> list[Extent]:
    span = results.span(tx, date.min, released)
    return [] if span is None else flow_results.quarters(span.first, span.last)


def _edition(tx: Connection, press: Press, extent: Extent, released: date) -> Edition | None:
    span = results.span(tx, extent.first, min(extent.last, released))
    return None if span is None else Edition(extent, press.pseudonyms(extent), span)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of a package: at most `size`, behind the row `after` and before the row `before`.

    With `before` alone they are the last before it. A row's moment, as it is told, is later than
    `above`, and neither before `since` nor behind `until`.
    """

    size: int
    after: str | None = None
    before: str | None = None
    above: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def backwards(self) -> bool:
        return self.after is None and self.before is not None

    def has(self, day: date) -> bool:
        """Whether rows of that day are wanted.

        Only the day is compared: by the moment of an answer, times would be found by asking.
        """
        at, written = clock.local_moment(day, 0), f"{day:%Y%m%d}"
        return (
            (self.above is None or at > self.above)
            and (self.since is None or at >= self.since)
            and (self.until is None or at <= self.until)
            and (self.after is None or written >= _day(self.after))
            and (self.before is None or written <= _day(self.before))
        )

    def shows(self, row: Row) -> bool:
        row_id = str(row[1])
        behind = self.after is None or row_id > self.after
        return behind and (self.before is None or row_id < self.before)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows; `before` and `after` are the ids of the first and the last, where there may be
    others before and behind them.
    """

    rows: list[Row]
    before: str | None
    after: str | None


def page(tx: Connection, edition: Edition, questions: Questions, wanted: Wanted) -> Page:
    """The rows that are wanted of a package, in its order."""
    found = list(islice(_rows(tx, edition, questions, wanted), wanted.size + 1))
    here, more = found[: wanted.size], len(found) > wanted.size
    if not here:
        return Page([], None, None)
    if wanted.backwards:
        here.reverse()
    first, last = str(here[0][1]), str(here[-1][1])
    if wanted.backwards:
        return Page(here, first if more else None, last)
    return Page(here, first if wanted.after else None, last if more else None)


def _rows(tx: Connection, edition: Edition, questions: Questions, wanted: Wanted) -> Iterator[Row]:
    span, step = edition.span, -1 if wanted.backwards else 1
    passed = range((span.last - span.first).days + 1)
    days = (span.first + timedelta(days=number) for number in passed[::step])
    for day in days:
        if wanted.has(day):
            for told in _of_day(tx, edition, day, wanted):
                made = list(flow_results.rows(Response(**told), questions))
                yield from (row for row in made[::step] if wanted.shows(row))


def _of_day(
    tx: Connection, edition: Edition, day: date, wanted: Wanted
) -> Iterator[Mapping[str, Any]]:
    return results.part_of_day(
        tx,
        edition.pseudonyms.masks,
        day,
        since=_session(wanted.after, day) or "",
        until=_session(wanted.before, day) or _LAST_SESSION,
        # Each has a center and a score, so at least two rows; of the first there may be none left.
        limit=wanted.size // 2 + 2,
        backwards=wanted.backwards,
    )


def _day(row_id: str) -> str:
    return row_id.partition("-")[0]


def _session(row_id: str | None, day: date) -> str | None:
    """The session of the row, where it is of that day."""
    if row_id is None or _day(row_id) != f"{day:%Y%m%d}":
        return None
    return row_id.split("-")[1]
