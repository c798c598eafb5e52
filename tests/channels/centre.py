"""A message centre that speaks just enough SMPP 3.4 for Kannel: bind, deliver, submit, receipt.

It also keeps USSD dialogues, whose steps are TLVs of the same PDUs (§5.3.2.43 and §5.3.2.44).
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

BIND, SUBMIT, DELIVER, UNBIND, ENQUIRE = 9, 4, 5, 6, 0x15
ANSWER = 0x80000000
RECEIPT = 4
HAS_HEADER = 0x40
USSD_SERVICE_OP, ITS_SESSION_INFO = 0x0501, 0x1383
PSSR_REQUEST, PSSR_RESPONSE, USSR_REQUEST, USSR_CONFIRM, RELEASE = 1, 17, 2, 18, 129


@dataclass(frozen=True)
class Submitted:
    """One submit_sm: what would go to a phone."""

    source: str
    destination: str
    coding: int
    body: bytes
    service: str = ""
    tlvs: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def op(self) -> int:
        """The step of a USSD dialogue, or -1."""
        return int.from_bytes(self.tlvs.get(USSD_SERVICE_OP, b""), "big") or -1

    @property
    def session(self) -> bytes:
        return self.tlvs.get(ITS_SESSION_INFO, b"")

    @property
    def text(self) -> str:
        """The screen or SMS; in the default alphabet only what it shares with ASCII."""
        return self.body.decode("utf-16-be" if self.coding == 8 else "ascii")


@dataclass
class Centre:
    """`submitted` is what Kannel sent; `deliver` is a phone's message to Kannel."""

    port: int = 0
    submitted: list[Submitted] = field(default_factory=list)
    link: socket.socket | None = None
    bound: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)
    sequence: int = 100

    def deliver(
        self,
        sender: str,
        to: str,
        body: bytes,
        coding: int = 8,
        esm_class: int = 0,
        service: str = "",
        tlvs: Mapping[int, bytes] | None = None,
    ) -> None:
        assert self.link is not None
        self.sequence += 1
        addresses = b"\1\1" + sender.encode() + b"\0\0\1" + to.encode() + b"\0"
        flags = bytes([esm_class, 0, 0]) + b"\0\0" + bytes([0, 0, coding, 0, len(body)])
        extra = b"".join(
            struct.pack(">HH", tag, len(value)) + value for tag, value in (tlvs or {}).items()
        )
        content = service.encode() + b"\0" + addresses + flags + body + extra
        self.link.sendall(_pdu(DELIVER, self.sequence, content))

    def dial(
        self, sender: str, to: str, op: int, session: bytes, body: bytes = b"", coding: int = 0
    ) -> None:
        """One step of a USSD dialogue, from the phone."""
        tlvs = {USSD_SERVICE_OP: bytes([op]), ITS_SESSION_INFO: session}
        self.deliver(sender, to, body, coding, service="USSD", tlvs=tlvs)

    def wait_for(self, count: int, seconds: float = 20) -> list[Submitted]:
        """Everything submitted, once there are `count`."""
        with self.changed:
            enough = self.changed.wait_for(lambda: len(self.submitted) >= count, seconds)
            assert enough, [(one.op, one.body) for one in self.submitted]
            return list(self.submitted)

    def handle(self, command: int, sequence: int, body: bytes) -> None:
        assert self.link is not None
        if command == BIND:
            self.link.sendall(_pdu(BIND | ANSWER, sequence, b"TEST\0"))
            self.bound.set()
        elif command in (ENQUIRE, UNBIND):
            self.link.sendall(_pdu(command | ANSWER, sequence))
        elif command == SUBMIT:
            self._take(sequence, body)

    def _take(self, sequence: int, body: bytes) -> None:
        assert self.link is not None
        message, wants_receipt = _submitted(body)
        with self.changed:
            self.submitted.append(message)
            self.changed.notify_all()
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
    service, rest = body.split(b"\0", 1)
    source, rest = rest[2:].split(b"\0", 1)
    destination, rest = rest[2:].split(b"\0", 1)
    _schedule, rest = rest[3:].split(b"\0", 1)
    _validity, rest = rest.split(b"\0", 1)
    wants_receipt, coding, length = rest[0] & 1, rest[2], rest[4]
    text, extra = rest[5 : 5 + length], rest[5 + length :]
    message = Submitted(
        source.decode(), destination.decode(), coding, text, service.decode(), _tlvs(extra)
    )
    return message, bool(wants_receipt)


def _tlvs(encoded: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while encoded:
        tag, length = struct.unpack(">HH", encoded[:4])
        found[tag], encoded = encoded[4 : 4 + length], encoded[4 + length :]
    return found
