"""SMS in to reply handed over, through a whole `siang run`, beside the provider called directly.

Its channel is of kind "kannel", and `bench.provider` stands where Kannel's sendsms would. Each SMS
is from a phone of its own, so each reply's receiver tells which SMS it answers. The channel has no
limit of messages a second.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any

from app.channels.calls import new_client
from app.settings import ROOT, Settings
from bench import door, processes
from bench.errors import BenchError
from bench.figures import middle, percentile, ratio
from bench.load import Account, Order
from bench.provider import SENDSMS
from bench.scripts import phone

CHANNEL = "kannel"
ROUNDS = 3
PHONES = 16
MESSAGES = 700
STEADY_A_SECOND = 20.0
STEADY_SECONDS = 10.0
DIRECT_SECONDS = 1.0
# The last reply is waited for no longer; a crowd of SMS is worked off in a part of that.
REPLY_SECONDS = 120.0
LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Provider:
    """The running stand-in."""

    port: int

    @property
    def url(self) -> str:
        return f"http://{processes.HOST}:{self.port}{SENDSMS}"

    def variables(self) -> dict[str, str]:
        """The environment of a Siang whose Kannel it is."""
        prefix = f"SIANG_CHANNEL_{CHANNEL.upper()}"
        # Nobody checks it.
        return {f"{prefix}_SENDSMS_URL": self.url} | {f"{prefix}_PASSWORD": CHANNEL}

    def forget(self) -> None:
        self._ask("/forget")

    def count(self) -> int:
        return int(self._ask("/count"))

    def received(self) -> dict[str, float]:
        """When each receiver's first message came."""
        found: dict[str, float] = json.loads(self._ask("/received"))
        return found

    def _ask(self, path: str) -> bytes:
        connection = HTTPConnection(processes.HOST, self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    """A provider in a process of its own."""
    port, log = processes.free_port(), folder / "provider.log"
    command = (sys.executable, "-m", "bench.provider")
    with processes.running(command, processes.environment(folder, PORT=str(port)), log) as process:
        processes.wait_until_ready(process, port, log)
        yield Provider(port)


def measured(settings: Settings, port: int, taker: Provider) -> dict[str, Any]:
    """Crowds of SMS; then some at a steady rate."""
    crowd = crowds(settings, port, taker, MESSAGES, ROUNDS)
    return crowd | {"steady": _steady(settings, port, taker)}


def crowds(
    settings: Settings, port: int, taker: Provider, messages: int, rounds: int
) -> dict[str, Any]:
    """Rounds of as many SMS as fast as may be, each beside the provider called directly."""
    _sent(settings, port, taker, _order(settings, port, walks=PHONES, seconds=REPLY_SECONDS))
    replied, accepted, direct = [], [], []
    for _ in range(rounds):
        direct.append(_called_directly(taker))
        order = _order(settings, port, walks=messages, seconds=REPLY_SECONDS)
        account, received = _sent(settings, port, taker, order)
        replied.append(messages / (max(received) - min(account.begun)))
        accepted.append(account.answers / account.seconds)
    return {
        "rounds": rounds,
        "messages_a_round": messages,
        "phones": PHONES,
        "callers": callers(),
        "per_second": middle(replied),
        "accepted_per_second": middle(accepted),
        "direct_per_second": middle(direct),
        "to_direct": round(median(map(ratio, replied, direct)), 3),
        "to_accepted": round(median(map(ratio, replied, accepted)), 3),
    }


def callers() -> int:
    """The processes of `siang run` that call providers, one call at a time."""
    return (ROOT / "Procfile").read_text(encoding="utf-8").split().count("outbox")


def _steady(settings: Settings, port: int, taker: Provider) -> Mapping[str, float]:
    """From each SMS being sent to its reply being handed over, where there is no crowd."""
    seconds = STEADY_SECONDS
    count = int(STEADY_A_SECOND * seconds)
    order = _order(
        settings, port, walks=count, seconds=seconds + REPLY_SECONDS, a_second=STEADY_A_SECOND
    )
    account, received = _sent(settings, port, taker, order)
    taken = sorted(
        (there - begun) * 1000 for begun, there in zip(account.begun, received, strict=True)
    )
    return {
        "per_second": STEADY_A_SECOND,
        "messages": count,
        "p50_ms": round(percentile(taken, 0.5), 1),
        "p99_ms": round(percentile(taken, 0.99), 1),
    }


def _order(
    settings: Settings, port: int, *, walks: int, seconds: float, a_second: float = 0.0
) -> Order:
    address = door.address(settings, "sms", CHANNEL)
    plain = Order(port, address, "kannel", False, PHONES, seconds)
    return door.numbers(replace(plain, walks=walks, walks_per_second=a_second))


def steady_order(settings: Settings, port: int, seconds: float, a_second: float) -> Order:
    """SMS at an even rate for so long, whatever becomes of their replies."""
    return _order(settings, port, walks=0, seconds=seconds, a_second=a_second)


def _sent(
    settings: Settings, port: int, taker: Provider, order: Order
) -> tuple[Account, list[float]]:
    """Send them, wait for all replies: when each reply came, in the order of the SMS."""
    taker.forget()
    account = door.carried_out(order)
    until = time.monotonic() + REPLY_SECONDS
    while (count := taker.count()) < account.ended:
        if time.monotonic() > until:
            raise BenchError(f"{account.ended} SMS were accepted, {count} replies came")
        time.sleep(LOOK_SECONDS)
    received = taker.received()
    try:
        there = [received[phone(order.first + n)] for n in range(len(account.begun))]
    except KeyError:
        raise BenchError("The provider got replies for phones that sent nothing") from None
    return account, there


def _called_directly(taker: Provider) -> float:
    """Messages a second of as many callers as there are, each with our own client in a loop."""
    count = callers()
    with ThreadPoolExecutor(count) as crew:
        return sum(crew.map(_caller, [taker] * count))


def _caller(taker: Provider) -> float:
    client = new_client()
    parameters = {"username": "siang", "password": CHANNEL, "from": "1616", "text": "ok"}
    begun, count = time.monotonic(), 0
    while time.monotonic() < begun + DIRECT_SECONDS:
        answer = client.get(taker.url, params=parameters | {"to": phone(count)})
        if answer.status_code != 202:
            raise BenchError(f"The provider answered {answer.status_code} to a direct call")
        count += 1
    return count / (time.monotonic() - begun)
