"""Africa's Talking's messaging API and its callbacks, in its own formats.

Answers are those of developers.africastalking.com/docs/sms; refusals of a whole request are plain
text, as its server sends them.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from app.channels.base import Hook
from tests.channels.provider import Call, Provider, Response

PATH: Final = "/version1/messaging"
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
STATUSES: Final[Mapping[int, str]] = {
    100: "Success",
    101: "Success",
    102: "Success",
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    405: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    409: "DoNotDisturbRejection",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}

Post = Callable[[Hook, bytes, Mapping[str, str]], None]
"""Sends a callback's body and headers to one of our hooks."""


@dataclass(frozen=True)
class Taken:
    """A message that the fake has accepted."""

    id: str
    to: str
    text: str
    sender: str


@dataclass
class FakeAfricasTalking(Provider):
    """An account. `codes` are the statusCodes of the next recipients, then 101 for ever.

    `answers`, one for each call in turn, are given instead of its own. With `early` the delivery
    report of a message is posted before the answer to it; `copies` is how often.
    """

    username: str = "siang"
    api_key: str = "atsk_a-key-of-the-fake"
    content_type: str = "application/json"
    codes: deque[int] = field(default_factory=deque)
    answers: deque[Response] = field(default_factory=deque)
    taken: list[Taken] = field(default_factory=list)
    inbox: list[dict[str, object]] = field(default_factory=list)
    page: int = 100
    post: Post | None = None
    early: bool = False
    copies: int = 1

    def respond(self, call: Call) -> Response:
        if self.answers:
            return self.answers.popleft()
        if call.path != PATH:
            return _refusal(404, "The requested resource could not be found.")
        if _header(call, "apiKey") != self.api_key:
            return _refusal(401, "The supplied authentication is invalid")
        fields = call.form if call.method == "POST" else call.query
        for name in ("username", *(("to", "message") if call.method == "POST" else ())):
            if name not in fields:
                return _refusal(400, f"Request is missing required form field '{name}'")
        if fields["username"] != self.username:
            return _refusal(401, "The supplied authentication is invalid")
        return self._send(fields) if call.method == "POST" else self._list(fields)

    def _send(self, fields: Mapping[str, str]) -> Response:
        recipients = [self._recipient(number, fields) for number in fields["to"].split(",")]
        good = sum(one["status"] == "Success" for one in recipients)
        words = f"Sent to {good}/{len(recipients)} Total Cost: KES {0.8 * good:.4f}"
        return self.envelope({"Message": words, "Recipients": recipients}, 201)

    def _recipient(self, number: str, fields: Mapping[str, str]) -> dict[str, object]:
        code = self.codes.popleft() if self.codes else 101
        reference, cost = "None", "0"
        if code < 200:
            reference, cost = f"ATXid_{len(self.taken) + 1:032x}", "KES 0.8000"
            message = Taken(reference, number, fields["message"], fields.get("from", ""))
            self.taken.append(message)
            if self.post and self.early:
                for _ in range(self.copies):
                    self.post("receipt", self.report(message), FORM)
        return {
            "statusCode": code,
            "number": number,
            "status": STATUSES.get(code, "Surprise"),
            "cost": cost,
            "messageId": reference,
        }

    def _list(self, fields: Mapping[str, str]) -> Response:
        last = int(fields.get("lastReceivedId", "0"))
        later = [one for one in self.inbox if int(str(one["id"])) > last]
        return self.envelope({"Messages": later[: self.page]}, 200)

    def envelope(self, inner: Mapping[str, object], status: int = 201) -> Response:
        """A response of the messaging API; the inbox and the sending share its envelope."""
        return Response(status, json.dumps({"SMSMessageData": inner}), self.content_type)

    # --- callbacks --------------------------------------------------------------------------

    def report(self, message: Taken, status: str = "Success", reason: str = "") -> bytes:
        """A delivery report's body."""
        fields = {
            "id": message.id,
            "status": status,
            "phoneNumber": message.to,
            "networkCode": "99999",
            "retryCount": "0",
        }
        return urlencode(fields | ({"failureReason": reason} if reason else {})).encode()

    def receive(self, sender: str, text: str, at: datetime, to: str = "1616") -> bytes:
        """A citizen's SMS: it is in the inbox from now on; the body of its callback."""
        number = 15_071 + len(self.inbox)
        link = f"0309044507580424{number:04}"
        shared = {"linkId": link, "text": text, "to": to, "from": sender}
        moment = at.astimezone(UTC).replace(tzinfo=None)
        date = f"{moment.isoformat(timespec='milliseconds')}Z"
        self.inbox.append(shared | {"id": number, "date": date})
        # Not the inbox's number.
        name = str(UUID(int=number << 64))
        fields = shared | {"id": name, "date": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
        return urlencode(fields | {"networkCode": "99999"}).encode()

    def stop(self, phone: str) -> bytes:
        """The body of an opt-out callback."""
        return urlencode({"senderId": "SIANG", "phoneNumber": phone}).encode()

    def hang_up(self, session: str, phone: str, status: str = "Incomplete") -> bytes:
        """The body of an end-of-session notification."""
        fields = {
            "date": "2026-11-22 09:00:00",
            "sessionId": session,
            "serviceCode": "*1616#",
            "networkCode": "99999",
            "phoneNumber": phone,
            "status": status,
            "cost": "KES 0.10",
            "durationInMillis": "41230",
            "hopsCount": "3",
            "input": "1*2",
            "lastAppResponse": "CON 1",
        }
        return urlencode(fields).encode()


def _header(call: Call, name: str) -> str:
    return next((value for key, value in call.headers.items() if key.lower() == name.lower()), "")


def _refusal(status: int, words: str) -> Response:
    return Response(status, words, "text/plain; charset=UTF-8")
