"""Kannel: SMS in and out, delivery reports, USSD. Facts are from Kannel 1.4.5 and its source.

Kannel counts HTTP 200 and 202 as success and posts everything else again for as long as
`http-request-retry` allows (gw/smsbox.c, url_result_thread). So a message that can be identified
is never refused for its content, and the answer is 200, never 204.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

from pydantic import Field, SecretStr

from app import clock
from app.channels.base import Ability, Channel, Hook, HookRequest, hook_url
from app.channels.forms import (
    clean,
    expect_hook,
    given,
    merged,
    part_in,
    raw_field,
    required,
    sms_inbound,
)
from app.channels.kannel_ussd import CODING, Dialect, UssdOptions
from app.channels.options import read_options
from app.channels.waits import retry_after
from app.errors import ConfigError, FateUnknown, Refused, SendError, TryLater
from app.settings import ChannelConfig, channel_variable
from app.text.encoding import encoding_of
from app.words import Arrived, Inbound, Outgoing, Receipt, ReceiptState, Reply, Sent

if TYPE_CHECKING:
    import httpx

# A person is looking at a phone, and the network ends the session if nothing comes. To connect, to
# be answered, to write, to wait for a connection.
SCREEN_SECONDS: Final = (1.0, 3.0, 3.0, 3.0)
BINARY: Final = "1"
STATES: Final[Mapping[str, ReceiptState]] = {
    "1": "delivered",
    "2": "undelivered",
    "4": "buffered",
    "8": "sent",
    "16": "failed",
}
"""%d in dlr-url: one bit of the mask for each report."""

# "Sent." is the answer with immediate-sendsms-reply = true.
TAKEN: Final = ("0:", "3:", "Sent.")
# Answers of a server that is not Kannel's sendsms, or that wants another login: the operator's
# to mend, so messages wait.
MISPLACED: Final = frozenset({401, 404, 405, 407})
BUSY: Final = frozenset({408, 429, 503})
# Kannel's own sentences (gw/smsbox.c). Only these are repeated in a reason: a body may name
# receivers ("Denied receivers are: ...").
REFUSALS: Final = (
    "Not routable",
    "Missing receiver number",
    "Empty receiver number",
    "Number(s) has/have been denied by white- and/or black-lists",
    "Sender missing and no global set",
    "Charset or body misformed",
    "DLR-URL field misformed",
)
_SMPP_STATUS = re.compile(r"stat:(\w{1,12})(?:\s+err:(\w{1,8}))?")
# Not the digits of a code such as 0x0000000b.
_LONG_NUMBER = re.compile(r"(?<!\w)\+?\d{7,}")
MAX_DETAIL = 120


class KannelOptions(UssdOptions):
    """The keys of a section of kind "kannel"; those of USSD are in `UssdOptions`."""

    sendsms_url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    username: Annotated[str, Field(min_length=1)]
    # Empty until the operator sets it, so that a first look needs no Kannel; `send` says so.
    password: SecretStr = SecretStr("")
    sender: Annotated[str, Field(min_length=1, max_length=20)]
    smsc: str = ""
    dlr_mask: Annotated[int, Field(ge=1, le=31)] = 31
    callback_url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+)?$")] = ""


class Kannel(Channel):
    """Kind "kannel". One link may carry SMS and USSD to one URL: only USSD has a step."""

    hooks: frozenset[Hook] = frozenset({"ussd", "sms", "receipt"})
    abilities: frozenset[Ability] = frozenset({"send", "push", "receipts"})

    def __init__(self, config: ChannelConfig) -> None:
        super().__init__(config)
        self._options = read_options(config, KannelOptions)
        self._dialect = Dialect(config, self._options)
        reached_at = self._options.callback_url.rstrip("/") or config.base_url
        self._receipt_url = hook_url(replace(config, base_url=reached_at), "receipt")
        if "%" in self._receipt_url:
            # Kannel reads %<letter> anywhere in dlr-url as an escape (gw/urltrans.c).
            raise ConfigError(
                f"config/siang.toml: channels.{config.name}: the receipt URL holds a % sign, "
                "which Kannel would replace",
                "Use a callback_url and a token without %",
            )
        self._client: httpx.Client | None = None

    def parse(self, request: HookRequest, now: datetime) -> tuple[Arrived, ...]:
        expect_hook(self.config, self.hooks, request)
        fields = merged(request)
        if request.hook == "receipt":
            return self._receipt(fields, now)
        text = _text(request, fields)
        if request.hook == "ussd" or self._dialect.has_step(request):
            return self._dialect.arrived(request, fields, text, now)
        inbound = sms_inbound(self.config, fields, text, now)
        # Of the parts that Kannel waited for in vain; what it joined has no header any more.
        return (replace(inbound, part=part_in(raw_field(request, "udh") or b"")),)

    def _receipt(self, fields: Mapping[str, str], now: datetime) -> tuple[Receipt, ...]:
        message = _uuid(required(fields, "id"))
        state = STATES.get(required(fields, "status").strip())
        if message is None or state is None:
            return ()
        detail = _detail(fields.get("detail", ""))
        return (Receipt(self.config.name, state, now, message_id=message, detail=detail),)

    def push(self, inbound: Inbound, reply: Reply) -> None:
        self._call(self._dialect.screen(inbound, reply), SCREEN_SECONDS)

    def send(self, outgoing: Outgoing) -> Sent:
        text = clean(outgoing.text)
        message = {
            "to": outgoing.to,
            "text": text,
            # Both, always: Lao without coding=2 and charset goes out as "??????", still 202.
            "charset": "UTF-8",
            "coding": CODING[encoding_of(text)],
            "dlr-mask": str(self._options.dlr_mask),
            # %d and %A are for Kannel to fill in, once it has decoded this parameter.
            "dlr-url": f"{self._receipt_url}&id={outgoing.id}&status=%d&detail=%A",
        }
        self._call(message)
        return Sent()

    def _call(
        self, message: dict[str, str], seconds: tuple[float, float, float, float] | None = None
    ) -> None:
        """Hand a message to sendsms, which takes everything in the URL: a POST would be the text
        alone, with headers. Raises TryLater, Refused or FateUnknown.
        """
        import httpx

        from app.channels.calls import NEVER_LEFT, TIMEOUT, new_client

        if not self._options.password.get_secret_value():
            variable = channel_variable(self.config.name, "password")
            raise TryLater(f"Kannel's sendsms password is not known: set {variable}")
        if self._client is None:
            self._client = new_client()
        parameters = self._usual() | message
        try:
            response = self._client.get(
                self._options.sendsms_url, params=parameters, timeout=seconds or TIMEOUT
            )
        except NEVER_LEFT:
            raise TryLater("Kannel cannot be reached at sendsms_url: is smsbox running?") from None
        except httpx.HTTPError as error:
            # The class alone: the error's own words and request hold the URL.
            raise FateUnknown(f"Kannel did not answer ({type(error).__name__})") from None
        problem = _problem(response)
        if problem is not None:
            raise problem

    def _usual(self) -> dict[str, str]:
        usual = {
            "username": self._options.username,
            "password": self._options.password.get_secret_value(),
            "from": self._options.sender,
        }
        return usual | ({"smsc": self._options.smsc} if self._options.smsc else {})


def _text(request: HookRequest, fields: Mapping[str, str]) -> str:
    """The message as text; "" when it is binary.

    With mo-recode = true every text arrives as UTF-8. What Kannel could not recode (half an
    emoji) or was not told to recode has its own charset, and then only the bytes tell.
    """
    text = given(fields, "text")
    charset = fields.get("charset", "").strip() or "UTF-8"
    binary = fields.get("coding", "").strip() == BINARY
    if not binary and charset.upper() in {"UTF-8", "UTF8"}:
        return text
    raw = raw_field(request, "text")
    if raw is None:
        raw = text.encode(errors="replace")
    return _printable(raw) if binary else _decoded(raw, charset)


def _printable(data: bytes) -> str:
    """Eight-bit data that is plainly text, else "": ring tones and settings say nothing to us."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if all(letter.isprintable() or letter in "\r\n\t" for letter in text) else ""


