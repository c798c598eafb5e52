"""SMS Gateway for Android (capcom6): phones with SIM cards carry SMS in and out, with receipts.

Facts are from the source of the app 1.68 and from its documentation. Each event is one POST of
JSON, which the phone signs. What is not answered 2xx comes again with the same `id`, at growing
intervals for two days. Events name themselves, so one address serves them all.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from app.channels.android_phones import Device, Phones, blotted, parts
from app.channels.base import Ability, Channel, Hook, HookRequest
from app.channels.forms import (
    MAX_ID,
    MAX_SMS_TEXT,
    clean,
    expect_hook,
    given,
    json_fields,
    json_object,
    required,
    sender,
    sent_at,
    written,
)
from app.channels.options import Options, read_options
from app.errors import Unauthenticated
from app.settings import ChannelConfig, channel_variable
from app.words import (
    Arrived,
    Asked,
    Fate,
    Heartbeat,
    Inbound,
    Outgoing,
    Receipt,
    ReceiptState,
    Sent,
)

RECEIVED: Final = "sms:received"
RECEIPTS: Final[Mapping[str, tuple[ReceiptState, str]]] = {
    "sms:sent": ("sent", "sentAt"),
    "sms:delivered": ("delivered", "deliveredAt"),
    "sms:failed": ("failed", "failedAt"),
    "sms:cancelled": ("failed", "cancelledAt"),
}
"""What an event says of a message, and the field that holds when."""

ALIVE: Final = frozenset({"system:ping", "app:started"})
CLOCKS_APART: Final = timedelta(minutes=5)
SHORTEST_KEY: Final = 16


class AndroidOptions(Options):
    """The keys of a section of kind "android"."""

    # An empty list makes a channel that only receives.
    devices: list[Device]
    # Both empty until the operator sets them; webhooks and messages say so.
    signing_key: SecretStr = SecretStr("")
    password: SecretStr = SecretStr("")
    # What a phone could not send until then fails, instead of arriving when it is no news.
    ttl_seconds: Annotated[int, Field(ge=60, le=30 * 86_400)] = 86_400

    @field_validator("signing_key")
    @classmethod
    def _long_enough(cls, given: SecretStr) -> SecretStr:
        """The app's own has eight characters: few enough to be tried out on one request."""
        if any(len(key) < SHORTEST_KEY for key in parts(given)):
            words = "a key needs {least} characters: set a longer one in the app"
            raise PydanticCustomError("key_too_short", words, {"least": SHORTEST_KEY})
        return given

    @field_validator("devices")
    @classmethod
    def _told_apart(cls, given: list[Device]) -> list[Device]:
        if len({device.name for device in given}) < len(given):
            raise PydanticCustomError("same_name", "two devices have the same name")
        return given


