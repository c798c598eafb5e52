"""Several phones with several SIMs: who takes a message, and who knows what became of it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from app import clock
from app.errors import FateUnknown, Refused, TryLater
from app.words import Asked, Fate
from tests.channels.fakes.android import PASSWORD, AndroidPhone
from tests.channels.fakes.android_shelf import (
    ID,
    LTC,
    UNITEL,
    Stranger,
    assert_tells_nothing,
    channel,
    device,
    gone,
    outgoing,
    shelf,
)
from tests.channels.provider import Fault, Response, running


def test_a_message_goes_out_by_the_sim_of_its_own_operator() -> None:
    with shelf("one", "two") as phones:
        mobile = phones.channel(
            one=[{"number": 1, "prefixes": ["856205"]}, {"number": 2, "prefixes": ["+856209"]}],
            two=[{"number": 1, "prefixes": ["85620"]}, 3],
        )
        for number in range(8):
            mobile.send(outgoing(LTC, message=str(UUID(int=number))))
            mobile.send(outgoing(UNITEL, message=str(UUID(int=100 + number))))
    one = phones.phones["one"]
    sims = Counter((told["phoneNumbers"][0], told["simNumber"]) for told in one.taken.values())
    assert sims == {(LTC, 1): 8, (UNITEL, 2): 8}
    assert not phones.phones["two"].taken


def test_messages_for_other_operators_are_spread_and_each_stays_where_it_is() -> None:
    with shelf("one", "two", "three") as phones:
        mobile = phones.channel(one=[1, 2], two=[{"number": 1, "prefixes": ["856205"]}])
        for _ in range(2):
            for number in range(60):
                mobile.send(outgoing(UNITEL, message=str(UUID(int=number))))
    counts = {name: len(taken) for name, taken in phones.taken().items()}
    assert sum(counts.values()) == 60
    assert all(10 <= count <= 40 for count in counts.values()), counts
    sims = Counter(told.get("simNumber") for told in phones.phones["one"].taken.values())
    assert set(sims) == {1, 2}


def test_a_phone_that_is_off_is_passed_over() -> None:
    with running(AndroidPhone()) as works:
        mobile = channel(device(gone(), "off"), device(works, "works"))
        for number in range(6):
            assert mobile.send(outgoing(message=str(UUID(int=number)))).provider_ref
        assert len(works.taken) == 6


def test_so_is_one_that_refuses_the_login_or_is_full() -> None:
    with shelf("full", "changed", "works") as phones:
        phones.phones["full"].full = True
        phones.phones["changed"].password = "a-new-one"
        for number in range(9):
            phones.channel().send(outgoing(message=str(UUID(int=number))))
    assert [len(taken) for taken in phones.taken().values()] == [0, 0, 9]


def test_when_no_phone_can_every_reason_is_told() -> None:
    with running(AndroidPhone(password="a-new-one")) as changed:
        busy = Response(429, headers={"Retry-After": "30"})
        with running(Stranger(answer=busy)) as stranger:
            each = [device(gone(), "off"), device(changed, "changed"), device(stranger, "busy")]
            mobile = channel(*each)
            with pytest.raises(TryLater, match="off cannot be reached") as raised:
                mobile.send(outgoing())
    assert "changed refused our login" in str(raised.value)
    assert raised.value.after == timedelta(seconds=30)
    assert_tells_nothing(raised.value)


@pytest.mark.parametrize("fault", ["drop", "drop_after", "error"])
def test_a_phone_that_may_have_sent_it_is_not_passed_over(fault: Fault) -> None:
    with shelf("one", "two") as phones:
        for phone in phones.phones.values():
            phone.faults.append(fault)
        with pytest.raises(FateUnknown):
            phones.channel().send(outgoing())
    assert sum(len(phone.calls) for phone in phones.phones.values()) == 1


def test_a_refusal_is_not_tried_elsewhere() -> None:
    with shelf("one", "two") as phones:
        with pytest.raises(Refused):
            phones.channel().send(outgoing(text=""))
        assert sum(len(phone.calls) for phone in phones.phones.values()) == 1


@pytest.mark.parametrize(
    ("state", "error", "fate"),
    [
        ("Pending", "", Fate("sent", ID)),
        ("Processed", "", Fate("sent", ID)),
        ("Cancelling", "", Fate("sent", ID)),
        ("Sent", "", Fate("sent", ID)),
        ("NewerState", "", Fate("sent", ID)),
        ("Delivered", "", Fate("delivered", ID)),
        ("Cancelled", "", Fate("failed", ID)),
        ("Failed", "TTL expired", Fate("failed", ID, "TTL expired")),
        ("Failed", f"sendSMS: {LTC} no", Fate("failed", ID, "sendSMS: # no")),
    ],
)
def test_a_phone_tells_what_became_of_a_message(state: str, error: str, fate: Fate) -> None:
    with running(AndroidPhone()) as phone:
        one = channel(device(phone))
        one.send(outgoing())
        phone.states[ID] = (state, error)
        assert one.fate(Asked(outgoing(), "", clock.now())) == fate
        assert (phone.calls[-1].method, phone.calls[-1].path) == ("GET", f"/messages/{ID}")


def test_a_message_that_got_lost_on_the_way_is_absent_and_one_that_did_not_is_found() -> None:
    with shelf("one", "two", "three") as phones:
        mobile = phones.channel()
        asked = Asked(outgoing(), "", clock.now())
        assert mobile.fate(asked) == Fate("absent")
        for phone in phones.phones.values():
            phone.faults.append("drop_after")
        with pytest.raises(FateUnknown):
            mobile.send(outgoing())
        for phone in phones.phones.values():
            phone.faults.clear()
        assert mobile.fate(asked) == Fate("sent", ID)


def test_while_a_phone_is_off_only_another_that_has_the_message_can_tell() -> None:
    with shelf("one", "two") as phones:
        mobile = channel(
            device(gone(), "off"), *(device(one, n) for n, one in phones.phones.items())
        )
        asked = Asked(outgoing(), "", clock.now())
        with pytest.raises(TryLater, match="off did not answer") as raised:
            mobile.fate(asked)
        assert_tells_nothing(raised.value)
        mobile.send(outgoing())
        assert mobile.fate(asked) == Fate("sent", ID)


@pytest.mark.parametrize(
    "answer",
    [Response(401), Response(500), Response(503), Response(200, "<html>"), Response(200, "{}")],
)
def test_an_answer_that_says_nothing_is_asked_for_again(answer: Response) -> None:
    with running(Stranger(answer=answer)) as stranger:
        one = channel(device(stranger))
        with pytest.raises(TryLater, match="one does not"):
            one.fate(Asked(outgoing(), "", clock.now()))


def test_each_phone_may_have_its_own_password() -> None:
    with shelf("one", "two") as phones:
        phones.phones["two"].password = "second=password"
        each = [device(phone, name) for name, phone in phones.phones.items()]
        mobile = channel(*each, password=f"one={PASSWORD}, two=second=password")
        for number in range(8):
            mobile.send(outgoing(message=str(UUID(int=number))))
        assert all(phones.taken().values())
        lone = channel(*each, password=f"one={PASSWORD}")
        phones.phones["one"].full = True
        with pytest.raises(TryLater, match="password of two is not known"):
            lone.send(outgoing())
