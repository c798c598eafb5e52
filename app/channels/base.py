"""The contract every channel keeps, and the small shapes it shares with the gateways' door.

A channel turns one gateway's requests into what arrived (`Inbound`, `Receipt` …), our replies into
the body that gateway expects, and an `Outgoing` into a call to the provider. It knows nothing of
flows, databases or the web framework: the door hands it a `HookRequest` and sends back a
`HookAnswer`.
"""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from app.errors import Refused, Unauthenticated
from app.settings import ChannelConfig
from app.words import Arrived, Asked, Fate, Inbound, Missed, Outgoing, Reply, Sent

Hook = Literal["ussd", "sms", "receipt", "event", "optout"]
HOOKS: tuple[Hook, ...] = ("ussd", "sms", "receipt", "event", "optout")

Ability = Literal["send", "push", "receipts", "fate", "status", "missed"]
"""What a channel can do besides receiving.

`send`: carries SMS. `push`: its USSD answer is a call of its own, not the webhook's answer.
`receipts`: the network reports the end of each message. `fate`: can say whether it has a message
whose sending was never confirmed. `status`: must be asked for the end of each message.
`missed`: lists what arrived, so that what never reached us can be fetched.
"""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A gateway's request: query and form fields as sent; the first of a repeated name wins.

    `form` is empty unless the body is urlencoded; `body` and `raw_query` are the bytes as sent.
    Header names are as in `Content-Type`.
    """

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


class Channel(ABC):
    """What a kind of channel must do. `hooks` names the webhooks it has.

    Reasons in errors never hold a phone number, a text, a token or a URL with any of them.
    """

    hooks: frozenset[Hook]
    abilities: frozenset[Ability] = frozenset()
    signs_body: bool = False
    """Whether `authentic` needs the body; where it does not, no stranger's is ever read."""

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    def authentic(self, request: HookRequest, now: datetime) -> None:
        """Raise Unauthenticated unless the request proves to come from the gateway."""
        check_token(self.config, request)

    @abstractmethod
    def parse(self, request: HookRequest, now: datetime) -> tuple[Arrived, ...]:
        """What the request brings; () for what changes nothing. Raises Malformed with the field.

        The `ussd` hook brings exactly one `Inbound` or `Ended`.
        """

    def answer(
        self, hook: Hook, inbound: Inbound | None = None, reply: Reply | None = None
    ) -> HookAnswer:
        """The body for a request that was taken; with `reply`, the screen that a phone sees."""
        return HookAnswer("OK")

    def push(self, inbound: Inbound, reply: Reply) -> None:
        """Hand a USSD screen to the provider. Raises TryLater, Refused or FateUnknown."""
        raise Refused(f"a channel of kind {self.config.kind} pushes no screens")

    def send(self, outgoing: Outgoing) -> Sent:
        """Hand one SMS to the provider. Raises TryLater, Refused, OptedOut or FateUnknown."""
        raise Refused(f"a channel of kind {self.config.kind} carries no SMS")

    def fate(self, asked: Asked) -> Fate:
        """Ask the provider what became of a message. Raises TryLater when it cannot answer now."""
        return Fate("unknowable")

    def missed(self, since: datetime, cursor: str, now: datetime) -> Missed:
        """What the provider received for us since then. Raises TryLater when it cannot answer."""
        return Missed(())


def check_token(config: ChannelConfig, request: HookRequest) -> None:
    """Compare `?token=` with every valid token in constant time."""
    given = request.query.get("token", "").encode(errors="replace")
    matches = [hmac.compare_digest(given, token.encode()) for token in config.tokens]
    if not any(matches):
        raise Unauthenticated("the token is missing or wrong")


def hook_path(config: ChannelConfig, hook: Hook) -> str:
    """The hook's address without its proof."""
    return f"{config.base_url}/channels/{config.name}/{hook}"


def hook_url(config: ChannelConfig, hook: Hook) -> str:
    """The full URL, token included, that goes into a gateway's console."""
    return f"{hook_path(config, hook)}?token={config.tokens[0]}"
