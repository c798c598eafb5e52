"""What is told of released figures beside them: change, dimensions, target, past and rank.

All of it is worked out of released figures of that area, and of the registry's targets; so it
says nothing that they do not say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection

from app.clock import Week
from app.insight import dimensions, releases, statistics
from app.insight.dimensions import Dimension
from app.insight.figures import Area, Figures, Level, Part
from app.insight.statistics import Share
from app.storage import registry
from app.storage import releases as storage
from app.storage.registry import Target

RankedLevel = Literal["odsc", "district", "province"]
WEEKS: Final = 12
"""How far back history and ranking look."""
DIGITS: Final = 6
"""Of every figure that is no count, so that its bytes are the same on every machine."""


@dataclass(frozen=True, slots=True)
class Change:
    """In points of percent since the week before; `real` where chance alone hardly does it."""

    points: float
    real: bool


@dataclass(frozen=True, slots=True)
class Published:
    """Released figures of an area with what is told beside them; `history` oldest first, the
    week itself last."""

    area: Area
    released_at: datetime
    figures: Figures
    change: Change | None
    dimensions: Mapping[str, Part]
    target: Target | None
    history: Sequence[Figures]

    @property
    def week(self) -> Week:
        return Week.parse(self.figures.week)


def of(
    tx: Connection, area: Area, week: str, told_from: Mapping[str, Dimension]
) -> Published | None:
    """The published figures of an area; None where that week has none of it."""
    released_at = storage.made_at(tx, week)
    if released_at is None:
        return None
    asked = Week.parse(week)
    history = releases.history(tx, area.level, area.code, asked, WEEKS)
    if not history or history[-1].week != week:
        return None
    past = {one.week: one for one in history}
    before = past.get(str(asked.shifted(-1)))
    return Published(
        area=area,
        released_at=released_at,
        figures=past[week],
        change=None if before is None else change(past[week].part, before.part),
        dimensions=every_dimension(past[week], told_from),
        target=registry.targets(tx).get(area.code) if area.level == "odsc" else None,
        history=history,
    )


def rounded(figure: float | None) -> float | None:
    """PURE. As it is published."""
    return None if figure is None else round(figure, DIGITS)


def interval(part: Part) -> tuple[float, float] | None:
    """PURE. Of a rate that is told, as it is published."""
    shown = None if part.rate is None else part.interval
    return None if shown is None else (round(shown[0], DIGITS), round(shown[1], DIGITS))


def change(now: Part, before: Part) -> Change | None:
    """PURE. None where one of the two is hidden, or nobody answered."""
    shares = [_share(part) for part in (now, before)]
    if now.rate is None or before.rate is None or shares[0] is None or shares[1] is None:
        return None
    points = round(100 * (now.rate - before.rate), DIGITS)
    return Change(points, statistics.is_change(shares[0], shares[1]))


def every_dimension(figures: Figures, told_from: Mapping[str, Dimension]) -> dict[str, Part]:
    """PURE. Each dimension of satisfaction, hidden where something that it is told from is."""
    return {name: dimensions.published(one, figures) for name, one in told_from.items()}


def _share(part: Part) -> Share | None:
    if part.base is None or part.satisfied is None:
        return None
    return Share(part.satisfied, part.base)


# --- ranking ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ranked:
    """An area among others of its level. `share` is what it is ranked by: drawn towards that of
    all by how few answers it rests on. Without a published answer it has neither rank nor share;
    those that cannot be told apart have the same rank."""

    area: Area
    rank: int | None
    part: Part
    share: float | None


def ranking(tx: Connection, level: Level, within: str | None, last: Week) -> list[Ranked]:
    """The areas of a level, in one province or everywhere, by the satisfaction of the WEEKS up
    to `last` that are released, the best first."""
    found = releases.histories(tx, level, last, WEEKS)
    province = provinces(tx)
    return ranked(
        (area, found.get(area.code, ()))
        for area in releases.areas(tx)
        if area.level == level and within in (None, province.get((level, area.code)))
    )


def provinces(tx: Connection) -> Mapping[tuple[str, str], str]:
    """The province of every ODSC, district and province, by level and code."""
    nodes = storage.nodes(tx)
    above = {(one.level, one.code): one.within for one in nodes}
    found = {}
    for level, code in above:
        district = above[level, code] if level == "odsc" else code
        found[level, code] = code if level == "province" else above["district", district]
    return found


def ranked(histories: Iterable[tuple[Area, Sequence[Figures]]]) -> list[Ranked]:
    """PURE. The best first, those that say nothing last; each by code among equals."""
    summed = [(area, _summed(history)) for area, history in histories]
    told = [(area, share) for area, share in summed if share.n]
    drawn = statistics.shrunk([share for _, share in told])
    by_share = sorted(
        zip(told, drawn, strict=True), key=lambda one: (-round(one[1], DIGITS), one[0][0].code)
    )
    found: list[Ranked] = []
    for place, ((area, share), estimate) in enumerate(by_share, start=1):
        shown = round(estimate, DIGITS)
        same = bool(found) and found[-1].share == shown
        rank = found[-1].rank if same else place
        found.append(Ranked(area, rank, Part(share.n, share.satisfied), shown))
    silent = sorted((area for area, share in summed if not share.n), key=lambda one: one.code)
    return [*found, *(Ranked(area, None, Part(0, 0), None) for area in silent)]


def _summed(history: Sequence[Figures]) -> Share:
    """The weeks of which satisfaction is published, together."""
    told = [share for one in history if (share := _share(one.part)) is not None]
    return Share(sum(one.satisfied for one in told), sum(one.n for one in told))
