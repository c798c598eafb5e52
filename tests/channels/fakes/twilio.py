"""A Twilio on 127.0.0.1: its Messages resource, and the webhooks it would post.

Shapes are those of Twilio's API of 2010-04-01 and of its webhook pages. Signatures are made by
Twilio's own SDK.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import cast
from urllib.parse import unquote_plus, urlencode, urlsplit

from twilio.request_validator import (
    HMAC_SHA1,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
)

from app.channels.base import Hook, HookRequest
from app.settings import ChannelConfig
from tests.channels.provider import Call, Provider, Response

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN, OLD_TOKEN = "a-secret-twilio-token-new", "a-secret-twilio-token-old"
NUMBER = "+12028831111"
OPTIONS: Mapping[str, object] = {
    "account_sid": ACCOUNT,
    "auth_token": f"{TOKEN},{OLD_TOKEN}",
    "sender": NUMBER,
}
"""The keys of a section, as in config/siang.toml."""

FORM = "application/x-www-form-urlencoded; charset=UTF-8"
PUBLIC = "https://siang.example.la"
LOGIN = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
ROOT = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"


def section(**options: object) -> ChannelConfig:
    """A section as settings.load would hand it over, behind a proxy that ends TLS."""
    return ChannelConfig(
        name="twilio",
        kind="twilio",
        base_url=PUBLIC,
        tokens=("url-token-0123456789",),
        options={**OPTIONS, **options},
    )


class Params(dict[str, list[str]]):
    """Fields with repeated names, as the SDK asks for them."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def params(body: bytes) -> Params:
    """A form's fields, read without the code under test."""
    found = Params()
    for pair in body.decode("utf-8", "replace").split("&"):
        name, _, value = pair.partition("=")
        if pair:
            found.setdefault(_unquoted(name), []).append(_unquoted(value))
    return found


def _unquoted(written: str) -> str:
    return unquote_plus(written, errors="replace")


def signature(
    url: str, body: bytes, secret: str = TOKEN, algorithm: str = HMAC_SHA1
) -> dict[str, str]:
    """The headers that Twilio sends along."""
    value = RequestValidator(secret).compute_signature(url, params(body), algorithm)
    if algorithm == HMAC_SHA1:
        return {SIGNATURE_HEADER: value}
    settings = f"key=webhooks_sharedkey_0123,algorithm={algorithm}"
    return {SIGNATURE_HEADER: value, SIGNATURE_SETTINGS_HEADER: settings}


def sign(
    config: ChannelConfig, method: str, url: str, body: bytes, content_type: str, now: datetime
) -> dict[str, str]:
    """Twilio's signature under the section's first secret; its clock plays no part."""
    return signature(url, body, str(config.options["auth_token"]).split(",")[0])


@dataclass(frozen=True)
class Webhook:
    """One POST of Twilio's, signed."""

    url: str
    body: bytes
    headers: Mapping[str, str]


def webhook(url: str, fields: Mapping[str, str]) -> Webhook:
    body = urlencode(fields).encode()
    return Webhook(url, body, {"Content-Type": FORM, **signature(url, body)})


def received(webhook: Webhook) -> HookRequest:
    """The webhook as the door hands it on: what the proxy and Twilio call us is not in it."""
    url = urlsplit(webhook.url)
    return HookRequest(
        method="POST",
        hook=cast(Hook, url.path.rsplit("/", 1)[-1]),
        query={name: values[0] for name, values in params(url.query.encode()).items()},
        form={name: values[0] for name, values in params(webhook.body).items()},
        headers={**webhook.headers, "Host": "10.0.0.5:8000"},
        body=webhook.body,
        remote="10.0.0.5",
        raw_query=url.query.encode(),
    )


