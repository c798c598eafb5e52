"""Days make weeks, months and quarters; ODSCs make districts, provinces, the country, groups.

Every sum is compared with a recount in plain Python of the very responses.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from app.clock import PERIODS, Day, Period, local_day
from app.feedback.cells import REASONS, Response, cells
from app.insight import summaries
from app.insight.figures import Area
from app.insight.rules import Rules
from app.storage import tallies
from app.words import COUNTRY

RULES = Rules(questions={"again": ("yes", "no")})
# A last second of the day in Vientiane and the first of the next, at the turn of the years (one
# of them within week 53, one of a leap year), of the months, and through the new year of April.
MIDNIGHTS = [
    datetime(2026, 12, 31, 17, tzinfo=UTC),
    datetime(2027, 12, 31, 17, tzinfo=UTC),
    datetime(2028, 2, 28, 17, tzinfo=UTC),
    datetime(2027, 3, 31, 17, tzinfo=UTC),
    *(datetime(2027, 4, day, 17, tzinfo=UTC) for day in (12, 13, 14, 15, 16)),
]


def said(dice: random.Random, number: int, odscs: list[str]) -> Response:
    seconds = dice.choice([-1, 0, dice.randint(-200_000, 200_000)])
    at = dice.choice(MIDNIGHTS) + timedelta(seconds=seconds)
    score = dice.randint(1, 5)
    return Response(
        conversation_id=number,
        odsc=dice.choice(odscs),
        status=dice.choice(("complete", "partial")),
        at=at,
        day=local_day(at),
        channel="simulator",
        language="lo",
        score=score,
        service=dice.choice((None, "id_card", "family_book")),
        reason=dice.choice(REASONS) if score <= 3 else None,
        overcharged=dice.random() < 0.2,
        sex=dice.choice((None, "F", "M")),
        flagged=dice.random() < 0.1,
        extra=dice.choice(({}, {"again": "yes"}, {"again": "no"})),
    )


def recounted(responses: list[Response]) -> dict[str, object]:
    """What `siang tally` should say of these responses, without its code."""
    true = [one for one in responses if not one.flagged]
    return {
        "responses": len(true),
        "complete": len([one for one in true if one.status == "complete"]),
        "partial": len([one for one in true if one.status == "partial"]),
        "women": len([one for one in true if one.sex == "F"]),
        "satisfied": len([one for one in true if one.score > 3]),
        "scores": {str(n): len([one for one in true if one.score == n]) for n in range(1, 6)},
        "reasons": {name: len([one for one in true if one.reason == name]) for name in REASONS},
        "services": dict(Counter(one.service for one in true if one.service)),
        "overcharged": len([one for one in true if one.overcharged]),
        "flagged": len(responses) - len(true),
        "extra": {
            "again": {
                answer: len([one for one in true if one.extra.get("again") == answer])
                for answer in ("yes", "no")
            }
        },
    }


def areas(tx: Connection) -> Iterator[tuple[Area, set[str]]]:
    """Some areas of every level, and the codes of their ODSCs."""
    rows = tx.execute(
        text(
            "SELECT odscs.code, odscs.district, districts.province FROM odscs"
            " JOIN districts ON districts.code = odscs.district"
        )
    )
    places = [tuple(row) for row in rows]
    for code, district, province in [one for one in places if one[0] in {"0103", "0901"}]:
        yield Area("odsc", code, "", ""), {code}
        yield Area("district", district, "", ""), {one[0] for one in places if one[1] == district}
        yield Area("province", province, "", ""), {one[0] for one in places if one[2] == province}
    yield Area("country", COUNTRY, "", ""), {one[0] for one in places}
    chosen = {one[1] for one in places if one[0] in {"0103", "1610"}}
    yield Area("group", "project", "", ""), {one[0] for one in places if one[1] in chosen}


@pytest.fixture
def group(engine: Engine) -> None:
    with engine.begin() as tx:
        tx.execute(text("INSERT INTO district_groups VALUES ('project', 'ໂຄງການ', 'Project')"))
        tx.execute(
            text(
                "INSERT INTO group_districts"
                " SELECT 'project', district FROM odscs WHERE code IN ('0103', '1610')"
            )
        )


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("seed", range(4))
def test_every_sum_is_that_of_the_responses(engine: Engine, seed: int) -> None:
    dice = random.Random(seed)
    with engine.begin() as tx:
        odscs = list(tx.scalars(text("SELECT code FROM odscs ORDER BY code")))
        responses = [said(dice, number, odscs) for number in range(300)]
        tallies.move(tx, Counter(cell for one in responses for cell in cells(one)))
        periods = {kind.of(one.day) for one in responses for kind in PERIODS.values()}
        for area, inside in areas(tx):
            for period in dice.sample(sorted(periods, key=str), 20):
                found = summaries.summary(tx, area, period, RULES).as_json()
                here = [one for one in responses if one.odsc in inside]
                expected = recounted(
                    [one for one in here if period.first <= one.day <= period.last]
                )
                assert {key: found[key] for key in expected} == expected, (area, period)


def test_a_whole_is_the_sum_of_its_parts(engine: Engine) -> None:
    dice = random.Random(47)
    country = Area("country", COUNTRY, "", "")
    with engine.begin() as tx:
        odscs = list(tx.scalars(text("SELECT code FROM odscs ORDER BY code")))
        responses = [said(dice, number, odscs) for number in range(200)]
        tallies.move(tx, Counter(cell for one in responses for cell in cells(one)))

        def heard(area: Area, period: Period) -> int:
            return summaries.summary(tx, area, period).responses

        provinces = list(tx.scalars(text("SELECT code FROM provinces")))
        for kind in PERIODS.values():
            period = kind.of(date(2026, 12, 31))
            length = (period.last - period.first).days + 1
            days = [Day(period.first).shifted(later) for later in range(length)]
            whole = heard(country, period)
            assert whole == sum(heard(country, day) for day in days) > 0
            parts = [heard(Area("province", code, "", ""), period) for code in provinces]
            assert whole == sum(parts)
