"""Kannel's sendsms as smsbox answers it (gw/smsbox.c), and the posts Kannel makes in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, quote_from_bytes, urlencode

from tests.channels.provider import Call, Provider, Response

PATH: Final = "/cgi-bin/sendsms"
CHARSETS: Final = frozenset({"UTF-8", "UTF-16BE", "ISO-8859-1"})


@dataclass
class FakeKannel(Provider):
    """`taken` holds the fields of the messages it accepted.

    `answers` are given in turn instead of its own; whoever gets one is not in `taken`.
    """

    username: str = "siang"
    password: str = "a-kannel-password"
    answers: deque[tuple[int, str]] = field(default_factory=deque)
    taken: list[Mapping[str, str]] = field(default_factory=list)

    @property
    def sendsms_url(self) -> str:
        return self.url + PATH

    def respond(self, call: Call) -> Response:
        status, body = self.answers.popleft() if self.answers else self._answer(call)
        return Response(status, body, "text/html")

    def _answer(self, call: Call) -> tuple[int, str]:
        fields = call.query
        if call.path != PATH:
            return 404, "Unknown request."
        if (fields.get("username"), fields.get("password")) != (self.username, self.password):
            return 403, "Authorization failed for sendsms"
        if not fields.get("to"):
            return 400, "Missing receiver number, rejected"
        if fields.get("charset", "UTF-8") not in CHARSETS:
            return 400, "Charset or body misformed, rejected"
        self.taken.append(fields)
        return 202, "0: Accepted for delivery"


def report(message: Mapping[str, str], status: int, detail: str = "") -> str:
    """The URL of a receipt for a message it took: dlr-url with its escapes filled in.

    Each is to be got with GET; several, in any order, and the same one twice are all Kannel's way.
    """
    return message["dlr-url"].replace("%d", str(status)).replace("%A", quote(detail, safe=""))


def sms(message_id: str, sender: str, text: str, **others: str) -> str:
    """The query of an SMS that arrived, with `mo-recode = true`."""
    fields = {"id": message_id, "from": sender, "to": "1616", "text": text}
    return urlencode({**fields, "coding": "0", "charset": "UTF-8", **others, "smsc": "OPERATOR"})


def dialled(message_id: str, sender: str, op: int, session: bytes, text: str) -> str:
    """The query of a step of a USSD dialogue."""
    step, number = quote_from_bytes(bytes([op])), quote_from_bytes(session, safe="")
    return sms(message_id, sender, text) + f"&op={step}&session={number}"
