"""SMS to Kannel's sendsms, as a server on 127.0.0.1 that answers in Kannel's own words."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from app.channels import calls, open_channels
from app.errors import ConfigError, FateUnknown, Refused, SendError, TryLater
from app.words import Outgoing, Sent
from tests.channels import door
from tests.channels.fakes.kannel import FakeKannel
from tests.channels.provider import Call, Fault, Response, running

ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
NUMBER = "+8562055512345"
LAO = "ຂອບໃຈ 😀 ລະຫັດ LA-2041"


def message(text: str = LAO) -> Outgoing:
    return Outgoing(id=ID, channel="kannel", to=NUMBER, text=text)


def send(fake: FakeKannel, text: str = LAO, **options: object) -> Sent:
    return door.channel("kannel", **{"sendsms_url": fake.sendsms_url, **options}).send(
        message(text)
    )


def answering(status: int, body: str) -> FakeKannel:
    return FakeKannel(answers=deque([(status, body)]))


@pytest.mark.parametrize(
    ("text", "coding"),
    [(LAO, "2"), ("Thank you {1} €", "0"), ("curly ’ quote", "2"), ("", "0"), ("₭ 500", "2")],
)
def test_a_text_arrives_in_utf8_with_the_coding_it_needs(text: str, coding: str) -> None:
    with running(FakeKannel()) as fake:
        assert send(fake, text) == Sent()
    (fields,) = (dict(one) for one in fake.taken)
    assert fields.pop("dlr-url") == (
        f"http://127.0.0.1:8000/channels/kannel/receipt?token={door.NEW}"
        f"&id={ID}&status=%d&detail=%A"
    )
    assert fields == {
        "username": "siang",
        "password": "a-kannel-password",
        "from": "1616",
        "to": NUMBER,
        "text": text,
        "charset": "UTF-8",
        "coding": coding,
        "dlr-mask": "31",
    }


def test_smsc_mask_and_callback_url_are_the_operators() -> None:
    with running(FakeKannel()) as fake:
        send(fake, smsc="LTC", dlr_mask="17", callback_url="http://10.0.0.5:8000/")
    fields = fake.taken[0]
    assert (fields["smsc"], fields["dlr-mask"]) == ("LTC", "17")
    assert fields["dlr-url"].startswith("http://10.0.0.5:8000/channels/kannel/receipt?token=")


def test_what_no_phone_can_show_is_not_sent() -> None:
    with running(FakeKannel()) as fake:
        send(fake, "a\0\ud83db")
    assert fake.taken[0]["text"] == "ab"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, "0: Accepted for delivery"),
        (202, "3: Queued for later delivery"),
        (202, "Sent."),
        (200, "0: ok"),
    ],
)
def test_kannel_took_it(status: int, body: str) -> None:
    with running(answering(status, body)) as fake:
        assert send(fake) == Sent(provider_ref="", state="sent")


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((403, "Authorization failed for sendsms"), TryLater, "username and password"),
        ((403, "Not routable. Do not try again."), Refused, "Not routable"),
        ((403, "<html>a proxy</html>"), TryLater, "username and password"),
        ((404, "Unknown request."), TryLater, "sendsms_url"),
        ((301, ""), TryLater, "sendsms_url"),
        ((400, "Missing receiver number, rejected"), Refused, "Missing receiver number"),
        ((400, f"Denied receivers are: {NUMBER} {LAO}"), Refused, "no known reason"),
        ((503, "Temporal failure, try again later."), TryLater, "503"),
        ((500, "Sending failed."), TryLater, "500"),
        ((502, "Bad Gateway"), FateUnknown, "502"),
        ((200, f"<html>{NUMBER}</html>"), FateUnknown, "200"),
    ],
)
def test_every_other_answer_is_an_error_that_says_what_to_do(
    answer: tuple[int, str], error: type[SendError], words: str
) -> None:
    with running(answering(*answer)) as fake, pytest.raises(error, match=words) as raised:
        send(fake)
    assert len(fake.calls) == 1
    assert_tells_nothing(raised.value)


@pytest.mark.parametrize(
    ("fault", "error", "words", "taken"),
    [
        ("error", FateUnknown, "500", 0),
        ("busy", TryLater, "429", 0),
        ("hang", FateUnknown, "ReadTimeout", 0),
        ("drop", FateUnknown, "did not answer", 0),
        ("drop_after", FateUnknown, "did not answer", 1),
    ],
)
def test_what_goes_wrong_on_the_way_is_told_as_what_it_is(
    fault: Fault, error: type[SendError], words: str, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TIMEOUT", httpx.Timeout(0.3))
    with running(FakeKannel(faults=deque([fault]))) as fake:
        with pytest.raises(error, match=words) as raised:
            send(fake)
        assert len(fake.taken) == taken
    assert_tells_nothing(raised.value)


def test_a_slow_answer_is_waited_for() -> None:
    with running(FakeKannel(faults=deque(["slow"]), slowness=0.2)) as fake:
        assert send(fake) == Sent()


def test_whoever_asks_to_be_left_alone_is_left_alone() -> None:
    """Kannel itself says 503 without a time; a proxy before it may give one."""

    class Proxied(FakeKannel):
        def respond(self, call: Call) -> Response:
            return Response(503, "busy", headers={"Retry-After": "120"})

    after: list[timedelta | None] = []
    for fake in (Proxied(), answering(503, "Temporal failure, try again later.")):
        with running(fake), pytest.raises(TryLater) as raised:
            send(fake)
        after.append(raised.value.after)
    assert after == [timedelta(minutes=2), None]


def test_nobody_listening_means_that_nothing_was_sent() -> None:
    with running(FakeKannel()) as fake:
        pass
    with pytest.raises(TryLater, match="smsbox") as raised:
        send(fake)
    assert_tells_nothing(raised.value)


def test_a_kannel_that_restarted_is_no_accident() -> None:
    """Every message has its own connection: a kept one would be dead after a restart."""
    with running(FakeKannel()) as first:
        channel = door.channel("kannel", sendsms_url=first.sendsms_url)
        assert channel.send(message()) == Sent()
    with pytest.raises(TryLater):
        channel.send(message())


def test_without_a_password_messages_wait_and_the_variable_is_named() -> None:
    with (
        running(FakeKannel()) as fake,
        pytest.raises(TryLater, match="SIANG_CHANNEL_KANNEL_PASSW"),
    ):
        send(fake, password="")
    assert fake.calls == []


def test_a_proxy_in_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(FakeKannel()) as fake, running(answering(418, "proxy")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert send(fake) == Sent()
        assert proxy.calls == []


def test_no_log_holds_the_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(FakeKannel()) as fake:
        send(fake)
    assert "sendsms" not in caplog.text
    assert "55512345" not in caplog.text


def test_what_the_simulator_sends_has_arrived() -> None:
    assert door.channel("simulator").send(message()) == Sent(state="delivered")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sendsms_url": "127.0.0.1:13013"}, "channels.kannel.sendsms_url"),
        ({"username": ""}, "channels.kannel.username"),
        ({"sender": 1616}, "channels.kannel.sender"),
        ({"dlr_mask": "99"}, "channels.kannel.dlr_mask"),
        ({"callback_url": "http://x/%d"}, "holds a % sign"),
    ],
)
def test_a_wrong_option_refuses_to_start(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        open_channels({"kannel": door.config("kannel", **options)})


def test_missing_options_are_named_at_once_and_no_secret_is_shown() -> None:
    bare = replace(door.config("kannel"), options={"password": "a-kannel-password"})
    with pytest.raises(ConfigError) as refusal:
        open_channels({"kannel": bare})
    told = str(refusal.value)
    for name in ("sendsms_url", "username", "sender"):
        assert f"channels.kannel.{name}: is missing" in told
    assert "SIANG_CHANNEL_KANNEL_" in told
    assert "a-kannel-password" not in told


def assert_tells_nothing(error: BaseException) -> None:
    """No number, text or secret in the error, and no other error behind it that has them."""
    told = f"{error} {error!r} {error.args}"
    for secret in (NUMBER, "55512345", LAO, "a-kannel-password", door.NEW):
        assert secret not in told
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
