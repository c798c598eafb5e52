"""From figures and the registry to what a digest is written from, in a reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from app.clock import Week
from app.insight import releases
from app.insight.digest_details import Behind, Goal
from app.insight.digest_text import Report
from app.insight.figures import Area, Figures, Level, from_json
from app.insight.sentences import names_in_lao
from app.storage import registry
from app.storage import releases as storage
from app.words import Language

WEEKS = 4
"""What is told of more than the newest week is told of so many."""
BELOW: Mapping[Level, Level] = {"district": "odsc", "province": "district", "country": "province"}

Place = tuple[Level, str]
"""A level, and the code of an area of that level."""
Told = Mapping[Place, Sequence[Figures]]
"""The figures of places in some weeks, the oldest first."""


def everywhere(tx: Connection, week: Week) -> Told:
    """What is released of all places in the weeks up to this one, by one query."""
    weeks = [str(week.shifted(-back)) for back in reversed(range(WEEKS))]
    return _by_place(map(from_json, storage.documents(tx, weeks)))


def around(tx: Connection, place: Place, week: Week) -> Told:
    """The same of a place and of the level below it."""
    level, code = place
    found = {place: releases.history(tx, level, code, week, WEEKS)}
    if level not in BELOW:
        return found
    below = releases.histories(tx, BELOW[level], week, WEEKS)
    return found | {(BELOW[level], one): figures for one, figures in below.items()}


def joined(told: Told, newer: Mapping[Place, Figures]) -> Told:
    """Figures of one more week, which is put in its place among the others."""
    every = (one for figures in (*told.values(), newer.values()) for one in figures)
    return _by_place(sorted(every, key=lambda one: one.week))


def _by_place(every: Iterable[Figures]) -> dict[Place, list[Figures]]:
    found: dict[Place, list[Figures]] = {}
    for one in every:
        found.setdefault((one.level, one.code), []).append(one)
    return found


class Reports:
    """The reports of one week; each is made once for each script that names are written in."""

    def __init__(self, tx: Connection, week: Week, told: Told) -> None:
        self._tx = tx
        self.week = week
        self._told = told
        self._areas = {(one.level, one.code): one for one in releases.areas(tx)}
        self._within: dict[tuple[str, str], list[str]] = {}
        for node in storage.nodes(tx):
            self._within.setdefault((node.level, node.within), []).append(node.code)
        self._made: dict[tuple[Place, bool], Report | None] = {}

    def of(self, place: Place, language: Language) -> Report | None:
        """The report of a place; None where the week's figures have none of it."""
        return self._of(place, names_in_lao(language))

    def behind(self, place: Place, language: Language) -> Behind:
        """What its details need besides."""
        lao = names_in_lao(language)
        services = {
            one.key: one.name_lo if lao else one.name_en for one in registry.services(self._tx)
        }
        target = registry.targets(self._tx).get(place[1]) if place[0] == "odsc" else None
        if target is None:
            return Behind(services, None)
        return Behind(services, Goal(target.target, target.baseline, target.reach_by))

    def _of(self, place: Place, lao: bool) -> Report | None:
        if (place, lao) not in self._made:
            self._made[place, lao] = self._report(place, lao)
        return self._made[place, lao]

    def _report(self, place: Place, lao: bool) -> Report | None:
        area = self._areas.get(place)
        by_week = {one.week: one for one in self._told.get(place, ())}
        now = by_week.get(str(self.week))
        if area is None or now is None:
            return None
        return Report(
            name=_name(area, lao),
            now=now,
            before=by_week.get(str(self.week.shifted(-1))),
            weeks=list(by_week.values()),
            below=[
                one for other in self._below(place) if (one := self._of(other, lao)) is not None
            ],
        )

    def _below(self, place: Place) -> Sequence[Place]:
        level, code = place
        if level not in BELOW:
            return ()
        below, above = BELOW[level], "" if level == "country" else code
        return [(below, one) for one in self._within.get((below, above), ())]


def _name(area: Area, lao: bool) -> str:
    return area.name_lo if lao else area.name_en
