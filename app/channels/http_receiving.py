"""The tables [channels.NAME.receive.*]: where in a gateway's requests each thing stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from app.channels.base import Hook
from app.channels.http_documents import Place
from app.channels.http_sections import (
    Answering,
    AnswerSection,
    Condition,
    ScreenSection,
    Section,
    Where,
    as_path,
    check_places,
    wrong,
)
from app.words import ReceiptState

Required = Annotated[str, Field(min_length=1), AfterValidator(Place)]
_SAMPLE = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


class TextSection(Section):
    """Where a message's text stands, and how it is written there."""

    path: Required
    encoding: Literal["plain", "hex", "base64"] = "plain"
    # What the octets of hex and base64 are.
    charset: str = "utf-16-be"

    @field_validator("charset")
    @classmethod
    def _is_known(cls, charset: str) -> str:
        try:
            # Asks for a text's charset: hex and rot13 are codecs, too.
            b"0000".decode(charset, "replace")
            return charset
        except LookupError:
            raise wrong(f"{charset!r} is no charset that Python knows") from None


class OtherTextSection(TextSection):
    """The text of messages for which `when` holds."""

    when: Condition


class PartSection(Section):
    """Of which long message a message is a part: three fields, or the header in hexadecimal."""

    reference: Where = ""
    number: Where = ""
    total: Where = ""
    udh: Where = ""

    @model_validator(mode="after")
    def _is_whole(self) -> PartSection:
        fields = (self.reference, self.number, self.total)
        if bool(self.udh) == any(fields) or (any(fields) and not all(fields)):
            raise wrong("give either reference, number and total, or udh")
        return self


class HookSection(Section):
    """What every hook has: the request's form, and what the gateway is answered."""

    methods: Annotated[frozenset[Literal["GET", "POST"]], Field(min_length=1)] = frozenset(
        {"GET", "POST"}
    )
    format: Literal["form", "json", "xml"] = "form"
    answer: Answering = AnswerSection()

    @model_validator(mode="after")
    def _places_can_be(self) -> HookSection:
        check_places(self, self.format)
        if self.format != "form" and self.methods == {"GET"}:
            raise wrong(f"a GET has no body of the format {self.format}")
        return self


class ListedSection(HookSection):
    """Hooks whose requests may bring several things, each with its moment."""

    # Where each of them stands; without it a request brings one.
    items: Where = ""
    date: Where = ""
    date_formats: list[str] = []
    # Of moments that do not say it: a time zone's name, or an offset such as +07:00.
    date_zone: str = "UTC"

    @field_validator("date_formats")
    @classmethod
    def _can_be_read(cls, formats: list[str]) -> list[str]:
        for one in formats:
            try:
                datetime.strptime(_SAMPLE.strftime(one), one)
            except ValueError:
                raise wrong(f"{one!r} is no format such as %Y-%m-%d %H:%M:%S") from None
        return formats

    @field_validator("date_zone")
    @classmethod
    def _is_a_zone(cls, written: str) -> str:
        try:
            zone(written)
        except (ValueError, KeyError, OSError):
            raise wrong(f"{written!r} is no zone such as Asia/Vientiane or +07:00") from None
        return written

    @model_validator(mode="after")
    def _can_be_split(self) -> ListedSection:
        if self.items and self.format == "form":
            raise wrong("items: a form brings one thing")
        return self


class SmsSection(ListedSection):
    # Without it, the same text from the same sender within repeat_seconds is a repeat.
    id: Where = ""
    sender: Required = Field(alias="from")
    to: Where = ""
    text: Annotated[TextSection, BeforeValidator(as_path)]
    other_texts: list[OtherTextSection] = []
    part: PartSection | None = None


class ReceiptSection(ListedSection):
    """`message_id` is ours, `provider_ref` the provider's; at least one names the message."""

    message_id: Where = ""
    provider_ref: Where = ""
    status: Required
    states: Annotated[dict[str, ReceiptState], Field(min_length=1)]
    detail: Where = ""
    phone: Where = ""
    opted_out: list[Condition] = []

    @model_validator(mode="after")
    def _names_a_message(self) -> ReceiptSection:
        if not (self.message_id or self.provider_ref):
            raise wrong("needs message_id or provider_ref")
        return self


class UssdSection(HookSection):
    """One input of a session. `screen` is the answer, unless screens are pushed."""

    session: Required
    sender: Required = Field(alias="from")
    to: Where = ""
    text: Required
    id: Where = ""
    # Whether the text is every input of the session so far, joined by *.
    accumulates: bool = False
    begins: list[Condition] = []
    ended: list[Condition] = []
    reason: Where = ""
    # What the gateway wants back with the screen, by the name that templates use.
    context: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Where] = {}
    screen: ScreenSection | None = None

    @model_validator(mode="after")
    def _knows_a_beginning(self) -> UssdSection:
        if not (self.accumulates or self.begins):
            raise wrong("begins is needed where the text is the newest input alone")
        return self


class ReceiveSection(Section):
    sms: SmsSection | None = None
    receipt: ReceiptSection | None = None
    ussd: UssdSection | None = None

    def hooks(self) -> Iterator[tuple[Hook, HookSection]]:
        """Every hook that is described, with its section."""
        if self.sms is not None:
            yield "sms", self.sms
        if self.receipt is not None:
            yield "receipt", self.receipt
        if self.ussd is not None:
            yield "ussd", self.ussd


def zone(written: str) -> tzinfo:
    """`Asia/Vientiane` or `+07:00`. Raises ValueError or KeyError."""
    if written[:1] in ("+", "-"):
        offset = datetime.strptime(written, "%z").utcoffset()
        return timezone(offset or timedelta())
    return ZoneInfo(written)
