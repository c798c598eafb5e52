"""What is published of a small country, read as equations about who said what."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.feedback.cells import REASONS as REASONS
from app.insight import published
from app.insight.dimensions import Dimension
from app.insight.figures import Figures
from app.insight.observations import TOO_FEW, observations
from tests.insight.attacker import Attacker, Unknown
from tests.insight.small_countries import EXTRA, SERVICES, Person, Small

Said = tuple[str, ...]
"""("answers",), ("satisfied",), ("score", "4"), ("sex", "F"), ("satisfied of sex", "F"), …"""
DIMENSIONS = {
    "access": Dimension(reasons=("waiting", "papers")),
    "quality": Dimension(reasons=("staff", "other")),
    "transparency": Dimension(reasons=("money",)),
}
PARTS = {"sex": ("F", "M"), "service": SERVICES}


@dataclass(frozen=True)
class Told:
    """A figure of an area; None where it is left out."""

    level: str
    code: str
    measure: str
    answer: str
    sex: str
    service: str
    value: float | None
    n: int | None

    @property
    def said(self) -> Said | None:
        """What it counts; None where it is no count."""
        part = ("sex", self.sex) if self.sex else ("service", self.service) if self.service else ()
        if self.measure == "answers":
            return part or ("answers",)
        if self.measure == "satisfied":
            return (f"satisfied of {part[0]}", part[1]) if part else ("satisfied",)
        if self.measure in ("score", "reason"):
            return self.measure, self.answer
        if self.measure == "overcharged":
            return (self.measure,)
        return (self.measure, self.answer) if self.measure.startswith("extra.") else None


def of_figures(every: Iterable[Figures]) -> Iterator[Told]:
    for one in every:
        for row in observations(one, published.every_dimension(one, DIMENSIONS)):
            what = row.measure, row.answer, row.sex, row.service
            yield Told(one.level, one.code, *what, row.value, row.n)


def of_csv(figures: Path, week: str) -> Iterator[Told]:
    with figures.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            assert (row["value"] == "") == (row["note"] != "")
            if row["week"] != week or row["note"] not in ("", TOO_FEW):
                continue
            yield Told(
                level=row["level"],
                code=row["code"],
                measure=row["measure"],
                answer=row["answer"],
                sex=row["sex"],
                service=row["service"],
                value=float(row["value"]) if row["value"] else None,
                n=int(row["n"]) if row["n"] else None,
            )


def terms(odscs: Iterable[str], said: Said) -> list[tuple[Unknown, int]]:
    """What a count adds up."""
    found: list[tuple[Unknown, int]] = []
    for odsc in odscs:
        if said == ("answers",):
            found += [((odsc, "score", score), 1) for score in "12345"]
        elif said == ("satisfied",):
            found += [((odsc, "score", score), 1) for score in "45"]
        elif said[0] in PARTS:
            found += [((odsc, f"{kind} of {said[0]}", said[1]), 1) for kind in SIDES]
        else:
            found.append(((odsc, *said), 1))
    return found


SHARES = ("satisfied", "satisfaction")
SIDES = {"satisfied": "45", "unhappy": "123"}


def attacker_on(small: Small) -> Attacker:
    """Who knows how answers hang together: each has one score, at most one sex, and so on."""
    attacker = Attacker()
    for odsc in small.people:
        for side, scores in SIDES.items():
            whole: list[tuple[Unknown, int]] = [((odsc, "score", one), -1) for one in scores]
            for question, parts in PARTS.items():
                each = [((odsc, f"{side} of {question}", one), 1) for one in (*parts, "none")]
                attacker.learns([*each, *whole], 0)
        everybody = [(one, -times) for one, times in terms([odsc], ("answers",))]
        extra = {f"extra.{question}": answers for question, answers in EXTRA.items()}
        rows: Mapping[str, tuple[str, ...]] = {"reason": REASONS, **extra}
        for question, answers in rows.items():
            each = [((odsc, question, one), 1) for one in (*answers, "none")]
            attacker.learns([*each, *everybody], 0)
        attacker.learns([((odsc, "overcharged"), 1), ((odsc, "not"), 1), *everybody], 0)
    return attacker


def learn(attacker: Attacker, small: Small, every: Iterable[Told]) -> None:
    """Every published number, each as an equation; a share and its base tell a count."""
    heard = list(every)
    shown = {(one.level, one.code, one.said): one.value for one in heard if one.said}
    for one in heard:
        if one.value is None:
            continue
        odscs = small.below(one.level, one.code)
        if one.said == ("satisfied",) and one.level == "group":
            # Of the districts that tell it.
            odscs = [
                odsc
                for odsc in odscs
                if shown["district", small.country.above["odsc", odsc][1], one.said] is not None
            ]
        if one.level != "odsc" and one.measure in SHARES and (one.sex or one.service):
            # The centers that tell it, added up: see test_a_part_of_an_area_adds_up_what_is_told.
            continue
        if one.said is not None:
            attacker.learns(terms(odscs, one.said), round(one.value))
        elif one.n and one.level != "group":
            _learn_share(attacker, odscs, one.measure, one)


def _learn_share(attacker: Attacker, odscs: list[str], measure: str, one: Told) -> None:
    assert one.value is not None
    assert one.n
    count = round(one.value * one.n)
    assert abs(count - one.value * one.n) < 0.001, one
    if measure == "mean":
        scores = [(((odsc, "score", score), int(score))) for odsc in odscs for score in "12345"]
        attacker.learns(scores, count)
    # The dimensions are made of the published satisfied and reasons of that very area.
    elif measure == "satisfaction":
        told = Told(one.level, one.code, "satisfied", "", one.sex, one.service, count, one.n).said
        assert told is not None
        attacker.learns(terms(odscs, told), count)


def truth(people: Iterable[Person], said: Said) -> int:
    """How many really said so."""

    def so(one: Person) -> bool:
        happy = one.score in (4, 5)
        return {
            ("answers",): True,
            ("satisfied",): happy,
            ("score", str(one.score)): True,
            ("sex", one.sex): True,
            ("satisfied of sex", one.sex): happy,
            ("service", one.service): True,
            ("satisfied of service", one.service): happy,
            ("reason", one.reason): True,
            ("overcharged",): one.overcharged,
            ("extra.asked", one.asked): True,
        }.get(said, False)

    return sum(map(so, people))


def of_json(document: Mapping[str, Any]) -> Iterator[tuple[str, Told]]:
    """A summary's numbers, each with the week that it tells of."""
    level, code, week = (document[name] for name in ("level", "code", "week"))

    def told(
        measure: str, value: float | None, n: int | None = None, answer: str = "", **part: str
    ) -> tuple[str, Told]:
        sex, service = part.get("sex", ""), part.get("service", "")
        return week, Told(level, code, measure, answer, sex, service, value, n)

    yield told("answers", document["answers"])
    shares = [("", "", document["satisfaction"])]
    shares += [("F", "", document["women"]), ("M", "", document["men"])]
    shares += [("", service, share) for service, share in document["services"].items()]
    for sex, service, share in shares:
        if sex or service:
            yield told("answers", share["n"], sex=sex, service=service)
        yield told("satisfied", share["satisfied"], sex=sex, service=service)
        yield told("satisfaction", share["rate"], share["rests_on"], sex=sex, service=service)
    yield told("mean", document["mean"], document["answers"])
    for score in "12345":
        yield told("score", (document["scores"] or {}).get(score), answer=score)
    for reason, count in document["reasons"].items():
        yield told("reason", count, answer=reason)
    yield told("overcharged", document["overcharged"])
    for name, share in document["dimensions"].items():
        yield told(name, share["rate"], share["n"])
    for question, answers in document["extra"].items():
        for answer, count in answers.items():
            yield told(f"extra.{question}", count, answer=answer)
    yield from _past(document)


def _past(document: Mapping[str, Any]) -> Iterator[tuple[str, Told]]:
    """What history and change tell; a group's rest on other answers than it had."""
    if document["level"] == "group":
        return
    where = document["level"], document["code"], "satisfaction", "", "", ""
    past = document["history"]
    for one in past:
        yield one["week"], Told(*where, one["rate"], one["answers"])
    if document["change"] is not None:
        before = document["satisfaction"]["rate"] - document["change"]["points"] / 100
        yield past[-2]["week"], Told(*where, before, past[-2]["answers"])
