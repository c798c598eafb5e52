"""Whose request it is: Twilio's signature, made by Twilio's own SDK, over our configured URL."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlencode

import pytest
from twilio.request_validator import HMAC_SHA1, HMAC_SHA256, RequestValidator

from app.channels.base import HookRequest, hook_path
from app.channels.twilio import Twilio
from app.errors import Malformed, Unauthenticated
from app.words import Inbound
from tests.channels import door
from tests.channels.fakes import twilio
from tests.channels.fakes.twilio import ACCOUNT, OLD_TOKEN, TOKEN, Webhook, received

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SIGNATURE, SETTINGS = "X-Twilio-Signature", "X-Twilio-Webhooks-Signature-Settings"
CONFIG = twilio.section()
URL = hook_path(CONFIG, "sms")
ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
SID = "SM01e287d7109a5a925f182f0e07fe5b22"
FIELDS: Mapping[str, str] = {
    "ToCountry": "US",
    "NumMedia": "0",
    "FromZip": "",
    "Body": "ນ້ຳບໍ່ໄຫຼ\n1*2#",
    "FromCountry": "LA",
    "To": "+12028831111",
    "NumSegments": "1",
    "MessageSid": SID,
    "AccountSid": ACCOUNT,
    "From": "+8562055512345",
    "ApiVersion": "2010-04-01",
}


def sms(url: str = URL, **changes: str) -> HookRequest:
    return received(twilio.webhook(url, {**FIELDS, **changes}))


def check(request: HookRequest, **options: object) -> None:
    Twilio(twilio.section(**options)).authentic(request, NOW)


def refused(request: HookRequest, **options: object) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        check(request, **options)
    return str(refusal.value)


def parse(request: HookRequest) -> object:
    return Twilio(CONFIG).parse(request, NOW)


def test_twilios_own_vector_is_signed_as_its_pages_say() -> None:
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+12349013030",
        "Digits": "1234",
        "From": "+12349013030",
        "To": "+18005551212",
    }
    signed = twilio.signature(url, urlencode(fields).encode(), "12345")
    assert signed == {SIGNATURE: "0/KCTR6DLpKmkAf8muzZqo1nDgQ="}


def test_a_request_through_a_proxy_is_known_by_the_configured_address() -> None:
    request = sms()
    assert request.headers["Host"] == "10.0.0.5:8000"
    check(request)


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f"{URL}?token=url-token-0123456789",
        f"{URL}?b=2&a=1&&a=%e0%ba%aa+%2B",
        f"{URL}?a=[1]&b=;",
        URL.replace(".la/", ".la:443/"),
    ],
)
def test_the_address_that_twilio_was_given_is_signed_as_it_stands(url: str) -> None:
    check(sms(url))


@pytest.mark.parametrize(
    "url",
    [
        URL.replace("https:", "http:"),
        URL.replace(".la/", ".la:8443/"),
        URL.replace(".la/", ".la:80/"),
        URL.replace("siang.", "evil."),
        URL.replace("/sms", "/receipt"),
        URL.replace("/channels/twilio/", "/channels/other/"),
        f"{URL}/",
        f"{URL}?",
        f"{URL}?token=another",
        "http://10.0.0.5:8000/channels/twilio/sms",
    ],
)
def test_what_was_signed_for_another_address_is_refused(url: str) -> None:
    body = urlencode(FIELDS).encode()
    refused(received(Webhook(URL, body, twilio.signature(url, body))))


@pytest.mark.parametrize(
    "wrong", ["", "0", "ສະບາຍດີ", "A" * 28, "A" * 100_000, "\0", "RSOYDt4T1cUTdK1PDd93/VVr8B8="]
)
def test_a_wrong_signature_is_refused(wrong: str) -> None:
    told = refused(replace(sms(), headers={SIGNATURE: wrong}))
    assert wrong in {"", "0"} or wrong not in told


def test_a_truncated_or_lengthened_signature_is_refused() -> None:
    right = sms().headers[SIGNATURE]
    for wrong in (right[:-1], right[1:], right + "=", f" {right}", right.swapcase()):
        refused(replace(sms(), headers={SIGNATURE: wrong}))


def test_a_request_without_a_signature_is_refused() -> None:
    assert refused(replace(sms(), headers={})) == "the signature is missing or wrong"
    body = urlencode({**FIELDS, SIGNATURE: sms().headers[SIGNATURE]}).encode()
    refused(received(Webhook(f"{URL}?token=url-token-0123456789", body, {})))


def test_every_field_is_signed_those_of_tomorrow_too() -> None:
    check(sms(NewField="ສ", Empty=""))
    request = sms()
    for body in (request.body + b"&NewField=1", request.body[:-1], b"", b"\xff\xfe", b"%ED%A0%80"):
        refused(replace(request, body=body))


def test_a_body_that_is_no_utf8_does_no_harm() -> None:
    body = urlencode(FIELDS).encode() + b"&Odd=\xff%FF%ED%A0%80"
    check(received(Webhook(URL, body, twilio.signature(URL, body))))


@pytest.mark.parametrize("content_type", ["application/json", door.FORM])
def test_a_body_of_more_fields_than_twilio_sends_is_refused_unread(content_type: str) -> None:
    """However it is signed: without this, one request costs a second before it is refused."""
    check(sms(**{f"Odd{number}": "" for number in range(80)}))
    body = urlencode({**FIELDS, **{f"Odd{number}": "" for number in range(100)}}).encode()
    headers = {**twilio.signature(URL, body), "Content-Type": content_type}
    request = replace(received(Webhook(URL, body, headers)), form={})
    assert refused(request) == "the body has more fields than Twilio sends"


def test_repeated_fields_are_signed_as_the_sdk_signs_them() -> None:
    body = urlencode([*FIELDS.items(), ("Odd", "b"), ("Odd", "a"), ("Odd", "b")]).encode()
    check(received(Webhook(URL, body, twilio.signature(URL, body))))


@pytest.mark.parametrize("token", [TOKEN, OLD_TOKEN])
@pytest.mark.parametrize("algorithm", [HMAC_SHA1, HMAC_SHA256])
def test_both_tokens_are_valid_while_one_replaces_the_other(token: str, algorithm: str) -> None:
    body = urlencode(FIELDS).encode()
    request = received(Webhook(URL, body, twilio.signature(URL, body, token, algorithm)))
    check(request)
    refused(request, auth_token="a-third-secret-0123456789")


def test_no_token_at_all_lets_nobody_in() -> None:
    body = urlencode(FIELDS).encode()
    for nothing in ("", " , "):
        unsigned = received(Webhook(URL, body, twilio.signature(URL, body, secret="")))
        refused(unsigned, auth_token=nothing)


@pytest.mark.parametrize(
    "settings",
    ["algorithm=HMAC_MD5", "algorithm=none", "key=x,algorithm=\nforged line", "algorithm=\u0130"],
)
def test_an_unknown_algorithm_is_refused_and_not_written_into_the_log(
    settings: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = refused(replace(sms(), headers={**sms().headers, SETTINGS: settings}))
    assert told == "the signature has an unknown algorithm"
    assert caplog.text == ""


def test_the_algorithm_is_the_one_that_the_header_names() -> None:
    body = urlencode(FIELDS).encode()
    sha256 = twilio.signature(URL, body, algorithm=HMAC_SHA256)
    assert sha256[SETTINGS].endswith("algorithm=HMAC_SHA256")
    refused(received(Webhook(URL, body, {SIGNATURE: sha256[SIGNATURE]})))
    check(replace(sms(), headers={**sms().headers, SETTINGS: "key=x"}))


def test_no_secret_is_in_the_channels_repr() -> None:
    channel = Twilio(CONFIG)
    shown = repr(vars(channel)) + repr(channel) + repr(channel.config)
    assert TOKEN not in shown
    assert OLD_TOKEN not in shown


# --- what the signature does not see: where a name ends and its value begins ---------------------


def resplit(fields: Mapping[str, str]) -> Iterator[list[tuple[str, str]]]:
    """Every way to move the borders within two neighbours that leaves the signed string as it is.

    Names are signed in their order, so a new name must stand where the old one stood.
    """
    names = sorted(fields)
    for at in range(len(names) - 1):
        one, two = names[at], names[at + 1]
        text = one + fields[one] + two + fields[two]
        before, after = names[:at], names[at + 2 :]
        rest = [(name, fields[name]) for name in before + after]
        low, high = (before or [""])[-1], (after or ["\U0010ffff"])[0]
        for end in range(1, len(text) + 1):
            if low < text[:end] < high:
                yield [*rest, (text[:end], text[end:])]
        for cut in range(len(one), len(text)):
            for end in range(cut + 1, len(text) + 1):
                if one < text[cut:end] < high:
                    yield [*rest, (one, text[len(one) : cut]), (text[cut:end], text[end:])]


def test_letters_moved_between_names_and_values_make_no_other_message() -> None:
    right = sms().headers
    taken = 0
    for pairs in resplit(FIELDS):
        request = received(Webhook(URL, urlencode(pairs).encode(), right))
        if RequestValidator(TOKEN).compute_signature(URL, dict(pairs)) != right[SIGNATURE]:
            continue
        check(request)
        taken += 1
        try:
            (found,) = cast(tuple[Inbound], parse(request))
        except Malformed:
            continue
        # Known by its id: it is stored once, and other words under it are refused.
        assert isinstance(found, Inbound)
        assert found.provider_id == SID
    assert taken > 500


@pytest.mark.parametrize("name", ["MessageSid", "From", "To", "Body", "AccountSid"])
def test_a_field_that_swallows_its_neighbour_is_refused(name: str) -> None:
    """`A=bC&D=` and `A=bCD` are signed alike."""
    names = sorted(FIELDS)
    before = names[names.index(name) - 1] if name != "AccountSid" else None
    if before is None:
        url = f"{URL}?id={ID}"
        signed = twilio.webhook(url, FIELDS).headers
        swallowed = f"{url}AccountSid{ACCOUNT}"
        kept = {key: value for key, value in FIELDS.items() if key != name}
        request = received(Webhook(swallowed, urlencode(kept).encode(), signed))
    else:
        merged = {key: value for key, value in FIELDS.items() if key != name}
        merged[before] += name + FIELDS[name]
        request = received(Webhook(URL, urlencode(merged).encode(), sms().headers))
    check(request)
    with pytest.raises(Malformed, match=rf"\b{name if before != 'AccountSid' else before}\b"):
        parse(request)


@pytest.mark.parametrize("name", ["AccountSid", "MessageSid", "From", "To", "Body"])
@pytest.mark.parametrize("value", ["", "+8562099999999", None])
def test_a_field_that_is_there_twice_is_refused(name: str, value: str | None) -> None:
    again = FIELDS[name] if value is None else value
    for pairs in ([*FIELDS.items(), (name, again)], [(name, again), *FIELDS.items()]):
        body = urlencode(pairs).encode()
        request = received(Webhook(URL, body, twilio.signature(URL, body)))
        check(request)
        with pytest.raises(Malformed, match=f"{name} is there more than once"):
            parse(request)


def test_a_hook_of_another_name_has_another_address() -> None:
    refused(replace(sms(), hook="receipt"))
