"""The words everybody shares: frozen shapes that cross the borders between rooms.

Edges turn a gateway's fields into these; domain folders and the core speak nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

Medium = Literal["ussd", "sms"]
Language = str
"""A language pack's name: a folder under config/languages, e.g. "lo" or "en"."""

COUNTRY: Final = "LA"
"""The code of the one place and area of the level "country"."""

Purpose = Literal[
    "consent", "reply", "alarm", "canary", "confirmation", "notice", "alert", "digest", "bulk"
]
"""Why a message goes out, the most urgent first.

`consent` answers STOP and START, and is the only one that reaches a phone which has stopped.
`alarm` tells an operator that something is broken, `canary` tries a channel, `confirmation` says
that something was taken in, `notice` tells a citizen news of a request, `alert` tells the staff of
a center that something is wrong there. Answers may be repeated once when their fate is unknown and
the provider cannot be asked; everything else never.
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
class Part:
    """One of the parts of a long SMS that nobody joined: 3GPP TS 23.040 §9.2.3.24.1."""

    reference: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Inbound:
    """One thing a phone sent, as a channel understood it.

    `sender` is what the gateway wrote; `people.numbers` decides whether it is a phone number.
    `provider_id` is the key by which the gateway's repeats are known; "" where it gives none, and
    then the same text from the same sender within `ChannelConfig.repeat_seconds` is a repeat.
    USSD: `text` is the whole input of the session when `accumulates`, else the newest input alone,
    and then `begins` says that a session starts. `context` is what the gateway must be given back
    with the answer.
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
    begins: bool = False
    part: Part | None = None
    context: Mapping[str, str] = field(default_factory=dict, repr=False)
    # What a tester wishes to see; no real network says such a thing.
    language: Language | None = None
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A USSD session is over: the phone hung up, or the network cut it or told us its end."""

    channel: str
    session: str
    sender: str = field(repr=False)
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OptOut:
    """A phone told its network that it wants no messages of ours (`stopped`), or again does.

    `provider_id` is the key by which the gateway's repeats are known; "" where it gives none.
    """

    channel: str
    phone: str = field(repr=False)
    at: datetime
    stopped: bool = True
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A gateway device says that it is alive."""

    channel: str
    device: str
    at: datetime
    detail: str = ""


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
    """What the provider said of an accepted message; `provider_ref` is its id for it, or ""."""

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

ReceiptState = Literal["sent", "buffered", "delivered", "undelivered", "failed", "expired"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery receipt: which message, what became of it, the network's own words.

    The message is known by our own id (`message_id`) or by the provider's (`provider_ref`);
    `phone`, where the provider repeats it, must be the one we sent to.
    """

    channel: str
    state: ReceiptState
    at: datetime
    message_id: str = ""
    provider_ref: str = ""
    phone: str = field(default="", repr=False)
    detail: str = ""
    opted_out: bool = False


Arrived = Inbound | Ended | OptOut | Heartbeat | Receipt
"""Everything that a gateway's webhook may bring."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of which we ask the provider what became of it."""

    outgoing: Outgoing
    provider_ref: str
    tried_at: datetime


FateState = Literal[
    "absent", "unknowable", "sent", "buffered", "delivered", "undelivered", "failed", "expired"
]


@dataclass(frozen=True, slots=True)
class Fate:
    """A provider's answer: `absent` means that it surely never had the message."""

    state: FateState
    provider_ref: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Missed:
    """What a provider lists as received for us; `cursor` is where the next question goes on."""

    found: tuple[Inbound, ...]
    cursor: str = ""