@dataclass
class FakeTwilio(Provider):
    """Twilio's API. `refusals` are (HTTP status, code) of the next messages that it refuses.

    `messages` is its log. A message of a Messaging Service is `accepted` at first, any other
    `queued`; both have no date_sent until `status` moves them on. `early` is handed the callback
    that a message was sent, before the answer to the request that brought it.
    """

    messages: list[dict[str, object]] = field(default_factory=list)
    refusals: deque[tuple[int, int]] = field(default_factory=deque)
    early: Callable[[Webhook], None] | None = None
    page: int = 1000
    callbacks: dict[str, str] = field(default_factory=dict)

    def respond(self, call: Call) -> Response:
        if call.headers.get("Authorization") != LOGIN:
            return _refusal(401, 20003, "Authenticate")
        if call.method == "POST" and call.path == f"{ROOT}.json":
            return self._create(call.form)
        if call.method == "GET" and call.path == f"{ROOT}.json":
            return self._list(call.query)
        for one in self.messages:
            if call.method == "GET" and call.path == f"{ROOT}/{one['sid']}.json":
                return Response(200, json.dumps(one))
        return _refusal(404, 20404, "The requested resource was not found")

    def _create(self, form: Mapping[str, str]) -> Response:
        if self.refusals:
            status, code = self.refusals.popleft()
            return _refusal(status, code, f"The message to {form['To']} is refused: {form['Body']}")
        service = form.get("MessagingServiceSid")
        one = self._log("outbound-api", form.get("From"), form["To"], form["Body"], service)
        one["status"] = "accepted" if service else "queued"
        answer = json.dumps(one)
        self.callbacks[str(one["sid"])] = form["StatusCallback"]
        if self.early:
            self.early(self.status(str(one["sid"]), "sent"))
        return Response(201, answer)

    def _log(
        self, direction: str, sender: str | None, to: str, text: str, service: str | None = None
    ) -> dict[str, object]:
        sid = f"SM{len(self.messages) + 1:032x}"
        stamp = format_datetime(datetime.now(UTC))
        one: dict[str, object] = {
            "account_sid": ACCOUNT,
            "api_version": "2010-04-01",
            "body": text,
            "date_created": stamp,
            "date_sent": None,
            "date_updated": stamp,
            "direction": direction,
            "error_code": None,
            "error_message": None,
            "from": sender,
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "sid": sid,
            "status": "received",
            "subresource_uris": {"media": f"{ROOT}/{sid}/Media.json"},
            "to": to,
            "uri": f"{ROOT}/{sid}.json",
        }
        self.messages.append(one)
        return one

    def _list(self, query: Mapping[str, str]) -> Response:
        """The newest first; DateSent by whole days, which is all that Twilio promises."""
        day = query.get("DateSent>", "")[:10]
        chosen = [
            one
            for one in reversed(self.messages)
            if query.get("To") in (None, one["to"]) and (not day or _day(one) >= day)
        ]
        start = int(query.get("Page", "0")) * self.page
        shown = chosen[start : start + self.page]
        more = urlencode({**query, "Page": str(start // self.page + 1)})
        content = {
            "messages": shown,
            "page": start // self.page,
            "page_size": self.page,
            "uri": f"{ROOT}.json",
            "next_page_uri": f"{ROOT}.json?{more}" if chosen[start + self.page :] else None,
        }
        return Response(200, json.dumps(content))

    # What happens on the network, and the webhook that tells of it.

    def incoming(self, url: str, text: str, sender: str, to: str = NUMBER) -> Webhook:
        """A citizen texts: it is in the log, and this is what `url` is told."""
        one = self._log("inbound", sender, to, text)
        one["date_sent"] = one["date_created"]
        sid = str(one["sid"])
        fields = {
            "ToCountry": "US",
            "SmsMessageSid": sid,
            "NumMedia": "0",
            "SmsSid": sid,
            "SmsStatus": "received",
            "Body": text,
            "FromCountry": "LA",
            "To": to,
            "NumSegments": "1",
            "MessageSid": sid,
            "AccountSid": ACCOUNT,
            "From": sender,
            "ApiVersion": "2010-04-01",
        }
        return webhook(url, fields)

    def status(self, sid: str, status: str, code: str = "") -> Webhook:
        """A message moves on: so does the log, and this is what its status callback is told."""
        one = next(one for one in self.messages if one["sid"] == sid)
        one["status"], one["error_code"] = status, int(code) if code else None
        one["date_sent"] = one["date_sent"] or format_datetime(datetime.now(UTC))
        fields = {
            "SmsSid": sid,
            "SmsStatus": status,
            "MessageStatus": status,
            "To": str(one["to"]),
            "MessageSid": sid,
            "AccountSid": ACCOUNT,
            "From": str(one["from"]),
            "ApiVersion": "2010-04-01",
        }
        return webhook(self.callbacks[sid], fields | ({"ErrorCode": code} if code else {}))


def _day(message: Mapping[str, object]) -> str:
    """The UTC day on which it was sent, "" while it was not."""
    sent = message["date_sent"]
    return parsedate_to_datetime(str(sent)).strftime("%Y-%m-%d") if sent else ""


def _refusal(status: int, code: int, message: str) -> Response:
    content = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Response(status, json.dumps(content))
