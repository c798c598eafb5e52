"""The words everybody shares: frozen shapes that cross the borders between rooms.

Edges turn a gateway's fields into these; domain folders and the core speak nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Medium = Literal["ussd", "sms"]
Language = str
"""A language pack's name: a folder under config/languages, e.g. "lo" or "en"."""

Purpose = Literal["consent", "reply", "digest"]
"""Why a message goes out, the most urgent first.

`consent` answers STOP and START, and is the only one that reaches a phone which has stopped.
Answers may be repeated once when their fate is unknown; a digest never.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What fits a phone at once: septets of GSM-7, UTF-16 units of UCS-2.

    160 and 70 are one SMS and the safe size of a USSD page (3GPP TS 23.040 §9.2.3.24,
    TS 24.080 Annex A: 160 octets; gateways that count octets make 70 the safe figure).
    """

    gsm7: int = 160
    ucs2: int = 70


@dataclass(frozen=True, slots=True)
class Inbound:
    """One thing a phone sent, as a channel understood it.

    `sender` is what the gateway wrote; `people.numbers` decides whether it is a phone number.
    `text` is the whole accumulated input when `accumulates`, else the newest input alone.
    `provider_id` is the key by which the gateway's repeats are known (SMS only).
    """

    channel: str
    medium: Medium
    sender: str = field(repr=False)
    text: str = field(repr=False)
    provider_id: str
    received_at: datetime
    to: str = ""
    session: str = ""
    accumulates: bool = False
    ended: bool = False
    # What a tester wishes to see; no real network says such a thing.
    language: Language | None = None
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a USSD phone is shown; `ends` closes the network session."""

    text: str
    ends: bool


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One SMS to send. `id` is ours and comes back in receipts; `to` is E.164 with "+"."""

    id: str
    channel: str
    to: str = field(repr=False)
    text: str = field(repr=False)
    segments: int = 1


SentState = Literal["sent", "delivered"]


@dataclass(frozen=True, slots=True)
class Sent:
    """What the provider said of an accepted message."""

    provider_ref: str = ""
    state: SentState = "sent"


REQUEST_STATUSES = (
    "received",
    "in_process",
    "need_documents",
    "ready",
    "collected",
    "rejected",
    "withdrawn",
)
"""What may become of a citizen's request, in the usual order."""

ReceiptState = Literal["sent", "buffered", "delivered", "undelivered", "failed"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery receipt: our message's id, what became of it, the network's own words."""

    message_id: str
    state: ReceiptState
    at: datetime
    detail: str = ""
