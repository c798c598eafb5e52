"""Whoever has every published number of every area learns nothing that is left out.

Asserted of made-up countries in which many cells hold one to four people:

1. By exact elimination alone, of what is left out it can at most be computed that it is 0.
2. Somebody who besides knows that nothing is below 0 and everybody is whole computes at most
   - that nobody said something (a 0) where it is left out, and
   - how many of a sex or a service were satisfied where every center's own are published, are
     nobody, or all of whom the center leaves it open, five people or more, think alike: as a
     share of 0 % or 100 % says it of a whole center.
   How many of an area were satisfied is never computed where it is left out.
3. What the answers to a question leave open in an area, and what the areas below a published
   figure leave open of it, is nobody or at least five people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, text

from app import clock, create_app, open_office, settings
from app.clock import Week
from app.feedback.cells import Cell, Response, cells
from app.insight import composition, csv_tables, releases, table_words
from app.insight.csv_tables import Words
from app.insight.disclosure import FEWEST
from app.insight.figures import Figures
from app.insight.rules import Rules
from app.office import Office
from app.requests import tokens
from app.storage import tallies
from tests.insight import publication
from tests.insight.attacker import Attacker
from tests.insight.publication import PARTS, Said, Told, terms, truth
from tests.insight.small_countries import EXTRA, Person, Small, people, small

Area = tuple[str, str]
Table = Mapping[tuple[str, str, Said], float | None]


def composed(country: Small) -> list[Figures]:
    return composition.compose("2026-W46", country.country, country.said(), {})


def table(every: Iterable[Told]) -> Table:
    return {(one.level, one.code, said): one.value for one in every if (said := one.said)}


@pytest.mark.parametrize("seeds", [range(8), range(8, 16)], ids=str)
def test_nothing_that_is_left_out_can_be_computed(seeds: range) -> None:
    left_out = 0
    for seed in seeds:
        country = small(seed)
        told = list(publication.of_figures(composed(country)))
        left_out += attacked(country, told)
    # An attack on countries that hide nothing would prove nothing.
    assert left_out > 100 * len(seeds)


@pytest.mark.parametrize("seed", range(40, 120))
def test_what_is_left_open_is_nobody_or_enough_people(seed: int) -> None:
    country = small(seed)
    shown = table(publication.of_figures(composed(country)))
    for area in country.country.areas:
        odscs = country.below(area.level, area.code)
        everybody = [one for odsc in odscs for one in country.people[odsc]]
        for question, answers in QUESTIONS.items():
            said = [(question, answer) if answer else (question,) for answer in answers]
            open_ones = len(everybody) - sum(
                truth(everybody, one)
                for one in said
                if shown[area.level, area.code, one] is not None
            )
            few = len(everybody) < FEWEST
            assert few or open_ones == 0 or open_ones >= FEWEST, (area, question)
        for one in COUNTED:
            if shown[area.level, area.code, one] is not None:
                open_ones = open_below(country, shown, (area.level, area.code), one)
                assert open_ones == 0 or open_ones >= FEWEST, (area, one)


def test_a_part_of_an_area_adds_up_what_is_told() -> None:
    for seed in range(12):
        country = small(seed)
        made = {(one.level, one.code): one for one in composed(country)}
        for (level, code), figures in made.items():
            odscs = [made["odsc", odsc] for odsc in country.below(level, code)]
            for sex, part in figures.sexes.items():
                told = [one.sexes[sex] for one in odscs if one.sexes[sex].satisfied is not None]
                assert (part.satisfied or 0) == sum(one.satisfied or 0 for one in told)
                if part.satisfied is not None:
                    assert part.base == sum(one.n or 0 for one in told)


QUESTIONS: Mapping[str, tuple[str, ...]] = {
    **PARTS,
    "reason": publication.REASONS,
    "overcharged": ("",),
    "extra.asked": ("yes", "no"),
}
COUNTED: tuple[Said, ...] = (
    ("satisfied",),
    *((question, one) if one else (question,) for question, s in QUESTIONS.items() for one in s),
)


def base(said: Said) -> Said:
    """Of whom a count of satisfied is a share."""
    if said == ("satisfied",):
        return ("answers",)
    return (said[0].removeprefix("satisfied of "), *said[1:])


def open_below(country: Small, shown: Table, area: Area, said: Said) -> int:
    """How many people a published figure tells of, less those that published ones below it do."""
    below = {one for one, above in country.country.above.items() if above == area}
    if not below:
        return 0
    return sum(map(sum, [untold(country, shown, one, said) for one in below]))


def untold(country: Small, shown: Table, area: Area, said: Said) -> Iterator[int]:
    if shown[*area, said] is not None:
        return
    below = [one for one, above in country.country.above.items() if above == area]
    if not below:
        yield truth(country.people[area[1]], base(said))
    yield from chain.from_iterable(untold(country, shown, one, said) for one in below)


# --- what really leaves the house --------------------------------------------------------------

WEEKS = (Week(2026, 45), Week(2026, 46))


@pytest.fixture
def office(engine: Engine, database_url: str, home: Path) -> Iterator[Office]:
    opened = open_office(settings.load({"SIANG_HOME": str(home)}), database_url, pool=4)
    yield replace(opened, insight=Rules(EXTRA, publication.DIMENSIONS))
    opened.engine.dispose()
    with engine.begin() as tx:
        for table in ("tallies", "group_districts", "district_groups"):
            tx.execute(text(f"DELETE FROM {table}"))
        tx.execute(text("DELETE FROM odscs WHERE source = 'made up'"))


def planted(engine: Engine, seed: int) -> list[Small]:
    """A country in the registry, with what is said in it in each of the weeks."""
    first = small(seed)
    random = Random(seed)
    said = [first.people, {odsc: people(random) for odsc in first.people}]
    with engine.begin() as tx:
        for (level, code), above in first.country.above.items():
            if level == "odsc":
                row = {"code": code, "district": above[1]}
                tx.execute(
                    text("INSERT INTO odscs VALUES (:code, :district, '', '', '', 'made up')"), row
                )
        tx.execute(text("INSERT INTO district_groups VALUES ('pilot', '', '')"))
        for district in first.country.groups[0][1]:
            tx.execute(
                text("INSERT INTO group_districts VALUES ('pilot', :one)"), {"one": district}
            )
        for week, answers in zip(WEEKS, said, strict=True):
            tallies.move(tx, counted(week, answers))
    return [replace(first, people=answers) for answers in said]


def counted(week: Week, answers: Mapping[str, list[Person]]) -> Counter[Cell]:
    moved: Counter[Cell] = Counter()
    for odsc, one in ((odsc, one) for odsc, some in answers.items() for one in some):
        moved.update(
            cells(
                Response(
                    conversation_id=0,
                    odsc=odsc,
                    status="complete",
                    at=clock.local_moment(week.monday, 9),
                    day=week.monday,
                    channel="kannel",
                    language="lo",
                    score=one.score,
                    service=one.service or None,
                    reason=one.reason or None,
                    overcharged=one.overcharged,
                    sex=one.sex or None,
                    extra={"asked": one.asked} if one.asked else {},
                )
            )
        )
    return moved


@pytest.mark.parametrize("seed", [3])
def test_all_that_is_published_in_two_weeks_tells_no_more(
    office: Office, tmp_path: Path, seed: int
) -> None:
    countries = planted(office.engine, seed)
    for week in WEEKS:
        now = clock.local_moment(week.shifted(1).monday, 8)
        releases.make(office.engine, week, now, office.insight.questions)
    meanings = table_words.meanings(office.settings.config / "languages")
    words = Words(meanings, office.insight.dimensions)
    csv_tables.write(office.engine, words, tmp_path / "tables", None, None)
    heard: dict[str, list[Told]] = {str(week): [] for week in WEEKS}
    for document in summaries(office, countries[0]):
        for when, told in publication.of_json(document):
            heard[when].append(told)
    assert [*heard] == [*map(str, WEEKS)]
    for country, (when, documents) in zip(countries, heard.items(), strict=True):
        tables = list(publication.of_csv(tmp_path / "tables" / "figures.csv", when))
        assert table(documents).items() <= table(tables).items()
        assert attacked(country, [*tables, *documents])


def summaries(office: Office, country: Small) -> Iterator[Mapping[str, object]]:
    """Of every area that somebody may have answered in, for all weeks."""
    places = {"district": "districts/", "province": "provinces/", "odsc": "odsc/"}
    paths = [
        f"{places[one.level]}{one.code}" for one in country.country.areas if one.level in places
    ]
    _, token = tokens.mint(office.engine, "country", "LA", "", clock.now())
    reader = create_app(office).test_client()
    for path in (*paths, "country", "groups/pilot"):
        for week in WEEKS:
            answer = reader.get(
                f"/api/v1/{path}/summary?week={week}", headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code == 200, (path, answer.text)
            yield answer.get_json()


# --- the attack -------------------------------------------------------------------------------


def attacked(country: Small, told: list[Told]) -> int:
    """Attacks what is told; how many figures were left out."""
    shown = table(told)
    attacker = publication.attacker_on(country)
    publication.learn(attacker, country, told)
    hidden = [key for key, value in shown.items() if value is None and key[0] != "group"]
    attacker.eliminates()
    for level, code, said in hidden:
        found = attacker.value(terms(country.below(level, code), said))
        assert not found, ("computed", level, code, said, found)
    attacker.narrows()
    for level, code, said in hidden:
        odscs = country.below(level, code)
        found = attacker.value(terms(odscs, said))
        if found is None:
            continue
        everybody = [one for odsc in odscs for one in country.people[odsc]]
        assert found == truth(everybody, said), "the attacker errs"
        assert said != ("satisfied",), ("computed", level, code, found)
        if said[0].startswith("satisfied of "):
            known = [no_secret(country, attacker, shown, odsc, said) for odsc in odscs]
            assert all(known), ("computed", level, code, said, found)
        else:
            assert found == 0, ("computed", level, code, said, found)
    return len(hidden)


def no_secret(country: Small, attacker: Attacker, shown: Table, odsc: str, said: Said) -> bool:
    """Whether how many were satisfied is published in other words."""
    if shown["odsc", odsc, said] is not None:
        return True
    if attacker.value(terms([odsc], base(said))) == 0:
        return True
    question = base(said)[0]
    satisfied, answers = (shown["odsc", odsc, (one,)] for one in ("satisfied", "answers"))
    for part in PARTS[question]:
        told = shown["odsc", odsc, (f"satisfied of {question}", part)]
        if satisfied is not None and answers is not None and told is not None:
            satisfied, answers = (
                satisfied - told,
                answers - (shown["odsc", odsc, (question, part)] or 0),
            )
    return answers is not None and answers >= FEWEST and satisfied in (0, answers)
