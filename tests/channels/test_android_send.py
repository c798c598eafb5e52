"""Sending through one phone with SMS Gateway for Android: its answers, and a channel's options."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from app import clock
from app.channels import android_phones, calls
from app.channels.base import HookRequest
from app.errors import ConfigError, FateUnknown, Refused, SendError, TryLater
from app.words import Asked, Fate, Receipt, Sent
from tests.channels.fakes.android import DEVICE, KEY, PASSWORD, AndroidPhone
from tests.channels.fakes.android_shelf import (
    ID,
    LAO,
    LTC,
    Stranger,
    assert_tells_nothing,
    channel,
    device,
    gone,
    outgoing,
)
from tests.channels.provider import Fault, Response, running


def send_to(answer: Response) -> Sent:
    with running(Stranger(answer=answer)) as stranger:
        return channel(device(stranger)).send(outgoing())


def test_a_message_reaches_the_phone_as_the_app_wants_it() -> None:
    with running(AndroidPhone()) as phone:
        assert channel(device(phone)).send(outgoing()) == Sent(ID, "sent")
        (call,) = phone.calls
    assert (call.method, call.path) == ("POST", "/messages")
    assert call.query == {"skipPhoneValidation": "true"}
    assert json.loads(call.body) == {
        "id": ID,
        "textMessage": {"text": LAO},
        "phoneNumbers": [LTC],
        "withDeliveryReport": True,
        "ttl": 86_400,
    }
    assert LAO.encode() in call.body


def test_sim_device_and_lifetime_are_told_where_they_are_set() -> None:
    with running(AndroidPhone()) as phone:
        chosen = device(phone, sims=[2], device_id=DEVICE)
        channel(chosen, ttl_seconds="3600").send(outgoing())
    told = phone.taken[ID]
    assert (told["simNumber"], told["deviceId"], told["ttl"]) == (2, DEVICE, 3600)


def test_a_server_is_spoken_to_like_a_phone() -> None:
    with running(AndroidPhone(prefix="/api/3rdparty/v1")) as server:
        one = channel(device(server, device_id=DEVICE) | {"url": f"{server.api}/"})
        assert one.send(outgoing()) == Sent(ID)
        assert one.fate(Asked(outgoing(), ID, clock.now())) == Fate("sent", ID)
        assert [call.path for call in server.calls] == [
            "/api/3rdparty/v1/messages",
            f"/api/3rdparty/v1/messages/{ID}",
        ]


def test_what_no_phone_can_show_is_not_sent() -> None:
    with running(AndroidPhone()) as phone:
        channel(device(phone)).send(outgoing(text="a\0\ud83db"))
    assert phone.taken[ID]["textMessage"] == {"text": "ab"}


@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_answer_with_the_id_means_that_it_was_taken(status: int) -> None:
    assert send_to(Response(status, json.dumps({"id": "abc", "more": []}))) == Sent("abc")


def test_a_message_that_the_phone_has_already_is_sent_once() -> None:
    with running(AndroidPhone()) as phone:
        one = channel(device(phone))
        assert one.send(outgoing()) == one.send(outgoing()) == Sent(ID)
        assert list(phone.taken) == [ID]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Response(400, json.dumps({"message": f"bad {LTC} {LAO}"})), Refused, "refused.*400"),
        (Response(422, LAO), Refused, "422"),
        (Response(413), Refused, "413"),
        (Response(400, '{"message":"Invalid device ID"}'), TryLater, "device_id"),
        (Response(400, "failed to select device: record not found"), TryLater, "device_id"),
        (Response(401), TryLater, "SIANG_CHANNEL_PHONES_PASSWORD"),
        (Response(403, '{"message":"Insufficient permissions"}'), TryLater, "username"),
        (Response(301, headers={"Location": "http://127.0.0.1:9/"}), TryLater, "its url"),
        (Response(404), TryLater, "its url"),
        (Response(405), TryLater, "its url"),
        (Response(408), TryLater, "408"),
        (Response(503, '{"error":"QueueLimitExceeded"}'), TryLater, "503"),
        (Response(500, json.dumps({"message": f"no {LTC}"})), FateUnknown, "500"),
        (Response(502, "Bad Gateway"), FateUnknown, "502"),
        (Response(200, f"<html>{LTC}</html>", "text/html"), FateUnknown, "200"),
        (Response(202, "[" * 100_000), FateUnknown, "202"),
        (Response(202, '["id"]'), FateUnknown, "202"),
        (Response(202, '{"id":null}'), FateUnknown, "202"),
        (Response(204), FateUnknown, "204"),
    ],
)
def test_every_other_answer_is_an_error_that_says_what_to_do(
    answer: Response, error: type[SendError], words: str
) -> None:
    with pytest.raises(error, match=words) as raised:
        send_to(answer)
    assert_tells_nothing(raised.value)


@pytest.mark.parametrize(
    ("written", "seconds"), [("30", 30), ("99999", 3600), ("soon", None), (None, None)]
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_phone_that_wants_to_be_left_alone_is(
    status: int, written: str | None, seconds: int | None
) -> None:
    headers = {"Retry-After": written} if written else {}
    with pytest.raises(TryLater) as raised:
        send_to(Response(status, headers=headers))
    assert raised.value.after == (None if seconds is None else timedelta(seconds=seconds))


def test_a_full_queue_and_an_empty_text_are_told_apart() -> None:
    with running(AndroidPhone(full=True)) as phone:
        with pytest.raises(TryLater, match="503"):
            channel(device(phone)).send(outgoing())
        with pytest.raises(Refused, match="400"):
            channel(device(phone)).send(outgoing(text=""))


@pytest.mark.parametrize(
    ("fault", "error", "kept"),
    [
        ("error", FateUnknown, 0),
        ("busy", TryLater, 0),
        ("drop", FateUnknown, 0),
        ("drop_after", FateUnknown, 1),
        ("hang", FateUnknown, 0),
    ],
)
def test_what_goes_wrong_on_the_way_is_never_called_sent(
    fault: Fault, error: type[SendError], kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = calls.new_client(httpx.Timeout(0.3))
    monkeypatch.setattr(android_phones, "new_client", lambda: quick)
    with running(AndroidPhone()) as phone:
        phone.faults.append(fault)
        with pytest.raises(error) as raised:
            channel(device(phone)).send(outgoing())
        assert len(phone.calls) == 1
        assert len(phone.taken) == kept
    quick.close()
    assert_tells_nothing(raised.value)


def test_a_phone_that_is_slow_is_waited_for() -> None:
    with running(AndroidPhone(slowness=0.1)) as phone:
        phone.faults.append("slow")
        assert channel(device(phone)).send(outgoing()) == Sent(ID)


def test_a_receipt_may_overtake_the_answer() -> None:
    posts: list[HookRequest] = []
    with running(AndroidPhone(early=True)) as phone:
        phone.post = lambda url, body, headers: posts.append(
            HookRequest("POST", "receipt", {}, {}, headers=headers, body=body)
        )
        one = channel(device(phone))
        assert one.send(outgoing()) == Sent(ID)
    found = [one.parse(post, clock.now())[0] for post in posts]
    assert [(a.state, a.message_id) for a in found if isinstance(a, Receipt)] == [
        ("sent", ID),
        ("delivered", ID),
    ]
    for post in posts:
        one.authentic(post, clock.now())


def test_without_a_password_messages_wait_and_the_variable_is_named() -> None:
    with running(AndroidPhone()) as phone:
        with pytest.raises(TryLater, match="one is not known: set SIANG_CHANNEL_PHONES_PASSWORD"):
            channel(device(phone), password="").send(outgoing())
        assert phone.calls == []


def test_a_password_for_a_phone_that_is_not_there_refuses_to_start() -> None:
    with pytest.raises(ConfigError, match="SIANG_CHANNEL_PHONES_PASSWORD") as refusal:
        channel(device(gone()), password=f"one={PASSWORD},tow=second-password")
    assert PASSWORD not in str(refusal.value)
    assert "second-password" not in str(refusal.value)


def test_without_a_phone_messages_wait() -> None:
    with pytest.raises(TryLater, match=r"\[\[channels.phones.devices\]\]"):
        channel().send(outgoing())
    with pytest.raises(TryLater, match=r"\[\[channels.phones.devices\]\]"):
        channel().fate(Asked(outgoing(), "", clock.now()))


def test_no_log_holds_number_text_or_secret(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with running(AndroidPhone()) as phone:
        channel(device(gone(), "off"), device(phone)).send(outgoing(message=str(UUID(int=1))))
        channel(device(gone(), "off"), device(phone)).send(outgoing(message=str(UUID(int=2))))
    told = caplog.text + "".join(capsys.readouterr())
    for secret in ("55512345", LAO, PASSWORD, KEY, "messages?"):
        assert secret not in told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, r"devices\.0\.name"),
        ({"name": "+8562055512345"}, r"devices\.0\.name"),
        ({"url": "192.168.1.20:8080"}, r"devices\.0\.url"),
        ({"url": "http://sms:word@192.168.1.20:8080"}, r"devices\.0\.url"),
        ({"url": "http://192.168.1.20:8080/?a=b"}, r"devices\.0\.url"),
        ({"username": ""}, r"devices\.0\.username"),
        ({"sims": [0]}, r"devices\.0\.sims\.0\.number"),
        ({"sims": [1, 4]}, r"devices\.0\.sims\.1\.number"),
        ({"sims": [{"number": 1, "prefixes": ["020x"]}]}, r"sims\.0\.prefixes\.0"),
        ({"sims": [{"prefix": "856205"}]}, r"sims\.0\.prefix: no such key"),
        ({"port": 8080}, r"devices\.0\.port: no such key"),
    ],
)
def test_a_wrong_device_refuses_to_start(change: dict[str, object], words: str) -> None:
    good = {"name": "one", "url": "http://192.168.1.20:8080", "username": "sms", "sims": [1]}
    channel(good)
    with pytest.raises(ConfigError, match=words) as refusal:
        channel(good | change)
    assert PASSWORD not in str(refusal.value)


def test_two_phones_of_one_name_refuse_to_start() -> None:
    good = {"name": "one", "url": "http://192.168.1.20:8080", "username": "sms"}
    with pytest.raises(ConfigError, match="two devices have the same name"):
        channel(good, good)
