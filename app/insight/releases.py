"""Releases: the figures of a week that is over, made once for all areas and then never changed.

Whatever leaves the house is made of them. Figures that went on moving could be subtracted: the
count of today less that of yesterday is what one person said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Engine

from app import clock
from app.clock import Week
from app.errors import OperatorError
from app.feedback.cells import REASONS
from app.insight import composition
from app.insight.composition import Country, Said
from app.insight.figures import LEVELS, Area, Figures, Level, from_json
from app.storage import registry
from app.storage import releases as storage
from app.words import COUNTRY

Extra = Mapping[str, Sequence[str]]
"""Questions that are tallied beside the core ones, and their answers."""

_COUNTRY = Area("country", COUNTRY, "ສປປ ລາວ", "Lao PDR")


def make(engine: Engine, week: Week, now: datetime, extra: Extra) -> bool:
    """Release a week, once for ever; False if it is released already.

    All areas are counted by one query, or they could be subtracted from each other. Raises
    OperatorError where the week is not over.
    """
    today = clock.local_day(now)
    if today <= week.sunday:
        raise OperatorError(f"{week} is not over", "Its figures are released when it is")
    with engine.begin() as tx:
        if not storage.win(tx, str(week), now):
            return False
        documents = [
            (one.level, one.code, one.as_json()) for one in live(tx, week, extra, today).values()
        ]
        storage.save(tx, str(week), documents)
    return True


def live(
    tx: Connection, week: Week, extra: Extra, today: date
) -> Mapping[tuple[Level, str], Figures]:
    """The figures of every area as they would be released now: for who looks at them here."""
    counts = storage.counts(tx, week.monday, week.sunday)
    said = (Said(one.odsc, one.question, one.answer, one.service, one.sex, one.n) for one in counts)
    work = {one.odsc: (one.running, one.overdue) for one in storage.work(tx, today)}
    made = composition.compose(str(week), _country(tx, extra), said, work)
    return {(one.level, one.code): one for one in made}


def newest(tx: Connection) -> Week | None:
    """The newest released week."""
    found = storage.newest(tx)
    return None if found is None else Week.parse(found)


def of(tx: Connection, level: Level, code: str, week: Week) -> Figures | None:
    """The released figures of an area; None where the week is not released, or has no such area."""
    found = storage.document(tx, level, code, str(week))
    return None if found is None else from_json(found)


def document(tx: Connection, level: Level, code: str, week: Week) -> str | None:
    """The released figures of an area as they were stored, byte for byte."""
    return storage.document(tx, level, code, str(week))


def every(tx: Connection, week: Week) -> Mapping[tuple[Level, str], Figures]:
    """The released figures of every area in one week."""
    return _by_area(storage.documents(tx, [str(week)]))


def history(tx: Connection, level: Level, code: str, last: Week, weeks: int) -> list[Figures]:
    """The released figures of an area in the `weeks` weeks up to `last`, the oldest first."""
    return [from_json(one) for one in storage.documents(tx, _back(last, weeks), level, code)]


def histories(tx: Connection, level: Level, last: Week, weeks: int) -> Mapping[str, list[Figures]]:
    """The same of every area of a level, by code."""
    found: dict[str, list[Figures]] = {}
    for one in map(from_json, storage.documents(tx, _back(last, weeks), level)):
        found.setdefault(one.code, []).append(one)
    return found


def areas(tx: Connection) -> list[Area]:
    """Every area of which figures are released, the country first."""
    nodes = [
        Area(_level(one.level), one.code, one.name_lo, one.name_en) for one in storage.nodes(tx)
    ]
    groups = [Area("group", one.key, one.name_lo, one.name_en) for one in storage.groups(tx)]
    return [_COUNTRY, *nodes, *groups]


def area(tx: Connection, level: Level, code: str) -> Area | None:
    """The area of a level and code, if there is one."""
    return next((one for one in areas(tx) if (one.level, one.code) == (level, code)), None)


def children(tx: Connection, level: Level, code: str) -> list[Area]:
    """What an area consists of, by code: provinces, districts, ODSCs; nothing of an ODSC."""
    if level == "group":
        inside = {
            district for one in storage.groups(tx) if one.key == code for district in one.districts
        }
        return [one for one in areas(tx) if one.level == "district" and one.code in inside]
    above = "" if level == "country" else code
    below = LEVELS[LEVELS.index(level) - 1] if level != "odsc" else None
    return [
        Area(below, one.code, one.name_lo, one.name_en)
        for one in storage.nodes(tx)
        if below is not None and (one.level, one.within) == (below, above)
    ]


def _country(tx: Connection, extra: Extra) -> Country:
    nodes = storage.nodes(tx)
    within = [(one.level, one.code, one.within) for one in nodes]
    return Country(
        areas=[one for one in areas(tx) if one.level != "group"],
        above=composition.tree(
            [(code, above) for level, code, above in within if level == "odsc"],
            [(code, above) for level, code, above in within if level == "district"],
            [code for level, code, _ in within if level == "province"],
        ),
        groups=[
            (Area("group", one.key, one.name_lo, one.name_en), one.districts)
            for one in storage.groups(tx)
        ],
        services=[one.key for one in registry.services(tx)],
        reasons=REASONS,
        extra=extra,
    )


def _by_area(documents: Sequence[str]) -> dict[tuple[Level, str], Figures]:
    return {(one.level, one.code): one for one in map(from_json, documents)}


def _back(last: Week, weeks: int) -> list[str]:
    return [str(last.shifted(-back)) for back in range(weeks)]


def _level(name: str) -> Level:
    return next(level for level in LEVELS if level == name)
