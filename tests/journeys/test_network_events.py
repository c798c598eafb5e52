"""What networks tell besides messages: opt-outs, ends of sessions, devices that are alive."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests import wire
from tests.phones import Gateway, Phone
from tests.wire import Wire

NUMBER = "+8562055512345"


@pytest.fixture
def wired(gateway: Gateway) -> Gateway:
    return wire.on(gateway, Wire(wire.config()))


# --- opt-outs ---------------------------------------------------------------------------------


def opts(gateway: Gateway, phone: str = NUMBER, **fields: object) -> int:
    return wire.brings(gateway, "optout", {"kind": "optout", "phone": phone} | fields)[0]


def test_who_tells_the_network_to_stop_is_written_to_no_more(wired: Gateway) -> None:
    phone = Phone(wired, NUMBER)
    assert opts(wired) == 200
    phone.sends("0103 5").gets_nothing()
    assert wired.tally()["responses"] == 1
    assert wired.rows("SELECT count(*) FROM outbox") == [(0,)]


def test_the_network_has_said_it_already_so_we_say_nothing(wired: Gateway) -> None:
    phone = Phone(wired, NUMBER).sends("ສະບາຍດີ").gets()
    for stopped in (True, True, False, False):
        assert opts(wired, stopped=stopped) == 200
    wired.work()
    phone.gets_nothing().sends("1").gets()


def test_the_first_stop_is_the_one_that_counts(wired: Gateway) -> None:
    opts(wired, ago=3600)
    since = wired.rows("SELECT stopped_at FROM contacts")
    opts(wired)
    assert wired.rows("SELECT stopped_at FROM contacts") == since


def test_stop_to_the_network_and_start_to_us_both_hold(wired: Gateway) -> None:
    phone = Phone(wired, NUMBER)
    opts(wired, phone="020 5551 2345")
    phone.sends("START").gets("STOP").sends("ສະບາຍດີ").gets()


def test_a_late_repeat_of_an_earlier_stop_changes_nothing(wired: Gateway) -> None:
    assert opts(wired, provider_id="a") == 200
    assert opts(wired, provider_id="b", stopped=False) == 200
    assert opts(wired, provider_id="a") == 200
    assert wired.rows("SELECT stopped_at FROM contacts") == [(None,)]
    stored = wired.rows("SELECT provider_id, state, reason, text FROM inbound ORDER BY id")
    assert stored == [("a", "done", "opt-out", ""), ("b", "done", "opt-out", "")]
    wired.work()
    assert wired.rows("SELECT count(*) FROM outbox") == [(0,)]


def test_an_optouts_id_with_anything_else_is_refused_and_told(wired: Gateway) -> None:
    opts(wired, provider_id="a")
    assert opts(wired, provider_id="a", stopped=False) == 409
    assert opts(wired, provider_id="a", phone="+8562077712345") == 409
    said = {"sender": NUMBER, "text": "hello", "provider_id": "a"}
    assert wire.brings(wired, "sms", said)[0] == 409
    assert wired.rows("SELECT kind, times FROM alarms") == [("contradiction", 3)]
    assert wired.rows("SELECT stopped_at IS NOT NULL FROM contacts ORDER BY id LIMIT 1") == [
        (True,)
    ]


def test_an_optout_of_no_phone_is_taken_and_forgotten(wired: Gateway) -> None:
    assert opts(wired, phone="1616") == 200
    assert wired.rows("SELECT count(*) FROM contacts") == [(0,)]


def test_africas_talkings_own_optout_stops_a_phone(gateway: Gateway) -> None:
    url = gateway.url("africastalking", "optout")
    form = {"senderId": "1616", "phoneNumber": NUMBER}
    assert gateway.client.post(url, data=form).status_code == 200
    assert gateway.rows("SELECT stopped_at IS NOT NULL FROM contacts") == [(True,)]


# --- the end of a session ---------------------------------------------------------------------


def ends(gateway: Gateway, session: str, sender: str = NUMBER, **fields: object) -> int:
    said = {"kind": "ended", "session": session, "sender": sender, **fields}
    return wire.brings(gateway, "event", said)[0]


def hop(gateway: Gateway, text: str, **fields: object) -> str:
    said = {"kind": "ussd", "sender": NUMBER, "session": "5", "text": text, **fields}
    return wire.brings(gateway, "ussd", said)[1]


def whole(gateway: Gateway, text: str, session: str = "s-1", **fields: object) -> str:
    """What a network sends that repeats all input each time."""
    return hop(gateway, text, session=session, accumulates=True, **fields)


def statuses(gateway: Gateway) -> list[object]:
    return [status for (status,) in gateway.rows("SELECT status FROM conversations ORDER BY id")]


def test_what_was_answered_counts_at_once_and_can_be_gone_on_with(wired: Gateway) -> None:
    whole(wired, "")
    whole(wired, "1*0103*2")
    assert ends(wired, "s-1") == 200
    assert statuses(wired) == ["abandoned"]
    assert wired.tally()["partial"] == 1
    assert "1 ສືບຕໍ່" in whole(wired, "", session="s-2")
    assert "ບັດປະຈຳຕົວ" in whole(wired, "1", session="s-2")
    assert "ຂອບໃຈ" in whole(wired, "1*1*1*1*1", session="s-2")
    assert (wired.tally()["responses"], wired.tally()["complete"]) == (1, 1)


def test_an_end_that_comes_again_or_late_changes_nothing(wired: Gateway) -> None:
    whole(wired, "1*0103*2")
    for _ in range(3):
        assert ends(wired, "s-1") == 200
    whole(wired, "", session="s-2")
    whole(wired, "1", session="s-2")
    # The conversation is another session's now.
    assert ends(wired, "s-1") == 200
    assert statuses(wired) == ["open"]


@pytest.mark.parametrize(
    ("session", "sender"),
    [("s-9", NUMBER), ("s-1", "+8562077712345"), ("s-1", "1616"), ("", NUMBER)],
)
def test_an_end_of_something_else_changes_nothing(
    wired: Gateway, session: str, sender: str
) -> None:
    whole(wired, "1*0103*2")
    assert ends(wired, session, sender) == 200
    assert statuses(wired) == ["open"]
    assert wired.rows("SELECT count(*) FROM contacts") == [(1,)]


def test_an_end_after_the_last_screen_changes_nothing(wired: Gateway) -> None:
    whole(wired, "1*0103*5*1*1*3")
    ends(wired, "s-1")
    assert statuses(wired) == ["finished"]
    assert wired.tally()["complete"] == 1


def test_an_end_by_number_closes_the_session_that_has_it(wired: Gateway) -> None:
    hop(wired, "0103", begins=True)
    assert ends(wired, "5") == 200
    assert statuses(wired) == ["abandoned"]


def test_a_late_end_does_not_close_the_next_session_of_that_number(wired: Gateway) -> None:
    hop(wired, "0103", begins=True, ago=60)
    hop(wired, "0901", begins=True, ago=10)
    assert ends(wired, "5", ago=50) == 200
    assert statuses(wired) == ["replaced", "open"]


def test_an_end_by_number_does_not_close_a_longer_number(wired: Gateway) -> None:
    hop(wired, "0103", session="51", begins=True)
    assert ends(wired, "5") == 200
    assert statuses(wired) == ["open"]


def test_africas_talkings_own_notification_closes_a_session(gateway: Gateway) -> None:
    phone = gateway.phone().dial().press("1", "0103", "4").hangs_up()
    form = {
        "date": "2026-11-22 09:00:00",
        "sessionId": phone.session,
        "serviceCode": "*1616#",
        "networkCode": "45701",
        "phoneNumber": phone.number,
        "status": "Incomplete",
        "cost": "KES 0.00",
        "durationInMillis": "10500",
        "hopsCount": "4",
        "input": "1*0103*4",
        "lastAppResponse": "CON ...",
    }
    url = gateway.url("africastalking", "event")
    assert gateway.client.post(url, data=form).status_code == 200
    assert statuses(gateway) == ["abandoned"]
    assert gateway.tally()["partial"] == 1


# --- devices ----------------------------------------------------------------------------------


def test_a_device_that_is_alive_is_noted_once(wired: Gateway) -> None:
    for ago, detail in ((60, "battery 80"), (0, "battery 79"), (30, "battery 99")):
        beat = {"kind": "beat", "device": "phone-1", "detail": detail, "ago": ago}
        assert wire.brings(wired, "event", beat, beat)[0] == 200
    assert wired.rows("SELECT channel, device, detail FROM heartbeats") == [
        ("wire", "phone-1", "battery 79")
    ]
    ((at,),) = wired.rows("SELECT now() - at FROM heartbeats")
    assert isinstance(at, timedelta)
    assert at < timedelta(seconds=25)


def test_a_receipt_of_a_message_that_we_never_sent_is_taken(wired: Gateway) -> None:
    receipt = {"kind": "receipt", "state": "delivered", "provider_ref": "nobody-knows"}
    assert wire.brings(wired, "receipt", receipt) == (200, "OK")
