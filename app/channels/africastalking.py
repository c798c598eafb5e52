"""Africa's Talking: USSD and SMS both ways, receipts, opt-outs.

Callbacks are not signed (no signature header in its documentation or its SDK), so the token in
the URL is the only proof and `phoneNumber` is a claim, not an identity. All of them are forms sent
by POST (developers.africastalking.com/docs/sms/notifications).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from app.channels.africastalking_answers import BLACKLISTED, content, failure, outcome
from app.channels.base import Ability, Channel, Hook, HookAnswer, HookRequest
from app.channels.forms import (
    clean,
    con_or_end,
    expect_hook,
    given,
    required,
    sender,
    sent_at,
    sms_inbound,
    ussd_inbound,
    written,
)
from app.channels.options import Options, read_options
from app.errors import FateUnknown, Malformed, Refused, TryLater
from app.settings import ChannelConfig, channel_variable
from app.words import (
    Arrived,
    Ended,
    Inbound,
    Missed,
    OptOut,
    Outgoing,
    Receipt,
    ReceiptState,
    Reply,
    Sent,
)

if TYPE_CHECKING:
    import httpx

    from app.channels.africastalking_sdk import Messaging

STATES: Final[Mapping[str, ReceiptState]] = {
    "Sent": "sent",
    "Submitted": "sent",
    "Buffered": "buffered",
    "Success": "delivered",
    "AbsentSubscriber": "undelivered",
    "Failed": "undelivered",
    "Rejected": "failed",
    "Expired": "expired",
}
"""`status` of a delivery report. Rejected: the network would not take it. Failed: the phone did
not get it."""

# Of the inbox, one page is at most 100 messages.
PAGES: Final = 5
# A callback may still bring what is younger, and its id would make a second message of it.
SETTLED: Final = timedelta(minutes=10)
MAX_TOLD, MAX_DETAIL = 400, 80
_NUMBER = re.compile("[0-9]{1,18}")
# Its own words are English. What else is in them, addresses and long numbers are not its own.
_NOT_ITS_OWN = re.compile(r"\S*://\S*|[^ -~]+|\+?\d(?:[ ().-]*\d){5,}")


def _for_a_header(key: SecretStr) -> SecretStr:
    """What no header can carry would fail only when sending, in an error that repeats it."""
    if not re.fullmatch("[!-~]*", key.get_secret_value()):
        raise ValueError("holds a space or a letter that no API key has")
    return key


class AfricasTalkingOptions(Options):
    """The keys of a section of kind "africastalking"; USSD alone needs none of them."""

    # "sandbox" is the sandbox's; it has a key of its own.
    username: str = ""
    # Empty until the operator sets it; `send` says so.
    api_key: Annotated[SecretStr, AfterValidator(_for_a_header)] = SecretStr("")
    # A short code or a registered name; empty: the account's default.
    sender_id: Annotated[str, Field(max_length=20)] = ""
    # Empty: the SDK's own choice by username.
    api_url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+)?$")] = ""
    # The short code whose inbox is read for what no callback brought; empty: it is not read.
    inbox: Annotated[str, Field(max_length=20)] = ""


class AfricasTalking(Channel):
    """Kind "africastalking"."""

    hooks: frozenset[Hook] = frozenset({"ussd", "event", "sms", "receipt", "optout"})
    abilities: frozenset[Ability] = frozenset({"send", "receipts"})

    def __init__(self, config: ChannelConfig) -> None:
        super().__init__(config)
        self._options = read_options(config, AfricasTalkingOptions)
        if not self._options.username:
            # USSD alone: its answers by SMS go another way.
            self.abilities -= {"send", "receipts"}
        if self._options.inbox:
            self.abilities |= {"missed"}
        self._key_variable = channel_variable(config.name, "api_key")
        self._messaging: Messaging | None = None

    def parse(self, request: HookRequest, now: datetime) -> tuple[Arrived, ...]:
        expect_hook(self.config, self.hooks, request)
        fields = request.form
        if request.hook == "event" or (request.hook == "ussd" and _tells_the_end(fields)):
            return (self._ended(fields, now),)
        if request.hook == "ussd":
            return (ussd_inbound(self.config, request, now),)
        if request.hook == "sms":
            return (self._sms(fields, now),)
        if request.hook == "optout":
            return (OptOut(self.config.name, sender(fields, "phoneNumber"), now),)
        return self._receipt(fields, now)

    def answer(
        self, hook: Hook, inbound: Inbound | None = None, reply: Reply | None = None
    ) -> HookAnswer:
        return con_or_end(reply) if reply else super().answer(hook)

    def send(self, outgoing: Outgoing) -> Sent:
        import httpx

        from app.channels.calls import NEVER_LEFT

        messaging = self._open_messaging()
        try:
            response: httpx.Response = messaging.send(
                clean(outgoing.text), [outgoing.to], self._options.sender_id or None
            )
        except ValueError:
            # Its words repeat the number.
            raise Refused("Africa's Talking's SDK takes the number for none") from None
        except NEVER_LEFT:
            raise TryLater("Africa's Talking cannot be reached from here") from None
        except httpx.HTTPError as error:
            # The class alone: the error's request holds number, text and key.
            words = f"Africa's Talking did not answer ({type(error).__name__})"
            raise FateUnknown(words) from None
        return outcome(response, self._key_variable)

    def missed(self, since: datetime, cursor: str, now: datetime) -> Missed:
        """What the inbox holds of messages to `inbox` since then.

        The inbox counts its messages (`id` "Integer"), a callback names them otherwise (`id`
        "String", a UUID): nothing joins the two. So what is found has no id here, and is known
        by its sender, text and moment. `cursor` is the highest number read, not counting what a
        callback may still bring.
        """
        if not self._options.inbox:
            return Missed((), cursor)
        found: list[Inbound] = []
        read = cursor
        try:
            for page in self._pages(cursor, now):
                read = _highest(page, read)
                found += self._recovered(page, since, now)
        except TryLater:
            # The next question goes on from what was read.
            if read == cursor:
                raise
        return Missed(tuple(found), read)

    # --- what comes in --------------------------------------------------------------------------

    def _ended(self, fields: Mapping[str, str], now: datetime) -> Ended:
        """The end-of-session notification. Of which moment its `date` is, it does not say."""
        session, phone = required(fields, "sessionId"), sender(fields, "phoneNumber")
        told = (required(fields, "status"), fields.get("errorMessage", ""))
        reason = ": ".join(words for words in map(_cleaned, told) if words)
        return Ended(self.config.name, session, phone, now, reason)

    def _sms(self, fields: Mapping[str, str], now: datetime) -> Inbound:
        dated = {**fields, "ts": fields.get("date", "")}
        return sms_inbound(self.config, dated, given(fields, "text"), now)

    def _receipt(self, fields: Mapping[str, str], now: datetime) -> tuple[Receipt, ...]:
        reference = required(fields, "id")
        state = STATES.get(required(fields, "status").strip())
        if state is None:
            return ()
        detail = _cleaned(fields.get("failureReason", ""))
        phone = sender(fields, "phoneNumber") if fields.get("phoneNumber", "").strip() else ""
        return (
            Receipt(
                channel=self.config.name,
                state=state,
                at=now,
                provider_ref=reference,
                phone=phone,
                detail=detail,
                opted_out=detail.lower() == BLACKLISTED,
            ),
        )

    # --- what goes out --------------------------------------------------------------------------

    def _open_messaging(self) -> Messaging:
        """Made at the first call. Raises TryLater with the names of what is not set."""
        username, key = self._options.username, self._options.api_key.get_secret_value()
        wanted = [] if username else [channel_variable(self.config.name, "username")]
        wanted += [] if key else [self._key_variable]
        if wanted:
            raise TryLater(f"Africa's Talking's login is not known: set {' and '.join(wanted)}")
        if self._messaging is None:
            # The SDK is large, and most processes never send.
            from app.channels.africastalking_sdk import Messaging

            self._messaging = Messaging(self._options.username, key, self._options.api_url)
        return self._messaging

    # --- what was missed ------------------------------------------------------------------------

    def _pages(self, cursor: str, now: datetime) -> Iterator[Sequence[Mapping[str, str]]]:
        """The inbox from `cursor` on, the oldest first, until it is empty or enough was read."""
        for _ in range(PAGES):
            page = list(takewhile(lambda one: _has_settled(one, now), self._page(cursor)))
            further = _highest(page, cursor)
            if further == cursor:
                return
            yield page
            cursor = further

    def _page(self, cursor: str) -> Sequence[Mapping[str, str]]:
        import httpx

        messaging = self._open_messaging()
        try:
            response: httpx.Response = messaging.fetch_messages(last_received_id=cursor or "0")
        except httpx.HTTPError as error:
            words = f"Africa's Talking listed no messages ({type(error).__name__})"
            raise TryLater(words) from None
        messages = content(response).get("Messages")
        if response.is_success and isinstance(messages, list):
            return [written(one) for one in messages if isinstance(one, dict)]
        problem = failure(response, self._key_variable)
        if isinstance(problem, TryLater):
            raise problem
        raise TryLater(f"Africa's Talking listed no messages ({response.status_code})")

    def _recovered(
        self, page: Sequence[Mapping[str, str]], since: datetime, now: datetime
    ) -> Iterator[Inbound]:
        """Without those whose moment cannot be read: nothing would tell them from known ones."""
        for fields in page:
            if fields.get("to", "").strip() != self._options.inbox:
                continue
            try:
                inbound = self._sms(fields, now)
            except Malformed:
                continue
            if inbound.received_at != now and inbound.received_at >= since:
                yield replace(inbound, provider_id="")


def _tells_the_end(fields: Mapping[str, str]) -> bool:
    """Whether the USSD callback is the end-of-session notification: some set one URL for both."""
    return "status" in fields and "text" not in fields


def _cleaned(words: str) -> str:
    """The gateway's own words, short: no text, number or address."""
    told = " ".join(clean(words[:MAX_TOLD]).split())
    return _NOT_ITS_OWN.sub("#", told)[:MAX_DETAIL].strip()


def _has_settled(fields: Mapping[str, str], now: datetime) -> bool:
    """Whether it is old enough; what has no date that can be read holds up nobody."""
    at = sent_at(fields, "date", now)
    return at == now or at <= now - SETTLED


def _highest(page: Sequence[Mapping[str, str]], cursor: str) -> str:
    """The highest number of a message so far."""
    names = (cursor, *(fields.get("id", "") for fields in page))
    return max((one for one in names if _NUMBER.fullmatch(one)), key=int, default=cursor)
