"""What Twilio's webhooks bring, beyond what every channel keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from twilio.rest.api.v2010.account.message import MessageInstance

from app.channels.base import hook_path
from app.channels.twilio import Twilio
from app.errors import ConfigError, Malformed
from app.settings import ROOT
from app.words import Arrived, Inbound, OptOut, Receipt
from tests.channels.fakes import twilio
from tests.channels.fakes.twilio import FakeTwilio, Webhook, received

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PHONE = "+8562055512345"
ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
PAYLOADS = sorted((ROOT / "tests" / "payloads" / "twilio").glob("*.json"))
SMS, RECEIPTS = (hook_path(twilio.section(), hook) for hook in ("sms", "receipt"))
CODES = ("21211", "30001", "30003", "30008", "30999", "63018")


def arrives(webhook: Webhook) -> tuple[Arrived, ...]:
    """Proved and understood."""
    channel, request = Twilio(twilio.section()), received(webhook)
    channel.authentic(request, NOW)
    return channel.parse(request, NOW)


def payload(name: str) -> dict[str, str]:
    content = json.loads((PAYLOADS[0].parent / f"{name}.json").read_text(encoding="utf-8"))
    return dict(parse_qsl(content["body"], keep_blank_values=True))


def sms(name: str = "gsm7", **changes: str) -> tuple[Arrived, ...]:
    return arrives(twilio.webhook(SMS, payload(name) | changes))


def receipt(query: str = f"id={ID}", **changes: str) -> tuple[Arrived, ...]:
    url = f"{RECEIPTS}?{query}" if query else RECEIPTS
    return arrives(twilio.webhook(url, payload("receipt-delivered") | changes))


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_every_payload_is_proved_and_understood(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    url = hook_path(twilio.section(), content["hook"])
    url += f"?{content['query']}" if content["query"] else ""
    body = content["body"].encode()
    found = arrives(Webhook(url, body, twilio.signature(url, body)))
    assert len(found) == len(content["expect"])
    for one, expected in zip(found, content["expect"], strict=True):
        assert expected.pop("is") == type(one).__name__
        assert {name: getattr(one, name) for name in expected} == expected


def test_a_picture_brings_its_caption_or_nothing() -> None:
    (found,) = sms("picture-without-text", Body="ນ້ຳບໍ່ໄຫຼ")
    assert isinstance(found, Inbound)
    assert found.text == "ນ້ຳບໍ່ໄຫຼ"


def test_the_old_name_of_the_id_is_good_where_the_new_one_is_missing() -> None:
    fields = payload("gsm7")
    sid = fields.pop("MessageSid")
    (found,) = arrives(twilio.webhook(SMS, fields))
    assert isinstance(found, Inbound)
    assert found.provider_id == sid


def test_neither_name_of_the_id_is_a_missing_one() -> None:
    fields = payload("lao")
    del fields["MessageSid"]
    with pytest.raises(Malformed, match="MessageSid is missing"):
        arrives(twilio.webhook(SMS, fields))


@pytest.mark.parametrize(
    "sid",
    [" ", "\0", "SM" + "0" * 31, "SM" + "0" * 33, "AC" + "0" * 32, "SM 1", "SM-1", "ສ", "x" * 201],
)
def test_an_id_that_twilio_never_gave_is_refused(sid: str) -> None:
    for bring in (sms, receipt):
        with pytest.raises(Malformed, match="MessageSid"):
            bring(MessageSid=sid)


def test_another_account_is_a_mistake_of_ours_that_is_told_without_its_name() -> None:
    other = "AC" + "f" * 32
    for bring in (sms, receipt):
        with pytest.raises(Malformed, match="account_sid of this channel") as refusal:
            bring(AccountSid=other)
        assert other not in str(refusal.value)


def test_a_webhook_by_get_is_refused() -> None:
    request = received(twilio.webhook(SMS, payload("gsm7")))
    moved = replace(request, method="GET", query=request.form, form={}, body=b"")
    with pytest.raises(Malformed, match="POST"):
        Twilio(twilio.section()).parse(moved, NOW)


@pytest.mark.parametrize(("word", "stopped"), [("STOP", True), ("START", False)])
def test_what_advanced_opt_out_says_counts_whatever_the_words_were(
    word: str, stopped: bool
) -> None:
    told = sms(OptOutType=word, Body="ເຊົາ")
    sid = payload("gsm7")["MessageSid"]
    assert told == (OptOut("twilio", PHONE, NOW, stopped, provider_id=sid),)


def test_help_was_answered_by_twilio() -> None:
    assert sms(OptOutType="HELP") == ()


@pytest.mark.parametrize("odd", ["", "PAUSE", "stop"])
def test_an_opt_out_type_that_we_do_not_know_is_a_message(odd: str) -> None:
    (found,) = sms(OptOutType=odd)
    assert isinstance(found, Inbound)


def test_stop_without_advanced_opt_out_is_a_message_like_any_other() -> None:
    (found,) = sms(Body="STOP")
    assert isinstance(found, Inbound)


def statuses() -> Mapping[str, str]:
    """Every status that the SDK knows."""
    known = vars(MessageInstance.Status).items()
    return {name: value for name, value in known if name.isupper()}


STATES = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "partially_delivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}


@pytest.mark.parametrize("status", [*statuses().values(), "huh", "Delivered", "x" * 200])
def test_every_status_of_the_sdk_moves_the_message_or_nothing(status: str) -> None:
    found = receipt(MessageStatus=status)
    assert [one.state for one in found if isinstance(one, Receipt)] == [
        state for known, state in STATES.items() if known == status
    ]
    assert set(STATES) <= set(statuses().values())


@pytest.mark.parametrize("code", CODES)
def test_an_error_code_is_told_with_a_word_where_we_have_one(code: str) -> None:
    (found,) = receipt(MessageStatus="undelivered", ErrorCode=code)
    assert isinstance(found, Receipt)
    assert found.detail.startswith(f"ErrorCode {code}")
    assert not found.opted_out


@pytest.mark.parametrize("code", ["", " ", "-1", "²", "1" * 5000, "+8562055512345", "x"])
def test_an_error_code_that_is_none_is_not_repeated(code: str) -> None:
    (found,) = receipt(MessageStatus="failed", ErrorCode=code)
    assert isinstance(found, Receipt)
    assert (found.state, found.detail) == ("failed", "")


@pytest.mark.parametrize("query", ["", "id=", "id=../../x", "token=x", "id=%00", "ID=" + ID])
def test_a_receipt_without_our_id_is_known_by_twilios(query: str) -> None:
    (found,) = receipt(query)
    assert isinstance(found, Receipt)
    assert found.message_id == ""
    assert found.provider_ref == "SM0b6e2697aae04182a9f5b5c7a8994c7f"


def test_a_callback_that_comes_twice_says_the_same_twice() -> None:
    assert receipt() == receipt()


@pytest.mark.parametrize("name", ["MessageStatus", "ErrorCode", "MessageSid", "AccountSid", "To"])
def test_a_field_of_a_receipt_that_is_there_twice_is_refused(name: str) -> None:
    webhook = twilio.webhook(f"{RECEIPTS}?id={ID}", payload("receipt-undelivered"))
    body = webhook.body + f"&{name}=delivered".encode()
    with pytest.raises(Malformed, match=f"{name} is there more than once"):
        arrives(Webhook(webhook.url, body, twilio.signature(webhook.url, body)))


def test_an_sms_is_answered_with_an_empty_twiml_document() -> None:
    answer = Twilio(twilio.section()).answer("sms")
    assert (answer.status, answer.content_type) == (200, "text/xml; charset=utf-8")
    document = ElementTree.fromstring(answer.body)
    assert (document.tag, len(document), document.text) == ("Response", 0, None)


def test_a_receipt_is_answered_with_plain_text() -> None:
    answer = Twilio(twilio.section()).answer("receipt")
    assert (answer.status, answer.body) == (200, "OK")
    assert answer.content_type.startswith("text/plain")


def test_the_fakes_own_webhooks_are_proved_and_understood() -> None:
    (found,) = arrives(FakeTwilio().incoming(SMS, "ສະບາຍດີ", PHONE))
    assert isinstance(found, Inbound)
    assert (found.text, found.sender, found.to) == ("ສະບາຍດີ", PHONE, twilio.NUMBER)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"account_sid": "AC123"}, "channels.twilio.account_sid"),
        ({"account_sid": ""}, "channels.twilio.account_sid"),
        ({"sender": ""}, "sender and messaging_service_sid are both set or both missing"),
        ({"messaging_service_sid": "MG" + "0" * 32}, "both set or both missing"),
        ({"messaging_service_sid": "AC" + "0" * 32}, "channels.twilio.messaging_service_sid"),
        ({"sender": "a name that is too long"}, "channels.twilio.sender"),
        ({"numbers": "1616;1617"}, "channels.twilio.numbers"),
        ({"api_url": "api.twilio.com"}, "channels.twilio.api_url"),
        ({"api_key": "SK1"}, "channels.twilio.api_key: no such key"),
    ],
)
def test_a_wrong_option_refuses_to_start(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refusal:
        Twilio(twilio.section(**options))
    assert "a-secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "lists"),
    [
        ({}, True),
        ({"sender": "1616"}, True),
        ({"sender": "Siang"}, False),
        ({"sender": "Siang", "numbers": "1616, +12028831111"}, True),
        ({"sender": "", "messaging_service_sid": "MG" + "0" * 32}, False),
    ],
)
def test_missed_messages_are_asked_for_where_a_number_is_known(
    options: dict[str, object], lists: bool
) -> None:
    channel = Twilio(twilio.section(**options))
    assert ("missed" in channel.abilities) == lists
    assert {"send", "receipts", "fate"} <= channel.abilities
