"""Kannel's sendsms, as a loopback server that answers in Kannel's own words."""

from __future__ import annotations

import logging
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.channels import kannel, open_channels
from app.errors import ConfigError, FateUnknown, Refused, SendError, TryLater
from app.words import Outgoing, Sent
from tests.channels import door, loopback
from tests.channels.loopback import DROP, HANG, serving

ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
NUMBER = "+8562055512345"
LAO = "ຂອບໃຈ 😀 ລະຫັດ LA-2041"
ACCEPTED = (202, "0: Accepted for delivery")


def message(text: str = LAO) -> Outgoing:
    return Outgoing(id=ID, channel="kannel", to=NUMBER, text=text)


def send(server: loopback.Server, text: str = LAO, **options: object) -> Sent:
    path = f"{server.url}/cgi-bin/sendsms"
    return door.channel("kannel", sendsms_url=path, **options).send(message(text))


@pytest.mark.parametrize(
    ("text", "coding"),
    [(LAO, "2"), ("Thank you {1} €", "0"), ("curly ’ quote", "2"), ("", "0"), ("₭ 500", "2")],
)
def test_a_text_arrives_in_utf8_with_the_coding_it_needs(text: str, coding: str) -> None:
    with serving(ACCEPTED) as server:
        assert send(server, text) == Sent()
        query = urlsplit(server.seen[0]).query
    fields = {key: one[0] for key, one in parse_qs(query, keep_blank_values=True).items()}
    assert fields.pop("text").encode() == text.encode()
    assert fields.pop("dlr-url") == (
        f"http://127.0.0.1:8000/channels/kannel/receipt?token={door.NEW}"
        f"&id={ID}&status=%d&detail=%A"
    )
    assert fields == {
        "username": "siang",
        "password": "a-kannel-password",
        "from": "1616",
        "to": NUMBER,
        "charset": "UTF-8",
        "coding": coding,
        "dlr-mask": "31",
    }
    assert "to=%2B856" in query


def test_smsc_mask_and_callback_url_are_the_operators() -> None:
    with serving(ACCEPTED) as server:
        send(server, smsc="LTC", dlr_mask="17", callback_url="http://10.0.0.5:8000/")
        fields = server.fields()
    assert (fields["smsc"], fields["dlr-mask"]) == ("LTC", "17")
    assert fields["dlr-url"].startswith("http://10.0.0.5:8000/channels/kannel/receipt?token=")


def test_what_no_phone_can_show_is_not_sent() -> None:
    with serving(ACCEPTED) as server:
        send(server, "a\0\ud83db")
        assert server.fields()["text"] == "ab"


@pytest.mark.parametrize(
    "answer", [ACCEPTED, (202, "3: Queued for later delivery"), (202, "Sent."), (200, "0: ok")]
)
def test_kannel_took_it(answer: tuple[int, str]) -> None:
    with serving(answer) as server:
        assert send(server) == Sent(provider_ref="", state="sent")


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
        ((DROP, ""), FateUnknown, "did not answer"),
    ],
)
def test_every_other_answer_is_an_error_that_says_what_to_do(
    answer: tuple[int, str], error: type[SendError], words: str
) -> None:
    with serving(answer) as server, pytest.raises(error, match=words) as raised:
        send(server)
    assert len(server.seen) == 1
    assert_tells_nothing(raised.value)


def test_a_silence_after_the_request_left_leaves_the_fate_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kannel, "TIMEOUT", httpx.Timeout(0.3))
    with serving((HANG, "")) as server, pytest.raises(FateUnknown, match="ReadTimeout") as raised:
        send(server)
    assert_tells_nothing(raised.value)


def test_nobody_listening_means_that_nothing_was_sent() -> None:
    with serving() as server:
        pass
    with pytest.raises(TryLater, match="smsbox") as raised:
        send(server)
    assert_tells_nothing(raised.value)


def test_a_kannel_that_restarted_is_no_accident() -> None:
    """Every message has its own connection: a kept one would be dead after a restart."""
    with serving(ACCEPTED) as first:
        channel = door.channel("kannel", sendsms_url=f"{first.url}/cgi-bin/sendsms")
        assert channel.send(message()) == Sent()
    with pytest.raises(TryLater):
        channel.send(message())


def test_without_a_password_messages_wait_and_the_variable_is_named() -> None:
    with serving(ACCEPTED) as server, pytest.raises(TryLater, match="SIANG_CHANNEL_KANNEL_PASSW"):
        send(server, password="")
    assert server.seen == []


def test_a_proxy_in_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(ACCEPTED) as server, serving((418, "proxy")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert send(server) == Sent()
        assert proxy.seen == []


def test_no_log_holds_the_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(ACCEPTED) as server:
        send(server)
    assert "sendsms" not in caplog.text
    assert "55512345" not in caplog.text


def test_africas_talking_sends_no_sms() -> None:
    with pytest.raises(Refused, match="no SMS yet"):
        door.channel("africastalking").send(message())


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
