"""A network for tests: it brings whatever a channel may bring, and can do whatever one may.

What a webhook brings is its JSON body, as plain as can be; what the network was told stands in
`screens` and `sent`.
"""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app import clock
from app.channels.base import Ability, Channel, Hook, HookAnswer, HookRequest
from app.errors import SendError
from app.settings import QUICKEST_REPEAT, ChannelConfig
from app.words import (
    Arrived,
    Ended,
    Heartbeat,
    Inbound,
    Missed,
    OptOut,
    Outgoing,
    Part,
    Receipt,
    Reply,
    Sent,
)
from tests.phones import Gateway

NAME = "wire"
TOKEN = "wire-token-0123456789"
IDS = itertools.count(1)


class Wire(Channel):
    """Its abilities and its `mistakes` are a test's; `history` is what its phones sent."""

    hooks: frozenset[Hook] = frozenset({"ussd", "sms", "receipt", "event", "optout"})

    def __init__(self, config: ChannelConfig, abilities: Iterable[Ability] = ("send",)) -> None:
        super().__init__(config)
        self.abilities = frozenset(abilities)
        self.screens: list[Reply] = []
        self.sent: list[Outgoing] = []
        self.mistakes: deque[SendError] = deque()
        self.history: list[Inbound] = []
        self.asked: list[tuple[datetime, str]] = []
        self.requests: list[HookRequest] = []

    def parse(self, request: HookRequest, now: datetime) -> tuple[Arrived, ...]:
        self.requests.append(request)
        said = json.loads(request.body) if request.body.startswith(b"[") else []
        return tuple(arrival(self.config.name, one, now) for one in said)

    def answer(
        self, hook: Hook, inbound: Inbound | None = None, reply: Reply | None = None
    ) -> HookAnswer:
        if reply is None:
            return super().answer(hook)
        return HookAnswer(("END " if reply.ends else "CON ") + reply.text)

    def push(self, inbound: Inbound, reply: Reply) -> None:
        if self.mistakes:
            raise self.mistakes.popleft()
        self.screens.append(reply)

    def send(self, outgoing: Outgoing) -> Sent:
        self.sent.append(outgoing)
        return Sent(state="delivered")

    def missed(self, since: datetime, cursor: str, now: datetime) -> Missed:
        self.asked.append((since, cursor))
        if self.mistakes:
            raise self.mistakes.popleft()
        found = [one for one in self.history if one.received_at >= since]
        return Missed(tuple(found), cursor=str(len(self.history)))


def arrival(channel: str, said: Mapping[str, Any], now: datetime) -> Arrived:
    """One thing as a test writes it; `kind` tells what, and `ago` seconds how old it is."""
    given = dict(said)
    kind = given.pop("kind", "sms")
    at = now - timedelta(seconds=given.pop("ago", 0))
    if kind in ("sms", "ussd"):
        part = given.pop("part", None)
        own = {"provider_id": f"id-{next(IDS)}", "text": ""} | given
        return Inbound(channel, kind, received_at=at, part=part and Part(*part), **own)
    kinds = {"ended": Ended, "optout": OptOut, "beat": Heartbeat, "receipt": Receipt}
    found: Arrived = kinds[kind](channel=channel, at=at, **given)
    return found


def config(
    repeat_seconds: float = 10.0,
    deadline_seconds: float = 8.0,
    ussd_repeat_seconds: float = QUICKEST_REPEAT,
) -> ChannelConfig:
    return ChannelConfig(
        name=NAME,
        kind="wire",
        base_url="http://127.0.0.1",
        tokens=(TOKEN,),
        repeat_seconds=repeat_seconds,
        deadline_seconds=deadline_seconds,
        ussd_repeat_seconds=ussd_repeat_seconds,
    )


@dataclass
class Passing:
    """A clock that goes on when a test says so, besides by itself."""

    by: timedelta = timedelta()

    def __call__(self) -> datetime:
        return clock.now() + self.by


def on(gateway: Gateway, wire: Wire, now: Callable[[], datetime] = clock.now) -> Gateway:
    """The gateway with one more channel, going by that clock."""
    office = gateway.office
    channels = {**office.channels, NAME: wire}
    configs = {**office.settings.channels, NAME: wire.config}
    return Gateway(
        replace(
            office,
            channels=channels,
            settings=replace(office.settings, channels=configs),
            desk=replace(office.desk, channels=configs, now=now),
            post=replace(office.post, channels=channels, now=now),
        )
    )


def brings(gateway: Gateway, hook: Hook, *said: Mapping[str, object]) -> tuple[int, str]:
    """Post it; status and body of the answer."""
    response = gateway.client.post(f"/channels/{NAME}/{hook}?token={TOKEN}", json=said)
    return response.status_code, response.text
