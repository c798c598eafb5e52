"""PURE. Counts of centers → the figures of every area, with what rests on too few left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from app.insight import disclosure, statistics
from app.insight.figures import Area, Figures, Level, Part
from app.words import COUNTRY

SCORES: Final = (1, 2, 3, 4, 5)
SEXES: Final = ("F", "M")
OVERCHARGED: Final = "yes"
# Every response has one score, which comes with its service: the rest would count them again.
TOLD_BY_SCORES: Final = ("status", "service")

Key = tuple[str, str]
"""Level and code of an area."""
Answer = tuple[str, ...]
"""("all",), ("satisfied",), ("score", "4"), ("sex", "F"), ("satisfied", "sex", "F"), …"""
Question = str
Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class Said:
    """How often an answer was given at an ODSC; scores come apart by service and sex."""

    odsc: str
    question: Question
    answer: str
    service: str
    sex: str
    n: int


@dataclass(frozen=True, slots=True)
class Country:
    """Every area, what each is part of, and what may be answered, in the order it is shown.

    `above` has every ODSC, district and province; the country has nothing above. `groups` are
    named sets of districts, which may overlap with everything else.
    """

    areas: Sequence[Area]
    above: Mapping[Key, Key]
    groups: Sequence[tuple[Area, tuple[str, ...]]]
    services: Sequence[str]
    reasons: Sequence[str]
    extra: Mapping[Question, Sequence[str]] = field(default_factory=dict)


def compose(
    week: str, country: Country, said: Iterable[Said], work: Mapping[str, tuple[int, int]]
) -> list[Figures]:
    """The figures of every area and group. `work`: running and overdue requests by ODSC."""
    sums = _Sums(country, said)
    loads = _loads(country, work)
    hidden = _Hidden(country, sums)
    shown = _Shown(sums, hidden, _Told(country, sums, hidden))
    made = [_figures(week, area, country, shown, loads) for area in country.areas]
    districts = {one.code: one for one in made if one.level == "district"}
    grouped = [
        _added(week, area, [districts[code] for code in codes]) for area, codes in country.groups
    ]
    return [*made, *grouped]


class _Sums:
    """Every count of every area, rolled up from its ODSCs."""

    def __init__(self, country: Country, said: Iterable[Said]) -> None:
        self._by: dict[Answer, Counter[str]] = {}
        lines = {
            area.code: (_name("odsc", area.code), *_above(country, ("odsc", area.code)))
            for area in country.areas
            if area.level == "odsc"
        }
        for one in said:
            for answer in _counted_in(one):
                counts = self._by.setdefault(answer, Counter())
                for area in lines[one.odsc]:
                    counts[area] += one.n

    def of(self, *answer: str) -> Counter[str]:
        """How many gave an answer, by area."""
        return self._by.get(answer, Counter())

    def every(self, question: str, answers: Iterable[str]) -> dict[str, Mapping[str, int]]:
        return {answer: self.of(question, answer) for answer in answers}


def _counted_in(one: Said) -> Iterable[Answer]:
    if one.question in TOLD_BY_SCORES:
        return ()
    if one.question != "score":
        return ((one.question, one.answer),)
    parts = [("sex", one.sex)] if one.sex else []
    parts += [("service", one.service)] if one.service else []
    counted: list[Answer] = [("all",), ("score", one.answer), *parts]
    if int(one.answer) in statistics.SATISFIED:
        counted += [("satisfied",), *(("satisfied", *part) for part in parts)]
    return counted


class _Hidden:
    """What is not published, by question and area."""

    def __init__(self, country: Country, sums: _Sums) -> None:
        parents: dict[str, str | None] = {_name(one.level, one.code): None for one in country.areas}
        parents |= {_name(*key): _name(*over) for key, over in country.above.items()}
        everybody = {area: sums.of("all")[area] for area in parents}
        rows = {
            question: sums.every(question, answers)
            for question, answers in {
                "sex": SEXES,
                "service": country.services,
                "reason": country.reasons,
                "overcharged": (OVERCHARGED,),
                **country.extra,
            }.items()
        }
        self.shares = disclosure.hidden_shares(parents, everybody, satisfied=sums.of("satisfied"))
        self.cells = {
            question: disclosure.hidden_cells(parents, everybody, counts)
            for question, counts in rows.items()
        }
        # The reason is asked of who was not satisfied, and how many these are the share tells.
        self.cells["reason"] |= disclosure.hidden_cells(
            parents, _asked(country, sums, rows["reason"]), rows["reason"]
        )
        scores = sums.every("score", map(str, SCORES))
        # Where the share is hidden the scores would tell it.
        self.scores = self.shares | disclosure.hidden_blocks(parents, everybody, scores)


class _Told:
    """How many of each sex and service there are, and how many of them were satisfied, in the
    centers of an area that tell it. More may not be told of the area: a sum in which a silent
    center is could be subtracted from shares, and from sums of other answers."""

    def __init__(self, country: Country, sums: _Sums, hidden: _Hidden) -> None:
        self.base: dict[tuple[str, str], Counter[str]] = {}
        self.satisfied: dict[tuple[str, str], Counter[str]] = {}
        parts = [("sex", one) for one in SEXES] + [("service", one) for one in country.services]
        odscs = [area.code for area in country.areas if area.level == "odsc"]
        for part in parts:
            base, satisfied = Counter[str](), Counter[str]()
            for code in odscs:
                name = _name("odsc", code)
                if name in hidden.shares or (part[1], name) in hidden.cells[part[0]]:
                    continue
                for area in (name, *_above(country, ("odsc", code))):
                    base[area] += sums.of(*part)[name]
                    satisfied[area] += sums.of("satisfied", *part)[name]
            self.base[part], self.satisfied[part] = base, satisfied


def _asked(country: Country, sums: _Sums, reasons: Mapping[str, Mapping[str, int]]) -> Counter[str]:
    """How many were asked for a reason: all who were not satisfied, or more if more gave one."""
    asked: Counter[str] = Counter()
    for area in country.areas:
        if area.level != "odsc":
            continue
        name = _name("odsc", area.code)
        unhappy = sums.of("all")[name] - sums.of("satisfied")[name]
        many = max(unhappy, sum(counts[name] for counts in reasons.values()))
        for above in (name, *_above(country, ("odsc", area.code))):
            asked[above] += many
    return asked


def _above(country: Country, key: Key) -> Iterable[str]:
    """What an area is part of, from below."""
    while key in country.above:
        key = country.above[key]
        yield _name(*key)


@dataclass(frozen=True)
class _Shown:
    """What is published of an area, by name."""

    sums: _Sums
    hidden: _Hidden
    told: _Told

    def count(self, area: str, question: str, answer: str) -> int | None:
        secret = (answer, area) in self.hidden.cells[question]
        return _unless(secret, self.sums.of(question, answer)[area])

    def part(self, area: str, question: str, answer: str) -> Part:
        n, everybody = self.count(area, question, answer), self.sums.of(question, answer)[area]
        base = self.told.base[question, answer][area]
        satisfied = self.told.satisfied[question, answer][area]
        if base == everybody and n is not None:
            return Part(n, satisfied)
        return Part(n, satisfied, base) if base else Part(n, None)

    def scores(self, area: str) -> dict[int, int] | None:
        counted = {one: self.sums.of("score", str(one))[area] for one in SCORES}
        return _unless(area in self.hidden.scores, counted)

    def satisfied(self, area: str) -> int | None:
        return _unless(area in self.hidden.shares, self.sums.of("satisfied")[area])


def _figures(
    week: str, area: Area, country: Country, shown: _Shown, loads: Mapping[str, tuple[int, int]]
) -> Figures:
    name = _name(area.level, area.code)
    reasons = {reason: shown.count(name, "reason", reason) for reason in country.reasons}
    named = {reason: shown.sums.of("reason", reason)[name] for reason in reasons}
    running, overdue = loads[name]
    return Figures(
        week=week,
        level=area.level,
        code=area.code,
        answers=shown.sums.of("all")[name],
        satisfied=shown.satisfied(name),
        scores=shown.scores(name),
        sexes={sex: shown.part(name, "sex", sex) for sex in SEXES},
        services={one: shown.part(name, "service", one) for one in country.services},
        reasons=reasons,
        main_reason=_main(named, reasons),
        overcharged=shown.count(name, "overcharged", OVERCHARGED),
        running=running,
        overdue=overdue,
        extra={
            question: {answer: shown.count(name, question, answer) for answer in answers}
            for question, answers in country.extra.items()
        },
    )


def _main(counted: Mapping[str, int], shown: Mapping[str, int | None]) -> str | None:
    """The commonest reason, of equals the first that is asked.

    What to mend first is what a center must learn, so where its number is hidden it is named
    without, if enough people gave it and enough others are hidden with it.
    """
    commonest = max(counted, key=lambda reason: counted[reason], default=None)
    if commonest is None or shown[commonest]:
        return commonest
    left_open = sum(n for reason, n in counted.items() if shown[reason] is None)
    enough = counted[commonest] >= disclosure.FEWEST and left_open >= 2 * disclosure.FEWEST
    return commonest if enough else None


def _added(week: str, area: Area, districts: Sequence[Figures]) -> Figures:
    """What the districts of a group publish, added up: nothing more can be learnt of it."""
    # A district without answers hides nothing and adds nothing.
    heard = [one for one in districts if one.answers]
    told = [one for one in heard if one.satisfied is not None]
    scores = [one.scores for one in heard if one.scores is not None]
    reasons = _all_told([one.reasons for one in districts])
    return Figures(
        week=week,
        level=area.level,
        code=area.code,
        answers=sum(one.answers for one in districts),
        satisfied=_unless(bool(heard) and not told, sum(one.satisfied or 0 for one in told)),
        scores=_unless(
            len(scores) < len(heard), {score: sum(one[score] for one in scores) for score in SCORES}
        ),
        sexes=_parts([one.sexes for one in districts]),
        services=_parts([one.services for one in districts]),
        reasons=reasons,
        main_reason=_main({one: n or 0 for one, n in reasons.items()}, reasons)
        if None not in reasons.values()
        else None,
        overcharged=_total([one.overcharged for one in districts]),
        running=sum(one.running for one in districts),
        overdue=sum(one.overdue for one in districts),
        extra=_extra(districts),
        resting_on=sum(one.answers for one in told),
        left_out=len(heard) - len(told),
    )


def _extra(districts: Sequence[Figures]) -> dict[str, dict[str, int | None]]:
    questions = districts[0].extra if districts else {}
    return {
        question: _all_told([one.extra[question] for one in districts]) for question in questions
    }


def _parts(every: Sequence[Mapping[str, Part]]) -> dict[str, Part]:
    keys = every[0] if every else {}
    return {key: _joined([one[key] for one in every]) for key in keys}


def _joined(parts: Sequence[Part]) -> Part:
    """The parts of several districts; satisfied are those of the districts that tell it."""
    n = _total([one.n for one in parts])
    told = [(one.satisfied, one.base) for one in parts]
    known = [(satisfied, base) for satisfied, base in told if satisfied is not None and base]
    base = sum(base for _, base in known)
    if n == base:
        return Part(n, sum(satisfied for satisfied, _ in known))
    return Part(n, sum(satisfied for satisfied, _ in known), base) if known else Part(n, None)


def _all_told(every: Sequence[Mapping[str, int | None]]) -> dict[str, int | None]:
    keys = every[0] if every else {}
    return {key: _total([one[key] for one in every]) for key in keys}


def _total(counts: Sequence[int | None]) -> int | None:
    """The sum, unless one of them is hidden."""
    return None if None in counts else sum(n or 0 for n in counts)


def _unless(secret: bool, figure: Shown) -> Shown | None:
    return None if secret else figure


def _loads(country: Country, work: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    loads = {_name(one.level, one.code): (0, 0) for one in country.areas}
    for odsc, (running, overdue) in work.items():
        for name in (_name("odsc", odsc), *_above(country, ("odsc", odsc))):
            loads[name] = (loads[name][0] + running, loads[name][1] + overdue)
    return loads


def _name(level: str, code: str) -> str:
    return f"{level}:{code}"


def tree(
    odscs: Iterable[tuple[str, str]], districts: Iterable[tuple[str, str]], provinces: Iterable[str]
) -> dict[Key, Key]:
    """`Country.above` of ODSCs with their district, districts with their province, provinces."""
    level: Level = "country"
    return (
        {("odsc", code): ("district", district) for code, district in odscs}
        | {("district", code): ("province", province) for code, province in districts}
        | {("province", code): (level, COUNTRY) for code in provinces}
    )
