"""An attacker knows how numbers are made, and has fifty phones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.requests import numbers
from app.requests.looking import Pace, look_up
from app.storage import lookup_tries
from tests.requests.desk import Desk

LIVE, PHONES = 4000, 50
MOST = 0.001 * LIVE
ODSC = "0103"
ANY_BLOCK = [f"+85620{first}{rest:07d}" for first in "2579" for rest in range(10**5, 10**6, 1373)]
ONE_BLOCK = [f"+856205551{rest:04d}" for rest in range(1000)]

pytestmark = pytest.mark.slow

FILED = text(
    "INSERT INTO requests (number, odsc, service, status) "
    "SELECT number, :odsc, 'id_card', 'ready' FROM unnest(CAST(:numbers AS text[])) AS number"
)


@pytest.fixture
def dice() -> random.Random:
    return random.Random(20261123)


@pytest.fixture
def live(desk: Desk, dice: random.Random) -> frozenset[str]:
    """All at one ODSC: there a guess is likeliest to be right."""
    serials = dice.sample(range(numbers.SERIALS), LIVE)
    filed = [numbers.new(ODSC, serial) for serial in serials]
    desk.tx.execute(FILED, {"odsc": ODSC, "numbers": filed})
    return frozenset(filed)


def attack(
    desk: Desk, dice: random.Random, phones: Sequence[str], tries: int, lasts: timedelta
) -> dict[str, int]:
    """Every phone in turn, evenly over that time; how often each outcome was seen."""
    contacts = [desk.contact(number) for number in dice.sample(phones, PHONES)]
    outcomes: dict[str, int] = {}
    for count in range(tries):
        number = numbers.new(ODSC, dice.randrange(numbers.SERIALS))
        found = look_up(
            desk.tx, desk.registrar.vault, Pace(), contacts[count % PHONES], number, desk.now
        )
        outcomes[found.outcome] = outcomes.get(found.outcome, 0) + 1
        desk.now += lasts / tries
    assert sum(outcomes.values()) == tries
    return outcomes


@pytest.mark.parametrize(
    ("phones", "tries", "lasts", "most"),
    [
        pytest.param(ANY_BLOCK, 10_000, timedelta(minutes=30), 5 * PHONES, id="bought one by one"),
        pytest.param(ONE_BLOCK, 10_000, timedelta(minutes=30), 80, id="bought by the box"),
        pytest.param(
            ANY_BLOCK, 3000, timedelta(days=2), 3 * 15 * PHONES, id="patient for two days"
        ),
    ],
)
def test_thousands_of_guesses_from_fifty_phones_learn_next_to_nothing(
    desk: Desk,
    live: frozenset[str],
    dice: random.Random,
    phones: Sequence[str],
    tries: int,
    lasts: timedelta,
    most: int,
) -> None:
    begun = desk.now
    outcomes = attack(desk, dice, phones, tries, lasts)
    assert outcomes.get("found", 0) < MOST
    assert outcomes.get("found", 0) + outcomes["unknown"] <= most, "the others asked nothing"
    seen = lookup_tries.of_phones(desk.tx, begun - timedelta(seconds=1), 1)
    assert len(seen) == PHONES or phones is ONE_BLOCK, "the operator sees every phone"
    assert sum(row.misses for row in seen) == outcomes["unknown"]
    alarms = desk.tx.execute(text("SELECT kind FROM alarms")).scalars().all()
    assert alarms == (["guessing"] if phones is ONE_BLOCK else [])
