"""What every channel keeps, whatever its gateway: run over CHANNELS and every captured payload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.channels import CHANNELS, open_channels
from app.channels.base import Hook, hook_url
from app.channels.forms import MAX_SMS_TEXT
from app.errors import ConfigError, Malformed, RefusedRequest, Unauthenticated
from app.settings import ChannelConfig
from app.words import Inbound, Reply
from tests.channels import door
from tests.channels.door import NEW, OLD, Payload

# Within three days of the captures' `ts`.
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
REQUIRED = {
    "ussd": ("sessionId", "phoneNumber", "text"),
    "sms": ("id", "from"),
    "receipt": ("id", "status"),
}
LAO = "ສະບາຍດີ ນ້ຳປະປາບໍ່ໄຫຼ ໑໒໓"
EVERY = door.payloads()
INBOUND = [payload for payload in EVERY if payload.hook != "receipt"]
# One of each kind and hook, in UTF-8, for requests that are changed by hand.
ONE_EACH = list(
    {
        (payload.kind, payload.hook): payload
        for payload in EVERY
        if payload.name not in {"binary", "eight-bit-text", "lao-not-recoded"}
    }.values()
)
ONE_INBOUND = [payload for payload in ONE_EACH if payload.hook != "receipt"]

every = pytest.mark.parametrize("payload", EVERY, ids=str)
inbound = pytest.mark.parametrize("payload", INBOUND, ids=str)
one_each = pytest.mark.parametrize("payload", ONE_EACH, ids=str)
one_inbound = pytest.mark.parametrize("payload", ONE_INBOUND, ids=str)


def parse(payload: Payload) -> Inbound:
    return door.channel(payload.kind).parse(payload.request(), NOW)


def outcome(payload: Payload) -> object:
    """Whatever the hook makes of the request."""
    channel = door.channel(payload.kind)
    if payload.hook == "receipt":
        return channel.parse_receipt(payload.request(), NOW)
    return channel.parse(payload.request(), NOW)


def test_every_hook_of_every_kind_has_a_payload() -> None:
    wanted = {(kind, hook) for kind in CHANNELS for hook in door.channel(kind).hooks}
    assert {(payload.kind, payload.hook) for payload in EVERY} == wanted


@inbound
def test_a_good_request_is_understood(payload: Payload) -> None:
    found = parse(payload)
    assert {key: getattr(found, key) for key in payload.expect} == payload.expect
    assert found.channel == payload.kind
    assert abs(found.received_at - NOW) < timedelta(days=3)


@every
def test_an_unknown_field_changes_nothing(payload: Payload) -> None:
    suffix = "&newField=%E0%BA%AA"
    grown = (
        replace(payload, query=payload.query + suffix)
        if payload.query
        else replace(payload, body=payload.body + suffix)
    )
    assert outcome(grown) == outcome(payload)


@one_each
def test_a_missing_field_is_named_without_any_value(payload: Payload) -> None:
    for name in REQUIRED[payload.hook]:
        with pytest.raises(Malformed, match=rf"\b{name}\b") as refusal:
            outcome(payload.with_fields({}, without=name))
        assert "55512345" not in str(refusal.value)


@one_each
def test_an_identifier_that_is_far_too_long_is_refused(payload: Payload) -> None:
    name = REQUIRED[payload.hook][0]
    with pytest.raises(Malformed, match=f"{name} is longer"):
        outcome(payload.with_fields({name: "x" * 201}))


@one_each
def test_a_blank_identifier_is_a_missing_one(payload: Payload) -> None:
    name = REQUIRED[payload.hook][0]
    with pytest.raises(Malformed, match=f"{name} is missing"):
        outcome(payload.with_fields({name: " \0 "}))


@one_each
@pytest.mark.parametrize("token", [None, "", "not-it", NEW + "x", "ສະບາຍດີ"])
def test_a_missing_or_wrong_token_is_refused(payload: Payload, token: str | None) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        door.channel(payload.kind).authentic(payload.request(token))
    assert not token or token not in str(refusal.value)


@one_each
@pytest.mark.parametrize("token", [NEW, OLD])
def test_both_tokens_are_valid_while_one_replaces_the_other(payload: Payload, token: str) -> None:
    door.channel(payload.kind).authentic(payload.request(token))


@one_each
def test_a_token_in_the_form_is_no_token(payload: Payload) -> None:
    request = payload.request(None)
    form = {**request.form, "token": NEW}
    with pytest.raises(Unauthenticated):
        door.channel(payload.kind).authentic(replace(request, form=form))


def test_the_url_that_is_handed_out_has_the_first_token() -> None:
    url = hook_url(door.config("simulator"), "ussd")
    assert url == f"http://127.0.0.1:8000/channels/simulator/ussd?token={NEW}"


@one_inbound
def test_a_huge_text_is_cut_for_sms_and_refused_for_ussd(payload: Payload) -> None:
    huge = payload.with_fields({"text": "ສ" * 100_000})
    if payload.hook == "ussd":
        with pytest.raises(Malformed, match="text is longer"):
            parse(huge)
    else:
        assert parse(huge).text == "ສ" * MAX_SMS_TEXT


@one_inbound
@pytest.mark.parametrize("text", [LAO, "👩🏽‍🌾 ດີ 😀", "a  b\n1*2#+%"])
def test_text_arrives_byte_for_byte(payload: Payload, text: str) -> None:
    assert parse(payload.with_fields({"text": text})).text.encode() == text.encode()


@one_inbound
def test_what_a_database_cannot_store_is_taken_out(payload: Payload) -> None:
    spoilt = dict.fromkeys(("text", "sessionId", "id", "to", "serviceCode"), "a\0\ud83d\udc7fb")
    request = payload.request()
    hurt = replace(request, query={**request.query, **_known(request.query, spoilt)})
    hurt = replace(hurt, form={**request.form, **_known(request.form, spoilt)})
    found = door.channel(payload.kind).parse(hurt, NOW)
    written = (found.text, found.session, found.provider_id, found.to)
    assert "\0" not in "".join(written)
    assert found.text == "ab"
    assert "".join(written).encode()


def _known(fields: Mapping[str, str], spoilt: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in spoilt.items() if key in fields}


@one_inbound
def test_bytes_that_are_no_utf8_do_no_harm(payload: Payload) -> None:
    source = "query" if payload.query else "body"
    raw = getattr(payload.with_fields({"text": "MARK"}), source).replace("MARK", "%FF%ED%A0%80a")
    found = parse(replace(payload, **{source: raw}))
    assert found.text.endswith("a")
    assert found.text.encode()


@inbound
def test_a_repeat_has_the_same_key_and_another_message_has_not(payload: Payload) -> None:
    key = "id" if payload.hook == "sms" else "text"
    first = parse(payload).provider_id
    assert parse(payload).provider_id == first
    assert parse(payload.with_fields({key: "another"})).provider_id != first


@one_inbound
@pytest.mark.parametrize("sender", ["1616", "LaoTelecom", "020 55 512 345", "+1", "  x  "])
def test_a_sender_that_is_no_phone_number_passes_through(payload: Payload, sender: str) -> None:
    name = REQUIRED[payload.hook][1]
    assert parse(payload.with_fields({name: sender})).sender == sender.strip()


@one_inbound
def test_a_plus_that_became_a_space_comes_back(payload: Payload) -> None:
    name = REQUIRED[payload.hook][1]
    assert parse(payload.with_fields({name: " 8562055512345"})).sender == "+8562055512345"


@one_inbound
def test_what_a_person_sent_is_in_no_repr(payload: Payload) -> None:
    request = payload.request()
    found = parse(payload)
    assert "55512345" not in repr(request) + repr(found)
    assert NEW not in repr(request)


@pytest.mark.parametrize("kind", CHANNELS)
def test_a_hook_that_the_kind_has_not_is_refused(kind: str) -> None:
    channel = door.channel(kind)
    sample = next(payload for payload in EVERY if payload.kind == kind)
    both: tuple[Hook, ...] = ("ussd", "sms")
    for hook in both:
        if hook in channel.hooks:
            continue
        request = replace(sample.request(), hook=hook)
        with pytest.raises(Malformed, match=hook):
            channel.parse(request, NOW)
    if "receipt" not in channel.hooks:
        with pytest.raises(RefusedRequest):
            channel.parse_receipt(sample.request(), NOW)


@pytest.mark.parametrize("kind", CHANNELS)
def test_an_sms_or_receipt_that_was_taken_is_answered_200_with_a_body(kind: str) -> None:
    answer = door.channel(kind).answer(None)
    assert (answer.status, answer.body) == (200, "OK")


@pytest.mark.parametrize("kind", ["africastalking", "simulator"])
def test_ussd_answers_begin_with_con_or_end(kind: str) -> None:
    channel = door.channel(kind)
    stays, ends = channel.answer(Reply(LAO, ends=False)), channel.answer(Reply(LAO, ends=True))
    assert (stays.body, ends.body) == (f"CON {LAO}", f"END {LAO}")
    assert stays.content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize("kind", ["africastalking", "simulator"])
def test_ussd_by_get_is_refused(kind: str) -> None:
    sample = next(one for one in EVERY if one.kind == kind and one.hook == "ussd")
    moved = replace(sample, method="GET", query=sample.body, body="")
    with pytest.raises(Malformed, match="POST"):
        parse(moved)


@pytest.mark.parametrize("kind", CHANNELS)
def test_a_key_that_the_kind_does_not_know_refuses_to_start(kind: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        open_channels({kind: door.config(kind, sendsms_urll="a-secret-value")})
    assert f"config/siang.toml: channels.{kind}.sendsms_urll: no such key" in str(refusal.value)
    assert "a-secret-value" not in str(refusal.value)


def test_a_kind_that_does_not_exist_refuses_to_start() -> None:
    wrong = ChannelConfig("pigeons", "pigeon", "http://127.0.0.1", (NEW,))
    with pytest.raises(ConfigError) as refusal:
        open_channels({"pigeons": wrong})
    message = str(refusal.value)
    assert "channels.pigeons.kind" in message
    assert all(kind in message for kind in CHANNELS)


def test_every_section_is_opened_under_its_own_name() -> None:
    configs = {kind: door.config(kind) for kind in CHANNELS}
    assert {name: one.config.kind for name, one in open_channels(configs).items()} == {
        kind: kind for kind in CHANNELS
    }