class Android(Channel):
    """Kind "android"."""

    hooks: frozenset[Hook] = frozenset({"sms", "receipt", "event"})
    abilities: frozenset[Ability] = frozenset({"send", "receipts", "fate"})
    signs_body = True

    def __init__(self, config: ChannelConfig) -> None:
        super().__init__(config)
        options = read_options(config, AndroidOptions)
        self._signing_key = options.signing_key
        self._phones = Phones(config, options.devices, options.password, options.ttl_seconds)

    def authentic(self, request: HookRequest, now: datetime) -> None:
        """X-Signature is hex HMAC-SHA256 over the body and X-Timestamp, in seconds of Unix time."""
        variable = channel_variable(self.config.name, "signing_key")
        keys = parts(self._signing_key)
        if not keys:
            raise Unauthenticated(f"no signing key is known: set {variable} to that of the app")
        headers = {name.lower(): value for name, value in request.headers.items()}
        stamp = headers.get("x-timestamp", "").strip()
        given = headers.get("x-signature", "").strip().lower().encode(errors="replace")
        signed = request.body + stamp.encode(errors="replace")
        matches = [hmac.compare_digest(given, _signature(key, signed)) for key in keys]
        if not any(matches):
            raise Unauthenticated(f"the signature is missing, or was not made with {variable}")
        if not _recent(stamp, now):
            raise Unauthenticated("the phone's clock is wrong: let it take the network's time")

    def parse(self, request: HookRequest, now: datetime) -> tuple[Arrived, ...]:
        expect_hook(self.config, self.hooks, request)
        body = json_object(request)
        envelope = written(body)
        event = required(envelope, "event").strip()
        if event in ALIVE:
            return self._alive(envelope, now, _health(body.get("payload")) or event)
        if event == RECEIVED:
            return self._message(envelope, _payload(body), now), *self._alive(envelope, now)
        if event in RECEIPTS:
            return self._receipt(event, _payload(body), now), *self._alive(envelope, now)
        # MMS, data messages, events of later versions.
        return ()

    def _message(
        self, envelope: Mapping[str, str], payload: Mapping[str, str], now: datetime
    ) -> Inbound:
        """`payload.messageId` is a short hash, which two messages may share: `id` is the key.

        `sender` was called `phoneNumber` before app 1.54. `recipient` is missing where Android
        does not know the SIM's own number.
        """
        named = payload.get("sender", "")
        by = named if named.strip() else payload.get("phoneNumber", "")
        return Inbound(
            channel=self.config.name,
            medium="sms",
            sender=sender({"payload.sender": by}, "payload.sender"),
            text=clean(given(payload, "message"))[:MAX_SMS_TEXT],
            provider_id=required(envelope, "id"),
            received_at=sent_at(payload, "receivedAt", now),
            to=_short(payload, "recipient") or _sim(payload),
        )

    def _receipt(self, event: str, payload: Mapping[str, str], now: datetime) -> Receipt:
        """A long message has one `sms:delivered` for each part."""
        state, moment = RECEIPTS[event]
        name = "payload.messageId"
        message = required({name: payload.get("messageId", "")}, name).strip()
        ours = _uuid(message)
        return Receipt(
            channel=self.config.name,
            state=state,
            at=sent_at(payload, moment, now),
            message_id=ours,
            provider_ref="" if ours else message,
            phone=_short(payload, "recipient") or _short(payload, "phoneNumber"),
            detail="cancelled" if event == "sms:cancelled" else blotted(payload.get("reason", "")),
        )

    def _alive(
        self, envelope: Mapping[str, str], now: datetime, detail: str = ""
    ) -> tuple[Heartbeat, ...]:
        """Whatever comes from a phone says that it lives now, however old the event is."""
        device = _short(envelope, "deviceId")
        return (Heartbeat(self.config.name, device, now, detail),) if device else ()

    def send(self, outgoing: Outgoing) -> Sent:
        return self._phones.send(outgoing)

    def fate(self, asked: Asked) -> Fate:
        return self._phones.fate(asked.outgoing)


def _signature(key: str, signed: bytes) -> bytes:
    return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest().encode()


def _recent(stamp: str, now: datetime) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return False
    return abs(now.timestamp() - int(stamp)) <= CLOCKS_APART.total_seconds()


def _payload(body: Mapping[str, object]) -> dict[str, str]:
    return written(json_fields(body.get("payload"), "payload"))


def _short(fields: Mapping[str, str], name: str) -> str:
    return clean(fields.get(name, "")).strip()[:MAX_ID]


def _sim(payload: Mapping[str, str]) -> str:
    number = _short(payload, "simNumber")
    return f"SIM {number}"[:MAX_ID] if number else ""


def _uuid(text: str) -> str:
    """Our own id; "" for a message that somebody else gave the phone."""
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def _health(payload: object) -> str:
    """A ping's health as "warn, battery:level 18": the whole, and each check that is not well."""
    health = payload.get("health") if isinstance(payload, dict) else None
    if not isinstance(health, dict):
        return ""
    checks = health.get("checks")
    found = checks.items() if isinstance(checks, dict) else ()
    read = {name: written(check) for name, check in found if isinstance(check, dict)}
    ill = [
        f"{name} {check.get('observedValue', '')}"
        for name, check in read.items()
        if check.get("status") != "pass"
    ]
    return blotted(", ".join([written(health).get("status", ""), *ill]))
