"""What phones with SMS Gateway for Android post: SMS, receipts, signs of life, and their proof."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.channels.android import Android
from app.channels.base import Hook, HookRequest
from app.errors import ConfigError, Malformed, Unauthenticated
from app.settings import ChannelConfig
from app.words import Arrived, Heartbeat, Inbound, Receipt
from tests.channels.fakes.android import DEVICE, KEY, AndroidPhone, sign, signed

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
NUMBER = "+8562055512345"
ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
OTHER_KEY = "another-signing-key-of-the-phone"
LAO = "ສະບາຍດີ 😀"


def channel(**options: object) -> Android:
    config = ChannelConfig(
        name="phones",
        kind="android",
        base_url="https://siang.example",
        tokens=("a-token-0123456789",),
        options={"signing_key": KEY, "devices": []} | options,
    )
    return Android(config)


def request(body: bytes, headers: Mapping[str, str], hook: Hook = "sms") -> HookRequest:
    return HookRequest("POST", hook, query={}, form={}, headers=headers, body=body)


class Posts(list[HookRequest]):
    """Collects what a phone posts, as the door would hand it on."""

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.append(request(body, {name.title(): value for name, value in headers.items()}))


def phone() -> tuple[AndroidPhone, Posts]:
    posts = Posts()
    made = AndroidPhone(post=posts, now=lambda: NOW)
    made.taken[ID] = {"phoneNumbers": [NUMBER], "textMessage": {"text": LAO}}
    return made, posts


def arrives(posts: Posts, now: datetime = NOW) -> tuple[Arrived, ...]:
    """What the newest post brings, once it has proved whose it is."""
    one = channel()
    one.authentic(posts[-1], now)
    return one.parse(posts[-1], now)


def event(name: str, payload: object, **envelope: object) -> HookRequest:
    told = {"id": "e1", "event": name, "deviceId": DEVICE, "payload": payload} | envelope
    return request(json.dumps(told).encode(), {})


def test_a_citizens_sms_arrives_with_a_sign_of_life() -> None:
    android, posts = phone()
    android.receives(NUMBER, LAO, sim=2)
    message, alive = arrives(posts)
    assert isinstance(message, Inbound)
    assert (message.sender, message.text, message.to) == (NUMBER, LAO, "SIM 2")
    assert (message.medium, message.received_at, message.session) == ("sms", NOW, "")
    assert alive == Heartbeat("phones", DEVICE, NOW)


def test_a_repeat_has_the_same_key_and_the_same_words_again_another() -> None:
    android, posts = phone()
    body = android.receives(NUMBER, "1")
    android.repeat(body)
    android.receives(NUMBER, "1")
    keys = [channel().parse(post, NOW)[0] for post in posts]
    first, again, other = (one.provider_id for one in keys if isinstance(one, Inbound))
    assert first == again != other
    hashes = {json.loads(post.body)["payload"]["messageId"] for post in posts}
    assert len(hashes) == 1


def test_a_message_passes_through_its_receipts() -> None:
    android, posts = phone()
    android.sends(ID)
    android.delivers(ID)
    android.fails(ID, f"Delivery result from SC {NUMBER}: 64")
    android.cancels(ID)
    receipts = [channel().parse(post, NOW)[0] for post in posts]
    assert [one.state for one in receipts if isinstance(one, Receipt)] == [
        "sent",
        "delivered",
        "failed",
        "failed",
    ]
    for one in receipts:
        assert isinstance(one, Receipt)
        assert (one.message_id, one.provider_ref, one.phone) == (ID, "", NUMBER)
        assert "55512345" not in one.detail
    assert [one.detail for one in receipts if isinstance(one, Receipt)][2:] == [
        "Delivery result from SC #: 64",
        "cancelled",
    ]


def test_a_receipt_tells_the_moment_of_the_event_not_of_its_tenth_repeat() -> None:
    late = event("sms:delivered", {"messageId": ID, "deliveredAt": "2026-11-21T08:30:00.5+07:00"})
    receipt, alive = channel().parse(late, NOW)
    assert isinstance(receipt, Receipt)
    assert receipt.at == datetime(2026, 11, 21, 1, 30, 0, 500_000, UTC)
    assert alive == Heartbeat("phones", DEVICE, NOW)


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        ("TTL expired", "TTL expired"),
        ("sendSMS: SIM 2 not found", "sendSMS: SIM 2 not found"),
        ("no route to +856 20 555-12345 today", "no route to # today"),
        ("02055512345", "#"),
        ("x" * 500, "x" * 120),
        (f"{'y' * 115} {NUMBER}", f"{'y' * 115} #"),
        ("\0 \ud83d", ""),
    ],
)
def test_a_reason_is_short_and_holds_no_number(reason: str, detail: str) -> None:
    receipt, _ = channel().parse(event("sms:failed", {"messageId": ID, "reason": reason}), NOW)
    assert isinstance(receipt, Receipt)
    assert (receipt.state, receipt.detail) == ("failed", detail)


def test_a_message_of_another_program_on_the_phone_keeps_its_own_id() -> None:
    receipt, _ = channel().parse(event("sms:sent", {"messageId": "zXDYfTmTVf3iMd16zzdBj"}), NOW)
    assert isinstance(receipt, Receipt)
    assert (receipt.message_id, receipt.provider_ref) == ("", "zXDYfTmTVf3iMd16zzdBj")


def test_a_ping_says_how_the_phone_is() -> None:
    android, posts = phone()
    android.pings()
    assert arrives(posts) == (Heartbeat("phones", DEVICE, NOW, "pass"),)
    android.pings(level=18)
    assert arrives(posts) == (Heartbeat("phones", DEVICE, NOW, "warn, battery:level 18"),)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"health": None},
        {"health": {"checks": []}},
        {"health": {"checks": {"a": 1}, "status": None}},
    ],
)
def test_a_ping_without_its_health_is_a_sign_of_life_all_the_same(payload: object) -> None:
    (alive,) = channel().parse(event("system:ping", payload), NOW)
    assert alive == Heartbeat("phones", DEVICE, NOW, "system:ping")


def test_a_phone_without_a_name_brings_its_message_alone() -> None:
    nameless = event("sms:sent", {"messageId": ID}, deviceId=None)
    assert [type(one) for one in channel().parse(nameless, NOW)] == [Receipt]
    assert channel().parse(event("app:started", {}, deviceId=" "), NOW) == ()


@pytest.mark.parametrize(
    "name", ["sms:data-received", "mms:received", "mms:downloaded", "sms:batch", "x", "SMS:SENT"]
)
def test_an_event_that_means_nothing_to_us_is_taken(name: str) -> None:
    assert channel().parse(event(name, {"messageId": ID, "sender": NUMBER}), NOW) == ()
    assert channel().parse(event(name, None), NOW) == ()


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (None, "payload"),
        ([], "payload"),
        ({"message": "1"}, "sender"),
        ({"message": "1", "sender": None, "phoneNumber": " "}, "sender"),
        ({"message": "1", "sender": {"number": NUMBER}}, "sender"),
    ],
)
def test_a_message_from_nobody_is_refused(payload: object, field: str) -> None:
    with pytest.raises(Malformed, match=field) as refusal:
        channel().parse(event("sms:received", payload), NOW)
    assert "55512345" not in str(refusal.value)


@pytest.mark.parametrize("missing", ["id", "event"])
def test_an_event_without_its_identity_is_refused(missing: str) -> None:
    nameless = event("sms:received", {"sender": NUMBER, "message": "1"}, **{missing: ""})
    with pytest.raises(Malformed, match=f"field {missing} is missing"):
        channel().parse(nameless, NOW)


def test_a_message_may_be_empty_but_not_missing() -> None:
    message, _ = channel().parse(event("sms:received", {"sender": NUMBER, "message": ""}), NOW)
    assert isinstance(message, Inbound)
    assert message.text == ""
    for payload in ({"sender": NUMBER}, {"sender": NUMBER, "message": None}):
        with pytest.raises(Malformed, match="message is missing; it may be empty"):
            channel().parse(event("sms:received", payload), NOW)


def test_a_ping_may_come_to_the_event_address_and_so_may_all_the_rest() -> None:
    android, posts = phone()
    android.pings()
    android.receives(NUMBER, LAO)
    for post in posts:
        at_event = replace(post, hook="event")
        assert channel().parse(at_event, NOW) == channel().parse(post, NOW)


def test_the_signature_is_the_one_that_openssl_makes() -> None:
    """printf '%s' "$body$timestamp" | openssl dgst -sha256 -hmac "$key"."""
    body = '{"id":"1","payload":{"message":"ສະບາຍດີ 😀"}}'.encode()
    made = "3356d203454ad5dec1751e45622bb77e0ba9469edba0e5fe6507feeb19a01a72"
    headers = {"X-Timestamp": "1795338000", "X-Signature": made}
    channel().authentic(request(body, headers), NOW)
    assert signed(KEY, body, NOW) == headers
    assert sign(channel().config, "POST", "", body, "", NOW) == headers


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_header_names_may_be_in_any_case(change: type[str]) -> None:
    headers = {change(name): value for name, value in signed(KEY, b"{}", NOW).items()}
    channel().authentic(request(b"{}", headers), NOW)


@pytest.mark.parametrize("seconds", [-300, -1, 0, 299, 300])
def test_a_phones_clock_may_be_five_minutes_off(seconds: int) -> None:
    headers = signed(KEY, b"{}", NOW + timedelta(seconds=seconds))
    channel().authentic(request(b"{}", headers), NOW)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400, -(10**8)])
def test_a_signature_of_another_time_is_refused(seconds: int) -> None:
    headers = signed(KEY, b"{}", NOW + timedelta(seconds=seconds))
    with pytest.raises(Unauthenticated, match="clock"):
        channel().authentic(request(b"{}", headers), NOW)


@pytest.mark.parametrize("stamp", ["", "soon", "1795338000.5", "-1795338000", "9" * 40, "໑໗໙", "٣"])
def test_a_timestamp_that_is_no_number_of_seconds_is_refused(stamp: str) -> None:
    made = hmac.new(KEY.encode(), b"{}" + stamp.encode(), hashlib.sha256).hexdigest()
    with pytest.raises(Unauthenticated):
        channel().authentic(request(b"{}", {"X-Timestamp": stamp, "X-Signature": made}), NOW)


def test_every_key_of_a_rotation_is_valid_and_no_other() -> None:
    both = channel(signing_key=f"{OTHER_KEY}, {KEY}")
    for key in (OTHER_KEY, KEY):
        both.authentic(request(b"{}", signed(key, b"{}", NOW)), NOW)
    with pytest.raises(Unauthenticated, match="SIANG_CHANNEL_PHONES_SIGNING_KEY") as refusal:
        channel().authentic(request(b"{}", signed(OTHER_KEY, b"{}", NOW)), NOW)
    assert KEY not in str(refusal.value)


def test_a_changed_body_or_timestamp_is_noticed() -> None:
    headers = signed(KEY, b"{}", NOW)
    later = headers | {"X-Timestamp": str(int(headers["X-Timestamp"]) + 1)}
    for body, given in (
        (b"{ }", headers),
        (b"{}", later),
        (b"{}", {}),
        (b"{}", {"X-Signature": "ສ"}),
    ):
        with pytest.raises(Unauthenticated, match="signature"):
            channel().authentic(request(body, given), NOW)


@pytest.mark.parametrize("key", ["", " ", ",", " , "])
def test_without_a_key_nothing_is_believed_and_the_variable_is_named(key: str) -> None:
    """Not even a signature under the empty key."""
    with pytest.raises(Unauthenticated, match="set SIANG_CHANNEL_PHONES_SIGNING_KEY"):
        channel(signing_key=key).authentic(request(b"{}", signed(key, b"{}", NOW)), NOW)


@pytest.mark.parametrize("key", ["short", f"{KEY},a1b2c3d4"])
def test_a_key_that_can_be_guessed_refuses_to_start(key: str) -> None:
    with pytest.raises(ConfigError, match=r"channels\.phones\.signing_key: a key needs 16") as told:
        channel(signing_key=key)
    assert key not in str(told.value)


def test_neither_key_nor_password_is_shown() -> None:
    shown = channel(
        password="an-android-password",
        devices=[{"name": "one", "url": "http://127.0.0.1:9", "username": "sms"}],
    )
    told = f"{shown!r} {vars(shown)} {vars(vars(shown)['_phones'])}"
    assert KEY not in told
    assert "an-android-password" not in told
