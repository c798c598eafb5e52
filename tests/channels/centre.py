"""A message centre that speaks just enough SMPP 3.4 for Kannel: bind, deliver, submit, receipt."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

BIND, SUBMIT, DELIVER, UNBIND, ENQUIRE = 9, 4, 5, 6, 0x15
ANSWER = 0x80000000
RECEIPT = 4
HAS_HEADER = 0x40


@dataclass(frozen=True)
class Submitted:
    """One submit_sm: what would go to a phone."""

    source: str
    destination: str
    coding: int
    body: bytes


@dataclass
class Centre:
    """`submitted` is what Kannel sent; `deliver` is a phone's message to Kannel."""

    port: int = 0
    submitted: list[Submitted] = field(default_factory=list)
    link: socket.socket | None = None
    bound: threading.Event = field(default_factory=threading.Event)
    sequence: int = 100

    def deliver(
        self, sender: str, to: str, body: bytes, coding: int = 8, esm_class: int = 0
    ) -> None:
        assert self.link is not None
        self.sequence += 1
        addresses = b"\1\1" + sender.encode() + b"\0\0\1" + to.encode() + b"\0"
        flags = bytes([esm_class, 0, 0]) + b"\0\0" + bytes([0, 0, coding, 0, len(body)])
        self.link.sendall(_pdu(DELIVER, self.sequence, b"\0" + addresses + flags + body))

    def handle(self, command: int, sequence: int, body: bytes) -> None:
        assert self.link is not None
        if command == BIND:
            self.link.sendall(_pdu(BIND | ANSWER, sequence, b"TEST\0"))
            self.bound.set()
        elif command in (ENQUIRE, UNBIND):
            self.link.sendall(_pdu(command | ANSWER, sequence))
        elif command == SUBMIT:
            message, wants_receipt = _submitted(body)
            self.submitted.append(message)
            reference = str(4000 + len(self.submitted))
            self.link.sendall(_pdu(SUBMIT | ANSWER, sequence, reference.encode() + b"\0"))
            if wants_receipt:
                # Kannel stores a message's receipt only after the answer; a receipt that
                # overtakes it finds nothing.
                time.sleep(0.5)
                words = f"id:{reference} sub:001 dlvrd:001 stat:DELIVRD err:000 text:secret"
                self.deliver(message.destination, message.source, words.encode(), 0, RECEIPT)


def parts(text: str, size: int = 134) -> list[bytes]:
    """A long UCS-2 message as concatenated parts (8-bit reference)."""
    encoded = text.encode("utf-16-be")
    chunks = [encoded[start : start + size] for start in range(0, len(encoded), size)]
    return [bytes([5, 0, 3, 42, len(chunks), i + 1]) + part for i, part in enumerate(chunks)]


@contextmanager
def running() -> Iterator[Centre]:
    """A centre that waits for one Kannel."""
    centre = Centre()
    listener = socket.create_server(("127.0.0.1", 0))
    centre.port = listener.getsockname()[1]
    thread = threading.Thread(target=_serve, args=(listener, centre), daemon=True)
    thread.start()
    try:
        yield centre
    finally:
        if centre.link is None:
            socket.create_connection(("127.0.0.1", centre.port)).close()
        thread.join(10)
        listener.close()


def _serve(listener: socket.socket, centre: Centre) -> None:
    link, _ = listener.accept()
    with link:
        centre.link = link
        try:
            while True:
                length, command, _status, sequence = struct.unpack(">IIII", _exactly(link, 16))
                centre.handle(command, sequence, _exactly(link, length - 16))
        except (EOFError, OSError):
            return


def _exactly(link: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        more = link.recv(count - len(got))
        if not more:
            raise EOFError
        got += more
    return got


def _pdu(command: int, sequence: int, body: bytes = b"") -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, 0, sequence) + body


def _submitted(body: bytes) -> tuple[Submitted, bool]:
    _service, rest = body.split(b"\0", 1)
    source, rest = rest[2:].split(b"\0", 1)
    destination, rest = rest[2:].split(b"\0", 1)
    _schedule, rest = rest[3:].split(b"\0", 1)
    _validity, rest = rest.split(b"\0", 1)
    wants_receipt, coding, length = rest[0] & 1, rest[2], rest[4]
    message = Submitted(source.decode(), destination.decode(), coding, rest[5 : 5 + length])
    return message, bool(wants_receipt)
