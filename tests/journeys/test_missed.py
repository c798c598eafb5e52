"""What a provider received for us and never brought is fetched from its own list."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app import clock
from app.conversation import arrivals
from app.conversation.arrivals import MISSED_EVERY, MISSED_OVERLAP
from app.errors import TryLater
from app.words import Inbound, Missed
from tests import wire
from tests.phones import Gateway, never
from tests.wire import Passing, Wire

SOON = MISSED_EVERY + timedelta(seconds=1)


@pytest.fixture
def now() -> Passing:
    return Passing()


@pytest.fixture
def network() -> Wire:
    return Wire(wire.config(), abilities=("send", "missed"))


@pytest.fixture
def wired(gateway: Gateway, network: Wire, now: Passing) -> Gateway:
    return wire.on(gateway, network, now)


def fetch(gateway: Gateway) -> int:
    return arrivals.fetch_missed(gateway.office.desk, gateway.office.post, never)


def sms(number: int, text: str = "0103 5", ago: float = 60) -> Inbound:
    said = {"sender": f"+85620555{number:05d}", "text": text, "provider_id": f"m-{number}"}
    found = wire.arrival("wire", said | {"ago": ago}, clock.now())
    assert isinstance(found, Inbound)
    return found


def bring(gateway: Gateway, message: Inbound) -> None:
    """The webhook of a message."""
    ago = (gateway.office.desk.now() - message.received_at).total_seconds()
    said = {"sender": message.sender, "text": message.text, "provider_id": message.provider_id}
    assert wire.brings(gateway, "sms", said | {"ago": ago})[0] == 200


def test_of_400_messages_those_that_were_dropped_are_fetched(
    wired: Gateway, network: Wire, now: Passing
) -> None:
    chance = random.Random(8)
    for number in range(400):
        message = sms(number)
        network.history.append(message)
        if chance.random() >= 0.05:
            bring(wired, message)
    dropped = 400 - int(str(wired.rows("SELECT count(*) FROM inbound")[0][0]))
    assert dropped > 5
    assert fetch(wired) == dropped
    now.by += SOON
    assert fetch(wired) == 0
    assert wired.rows("SELECT count(*) FROM inbound") == [(400,)]
    assert wired.rows("SELECT count(*) FROM alarms") == [(0,)]


def test_a_fetched_message_is_answered_like_any(wired: Gateway, network: Wire) -> None:
    network.history.append(sms(1))
    fetch(wired)
    wired.work()
    assert wired.tally()["complete"] == 1
    assert wired.rows("SELECT count(*) FROM outbox") == [(1,)]


def test_it_is_asked_every_five_minutes_and_a_quarter_of_an_hour_back(
    wired: Gateway, network: Wire, now: Passing
) -> None:
    began = clock.now()
    for _ in range(3):
        fetch(wired)
        fetch(wired)
        network.history.append(sms(len(network.history)))
        now.by += SOON
    since, cursors = zip(*network.asked, strict=True)
    assert cursors == ("", "0", "1")
    # The first time there is no time before.
    expected = (began, began, began + SOON)
    for asked, moment in zip(since, expected, strict=True):
        assert abs(moment - MISSED_OVERLAP - asked) < timedelta(seconds=30)


def test_a_provider_that_cannot_tell_now_is_asked_for_all_of_it_later(
    wired: Gateway, network: Wire, now: Passing
) -> None:
    fetch(wired)
    network.history.append(sms(1, ago=0))
    for _ in range(6):
        now.by += SOON
        network.mistakes.append(TryLater("busy"))
        assert fetch(wired) == 0
    now.by += SOON
    assert fetch(wired) == 1
    # Since the last answer, not since the last question.
    assert len({since for since, _ in network.asked[1:]}) == 1


def test_a_fault_of_the_channel_is_no_fault_of_others(gateway: Gateway) -> None:
    class Broken(Wire):
        def missed(self, since: datetime, cursor: str, now: datetime) -> Missed:
            raise KeyError("a field of the provider's")

    assert fetch(wire.on(gateway, Broken(wire.config(), abilities=("missed",)))) == 0


def test_several_upkeeps_at_once_ask_once(wired: Gateway, network: Wire) -> None:
    network.history.append(sms(1))
    threads = [threading.Thread(target=lambda: fetch(wired)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(network.asked) == 1
    assert wired.rows("SELECT count(*) FROM inbound") == [(1,)]


def test_a_contradiction_in_the_list_is_told_and_the_rest_is_taken(
    wired: Gateway, network: Wire
) -> None:
    bring(wired, sms(1, "0103 5"))
    network.history += [sms(1, "0103 1"), sms(2, "0103 4")]
    assert fetch(wired) == 1
    assert wired.rows("SELECT kind FROM alarms") == [("contradiction",)]
    assert wired.rows("SELECT text FROM inbound ORDER BY id") == [("0103 5",), ("0103 4",)]


def test_a_list_without_ids_is_compared_by_content(wired: Gateway, network: Wire) -> None:
    for number in range(20):
        message = sms(number)
        network.history.append(replace(message, provider_id=""))
        if number % 4:
            bring(wired, message)
    assert fetch(wired) == 5
    assert wired.rows("SELECT count(*) FROM inbound") == [(20,)]


def test_who_is_told_to_stop_asks_nobody(wired: Gateway, network: Wire) -> None:
    arrivals.fetch_missed(wired.office.desk, wired.office.post, lambda: True)
    assert network.asked == []
