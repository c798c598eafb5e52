"""Twilio: SMS in and out, with status callbacks. Facts are from twilio 9.13.0 and Twilio's pages.

A webhook is proven by its signature over the URL that Twilio was given and over every field. Our
side of that URL comes from the configuration, never from the request's own host. The signature
holds no time and puts nothing between names and values (`A=bC&D=` and `A=bCD` sign alike), so the
fields are checked as well, and a replay is known by the message's id.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
from pydantic import Field, SecretStr
from twilio import request_validator as signing
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.response import Response
from twilio.rest import Client

from app import clock
from app.channels.base import Ability, Channel, Hook, HookAnswer, HookRequest, hook_path
from app.channels.calls import NEVER_LEFT, TIMEOUT, new_client
from app.channels.forms import MAX_SMS_TEXT, clean, expect_hook, given, required, sender
from app.channels.options import Options, read_options
from app.channels.twilio_codes import STOPPED, detail, problem, read_code, state
from app.channels.waits import retry_after
from app.errors import ConfigError, FateUnknown, Malformed, TryLater, Unauthenticated
from app.settings import ChannelConfig, channel_variable
from app.words import (
    Arrived,
    Asked,
    Fate,
    Inbound,
    Missed,
    OptOut,
    Outgoing,
    Receipt,
    Reply,
    Sent,
)

if TYPE_CHECKING:
    from twilio.rest.api.v2010.account.message import MessageInstance, MessageList

# The fields that are read: each may occur once.
READ: Final = (
    *("AccountSid", "MessageSid", "SmsSid", "From", "To"),
    *("Body", "OptOutType", "MessageStatus", "ErrorCode"),
)
# A message has about twenty, and two more for each of ten pictures.
MOST_FIELDS: Final = 100
MESSAGE_SID: Final = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
STOPS: Final = {"STOP": True, "START": False}
HELP: Final = "HELP"
# What the SDK raises when an answer is not what it should be.
UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError)
# How long a message may wait in Twilio's queue, in seconds: a later answer is none.
VALIDITY: Final = 4 * 3600
# Twilio may go on with a request that we gave up, and its list lags behind.
SETTLES: Final = timedelta(minutes=2)
CLOCKS_DIFFER: Final = timedelta(minutes=1)
# The largest page there is.
PAGE: Final = 1000
TRIAL: Final = "Sent from your Twilio trial account - "
Answer = TypeVar("Answer")


class TwilioOptions(Options):
    """The keys of a section of kind "twilio"."""

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$")]
    # "new,old" while one replaces the other: the first is our login, each may sign webhooks, and
    # so may a SharedKey's secret behind them. Empty until the operator sets it.
    auth_token: SecretStr = SecretStr("")
    sender: Annotated[str, Field(pattern=r"^(\+\d{7,15}|\d{3,8}|[A-Za-z0-9 ]{1,11})?$")] = ""
    messaging_service_sid: Annotated[str, Field(pattern=r"^(MG[0-9a-fA-F]{32})?$")] = ""
    # What citizens text to, with commas between; else the sender, if it is a number.
    numbers: Annotated[str, Field(pattern=r"^(\+?\d{3,15}(, *\+?\d{3,15})*)?$")] = ""
    api_url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] = "https://api.twilio.com"


class Twilio(Channel):
    """Kind "twilio"."""

    hooks: frozenset[Hook] = frozenset({"sms", "receipt"})
    abilities: frozenset[Ability] = frozenset({"send", "receipts", "fate", "missed"})
    signs_body = True

    def __init__(self, config: ChannelConfig) -> None:
        super().__init__(config)
        options = self._options = read_options(config, TwilioOptions)
        if bool(options.sender) == bool(options.messaging_service_sid):
            raise ConfigError(
                f"config/siang.toml: channels.{config.name}: sender and messaging_service_sid are "
                "both set or both missing",
                "Set one of the two",
            )
        secrets = options.auth_token.get_secret_value()
        self._secrets = [SecretStr(one) for one in _listed(secrets)]
        self._numbers = _listed(options.numbers)
        if not self._numbers and options.sender.removeprefix("+").isdigit():
            self._numbers = [options.sender]
        if not self._numbers:
            # A name as sender receives nothing; of a Messaging Service we know no numbers.
            self.abilities = self.abilities - {"missed"}
        self._client: Client | None = None

    def authentic(self, request: HookRequest, now: datetime) -> None:
        """The signature, under any of the secrets. A `token` in the URL is but a part of it."""
        given = request.headers.get(signing.SIGNATURE_HEADER, "")
        settings = request.headers.get(signing.SIGNATURE_SETTINGS_HEADER, "")
        algorithm = signing.get_signature_algorithm(settings)
        # The validator would log an unknown one: whatever somebody wrote into a header.
        if algorithm.upper() not in {signing.HMAC_SHA1, signing.HMAC_SHA256}:
            raise Unauthenticated("the signature has an unknown algorithm")
        query = request.raw_query.decode("utf-8", "replace")
        url = hook_path(self.config, request.hook) + (f"?{query}" if query else "")
        fields = _signed_fields(request.body)
        valid = [
            signing.RequestValidator(secret.get_secret_value()).validate(
                url, fields, given, algorithm
            )
            for secret in self._secrets
        ]
        if not any(valid):
            raise Unauthenticated("the signature is missing or wrong")

    def parse(self, request: HookRequest, now: datetime) -> tuple[Arrived, ...]:
        expect_hook(self.config, self.hooks, request)
        if request.method != "POST":
            raise Malformed(f"the {request.hook} hook takes POST with a form")
        for name, values in _signed_fields(request.body).items():
            if name in READ and len(values) > 1:
                raise Malformed(f"the field {name} is there more than once")
        if required(request.form, "AccountSid") != self._options.account_sid:
            raise Malformed("the field AccountSid is not the account_sid of this channel")
        if request.hook == "receipt":
            return self._receipt(request, now)
        return self._message(request.form, now)

    def _message(self, fields: Mapping[str, str], now: datetime) -> tuple[Inbound | OptOut, ...]:
        sid, phone, to = _sid(fields), sender(fields, "From"), required(fields, "To").strip()
        text = given(fields, "Body")
        kind = fields.get("OptOutType", "")
        if kind == HELP:
            # Twilio's Advanced Opt-Out has answered it.
            return ()
        if kind in STOPS:
            return (OptOut(self.config.name, phone, now, STOPS[kind], provider_id=sid),)
        return (self._inbound(sid, phone, to, text, now),)

    def _inbound(self, sid: str, phone: str, to: str, text: str, at: datetime) -> Inbound:
        """One SMS, alike from the webhook and from the list. A picture may have no text."""
        return Inbound(
            channel=self.config.name,
            medium="sms",
            sender=phone,
            text=clean(text)[:MAX_SMS_TEXT],
            provider_id=sid,
            received_at=at,
            to=to,
        )

    def _receipt(self, request: HookRequest, now: datetime) -> tuple[Receipt, ...]:
        fields = request.form
        sid, status = _sid(fields), required(fields, "MessageStatus").strip()
        code = read_code(fields.get("ErrorCode"))
        reached = state(status, code)
        if reached is None:
            return ()
        receipt = Receipt(
            channel=self.config.name,
            state=reached,
            at=now,
            message_id=_uuid(request.query.get("id", "")),
            provider_ref=sid,
            phone=sender(fields, "To") if fields.get("To") else "",
            detail=detail(code),
            opted_out=code == STOPPED,
        )
        return (receipt,)

    def answer(
        self, hook: Hook, inbound: Inbound | None = None, reply: Reply | None = None
    ) -> HookAnswer:
        """To an SMS nothing: what we say goes out by the API, so that its receipts are ours."""
        if hook == "sms":
            return HookAnswer("<Response/>", content_type="text/xml; charset=utf-8")
        return HookAnswer("OK")

    def send(self, outgoing: Outgoing) -> Sent:
        options, messages = self._options, self._messages()
        chosen = (
            {"from_": options.sender}
            if options.sender
            else {"messaging_service_sid": options.messaging_service_sid}
        )
        try:
            message = messages.create(
                to=outgoing.to,
                body=clean(outgoing.text),
                # Without the token: the signature is the proof, and Twilio's console shows URLs.
                status_callback=f"{hook_path(self.config, 'receipt')}?id={outgoing.id}",
                validity_period=VALIDITY,
                # Else a Messaging Service may write other letters than those we counted.
                smart_encoded=False,
                **chosen,
            )
        except NEVER_LEFT:
            raise TryLater("Twilio cannot be reached at api_url") from None
        except (TwilioRestException, TwilioServiceException) as error:
            raise problem(read_code(error.status), read_code(error.code)) from None
        except (httpx.HTTPError, *UNREADABLE) as error:
            # The class alone: the error's own words may hold the URL or the text.
            raise FateUnknown(f"Twilio did not answer ({type(error).__name__})") from None
        if not message.sid:
            raise FateUnknown("Twilio's answer has no sid")
        return Sent(provider_ref=str(message.sid))

    def fate(self, asked: Asked) -> Fate:
        messages, to = self._messages(), asked.outgoing.to
        if asked.provider_ref:
            return _ask(lambda: _fetch(messages, asked.provider_ref))
        # Not by DateSent: what still waits in Twilio's queue has none.
        listed = _ask(lambda: messages.list(to=to, limit=PAGE, page_size=PAGE))
        ours = [one for one in listed if _may_be(one, asked)]
        text = clean(asked.outgoing.text).strip()
        same = [one for one in ours if (one.body or "").removeprefix(TRIAL).strip() == text]
        if same:
            return _fate(min(same, key=lambda one: abs(one.date_created - asked.tried_at)))
        if clock.now() - asked.tried_at < SETTLES:
            raise TryLater("Twilio may not have listed the message yet")
        # A full page may have hidden it, and Message Redaction its text.
        hidden = len(listed) == PAGE or any(not one.body for one in ours)
        return Fate("unknowable" if hidden else "absent")

    def missed(self, since: datetime, cursor: str, now: datetime) -> Missed:
        """Everything that our numbers received since then, the oldest first. It needs no cursor."""
        messages = self._messages()
        # The SDK writes an aware time as it stands, with a Z behind it.
        after = since.astimezone(UTC)
        found: list[Inbound] = []
        for number in self._numbers:
            ask = partial(messages.list, to=number, date_sent_after=after, page_size=PAGE)
            found += [self._listed(one, now) for one in _ask(ask) if self._wanted(one, since)]
        return Missed(tuple(sorted(found, key=lambda one: one.received_at)))

    def _listed(self, one: MessageInstance, now: datetime) -> Inbound:
        at = one.date_sent or one.date_created or now
        return self._inbound(one.sid, one.from_, one.to, one.body, at)

    def _wanted(self, one: MessageInstance, since: datetime) -> bool:
        """Whether a listed message is one that the webhook would have brought."""
        text, at = (one.body or "").strip(), one.date_sent or one.date_created or since
        # An empty text may be a redacted one. A Messaging Service has answered these three itself.
        answered = bool(self._options.messaging_service_sid) and text.upper() in {*STOPS, HELP}
        # DateSent is documented for whole days only.
        return one.direction == "inbound" and at >= since and bool(text) and not answered

    def _messages(self) -> MessageList:
        """The SDK's messages of our account; made at the first call."""
        if self._client is None:
            variable = channel_variable(self.config.name, "auth_token")
            if not self._secrets:
                raise TryLater(f"Twilio's auth token is not known: set {variable}")
            transport = _Transport(f"Twilio refused our login: mend account_sid and {variable}")
            token = self._secrets[0].get_secret_value()
            self._client = Client(self._options.account_sid, token, http_client=transport)
            self._client.api.base_url = self._options.api_url
        return self._client.messages


