"""The contract every channel keeps, and the small shapes it shares with the gateways' door.

A channel turns one gateway's requests into `Inbound` and `Receipt`, our replies into the body
that gateway expects, and an `Outgoing` into a call to the provider. It knows nothing of flows,
databases or the web framework: the door hands it a `HookRequest` and sends back a `HookAnswer`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from app.errors import Unauthenticated
from app.settings import ChannelConfig
from app.words import Inbound, Outgoing, Receipt, Reply, Sent

Hook = Literal["ussd", "sms", "receipt"]


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A gateway's request: query and form fields as sent; the first of a repeated name wins."""

    method: str
    hook: Hook
    query: Mapping[str, str] = field(repr=False)
    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    remote: str = ""
    raw_query: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What the gateway is answered."""

    body: str = ""
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"


class Channel(Protocol):
    """What a kind of channel must do. `hooks` names the webhooks it has."""

    config: ChannelConfig
    hooks: frozenset[Hook]

    def authentic(self, request: HookRequest) -> None:
        """Raise Unauthenticated unless the request proves to come from the gateway."""

    def parse(self, request: HookRequest, now: datetime) -> Inbound:
        """The `ussd` or `sms` hook's request. Raises Malformed, naming the field."""

    def parse_receipt(self, request: HookRequest, now: datetime) -> Receipt | None:
        """The `receipt` hook's request; None for a report that changes nothing."""

    def answer(self, reply: Reply | None) -> HookAnswer:
        """The body for a USSD reply; with None, for an SMS or receipt that was taken."""

    def send(self, outgoing: Outgoing) -> Sent:
        """Hand one SMS to the provider. Raises TryLater, Refused or FateUnknown."""


def check_token(config: ChannelConfig, request: HookRequest) -> None:
    """Compare `?token=` with every valid token in constant time."""
    given = request.query.get("token", "").encode(errors="replace")
    matches = [hmac.compare_digest(given, token.encode()) for token in config.tokens]
    if not any(matches):
        raise Unauthenticated("the token is missing or wrong")


def hook_url(config: ChannelConfig, hook: Hook) -> str:
    """The full URL, token included, that goes into a gateway's console."""
    return f"{config.base_url}/channels/{config.name}/{hook}?token={config.tokens[0]}"
