"""What the phones of the load send, as the bytes of HTTP, and what they must be answered.

Built by hand and once, so that the generator spends its time on sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote_plus

Name = Literal["ussd", "sms", "kannel"]

# Rates a center: dial, "rate", its code, the score, the service, then no amount and no sex.
KEYS = ("1", "0103", "4", "1", "1", "3")
SMS = "0103 5 ດີຫຼາຍ"
# Seven digits, so that every form of a step is equally long.
LARGEST_NUMBER = 9_999_999
COUNTRY = "+856205"


def phone(number: int) -> str:
    """A phone of the load, as E.164 writes it."""
    return f"{COUNTRY}{number:07d}"


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a walk. It wants the phone's number twice; `wanted` begins its answer."""

    request: bytes
    wanted: bytes


@dataclass(frozen=True, slots=True)
class Script:
    """A walk that each phone makes once."""

    steps: Sequence[Step]

    def request(self, step: int, number: int) -> bytes:
        return self.steps[step].request % (number, number)


def script(name: Name, address: str, bare: bool) -> Script:
    """The walk of one medium, sent to `address` (path and query). `bare`: nothing ever ends."""
    if name == "ussd":
        return Script(_ussd(address, bare))
    return Script([_sms(address) if name == "sms" else _kannel(address)])


def _ussd(address: str, bare: bool) -> list[Step]:
    steps = []
    for index in range(len(KEYS) + 1):
        fields = "sessionId=ATUid_bench%07d&serviceCode=%%2A1616%%23&networkCode=45701"
        fields += f"&phoneNumber={_typed(COUNTRY)}%07d&text={_typed('*'.join(KEYS[:index]))}"
        ends = index == len(KEYS) and not bare
        steps.append(Step(_post(address, fields), b"END " if ends else b"CON "))
    return steps


def _sms(address: str) -> Step:
    fields = f"id=bench-%07d&to=1616&from={_typed(COUNTRY)}%07d&text={_typed(SMS)}"
    return Step(_post(address, fields), b"OK")


def _kannel(address: str) -> Step:
    """As Kannel's smsbox asks: everything in the address."""
    fields = f"id=bench-%07d&from={_typed(COUNTRY)}%07d&to=1616&text={_typed(SMS)}"
    target = f"{address.replace('%', '%%')}&{fields}&coding=2&charset=UTF-8"
    return Step(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(), b"")


def _post(address: str, fields: str) -> bytes:
    length = len(fields % (LARGEST_NUMBER, LARGEST_NUMBER))
    head = f"POST {address.replace('%', '%%')} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
    return f"{head}{fields}".encode()


def _typed(text: str) -> str:
    """Percent-encoded, and its percents doubled for the numbers that are put in later."""
    return quote_plus(text).replace("%", "%%")
