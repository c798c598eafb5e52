"""Sending by kind "http", against an aggregator on loopback."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.errors import FateUnknown, OptedOut, Refused, SendError, TryLater
from app.words import Asked, Outgoing, Sent
from tests.channels.door import NEW, NOW
from tests.channels.fakes.http import API_KEY, Aggregator, options
from tests.channels.http_rig import ID, LAO, NUMBER, SMS, assert_tells_nothing, http
from tests.channels.provider import Call, Fault, Response, running

ASKED = Asked(SMS, "agg-1", NOW)


def send(fake: Aggregator, sms: Outgoing = SMS, **changes: Mapping[str, object]) -> Sent:
    return http(options(fake.url, **changes)).send(sms)


def refused(
    fake: Aggregator, error: type[SendError], words: str = "", **changes: Mapping[str, object]
) -> SendError:
    """The error with which a message comes back; it tells nobody's number, text or secret."""
    with pytest.raises(error, match=words or None) as raised:
        send(fake, SMS, **changes)
    assert type(raised.value) is error
    assert_tells_nothing(raised.value)
    return raised.value


def asked_with(**send_table: object) -> Call:
    """The request that a channel with this `send` table makes."""
    with running(Aggregator()) as fake:
        fake.answers.append(Response(200))
        table = {"url": f"{fake.url}/send", **send_table}
        given = {key: options()[key] for key in ("sender", "username", "api_key", "password")}
        receipt = {"receipt": options()["receive"]["receipt"]}
        http({**given, "receive": receipt, "send": table}).send(SMS)
        return fake.calls[0]


# --- what is sent -------------------------------------------------------------------------------


def test_a_message_is_sent_as_the_table_says() -> None:
    with running(Aggregator()) as fake:
        assert send(fake) == Sent(provider_ref="agg-1")
        (call,) = fake.calls
    assert (call.method, call.path) == ("POST", f"/messages/{ID}")
    assert call.headers["X-Api-Key"] == API_KEY
    assert call.headers["Content-Type"] == "application/json"
    assert json.loads(call.body) == {
        "to": "8562055512345",
        "from": "1616",
        "message": {"text": LAO, "coding": 8, "parts": 2},
        "callback": f"http://127.0.0.1:8000/channels/http/receipt?token={NEW}",
    }


EVERY = {
    "a": "{{to}}",
    "b": "0{{to_national}}",
    "c": "{{text}}",
    "d": "{{encoding}} {{coding}} {{segments}}",
    "e": ["{{from}}", 7, True],
    "f": "{{ secret.api_key }}/{{username}}",
}


def test_a_form_is_encoded_and_a_get_has_it_in_its_query() -> None:
    expected = {
        "a": NUMBER,
        "b": "02055512345",
        "c": LAO,
        "d": "UCS-2 8 2",
        "e": "true",
        "f": f"{API_KEY}/siang",
    }
    posted = asked_with(format="urlencoded", body=EVERY)
    assert posted.form == expected
    assert posted.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert b"a=%2B8562055512345&" in posted.body
    assert b"e=1616&e=7&e=true" in posted.body
    got = asked_with(format="urlencoded", body=EVERY, method="GET")
    assert (got.query, got.body) == (expected, b"")
    assert "Content-Type" not in got.headers


@pytest.mark.parametrize(
    ("table", "body"),
    [
        (
            {"format": "xml", "body": "<sms to='{{to}}'>{{text}}</sms>"},
            "<sms to='+8562055512345'>ຂອບໃຈ 😀 &quot;LA-2041&quot; &amp; 50%+ &lt;b&gt; \\n {{to}}"
            "\r\nok</sms>",
        ),
        (
            {"format": "custom", "escape": "json", "body": '{"t": "{{text}}"}'},
            '{"t": "ຂອບໃຈ 😀 \\"LA-2041\\" & 50%+ <b> \\\\n {{to}}\\r\\nok"}',
        ),
        ({"format": "custom", "escape": "url", "body": "t={{to}}"}, "t=%2B8562055512345"),
        ({"format": "custom", "body": "{{to}}|{{text_hex}}"}, None),
    ],
)
def test_every_format_escapes_what_people_write(
    table: Mapping[str, object], body: str | None
) -> None:
    expected = body or f"{NUMBER}|{LAO.encode('utf-16-be').hex().upper()}"
    assert asked_with(**table).body.decode() == expected