class _Transport:
    """The HTTP client for the SDK. Its own waits for ever, logs URLs and reads the environment."""

    is_async = False

    def __init__(self, login_refused: str) -> None:
        self._client = new_client(TIMEOUT)
        self._login_refused = login_refused

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        **_: object,
    ) -> Response:
        """One call. Raises TryLater where Twilio did not even look at it, and httpx's errors."""
        answer = self._client.request(
            method, url, params=params, data=data, headers=headers, auth=auth
        )
        if answer.status_code == 401:
            raise TryLater(self._login_refused)
        if answer.status_code == 429:
            after = retry_after(answer.headers.get("Retry-After"), clock.now())
            raise TryLater("Twilio takes no more requests now (429)", after)
        return Response(answer.status_code, answer.text, answer.headers)


class _Fields(dict[str, list[str]]):
    """A form with its repeated names, as the SDK's validator wants it."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def _signed_fields(body: bytes) -> _Fields:
    """Raises Unauthenticated for more than Twilio sends: each costs time before the proof."""
    fields = _Fields()
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise Unauthenticated("the body has more fields than Twilio sends") from None
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def _listed(written: str) -> list[str]:
    return [one.strip() for one in written.split(",") if one.strip()]


def _sid(fields: Mapping[str, str]) -> str:
    """MessageSid, or its old name.

    One that swallowed the next field, or lost a letter to it, would be a replay under a new id.
    """
    name = "MessageSid" if "MessageSid" in fields else "SmsSid"
    if name not in fields:
        raise Malformed("the field MessageSid is missing")
    sid = required(fields, name).strip()
    if not MESSAGE_SID.fullmatch(sid):
        raise Malformed(f"the field {name} is no id of Twilio's")
    return sid


def _uuid(written: str) -> str:
    try:
        return str(UUID(written))
    except ValueError:
        return ""


def _fate(message: MessageInstance) -> Fate:
    code = read_code(message.error_code)
    # A message that waits in Twilio's queue has been handed over.
    return Fate(state(message.status, code) or "sent", message.sid, detail(code))


def _fetch(messages: MessageList, sid: str) -> Fate:
    try:
        return _fate(messages(sid).fetch())
    except TwilioRestException as error:
        if error.status != 404:
            raise
        # It had the message once: a person has deleted it.
        return Fate("unknowable")


def _may_be(one: MessageInstance, asked: Asked) -> bool:
    at: datetime | None = one.date_created
    earliest = asked.tried_at - CLOCKS_DIFFER
    return one.direction == "outbound-api" and at is not None and at >= earliest


def _ask(question: Callable[[], Answer]) -> Answer:
    """A question that changes nothing. Raises TryLater when it was not answered."""
    try:
        return question()
    except (httpx.HTTPError, TwilioException, *UNREADABLE) as error:
        raise TryLater(f"Twilio did not answer ({type(error).__name__})") from None
