"""A phone with SMS Gateway for Android: its API, and the signed events it posts.

What it answers and posts is that of the app 1.68 (MessagesRoutes, WebHooksService, its StatusPages)
and, for `busy` and `prefix`, of its server.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app import clock
from app.settings import ChannelConfig
from tests.channels.provider import Call, Provider, Response

KEY = "a-signing-secret-0123456789"
PASSWORD = "an-android-password"
DEVICE = "ffffffffceb0b1db0000018e937c815b"

Post = Callable[[str, bytes, Mapping[str, str]], None]
"""Sends one webhook: URL, body, headers."""

_numbers = itertools.count(1)


def sign(
    config: ChannelConfig, method: str, url: str, body: bytes, content_type: str, now: datetime
) -> dict[str, str]:
    """The headers of the app's PayloadSingingPlugin, with the newest key of the section."""
    return signed(str(config.options["signing_key"]).split(",")[0], body, now)


def signed(key: str, body: bytes, now: datetime) -> dict[str, str]:
    stamp = str(int(now.timestamp()))
    made = hmac.new(key.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
    return {"X-Timestamp": stamp, "X-Signature": made}


def nowhere(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """For a phone without webhooks."""


@dataclass
class AndroidPhone(Provider):
    """One phone, or with `prefix` a server's account that has it.

    `taken` holds what it was given, by id. `post` gets every event; with `early` the receipts come
    before the answer to the request that caused them.
    """

    hook: str = ""
    post: Post = nowhere
    key: str = KEY
    device: str = DEVICE
    username: str = "sms"
    password: str = PASSWORD
    prefix: str = ""
    early: bool = False
    full: bool = False
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    now: Callable[[], datetime] = clock.now

    @property
    def api(self) -> str:
        return self.url + self.prefix

    def respond(self, call: Call) -> Response:
        login = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        if call.headers.get("Authorization") != f"Basic {login}":
            return Response(401)
        at = call.path.removeprefix(self.prefix).strip("/").split("/")
        if not call.path.startswith(self.prefix) or at[0] not in ("message", "messages"):
            return Response(404)
        if call.method == "POST" and len(at) == 1:
            return self._enqueue(json.loads(call.body))
        if call.method == "GET" and len(at) == 2:
            return self._state(at[1])
        return Response(405)

    def _enqueue(self, request: dict[str, Any]) -> Response:
        refusal = self._refusal(request)
        if refusal:
            return Response(400, _json({"message": refusal}))
        if self.full:
            told = {"error": "QueueLimitExceeded", "message": "queue limits exceeded: too many"}
            return Response(503, _json(told))
        message = request.get("id") or f"nano{next(_numbers):017}"
        if message in self.taken:
            told = {"message": "Message with the same ID already exists"}
            return Response(409, _json(told))
        self.taken[message] = request
        self.states[message] = ("Pending", "")
        answer = Response(202, _json(self._described(message)))
        if self.early:
            self.sends(message)
            self.delivers(message)
        return answer

    def _refusal(self, request: dict[str, Any]) -> str:
        kinds = [name for name in ("message", "textMessage", "dataMessage") if request.get(name)]
        if len(kinds) != 1:
            return "Must specify exactly one of: textMessage, dataMessage, or message"
        if kinds == ["textMessage"] and not request["textMessage"]["text"]:
            return "Text message is empty"
        if not request["phoneNumbers"]:
            return "Empty phone numbers list"
        if request.get("deviceId", self.device) != self.device:
            return (
                "failed to select device: record not found" if self.prefix else "Invalid device ID"
            )
        return ""

    def _state(self, message: str) -> Response:
        if message not in self.taken:
            return Response(404)
        return Response(200, _json(self._described(message)))

    def _described(self, message: str) -> dict[str, object]:
        request = self.taken[message]
        state, error = self.states[message]
        recipient = {"phoneNumber": request["phoneNumbers"][0], "state": state}
        return {
            "id": message,
            "deviceId": self.device,
            "state": state,
            "isHashed": False,
            "isEncrypted": False,
            "textMessage": request["textMessage"],
            "recipients": [recipient | ({"error": error} if error else {})],
            "states": {"Pending": self._written()},
        }

    def _written(self) -> str:
        return self.now().isoformat(timespec="milliseconds")

    def receives(self, sender: str, text: str, sim: int = 1) -> bytes:
        """A citizen's SMS comes in."""
        content = {"messageId": hashlib.sha256(f"{sender}{text}".encode()).hexdigest()[:8]}
        content |= {"message": text, "sender": sender, "phoneNumber": sender}
        return self.tell(
            "sms:received", content | {"simNumber": sim, "receivedAt": self._written()}
        )

    def sends(self, message: str) -> bytes:
        return self._settles(message, "Sent", "sms:sent", {"partsCount": 1})

    def delivers(self, message: str) -> bytes:
        return self._settles(message, "Delivered", "sms:delivered", {})

    def fails(self, message: str, reason: str) -> bytes:
        return self._settles(message, "Failed", "sms:failed", {"reason": reason}, reason)

    def cancels(self, message: str) -> bytes:
        return self._settles(message, "Cancelled", "sms:cancelled", {})

    def pings(self, level: int = 94) -> bytes:
        status = "warn" if level < 25 else "pass"
        battery = {"description": "", "observedUnit": "percent", "observedValue": level}
        checks = {"battery:level": battery | {"status": status}}
        health = {"checks": checks, "status": status, "releaseId": 1, "version": "1.68.0"}
        return self.tell("system:ping", {"health": health})

    def _settles(
        self, message: str, state: str, event: str, more: dict[str, Any], error: str = ""
    ) -> bytes:
        self.states[message] = (state, error)
        to = self.taken[message]["phoneNumbers"][0]
        moment = {event.removeprefix("sms:") + "At": self._written()}
        named = {"messageId": message, "recipient": to, "phoneNumber": to, "simNumber": 1}
        return self.tell(event, named | moment | more)

    def tell(self, event: str, payload: Mapping[str, object]) -> bytes:
        """Post an event; the body, for those who want it again."""
        told = {"id": f"event{next(_numbers):016}", "webhookId": "hook", "event": event}
        body = _json(told | {"deviceId": self.device, "payload": payload}).encode()
        self.repeat(body)
        return body

    def repeat(self, body: bytes) -> None:
        """Post a body, signed anew: what the phone does when it got no 2xx."""
        headers = {"Content-Type": "application/json", **signed(self.key, body, self.now())}
        self.post(self.hook, body, headers)


def _json(value: object) -> str:
    """Compact, and with Gson's escapes for what may stand in HTML."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.translate({ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&='"})
