"""What the phones of the load send, as the bytes of HTTP, and what they must be answered.

Built by hand and once, so that the generator spends its time on sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote_plus

Name = Literal["ussd", "sms"]

# Rates a center: dial, "rate", its code, the score, the service, then no amount and no sex.
KEYS = ("1", "0103", "4", "1", "1", "3")
SMS = "0103 5 ດີຫຼາຍ"
# Seven digits, so that every form of a step is equally long.
LARGEST_NUMBER = 9_999_999


@dataclass(frozen=True, slots=True)
class Step:
    """One post of a walk. `form` wants the phone's number twice; `wanted` begins its answer."""

    form: bytes
    wanted: bytes


@dataclass(frozen=True, slots=True)
class Script:
    """A walk that each phone makes once."""

    head: bytes
    steps: Sequence[Step]

    def request(self, step: int, phone: int) -> bytes:
        return self.head + self.steps[step].form % (phone, phone)


def script(name: Name, address: str, bare: bool) -> Script:
    """The walk of one medium, posted to `address` (path and query). `bare`: nothing ever ends."""
    head = f"POST {address} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
    return Script(head.encode(), _ussd(bare) if name == "ussd" else _sms())


def _ussd(bare: bool) -> list[Step]:
    steps = []
    for index in range(len(KEYS) + 1):
        fields = "sessionId=ATUid_bench%07d&serviceCode=%%2A1616%%23&networkCode=45701"
        fields += f"&phoneNumber=%%2B856205%07d&text={_typed('*'.join(KEYS[:index]))}"
        ends = index == len(KEYS) and not bare
        steps.append(_step(fields, b"END " if ends else b"CON "))
    return steps


def _sms() -> list[Step]:
    fields = f"id=bench-%07d&to=1616&from=%%2B856205%07d&text={_typed(SMS)}"
    return [_step(fields, b"OK")]


def _typed(text: str) -> str:
    """Percent-encoded, and its percents doubled for the numbers that are put in later."""
    return quote_plus(text).replace("%", "%%")


def _step(fields: str, wanted: bytes) -> Step:
    length = len(fields % (LARGEST_NUMBER, LARGEST_NUMBER))
    return Step(f"{length}\r\n\r\n{fields}".encode(), wanted)