def test_a_text_for_which_ucs2_is_needed_may_have_another_body() -> None:
    table = {"body": {"t": "{{text}}"}, "body_ucs2": {"x": "{{text_hex}}"}}
    with running(Aggregator()) as fake:
        fake.answers.extend([Response(200), Response(200)])
        channel = http({"send": {"url": fake.url, **table}})
        channel.send(replace(SMS, text="ok €"))
        channel.send(replace(SMS, text="ກ"))
        bodies = [json.loads(call.body) for call in fake.calls]
    assert bodies == [{"t": "ok €"}, {"x": "0E81"}]


def test_what_no_phone_can_show_is_not_sent() -> None:
    with running(Aggregator()) as fake:
        send(fake, replace(SMS, text="a\0\ud83db"))
        assert fake.taken[ID].text == "ab"


def test_a_value_in_the_url_or_a_header_stays_where_it_belongs() -> None:
    hostile = "../x?y=1#z\nX-Evil: 1"
    with running(Aggregator()) as fake:
        send(
            fake,
            replace(SMS, id=hostile),
            send={"headers": {"X-Api-Key": API_KEY, "X-Id": "a{{id}}"}},
        )
        (call,) = fake.calls
    assert call.path == "/messages/..%2Fx%3Fy%3D1%23z%0AX-Evil%3A%201"
    assert call.headers["X-Id"] == "a../x?y=1#zX-Evil: 1"
    assert "X-Evil" not in call.headers


def test_an_operator_may_reach_us_elsewhere() -> None:
    with running(Aggregator()) as fake:
        http(options(fake.url) | {"callback_url": "http://10.0.0.5:8000/"}).send(SMS)
        called_back = json.loads(fake.calls[0].body)["callback"]
        header = {"proof": {"token_header": "X-Token"}}
        http(options(fake.url) | header).send(SMS)
        without = json.loads(fake.calls[1].body)["callback"]
    assert called_back == f"http://10.0.0.5:8000/channels/http/receipt?token={NEW}"
    assert without == "http://127.0.0.1:8000/channels/http/receipt"


@pytest.mark.parametrize(
    ("table", "answer", "reference"),
    [
        ({"ref": "id"}, '{"id": 4711}', "4711"),
        ({"ref": {"path": "id", "regex": "^urn:(.+)$"}}, '{"id": "urn:7"}', "7"),
        ({"ref": {"regex": 'id="([^"]+)"'}, "reads": "text"}, 'ok id="a-7"', "a-7"),
        ({"ref": "message/@id", "reads": "xml"}, '<r><message id="a-7"/></r>', "a-7"),
        ({"ref": "id"}, '{"id": null}', ""),
        ({"ref": "id"}, f'{{"id": "{"x" * 201}"}}', ""),
        ({"ref": "id"}, "<html>thanks</html>", ""),
        ({}, "", ""),
    ],
)
def test_the_providers_id_is_found(table: Mapping[str, Any], answer: str, reference: str) -> None:
    with running(Aggregator()) as fake:
        fake.answers.append(Response(200, answer))
        assert http({"send": {"url": fake.url, **table}}).send(SMS) == Sent(reference)