def _decoded(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, errors="replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", errors="replace")


def _uuid(written: str) -> str | None:
    try:
        return str(UUID(written.strip()))
    except ValueError:
        return None


def _detail(written: str) -> str:
    """The network's own words, without the message's first letters and without numbers.

    An SMPP receipt (specification 3.4, Appendix B) ends in `text:` and the first 20 characters
    of what was sent.
    """
    words = clean(written).split("text:")[0].split("Text:")[0]
    status = _SMPP_STATUS.search(words)
    if status:
        return " ".join(part for part in status.groups() if part)
    return _LONG_NUMBER.sub("#", words).strip()[:MAX_DETAIL]


def _problem(response: httpx.Response) -> SendError | None:
    """What the answer means for the message; None when Kannel took it."""
    status, body = response.status_code, response.text.strip()
    if status in (200, 202) and body.startswith(TAKEN):
        return None
    if status == 403 and not body.startswith(REFUSALS):
        return TryLater(
            "Kannel refused our login: mend username and password of the channel, and "
            "user-allow-ip in Kannel's sendsms-user group"
        )
    if status in MISPLACED or 300 <= status < 400:
        return TryLater(f"sendsms_url answers {status}: it is not Kannel's sendsms; mend it")
    if status in BUSY or (status == 500 and body.startswith("Sending failed")):
        after = retry_after(response.headers.get("Retry-After"), clock.now())
        return TryLater(f"Kannel cannot take messages now ({status})", after)
    if 400 <= status < 500:
        words = next((known for known in REFUSALS if body.startswith(known)), "no known reason")
        return Refused(f"Kannel refused the message ({status}: {words})")
    return FateUnknown(f"sendsms_url answered {status}, which is not an answer of Kannel's sendsms")
