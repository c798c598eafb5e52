"""Killed between the call and its record: at most one duplicate, none where one can ask."""

from __future__ import annotations

import pytest

from app.words import Fate, Purpose
from tests.delivery.posts import Killed, Network, Site

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
