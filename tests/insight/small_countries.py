"""Small countries in which few people say something, made up from a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from app.feedback.cells import REASONS
from app.insight import composition
from app.insight.composition import Country, Said
from app.insight.figures import Area, Level

SERVICES = ("id_card", "family_book")
EXTRA = {"asked": ("yes", "no")}
SIZES = (0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 15, 20, 30)


@dataclass(frozen=True)
class Person:
    """One answer."""

    score: int
    sex: str
    service: str
    reason: str
    overcharged: bool
    asked: str


@dataclass(frozen=True)
class Small:
    """A country, and what was said in it, by ODSC."""

    country: Country
    people: dict[str, list[Person]]

    def below(self, level: str, code: str) -> list[str]:
        """The ODSCs of an area."""
        if level == "group":
            ((_, districts),) = self.country.groups
            return [odsc for one in districts for odsc in self.below("district", one)]
        return [odsc for odsc in self.people if (level, code) in self._lines(("odsc", odsc))]

    def _lines(self, key: tuple[str, str]) -> Iterator[tuple[str, str]]:
        yield key
        if key in self.country.above:
            yield from self._lines(self.country.above[key])

    def said(self) -> list[Said]:
        """As tallies count it."""
        counted: Counter[tuple[str, str, str, str, str]] = Counter()
        for odsc, people in self.people.items():
            for one in people:
                counted[odsc, "score", str(one.score), one.service, one.sex] += 1
                for question, answer in (
                    ("service", one.service),
                    ("reason", one.reason),
                    ("overcharged", "yes" if one.overcharged else ""),
                    ("asked", one.asked),
                ):
                    if answer:
                        counted[odsc, question, answer, "", ""] += 1
        return [Said(*key, n=n) for key, n in sorted(counted.items())]


def small(seed: int) -> Small:
    """One or two provinces of two to four districts of one to three ODSCs, and a group.

    The provinces and districts are in the registry; the ODSCs are not.
    """
    random = Random(seed)
    districts = {
        f"{province:02d}{number:02d}": f"{province:02d}"
        for province in range(1, random.randint(2, 3))
        for number in range(1, random.randint(3, 5))
    }
    several = [code for code in districts for _ in range(random.choice((1, 1, 2, 3)))]
    odscs = {f"{district[:2]}{number}": district for number, district in enumerate(several, 61)}
    provinces = sorted(set(districts.values()))
    everywhere: dict[Level, Iterable[str]] = {"country": ("LA",), "province": provinces}
    everywhere |= {"district": districts, "odsc": odscs}
    grouped = tuple(sorted(random.sample(sorted(districts), random.randint(1, len(districts)))))
    country = Country(
        areas=[Area(level, one, one, one) for level, codes in everywhere.items() for one in codes],
        above=composition.tree(odscs.items(), districts.items(), provinces),
        groups=[(Area("group", "pilot", "", ""), grouped)],
        services=SERVICES,
        reasons=REASONS,
        extra=EXTRA,
    )
    return Small(country, {odsc: people(random) for odsc in odscs})


def people(random: Random) -> list[Person]:
    """Often all are of one sex, came for one service or think alike."""
    women, known = random.choice((0, 0.2, 0.5, 0.9, 1)), random.choice((1, 1, 0.7))
    happy, one_service = random.choice((0, 0.3, 0.6, 1)), random.choice((0.2, 0.8, 1))
    complaining = random.choice((0, 0.3, 0.8))

    def one() -> Person:
        score = random.choice((4, 5) if random.random() < happy else (1, 2, 3))
        sex = "F" if random.random() < women else "M"
        service = SERVICES[0] if random.random() < one_service else SERVICES[1]
        return Person(
            score=score,
            sex=sex if random.random() < known else "",
            service=service if random.random() < known else "",
            reason=random.choice(REASONS) if random.random() < complaining else "",
            overcharged=random.random() < complaining / 3,
            asked=random.choice(("yes", "no", "")),
        )

    return [one() for _ in range(random.choice(SIZES))]
