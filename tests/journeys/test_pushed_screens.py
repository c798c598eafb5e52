"""Screens that are calls of their own: each pushed once, and none over a newer one."""

from __future__ import annotations

import threading

import pytest

from app.errors import FateUnknown, Refused, SendError, TryLater
from tests import wire
from tests.phones import Gateway
from tests.wire import Wire

NUMBER = "+8562055512345"
HOME = "1 ໃຫ້ຄະແນນ"


@pytest.fixture
def pushing(gateway: Gateway) -> tuple[Gateway, Wire]:
    network = Wire(wire.config(), abilities=("send", "push"))
    return wire.on(gateway, network), network


def hop(gateway: Gateway, text: str, provider_id: str, **fields: object) -> tuple[int, str]:
    said = {"kind": "ussd", "sender": NUMBER, "session": "5", "text": text}
    return wire.brings(gateway, "sms", said | {"provider_id": provider_id} | fields)


def test_a_screen_is_pushed_and_the_webhook_answered_ok(pushing: tuple[Gateway, Wire]) -> None:
    gateway, network = pushing
    assert hop(gateway, "", "a", begins=True) == (200, "OK")
    assert hop(gateway, "1", "b") == (200, "OK")
    assert hop(gateway, "0103", "c") == (200, "OK")
    assert [HOME in network.screens[0].text, "5=ດີຫຼາຍ" in network.screens[2].text] == [True, True]
    assert not any(screen.ends for screen in network.screens)


def test_a_screen_that_was_not_taken_is_pushed_again(pushing: tuple[Gateway, Wire]) -> None:
    gateway, network = pushing
    hop(gateway, "0103", "a", begins=True)
    network.mistakes.append(TryLater("busy"))
    assert hop(gateway, "5", "b")[0] == 503
    assert len(network.screens) == 1
    assert hop(gateway, "5", "b") == (200, "OK")
    assert "ບັດປະຈຳຕົວ" in network.screens[1].text
    assert gateway.tally()["responses"] == 1


@pytest.mark.parametrize("mistake", [Refused("too long"), FateUnknown("no answer")])
def test_a_screen_that_is_refused_or_in_doubt_is_not_pushed_again(
    pushing: tuple[Gateway, Wire], mistake: SendError
) -> None:
    gateway, network = pushing
    network.mistakes.append(mistake)
    for _ in range(2):
        assert hop(gateway, "", "a", begins=True) == (200, "OK")
    assert network.screens == []


def test_a_late_repeat_pushes_no_older_screen_over_a_newer_one(
    pushing: tuple[Gateway, Wire],
) -> None:
    gateway, network = pushing
    for text, provider_id in (("", "a"), ("1", "b"), ("0103", "c")):
        hop(gateway, text, provider_id, begins=not text)
    for text, provider_id in (("", "a"), ("1", "b"), ("0103", "c")):
        assert hop(gateway, text, provider_id, begins=not text) == (200, "OK")
    assert len(network.screens) == 3
    # Not taken at first, and overtaken by what came next.
    network.mistakes.append(TryLater("busy"))
    assert hop(gateway, "5", "d")[0] == 503
    hop(gateway, "1", "e")
    assert hop(gateway, "5", "d") == (200, "OK")
    assert len(network.screens) == 4
    assert "(ກີບ)" in network.screens[-1].text


def test_a_repeat_after_the_sessions_end_pushes_nothing(pushing: tuple[Gateway, Wire]) -> None:
    gateway, network = pushing
    hop(gateway, "1*0103*5*1*1", "a", begins=True)
    hop(gateway, "3", "b")
    assert network.screens[-1].ends
    for text, provider_id in (("1*0103*5*1*1", "a"), ("3", "b")):
        hop(gateway, text, provider_id, begins=provider_id == "a")
    assert len(network.screens) == 2


def test_eight_repeats_at_once_push_one_screen(pushing: tuple[Gateway, Wire]) -> None:
    gateway, network = pushing
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(hop(gateway, "", "a", begins=True)[0]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8
    assert len(network.screens) == 1


def test_a_citizen_whose_turn_fails_is_pushed_a_sentence(pushing: tuple[Gateway, Wire]) -> None:
    gateway, network = pushing
    with gateway.office.engine.begin() as tx:
        tx.exec_driver_sql("ALTER TABLE turns RENAME TO turns_away")
    try:
        assert hop(gateway, "", "a", begins=True) == (200, "OK")
    finally:
        with gateway.office.engine.begin() as tx:
            tx.exec_driver_sql("ALTER TABLE turns_away RENAME TO turns")
    assert [screen.ends for screen in network.screens] == [True]


def test_a_sender_that_is_no_phone_is_pushed_nothing(pushing: tuple[Gateway, Wire]) -> None:
    gateway, network = pushing
    assert hop(gateway, "", "a", begins=True, sender="1616")[0] == 422
    assert network.screens == []
