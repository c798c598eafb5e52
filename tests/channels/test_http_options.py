"""What an http section may not be: every mistake is found at the start and named by its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.errors import ConfigError
from tests.channels.fakes.http import options
from tests.channels.http_rig import PLAIN, http

URL = "http://127.0.0.1:9/send"
SECRET = "a-secret-that-nobody-is-shown"
SEND: Mapping[str, Any] = {"url": URL}
RECEIPT = {"message_id": "id", "status": "s", "states": {"0": "delivered"}}
USSD: Mapping[str, Any] = {
    "session": "s",
    "from": "f",
    "text": "t",
    "begins": [{"path": "type", "in": [1]}],
    "screen": {"body": "{{text}}"},
}
TOKEN = "Bearer {{token}}"


def told(**given: object) -> str:
    """Why the section refuses to open. No secret is in it."""
    with pytest.raises(ConfigError) as refusal:
        http({"api_key": SECRET, **given})
    assert SECRET not in str(refusal.value)
    return str(refusal.value)


def test_the_keys_of_a_section_are_all_known() -> None:
    assert http(options()).abilities == {"send", "receipts", "fate"}
    assert http({"send": SEND}).hooks == frozenset()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "channels.http: neither sends nor receives"),
        ({"send": {}}, "channels.http.send.url: is missing"),
        ({"send": {**SEND, "urll": URL}}, "channels.http.send.urll: no such key"),
        ({"receive": {"sms": {}}}, "channels.http.receive.sms.from: is missing"),
        ({"receive": {"sms": {"from": "", "text": "t"}}}, "receive.sms.from: String should have"),
        ({"receive": {"mms": {}}}, "channels.http.receive.mms: no such key"),
        ({"callback_url": "http://x/?y=1", "send": SEND}, "channels.http.callback_url"),
    ],
)
def test_a_key_that_is_missing_or_unknown_is_named(given: dict[str, object], words: str) -> None:
    assert words in told(**given)


def test_every_mistake_is_told_at_once() -> None:
    words = told(send={"url": "x", "reads": "yaml"}, receive={"sms": {"text": "t"}}, sende="x")
    for key in ("send.url", "send.reads", "receive.sms.from", "sende"):
        assert f"channels.http.{key}: " in words
    assert "SIANG_CHANNEL_HTTP_<KEY>" in words


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
        "http://user:password@127.0.0.1/",
        "http://{{to}}/",
        "http://127.0.0.1{{to}}/",
        "http://127.0.0.1:{{to}}/",
        "file:///etc/passwd",
        "http://a b/",
        "http://127.0.0.1/#x",
        "",
        7,
    ],
)
def test_a_url_is_http_with_a_fixed_host_and_no_login(url: object) -> None:
    assert "channels.http.send.url: is no http:// or https:// address" in told(send={"url": url})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"body": {"a": {"b": ["{{too}}"]}}}, "send: body.a.b.0: there is no {{too}}; known are"),
        ({"headers": {"X": "{{text}"}}, "send.headers.X: {{ must be followed by"),
        ({"body": {"a": "{{text | upper}}"}}, "send.body: {{ must be followed by"),
        ({"body": {"a": "{{secret.hmac_secret}}"}}, "there is no {{secret.hmac_secret}}"),
        ({"url": URL + "?{{session}}"}, "send: url: there is no {{session}}"),
        ({"body_ucs2": {"a": "{{b}}"}}, "send: body_ucs2.a: there is no {{b}}"),
        ({"body": {"a": "{{secret.password}}"}}, "password is not set in the environment"),
        ({"body": {"a": "{{from}}"}}, "uses {{from}}, and sender is not set"),
        ({"body": {"a": "{{username}}"}}, "uses {{username}}, and username is not set"),
        ({"auth": "basic"}, "password is not set in the environment"),
        ({"headers": {"Authorization": TOKEN}}, "uses {{token}}, and there is no oauth table"),
        ({"body": {"a": "{{receipt_url}}"}}, "uses {{receipt_url}}, and there is no receive.rec"),
        ({"headers": {"X Y": "1"}}, "send.headers.X Y"),
        ({"headers": {"X": 1}}, "send.headers.X: is no text"),
    ],
)
def test_a_template_says_nothing_that_there_is_not(table: dict[str, object], words: str) -> None:
    assert words in told(send={**SEND, **table})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"format": "json", "body": "{{text}}"}, "body: the format json needs a table"),
        ({"format": "urlencoded", "body": "a=b"}, "body: the format urlencoded needs a table"),
        ({"format": "urlencoded", "body": {"a": {"b": 1}}}, "the format urlencoded needs a table"),
        ({"format": "urlencoded", "body": {"a": [[1]]}}, "the format urlencoded needs a table"),
        ({"format": "xml", "body": {"a": 1}}, "body: the format xml needs a text"),
        ({"format": "custom", "body_ucs2": {"a": 1}}, "body_ucs2: the format custom needs a text"),
        ({"format": "xml", "escape": "json", "body": "x"}, "escape is for the format custom"),
        ({"method": "GET", "body": {"a": 1}}, "a GET has a body of the format urlencoded"),
        ({"method": "DELETE"}, "send.method"),
        ({"coding": {"GSM-7": 0}}, "coding: needs GSM-7 and UCS-2"),
        ({"timeout_seconds": 0}, "send.timeout_seconds"),
    ],
)
def test_a_body_is_as_its_format_needs_it(table: dict[str, object], words: str) -> None:
    assert words in told(send={**SEND, **table})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"ref": "a["}, "send: ref.path: 'a[' is no JSONPath"),
        ({"ref": "a b", "success": [{"path": "]"}]}, "'a b' is no JSONPath"),
        ({"ref": "a b", "success": [{"path": "]"}]}, "success.0.path: ']' is no JSONPath"),
        ({"reads": "xml", "busy": [{"path": "a["}]}, "busy.0.path: 'a[' is no ElementPath"),
        ({"reads": "xml", "ref": "n:a"}, "ref.path: 'n:a' is no ElementPath"),
        ({"reads": "text", "ref": "a"}, "ref.path: in a text there are no places; give a regex"),
        ({"ref": {"regex": "("}}, "send.ref.regex"),
        ({"success": [{}]}, "send.success.0: needs a path, a regex or a status"),
        ({"success": [{"status": [200], "in": [1]}]}, "success.0: `in` needs the path"),
    ],
)
def test_a_condition_can_be_met(table: dict[str, object], words: str) -> None:
    assert words in told(send={**SEND, **table})


@pytest.mark.parametrize(
    ("hook", "table", "words"),
    [
        ("sms", {**PLAIN, "format": "json", "to": "a["}, "receive.sms: to: 'a[' is no JSONPath"),
        ("sms", {**PLAIN, "format": "xml", "to": "a["}, "receive.sms: to: 'a[' is no ElementPath"),
        ("sms", {**PLAIN, "items": "a"}, "items: a form brings one thing"),
        ("sms", {**PLAIN, "methods": []}, "receive.sms.methods"),
        ("sms", {**PLAIN, "methods": ["PUT"]}, "receive.sms.methods"),
        ("sms", {**PLAIN, "methods": ["GET"], "format": "json"}, "a GET has no body"),
        ("sms", {**PLAIN, "date_formats": ["%Q"]}, "date_formats: '%Q' is no format such as"),
        ("sms", {**PLAIN, "date_zone": "Vientiane"}, "date_zone: 'Vientiane' is no zone such as"),
        ("sms", {**PLAIN, "date_zone": "+7"}, "date_zone: '+7' is no zone"),
        ("sms", {**PLAIN, "date_zone": "../x"}, "date_zone: '../x' is no zone"),
        ("sms", {**PLAIN, "part": {"number": "n"}}, "sms.part: give either reference, number"),
        ("sms", {**PLAIN, "part": {"udh": "u", "number": "n"}}, "sms.part: give either"),
        ("sms", {**PLAIN, "part": {}}, "sms.part: give either"),
        ("sms", {"from": "f", "text": {"path": "t", "charset": "klingon"}}, "'klingon' is no char"),
        ("sms", {"from": "f", "text": {"path": "t", "charset": "rot13"}}, "'rot13' is no charset"),
        ("sms", {**PLAIN, "answer": {"status": 404}}, "receive.sms.answer.status"),
        ("sms", {**PLAIN, "answer": "{{text}}"}, "sms.answer.body: there is no {{text}}"),
        ("receipt", {**RECEIPT, "answer": "{{id}}"}, "receipt.answer.body: there is no {{id}}"),
        ("receipt", {**RECEIPT, "message_id": ""}, "needs message_id or provider_ref"),
        ("receipt", {**RECEIPT, "states": {}}, "receive.receipt.states"),
        ("receipt", {**RECEIPT, "states": {"0": "arrived"}}, "receive.receipt.states.0"),
        ("ussd", {**USSD, "begins": []}, "begins is needed where the text is the newest input"),
        ("ussd", {**USSD, "screen": None}, "receive.ussd: no screen would ever be shown"),
        ("ussd", {**USSD, "screen": {}}, "receive.ussd.screen.body: is missing"),
        ("ussd", {**USSD, "screen": {"body": "{{id}}"}}, "ussd.screen.body: there is no {{id}}"),
        ("ussd", {**USSD, "screen": {"body": "{{context.a}}"}}, "there is no {{context.a}}"),
        ("ussd", {**USSD, "context": {"A b": "x"}}, "receive.ussd.context.A b"),
    ],
)
def test_a_hook_can_be_understood(hook: str, table: dict[str, object], words: str) -> None:
    assert words in told(receive={hook: table})


@pytest.mark.parametrize(
    ("proof", "words"),
    [
        ({"token": False}, "proof: a hook without any proof is open to everybody"),
        ({"token": False, "token_header": "X"}, "open to everybody"),
        ({"ips": ["10.0.0.300"]}, "proof.ips.0: '10.0.0.300' is no network"),
        ({"basic_user": "gw"}, "basic_password is not set in the environment"),
        ({"hmac": {"header": "X"}}, "hmac_secret is not set in the environment"),
        ({"hmac": {}}, "proof.hmac.header: is missing"),
        ({"hmac": {"header": "X", "algorithm": "md5"}}, "proof.hmac.algorithm"),
        ({"hmac": {"header": "X", "signs": "{{bdy}}"}}, "signs: there is no bdy"),
        ({"hmac": {"header": "X", "timestamp_header": "T"}}, "need each other"),
        ({"hmac": {"header": "X", "signs": "{{timestamp}}{{body}}"}}, "need each other"),
        ({"hmac": {"header": "X", "signs": "nothing"}}, "signs: must hold {{body}}"),
    ],
)
def test_a_proof_proves_something(proof: dict[str, object], words: str) -> None:
    assert words in told(receive={"sms": PLAIN}, proof=proof)


ASK: Mapping[str, Any] = {"url": URL, "needs": "id", "state": "s"}
PUSHED = {key: value for key, value in USSD.items() if key != "screen"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ask": {**ASK, "needs": "ref"}}, "ask: needs the provider's id: give send.ref"),
        ({"ask": {"url": URL, "needs": "id"}}, "ask: needs found, absent or state"),
        ({"ask": {**ASK, "state": None, "states": {"0": "sent"}}}, "states needs the place"),
        ({"ask": {**ASK, "body": {"t": "{{text}}"}}}, "ask: body.t: there is no {{text}}"),
        ({"push": {"url": URL}}, "push: needs receive.ussd without a screen"),
        ({"push": {"url": URL}, "receive": {"ussd": USSD}}, "push: needs receive.ussd without"),
        (
            {"push": {"url": URL, "body": {"a": "{{context.b}}"}}, "receive": {"ussd": PUSHED}},
            "push: body.a: there is no {{context.b}}",
        ),
        ({"oauth": {"url": URL}}, "oauth: uses {{secret.client_secret}}"),
        ({"oauth": {"url": URL}, "client_secret": "x"}, "uses {{client_id}}, and client_id is"),
    ],
)
def test_tables_that_need_each_other_know_it(given: dict[str, object], words: str) -> None:
    assert words in told(**{"send": SEND, **given})