# --- what comes back ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (11, Refused, "refused it .200, code is 11"),
        (13, OptedOut, "refused it .200, code is 13"),
        (21, TryLater, "cannot take it now .200, code is 21"),
        (99, FateUnknown, "answered 200, and no condition says"),
    ],
)
def test_the_providers_words_are_understood(code: int, error: type[SendError], words: str) -> None:
    with running(Aggregator()) as fake:
        fake.codes.append(code)
        refused(fake, error, words)


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (204, FateUnknown, "answered 204"),
        (301, TryLater, "send.url answers 301: mend it"),
        (400, Refused, "400"),
        (401, TryLater, "login .401.: mend"),
        (403, TryLater, "login .403.: mend"),
        (404, TryLater, "send.url answers 404: mend it"),
        (405, TryLater, "send.url answers 405: mend it"),
        (408, TryLater, "cannot take it now .408"),
        (422, Refused, "422"),
        (429, TryLater, "cannot take it now .429"),
        (500, FateUnknown, "answered 500"),
        (502, FateUnknown, "answered 502"),
        (503, TryLater, "cannot take it now .503"),
    ],
)
@pytest.mark.parametrize("body", ["", f"<html>{NUMBER} {LAO}</html>", f'{{"error": "{NUMBER}"}}'])
def test_what_no_condition_names_is_known_by_its_status(
    status: int, error: type[SendError], words: str, body: str
) -> None:
    with running(Aggregator()) as fake:
        fake.answers.append(Response(status, body, headers={"Location": "http://127.0.0.1:9/"}))
        refused(fake, error, words)
        assert len(fake.calls) == 1


def test_a_provider_that_takes_nothing_when_it_fails_is_asked_again() -> None:
    with running(Aggregator()) as fake:
        fake.faults.append("error")
        refused(fake, TryLater, "failed .500", send={"error_means": "not_taken"})
        assert send(fake).provider_ref == "agg-1"


def test_a_condition_may_be_about_the_status() -> None:
    table = {
        "busy": [{"status": [409], "path": "code", "in": [5]}, {"status": [402]}],
        "refused": [{"status": [500], "regex": "(?i)invalid msisdn"}],
        "success": [{"status": [208]}, {"path": "code", "in": [0]}],
    }
    with running(Aggregator()) as fake:
        answers = [(409, '{"code": 5}', TryLater), (409, '{"code": 6}', Refused)]
        answers += [(402, "", TryLater), (500, "Invalid MSISDN", Refused), (500, "x", FateUnknown)]
        for status, body, error in answers:
            fake.answers.append(Response(status, body))
            refused(fake, error, send=table)
        fake.answers.append(Response(208))
        assert send(fake, send=table) == Sent()


def test_a_good_code_in_a_failed_answer_is_no_success() -> None:
    with running(Aggregator()) as fake:
        fake.answers.append(Response(500, '{"code": 0}'))
        refused(fake, FateUnknown, "500")


def test_how_long_the_provider_wants_to_be_left_alone_is_kept() -> None:
    with running(Aggregator()) as fake:
        fake.faults.append("busy")
        error = refused(fake, TryLater)
        assert isinstance(error, TryLater)
        assert error.after == timedelta(seconds=1)


@pytest.mark.parametrize(
    ("fault", "taken"), [("slow", 1), ("hang", 0), ("drop", 0), ("drop_after", 1)]
)
def test_a_silence_after_the_request_left_leaves_the_fate_unknown(fault: Fault, taken: int) -> None:
    with running(Aggregator(slowness=0.4)) as fake:
        fake.faults.append(fault)
        refused(fake, FateUnknown, "send.url did not answer", send={"timeout_seconds": 0.2})
        if taken:
            fake.wait_for(1)
            with fake.changed:
                assert fake.changed.wait_for(lambda: len(fake.taken) == taken, 5)
        assert len(fake.calls) == 1


def test_nobody_listening_means_that_nothing_was_sent() -> None:
    with running(Aggregator()) as fake:
        pass
    refused(fake, TryLater, r"send\.url cannot be reached .ConnectError")


def test_a_proxy_in_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Aggregator()) as fake, running(Aggregator()) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert send(fake) == Sent("agg-1")
        assert proxy.calls == []


def test_no_log_holds_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(Aggregator()) as fake:
        send(fake)
        http(options(fake.url)).fate(ASKED)
    assert "messages" not in caplog.text
    assert "55512345" not in caplog.text
