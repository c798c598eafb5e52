"""Whatever breaks, and when: at most one duplicate, none where one can ask, nothing forgotten."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from app.channels.base import Ability
from app.errors import FateUnknown, Refused, TryLater
from app.words import Asked, Fate, Purpose
from tests.delivery.posts import Killed, Network, Outcome, Site

NUMBERS = [f"+85620551{number:05}" for number in range(20)]


def killed(site: Site) -> None:
    """A drain that ends in the middle of a call, with no time for any word."""
    with pytest.raises(Killed):
        site.send()


def copies(sms: Network) -> dict[str, int]:
    """How many messages each phone got."""
    return {number: sum(one.to == number for one in sms.got) for number in NUMBERS}


@pytest.mark.parametrize(("purpose", "most"), [("reply", 2), ("digest", 1)])
def test_each_phone_gets_at_most_one_more_and_only_an_answer(
    site: Site, sms: Network, purpose: Purpose, most: int
) -> None:
    for number in NUMBERS:
        site.write(purpose, to=number)
    # Every call is the last of its process, however often it is started again.
    sms.plan.extend([Killed() for _ in range(3 * len(NUMBERS))])
    for _ in NUMBERS:
        killed(site)
    for _ in range(12):
        site.wait(minutes=6).upkeep()
        while any(state == "queued" for state in site.states()):
            killed(site)
    assert set(copies(sms).values()) == {most}
    assert "queued" not in site.states()
    site.work(hours=80)
    assert set(site.states()) == {"expired"}


def test_where_the_provider_can_be_asked_no_phone_gets_it_twice(site: Site) -> None:
    site.networks = {"sms": (sms := Network("sms", "fate"))}
    for number in NUMBERS:
        site.write(to=number)
    sms.plan.extend([Killed() for _ in NUMBERS])
    for _ in NUMBERS:
        killed(site)
    site.wait(minutes=3).upkeep()
    sms.fates.extend([Fate("sent", f"theirs-{at}") for at in range(len(NUMBERS))])
    site.work(minutes=1)
    assert set(copies(sms).values()) == {1}
    assert set(site.states()) == {"sent"}
    assert len(sms.asked) == len(NUMBERS)


def test_one_that_is_killed_before_the_call_loses_nothing_where_one_can_ask(site: Site) -> None:
    site.networks = {"sms": (sms := Network("sms", "fate"))}
    message = site.write("digest")
    site.claim()
    site.wait(minutes=3).upkeep()
    sms.fates.append(Fate("absent"))
    assert site.work(minutes=1) == 1
    assert len(sms.got) == 1
    assert site.history(message) == ["queued", "sending", "unknown", "queued", "sending", "sent"]


def test_every_message_ends_known_or_in_doubt_and_none_is_forgotten(
    site: Site, sms: Network
) -> None:
    sms.plan.extend([Killed(), None] * 10)
    for number in NUMBERS:
        site.write("digest", to=number)
    for _ in range(11):
        try:
            site.send()
        except Killed:
            continue
    site.wait(minutes=3).upkeep()
    assert sorted(set(site.states())) == ["sent", "unknown"]
    assert site.states().count("unknown") == 10
    assert set(copies(sms).values()) == {1}


class Moody(Network):
    """A network of which nobody knows what it does next; it remembers what it took."""

    def __init__(self, name: str, *able: Ability, seed: int) -> None:
        super().__init__(name, *able)
        self._chance = random.Random(seed)

    def _outcome(self) -> Outcome:
        kinds: list[Outcome] = [None, None, TryLater("busy"), FateUnknown("cut"), Killed()]
        return self._chance.choice([*kinds, Refused("no such number")])

    def fate(self, asked: Asked) -> Fate:
        if self._chance.random() < 0.2:
            raise TryLater("busy")
        taken = asked.outgoing.id in {message.id for message in self.got}
        return Fate("sent" if taken else "absent")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("able", [(), ("fate",)])
def test_many_at_once_with_everything_going_wrong(
    site: Site, seed: int, able: tuple[Ability, ...]
) -> None:
    """Four drains and two upkeeps, some of them killed; time passes all the while."""
    site.networks = {name: Moody(name, *able, seed=seed) for name in ("sms", "other")}
    written = {site.write(("reply", "notice")[at % 2], to=NUMBERS[at % 20]): at for at in range(60)}
    faults: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        for _ in range(12):
            try:
                work()
            except Killed:
                continue
            except Exception as fault:
                faults.append(fault)

    for _ in range(6):
        site.wait(minutes=12)
        works = [site.send, site.send, site.send, site.upkeep, site.upkeep]
        threads = [threading.Thread(target=run, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert faults == []
    copies = Counter(message.id for one in site.networks.values() for message in one.got)
    most = {message: 1 if able or at % 2 else 2 for message, at in written.items()}
    assert {message: n for message, n in copies.items() if n > most[message]} == {}
    # What was taken is never said to have been lost.
    states = {message: site.state(message) for message in written}
    assert not {states[message] for message in copies} & {"dead", "suppressed"}
    if able:
        assert {states[message] for message in copies} <= {"sent", "unknown", "sending"}
