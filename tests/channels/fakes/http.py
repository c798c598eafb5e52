"""An aggregator of our own making, with everything that kind "http" can be told to do."""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.channels.provider import Call, Provider, Response

API_KEY, PASSWORD = "an-api-key-of-the-fake", "a-password-of-the-fake"
STATES: Final[Mapping[str, str]] = {
    "SENT": "sent",
    "DELIVRD": "delivered",
    "UNDELIV": "undelivered",
    "EXPIRED": "expired",
    "REJECTD": "failed",
}


def options(url: str = "http://127.0.0.1:9", **changes: Mapping[str, object]) -> dict[str, Any]:
    """A section's keys, for the aggregator at `url`, with keys of its tables changed."""
    given = _options(url)
    return {**given, **{key: {**given.get(key, {}), **value} for key, value in changes.items()}}


def _options(url: str) -> dict[str, Any]:
    return {
        "sender": "1616",
        "username": "siang",
        "api_key": API_KEY,
        "password": PASSWORD,
        "receive": {"sms": _sms(), "receipt": _receipt(), "ussd": _ussd()},
        "send": {
            "url": f"{url}/messages/{{{{id}}}}",
            "headers": {"X-Api-Key": "{{secret.api_key}}"},
            "body": {
                "to": "{{to_no_plus}}",
                "from": "{{from}}",
                "message": {"text": "{{text}}", "coding": "{{coding}}", "parts": "{{segments}}"},
                "callback": "{{receipt_url}}",
            },
            "success": [{"path": "code", "in": [0]}],
            "refused": [{"path": "code", "in": [11, 12]}],
            "opted_out": [{"path": "code", "in": [13]}],
            "busy": [{"path": "code", "in": [21]}],
            "ref": "data[0].reference",
        },
        "ask": {
            "needs": "id",
            "url": f"{url}/messages/{{{{id}}}}",
            "method": "GET",
            "auth": "basic",
            "absent": [{"status": [404], "path": "code", "in": [31]}],
            "found": [{"path": "code", "in": [0]}],
            "state": "data[0].status",
            "states": STATES,
            "ref": "data[0].reference",
            "detail": "data[0].error",
        },
    }


def _sms() -> dict[str, Any]:
    return {
        "format": "json",
        "id": "message.id",
        "from": "message.from",
        "to": "message.to",
        "text": "message.text",
        "date": "message.sent",
        "date_formats": ["%d/%m/%Y %H:%M:%S"],
        "date_zone": "Asia/Vientiane",
        "part": {"reference": "part.ref", "number": "part.no", "total": "part.of"},
    }


def _receipt() -> dict[str, Any]:
    return {
        "message_id": "id",
        "provider_ref": "reference",
        "status": "status",
        "states": STATES,
        "detail": "error",
        "phone": "to",
        "date": "at",
        "opted_out": [{"path": "error", "in": ["blocked by the subscriber"]}],
    }


def _ussd() -> dict[str, Any]:
    return {
        "methods": ["POST"],
        "session": "session",
        "id": "sequence",
        "from": "msisdn",
        "to": "code",
        "text": "input",
        "begins": [{"path": "type", "in": [1]}],
        "ended": [{"path": "type", "in": [3]}],
        "reason": "reason",
        "screen": {
            "format": "xml",
            "goes_on": "continue",
            "ends": "end",
            "body": "<ussd><type>{{action}}</type><text>{{text}}</text></ussd>",
        },
    }


OPTIONS: Final = options()


@dataclass(frozen=True)
class Taken:
    """A message that the fake has accepted."""

    id: str
    to: str
    text: str
    reference: str


@dataclass
class Aggregator(Provider):
    """What `options` describe. `codes` are those of the next answers, then 0 for ever."""

    codes: deque[int] = field(default_factory=deque)
    answers: deque[Response] = field(default_factory=deque)
    taken: dict[str, Taken] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)

    def respond(self, call: Call) -> Response:
        if self.answers:
            return self.answers.popleft()
        id_ = call.path.removeprefix("/messages/")
        if call.method == "GET":
            return self._look_up(id_, call)
        if call.headers.get("X-Api-Key") != API_KEY:
            return _said(401, {"error": "who are you?"})
        return self._take(id_, json.loads(call.body))

    def _take(self, id_: str, message: Mapping[str, Any]) -> Response:
        code = self.codes.popleft() if self.codes else 0
        if code:
            return _said(200, {"code": code, "error": f"no {message['to']}"})
        reference = f"agg-{len(self.taken) + 1}"
        self.taken[id_] = Taken(id_, message["to"], message["message"]["text"], reference)
        return _said(202, {"code": 0, "data": [{"reference": reference}]})

    def _look_up(self, id_: str, call: Call) -> Response:
        login = base64.b64encode(f"siang:{PASSWORD}".encode()).decode()
        if call.headers.get("Authorization") != f"Basic {login}":
            return _said(401, {"error": "who are you?"})
        message = self.taken.get(id_)
        if message is None:
            return _said(404, {"code": 31, "error": "no such message"})
        status = self.states.get(id_, "SENT")
        about = {"reference": message.reference, "status": status, "error": f"to {message.to}"}
        return _said(200, {"code": 0, "data": [about]})


def _said(status: int, content: object) -> Response:
    return Response(status, json.dumps(content))
