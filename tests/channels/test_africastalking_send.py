"""Sending by Africa's Talking, against a loopback server that answers as its API does.

What the requests must look like is asked of the SDK itself.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from africastalking.SMS import SMSService

from app.channels import africastalking_sdk, open_channels
from app.channels.base import Hook, HookRequest
from app.errors import ConfigError, FateUnknown, Refused, SendError, TryLater
from app.words import Arrived, Receipt
from tests.channels.africastalking_rig import (
    KEY,
    LAO,
    NUMBER,
    assert_tells_nothing,
    channel,
    message,
    refused,
    send,
)
from tests.channels.door import NOW, config, decoded
from tests.channels.fakes.africastalking import FakeAfricasTalking
from tests.channels.provider import Call, Fault, Response, running

# --- what is sent -------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", ["", "SIANG"])
def test_the_request_is_the_one_that_the_sdk_sends_by_itself(sender: str) -> None:
    with running(FakeAfricasTalking()) as fake:
        plain: Any = SMSService("siang", KEY)
        plain._baseUrl = f"{fake.url}/version1"
        plain.send(LAO, [NUMBER], sender or None)
        plain.fetch_messages(last_received_id="7")
        sending = channel(fake, sender_id=sender, inbox="1616")
        sending.send(message())
        sending.missed(NOW, "7", NOW)
    theirs, ours = fake.calls[:2], fake.calls[2:]
    assert [_shape(call) for call in ours] == [_shape(call) for call in theirs]
    assert fake.taken[1].text.encode() == LAO.encode()
    assert (fake.taken[1].to, fake.taken[1].sender) == (NUMBER, sender)


def _shape(call: Call) -> tuple[object, ...]:
    names = ("apikey", "accept", "user-agent", "content-type")
    headers = {name.lower(): value for name, value in call.headers.items()}
    return call.method, call.path, call.query, call.form, [headers.get(name) for name in names]


def test_what_no_phone_can_show_is_not_sent() -> None:
    with running(FakeAfricasTalking()) as fake:
        send(fake, "a\0\ud83db")
    assert fake.taken[0].text == "ab"


def test_two_channels_are_two_accounts() -> None:
    with running(FakeAfricasTalking()) as one, running(FakeAfricasTalking()) as other:
        other.username, other.api_key = "elsewhere", "another-key"
        first = channel(one)
        second = channel(other, username="elsewhere", api_key="another-key")
        for sending, text in ((first, "1"), (second, "2"), (first, "3")):
            sending.send(message(text))
    assert [taken.text for taken in one.taken] == ["1", "3"]
    assert [taken.text for taken in other.taken] == ["2"]


@pytest.mark.parametrize(
    ("username", "host"),
    [("siang", "api.africastalking.com"), ("sandbox", "api.sandbox.africastalking.com")],
)
def test_without_api_url_the_username_chooses_the_address(
    username: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[httpx.URL] = []

    def listen(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(429)

    network = httpx.Client(transport=httpx.MockTransport(listen))
    monkeypatch.setattr(africastalking_sdk, "new_client", lambda timeout: network)
    with pytest.raises(TryLater):
        channel(FakeAfricasTalking(), username=username, api_url="").send(message())
    assert asked == [httpx.URL(f"https://{host}/version1/messaging")]


# --- a network that fails -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "words", "taken"),
    [
        ("error", FateUnknown, "500", 0),
        ("busy", TryLater, "429", 0),
        ("drop", FateUnknown, "did not answer", 0),
        ("drop_after", FateUnknown, "did not answer", 1),
    ],
)
def test_each_fault_of_the_network_has_its_error(
    fault: Fault, error: type[SendError], words: str, taken: int
) -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.faults.append(fault)
        problem = refused(fake, error, words)
    assert len(fake.taken) == taken
    if isinstance(problem, TryLater):
        assert problem.after == timedelta(seconds=1)


@pytest.mark.parametrize("fault", ["hang", "slow"])
def test_a_silence_after_the_request_left_leaves_the_fate_unknown(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(africastalking_sdk, "TIMEOUT", httpx.Timeout(0.3))
    with running(FakeAfricasTalking(slowness=1)) as fake:
        fake.faults.append(fault)
        refused(fake, FateUnknown, "ReadTimeout")


def test_nobody_listening_means_that_nothing_was_sent() -> None:
    with running(FakeAfricasTalking()) as fake:
        pass
    refused(fake, TryLater, "cannot be reached")


def test_a_connection_that_cannot_be_made_in_time_carried_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout(NUMBER, request=request)

    network = httpx.Client(transport=httpx.MockTransport(fail))
    monkeypatch.setattr(africastalking_sdk, "new_client", lambda timeout: network)
    refused(FakeAfricasTalking(), TryLater, "cannot be reached")


def test_a_proxy_and_a_netrc_in_the_environment_are_not_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login siang password netrc-secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with running(FakeAfricasTalking()) as fake, running(FakeAfricasTalking()) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        send(fake)
    assert proxy.calls == []
    assert "Authorization" not in fake.calls[0].headers


# --- before anything is sent --------------------------------------------------------------------


@pytest.mark.parametrize("number", ["8562055512345", "+12", "1616", "+856 20 55512345", "Siang"])
def test_what_the_sdk_takes_for_no_number_is_refused_without_a_call(number: str) -> None:
    with running(FakeAfricasTalking()) as fake:
        with pytest.raises(Refused, match="number") as raised:
            channel(fake).send(message(to=number))
        assert number not in str(raised.value)
        assert_tells_nothing(raised.value)
    assert fake.calls == []


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        ({"api_key": ""}, ["SIANG_CHANNEL_AFRICASTALKING_API_KEY"]),
        ({"username": ""}, ["SIANG_CHANNEL_AFRICASTALKING_USERNAME"]),
        (
            {"username": "", "api_key": ""},
            ["SIANG_CHANNEL_AFRICASTALKING_USERNAME", "SIANG_CHANNEL_AFRICASTALKING_API_KEY"],
        ),
    ],
)
def test_without_a_login_messages_wait_and_the_variables_are_named(
    options: Mapping[str, str], variables: list[str]
) -> None:
    with running(FakeAfricasTalking()) as fake, pytest.raises(TryLater) as raised:
        send(fake, **options)
    assert str(raised.value).endswith(f"set {' and '.join(variables)}")
    assert fake.calls == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"api_key": "a-secret key"}, "api_key: .*no API key has"),
        ({"api_key": "a-secret\n"}, "api_key: .*no API key has"),
        ({"api_key": "a-secretສ"}, "api_key: .*no API key has"),
        ({"api_url": "api.africastalking.com"}, "api_url"),
        ({"sender_id": 1616}, "sender_id"),
        ({"sender_id": "x" * 21}, "sender_id"),
        ({"enqueue": "true"}, "enqueue: no such key"),
    ],
)
def test_a_wrong_option_refuses_to_start_and_shows_no_secret(
    options: Mapping[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=f"channels.africastalking.{words}") as refusal:
        open_channels({"africastalking": config("africastalking", **options)})
    assert "a-secret" not in str(refusal.value)


def test_no_log_and_no_repr_holds_number_text_or_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(FakeAfricasTalking()) as fake:
        sending = channel(fake, inbox="1616")
        fake.receive(NUMBER, LAO, NOW)
        sending.send(message())
        sending.missed(NOW - timedelta(days=1), "", NOW)
    told = caplog.text + repr(vars(sending))
    for secret in ("55512345", "LA-2041", KEY):
        assert secret not in told


# --- and then -----------------------------------------------------------------------------------


def test_a_report_that_overtakes_the_answer_names_the_same_message_twice() -> None:
    told: list[Arrived] = []
    with running(FakeAfricasTalking(early=True, copies=2)) as fake:
        sending = channel(fake)

        def post(hook: Hook, body: bytes, headers: Mapping[str, str]) -> None:
            form = decoded(body)
            request = HookRequest("POST", hook, {}, form, headers=headers, body=body)
            told.extend(sending.parse(request, NOW))

        fake.post = post
        sent = sending.send(message())
    assert len(told) == 2
    for receipt in told:
        assert isinstance(receipt, Receipt)
        assert (receipt.provider_ref, receipt.phone) == (sent.provider_ref, NUMBER)


def test_the_sdk_alone_would_lose_the_status_and_tell_the_number() -> None:
    """Why there is a transport of our own; when this fails, it may go."""
    with running(FakeAfricasTalking()) as fake:
        plain: Any = SMSService("siang", KEY)
        plain._baseUrl = f"{fake.url}/version1"
        fake.content_type = "application/json; charset=utf-8"
        assert isinstance(plain.send("5", [NUMBER]), str)
        fake.answers.append(Response(429, json.dumps({"to": NUMBER})))
        with pytest.raises(Exception, match="55512345") as raised:
            plain.send("5", [NUMBER])
    assert not hasattr(raised.value, "status_code")
    assert "429" not in str(raised.value)
