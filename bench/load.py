"""The load: so many phones at once, each waiting for its answer before it sends the next.

    python -m bench.load        a JSON order on stdin, a JSON account on stdout

A process of its own with one thread, plain sockets that stay open, and requests built beforehand:
how much of a core it needed is part of the account, so that it can be seen not to be the limit.
"""

from __future__ import annotations

import heapq
import json
import selectors
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from bench.figures import percentile
from bench.scripts import Name, Script, script

ANSWER_SECONDS = 15.0
# Who is asked to dial again does so, sooner than people would.
REDIAL_SECONDS = 1.0
MOST_ERRORS = 5


@dataclass(frozen=True, slots=True)
class Order:
    """`first` and the numbers after it are phones that nobody else uses.

    It ends after `seconds`, or once `walks` were begun where that is not 0. They are begun as soon
    as a phone is free, or `walks_per_second` where that is not 0. `sources` are the addresses that
    the phones' gateways call from; an answer that ends in one of `excuses` is no screen.
    """

    port: int
    address: str
    script: Name
    bare: bool
    phones: int
    seconds: float
    first: int = 0
    walks: int = 0
    walks_per_second: float = 0.0
    sources: Sequence[str] = ("127.0.0.1",)
    excuses: Sequence[str] = ()


@dataclass(slots=True)
class Account:
    """What was answered. `ended` walks came to their last answer, `excused` ones were given up.

    `begun` tells when the first message of each walk was sent, in seconds of the machine's
    monotonic clock, from the order's first number on.
    """

    answers: int = 0
    ended: int = 0
    excused: int = 0
    seconds: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    generator_core_share: float = 0.0
    begun: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class _Phone:
    """One open connection and where its walk stands."""

    def __init__(self, port: int, source: str) -> None:
        self.socket = socket.create_connection(
            ("127.0.0.1", port), timeout=ANSWER_SECONDS, source_address=(source, 0)
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.number = 0
        self.step = 0
        self.sent_at = 0.0
        self.received = b""


class Load:
    """One order being carried out."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.script: Script = script(order.script, order.address, order.bare)
        self.excuses = tuple(excuse.encode() for excuse in order.excuses)
        self.account = Account()
        self.taken: list[float] = []
        self.began = time.monotonic()
        self.planned = 0
        self.due: list[tuple[float, int, _Phone]] = []
        self.waiting = 0

    def run(self) -> Account:
        sources = self.order.sources
        phones = [
            _Phone(self.order.port, sources[index % len(sources)])
            for index in range(self.order.phones)
        ]
        cpu, self.began = time.process_time(), time.monotonic()
        with selectors.DefaultSelector() as selector:
            for phone in phones:
                selector.register(phone.socket, selectors.EVENT_READ, phone)
                self._plan(phone, self.began)
            self._serve(selector)
        seconds = time.monotonic() - self.began
        self.account.generator_core_share = (time.process_time() - cpu) / seconds
        for phone in phones:
            phone.socket.close()
        self._conclude()
        return self.account

    def _serve(self, selector: selectors.BaseSelector) -> None:
        """Until the time is over, then only until everybody has been answered."""
        ends = self.began + self.order.seconds
        while self.waiting or self.due:
            now = time.monotonic()
            if now >= ends:
                self.due.clear()
            while self.due and self.due[0][0] <= now:
                self._dial(heapq.heappop(self.due)[2])
            if not self.waiting and not self.due:
                return
            patience = min(self.due[0][0], ends) - now if self.due else ANSWER_SECONDS
            ready = selector.select(max(0.0, patience))
            if not ready and not self.due:
                self._wrong(f"{self.waiting} phones had no answer for {ANSWER_SECONDS:g} s")
                return
            self._hear_all(ready, ends)

    def _hear_all(self, ready: Sequence[tuple[selectors.SelectorKey, int]], ends: float) -> None:
        now = time.monotonic()
        for key, _ in ready:
            self._hear(key.data, now, going_on=now < ends)
        if ready and now < ends:
            self.account.seconds = now - self.began

    def _plan(self, phone: _Phone, soonest: float) -> None:
        """The phone's next walk, where there is to be one."""
        if self.order.walks and self.planned >= self.order.walks:
            return
        rate = self.order.walks_per_second
        at = max(soonest, self.began + self.planned / rate) if rate else soonest
        heapq.heappush(self.due, (at, self.planned, phone))
        self.planned += 1

    def _dial(self, phone: _Phone) -> None:
        phone.number, phone.step = self.order.first + len(self.account.begun), 0
        self._send(phone)
        self.account.begun.append(phone.sent_at)

    def _send(self, phone: _Phone) -> None:
        request = self.script.request(phone.step, phone.number)
        phone.received = b""
        phone.sent_at = time.monotonic()
        if phone.socket.send(request) != len(request):
            raise RuntimeError("a request did not fit a socket's buffer")
        self.waiting += 1

    def _hear(self, phone: _Phone, now: float, *, going_on: bool) -> None:
        data = phone.socket.recv(65536)
        phone.received += data
        body = body_of(phone.received)
        if body is None and data:
            return
        self.waiting -= 1
        wanted = self.script.steps[phone.step].wanted
        well = body is not None and phone.received.startswith(b"HTTP/1.1 200 ")
        if well and body is not None and self.excuses and body.endswith(self.excuses):
            self.account.excused += 1
            self._plan(phone, now + REDIAL_SECONDS)
            return
        if not (well and body is not None and body.startswith(wanted)):
            self._wrong(f"step {phone.step}: {phone.received[:300]!r}, wanted {wanted!r}")
            return
        self._go_on(phone, now, going_on=going_on)

    def _go_on(self, phone: _Phone, now: float, *, going_on: bool) -> None:
        phone.step += 1
        last = phone.step == len(self.script.steps)
        self.account.ended += last
        if not going_on:
            return
        self.taken.append((time.monotonic() - phone.sent_at) * 1000)
        if last:
            self._plan(phone, now)
        else:
            self._send(phone)

    def _wrong(self, what: str) -> None:
        # The phone that got it falls silent; what it and the others have said is told at the end.
        if len(self.account.errors) < MOST_ERRORS:
            self.account.errors.append(what)

    def _conclude(self) -> None:
        self.taken.sort()
        self.account.answers = len(self.taken)
        self.account.p50_ms = percentile(self.taken, 0.5)
        self.account.p99_ms = percentile(self.taken, 0.99)


def body_of(received: bytes) -> bytes | None:
    """The body of an answer that has come whole; None while some of it is missing."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return None
    _, _, after = head.lower().partition(b"\r\ncontent-length:")
    length = int(after.split(b"\r\n", 1)[0])
    return body if len(body) >= length else None


def main() -> None:
    account = Load(Order(**json.load(sys.stdin))).run()
    json.dump(asdict(account), sys.stdout)


if __name__ == "__main__":
    main()
