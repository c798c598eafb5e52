"""The load: so many phones at once, each waiting for its answer before it sends the next.

    python -m bench.load        a JSON order on stdin, a JSON account on stdout

A process of its own with one thread, plain sockets that stay open, and requests built beforehand:
how much of a core it needed is part of the account, so that it can be seen not to be the limit.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass, field

from bench.figures import percentile
from bench.scripts import Name, Script, script

ANSWER_SECONDS = 15.0
MOST_ERRORS = 5


@dataclass(frozen=True, slots=True)
class Order:
    """`first` and the numbers after it are phones that nobody else uses."""

    port: int
    address: str
    script: Name
    bare: bool
    phones: int
    seconds: float
    first: int


@dataclass(slots=True)
class Account:
    """What was answered. `ended` walks came to their last answer."""

    answers: int = 0
    ended: int = 0
    seconds: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    generator_core_share: float = 0.0
    errors: list[str] = field(default_factory=list)


class _Phone:
    """One open connection and where its walk stands."""

    def __init__(self, order: Order) -> None:
        self.socket = socket.create_connection(("127.0.0.1", order.port), timeout=ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.number = 0
        self.step = 0
        self.sent_at = 0
        self.received = b""


class _Load:
    """One order being carried out."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.script: Script = script(order.script, order.address, order.bare)
        self.account = Account()
        self.taken: list[float] = []
        self.next_number = order.first
        self.waiting = 0

    def run(self) -> Account:
        phones = [_Phone(self.order) for _ in range(self.order.phones)]
        cpu, begun = time.process_time(), time.monotonic()
        with selectors.DefaultSelector() as selector:
            for phone in phones:
                selector.register(phone.socket, selectors.EVENT_READ, phone)
                self._dial(phone)
            self._serve(selector, begun)
        self.account.generator_core_share = (time.process_time() - cpu) / (time.monotonic() - begun)
        for phone in phones:
            phone.socket.close()
        self._conclude()
        return self.account

    def _serve(self, selector: selectors.BaseSelector, begun: float) -> None:
        """Until the time is over, then only until everybody has been answered."""
        while self.waiting:
            ready = selector.select(ANSWER_SECONDS)
            now = time.monotonic()
            going_on = now < begun + self.order.seconds
            if not ready:
                self._wrong(f"{self.waiting} phones had no answer for {ANSWER_SECONDS:g} s")
                return
            for key, _ in ready:
                self._hear(key.data, going_on=going_on)
            if going_on:
                self.account.seconds = now - begun

    def _dial(self, phone: _Phone) -> None:
        phone.number, phone.step = self.next_number, 0
        self.next_number += 1
        self._send(phone)

    def _send(self, phone: _Phone) -> None:
        request = self.script.request(phone.step, phone.number)
        phone.received = b""
        phone.sent_at = time.perf_counter_ns()
        if phone.socket.send(request) != len(request):
            raise RuntimeError("a request did not fit a socket's buffer")
        self.waiting += 1

    def _hear(self, phone: _Phone, *, going_on: bool) -> None:
        data = phone.socket.recv(65536)
        phone.received += data
        body = body_of(phone.received)
        if body is None and data:
            return
        self.waiting -= 1
        wanted = self.script.steps[phone.step].wanted
        right = body is not None and body.startswith(wanted)
        if not (right and phone.received.startswith(b"HTTP/1.1 200 ")):
            self._wrong(f"step {phone.step}: {phone.received[:300]!r}, wanted {wanted!r}")
            return
        phone.step += 1
        last = phone.step == len(self.script.steps)
        self.account.ended += last
        if not going_on:
            return
        self.taken.append((time.perf_counter_ns() - phone.sent_at) / 1e6)
        if last:
            self._dial(phone)
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
    account = _Load(Order(**json.load(sys.stdin))).run()
    json.dump(asdict(account), sys.stdout)


if __name__ == "__main__":
    main()
