"""Jasmin's HTTP API and its two throwers, as docs.jasminsms.com describes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from app.channels.base import HookAnswer
from tests.channels.provider import Call, Provider, Response

USER, PASSWORD = "siang", "a-password-of-jasmin"
ACKNOWLEDGED = "ACK/Jasmin"
KNOWN = {"to", "from", "coding", "username", "password", "dlr", "dlr-level", "dlr-url"}
KNOWN |= {"dlr-method", "content", "hex-content"}

Post = Callable[[str, bytes], HookAnswer]
"""Posts a form to a URL of ours and brings what it is answered."""


@dataclass(frozen=True)
class Taken:
    """A message as it goes to the message centre."""

    id: str
    to: str
    coding: int
    octets: bytes
    receipt_url: str

    @property
    def text(self) -> str:
        return self.octets.decode("utf-16-be" if self.coding == 8 else "ascii")


@dataclass
class Jasmin(Provider):
    """`errors` are answered to the next messages: a status and Jasmin's own words."""

    errors: deque[tuple[int, str]] = field(default_factory=deque)
    taken: list[Taken] = field(default_factory=list)

    def respond(self, call: Call) -> Response:
        if call.path != "/send":
            return _error(404, "No such resource")
        form = call.form
        if self.errors:
            return _error(*self.errors.popleft())
        unknown = sorted(set(form) - KNOWN)
        if unknown:
            return _error(400, f"Argument {unknown[0]} is unknown.")
        if ("content" in form) == ("hex-content" in form):
            return _error(400, "Mandatory arguments not found")
        if (form["username"], form["password"]) != (USER, PASSWORD):
            return _error(403, f"Authentication failure for username:{form['username']}")
        octets = (
            bytes.fromhex(form["hex-content"])
            if "hex-content" in form
            else form["content"].encode("ascii")
        )
        id_ = f"07033084-5cfd-4812-90a4-{len(self.taken):012x}"
        self.taken.append(Taken(id_, form["to"], int(form["coding"]), octets, form["dlr-url"]))
        return Response(200, f'Success "{id_}"', "text/plain")


def throw(post: Post, url: str, fields: Mapping[str, str], tries: int = 3) -> int:
    """Post until it is acknowledged; how often that took, 0 for never."""
    for attempt in range(1, tries + 1):
        answer = post(url, urlencode(fields).encode())
        if (answer.status, answer.body) == (200, ACKNOWLEDGED):
            return attempt
    return 0


def message(id_: str, text: str, coding: int = 8) -> dict[str, str]:
    """What the MO thrower posts: the octets as they came, and the same in hexadecimal."""
    octets = text.encode({8: "utf-16-be", 3: "latin-1"}.get(coding, "ascii"))
    return {
        "id": id_,
        "from": "8562055512345",
        "to": "1616",
        "origin-connector": "laotel",
        "priority": "1",
        "coding": str(coding),
        "validity": "",
        "content": octets.decode("utf-8", "replace"),
        "binary": octets.hex(),
    }


def receipt(taken: Taken, status: str, level: str = "3") -> dict[str, str]:
    """What the DLR thrower posts."""
    return {
        "id": taken.id,
        "id_smsc": "2567",
        "message_status": status,
        "level": level,
        "connector": "laotel",
        "subdate": "2611220900",
        "donedate": "2611220901",
        "sub": "001",
        "dlvrd": "001",
        "err": "000",
        "text": "the first letters",
    }


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def _error(status: int, words: str) -> Response:
    return Response(status, f'Error "{words}"', "text/plain")
