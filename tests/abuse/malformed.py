"""Requests that no gateway sends: captured ones, spoilt by a seeded chance.

Every one holds the marker and a number of the reserved range, so that no log may show either.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote_from_bytes

from app import clock
from app.channels.base import Hook
from tests.channels import door
from tests.channels.door import FORM, JSON, NEW, SIGNS, Payload
from tests.channels.wire import encoded

MARKER: Final = "ZAUBERWORT"
# Behind 020 5599 nobody else's test has a number.
RESERVED: Final = "5599"
_NUMBER: Final = re.compile(r"(?<=\d{2})20\d{8}(?!\d)")

XML_CHANNEL: Final = "xml"

METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW")
TYPES: Final = (
    FORM,
    JSON,
    "text/xml",
    "text/plain; charset=utf-16",
    "application/json; charset=no-such",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded; charset=utf-7",
    "ສຽງ/\x00",
    "",
)
XML: Final = (
    '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;">]><l>&d;</l>',
    '<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>',
    '<!DOCTYPE l SYSTEM "http://127.0.0.1:9/x.dtd"><l/>',
    "<l>" * 20_000,
)
VALUES: Final[tuple[object, ...]] = (
    None,
    True,
    -1,
    1e308,
    10**400,
    [],
    {},
    [[[[]]]],
    {"": {"": None}},
    "\x00",
    "\ud800",
    "9" * 1_000_000,
    "ກ" * 20_000,
    "*" * 500,
    " ",
    "+" * 40,
    "-0",
    "1970-01-01T00:00:00Z",
    "99999999999999999999",
    "NaN",
)
BYTES: Final = (
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\x00",
    "ສຽງ".encode("utf-16"),
    b"%",
    b"%zz",
    b"\xf8\x88\x80\x80\x80",
)


@dataclass(frozen=True)
class Odd:
    """One request, ready to be sent to `path`; `hook` is the one it was made for."""

    hook: Hook
    method: str
    path: str
    query: bytes
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


def _number(chance: random.Random) -> str:
    return f"20{RESERVED}{chance.randrange(10_000):04d}"


def _marked(payload: Payload, chance: random.Random) -> Payload:
    """The captured request of somebody in the reserved range."""
    number = _number(chance)
    body = _NUMBER.sub(number, payload.body.decode("utf-8", "surrogateescape"))
    return replace(
        payload,
        query=_NUMBER.sub(number, payload.query),
        body=body.encode("utf-8", "surrogateescape"),
    )


def _names(payload: Payload) -> list[str]:
    if payload.in_json:
        return [name for name in json.loads(payload.body) if isinstance(name, str)]
    return list({**door.decoded(payload.query), **door.decoded(payload.body)})


# --- what is done to a request: each takes it and gives another ---------------------------------


def _another_value(payload: Payload, chance: random.Random) -> Payload:
    value = chance.choice((*VALUES, f"{MARKER} +856{_number(chance)}"))
    return payload.with_fields({chance.choice(_names(payload)): value})


def _other_octets(payload: Payload, chance: random.Random) -> Payload:
    return payload.with_bytes(chance.choice(_names(payload)), chance.choice(BYTES))


def _left_out(payload: Payload, chance: random.Random) -> Payload:
    return payload.with_fields({}, without=chance.choice(_names(payload)))


def _thousands(payload: Payload, chance: random.Random) -> Payload:
    more = "&".join(f"{MARKER}{number}=+856{_number(chance)}" for number in range(2_000))
    return replace(payload, body=payload.body + b"&" + more.encode())


def _repeated(payload: Payload, chance: random.Random) -> Payload:
    name = chance.choice(_names(payload))
    more = f"{name}={MARKER}&{name}=&{name}[]=1"
    return replace(
        payload, query=f"{payload.query}&{more}", body=payload.body + f"&{more}".encode()
    )


def _nested(payload: Payload, chance: random.Random) -> Payload:
    depth = chance.choice((50, 5_000, 30_000))
    opened, closed = chance.choice((("[", "]"), ('{"a":', "}"), ('[{"b":', "}]")))
    body = opened * depth + f'"{MARKER}"' + closed * chance.choice((0, depth))
    return replace(payload, body=body.encode(), content_type=JSON)


def _entities(payload: Payload, chance: random.Random) -> Payload:
    body = chance.choice(XML) + f"<!-- {MARKER} {_number(chance)} -->"
    return replace(payload, body=body.encode(), content_type="text/xml")


def _digits(payload: Payload, chance: random.Random) -> Payload:
    digits = chance.choice(("9" * 200_000, "-" + "1" * 60_000, "1e" + "9" * 6_000))
    body = f'{{"event": {digits}, "id": {digits}}}'
    return replace(payload, body=body.encode(), content_type=JSON)


def _huge(payload: Payload, chance: random.Random) -> Payload:
    size = chance.choice((64 * 1024 - 1, 64 * 1024 + 1, 256 * 1024 + 1, 1024 * 1024))
    return replace(payload, body=payload.body + b"&x=" + MARKER.encode() * (size // 10))


def _noise(payload: Payload, chance: random.Random) -> Payload:
    return replace(payload, body=MARKER.encode() + chance.randbytes(chance.randrange(2_000)))


def _cut(payload: Payload, chance: random.Random) -> Payload:
    return replace(payload, body=payload.body[: chance.randrange(len(payload.body) + 1)])


def _other_type(payload: Payload, chance: random.Random) -> Payload:
    return replace(payload, content_type=chance.choice(TYPES))


def _other_charset(payload: Payload, chance: random.Random) -> Payload:
    charset = chance.choice(("utf-16", "utf-32", "utf-7"))
    text = payload.body.decode("utf-8", "replace")
    return replace(payload, body=text.encode(charset, "replace"))


def _untouched(payload: Payload, _chance: random.Random) -> Payload:
    return payload


SPOILS: Final[tuple[Callable[[Payload, random.Random], Payload], ...]] = (
    _another_value,
    _another_value,
    _other_octets,
    _other_octets,
    _left_out,
    _thousands,
    _repeated,
    _nested,
    _entities,
    _digits,
    _huge,
    _noise,
    _cut,
    _other_type,
    _other_charset,
    _untouched,
)


# --- the request as a whole -------------------------------------------------------------------


def _channel(payload: Payload) -> str:
    """The channel's name; what claims to be XML goes to one that reads it."""
    reads_xml = payload.kind == "http" and payload.content_type == "text/xml"
    return XML_CHANNEL if reads_xml and payload.hook == "sms" else payload.kind


def _path(kind: str, hook: Hook, chance: random.Random) -> str:
    plain = f"/channels/{kind}/{hook}"
    tricks = (
        f"/channels/%2e%2e/{kind}/{hook}",
        f"//channels//{kind}//{hook}",
        f"/channels/{kind}%2F{hook}",
        f"/channels/{kind}/{hook}/",
        f"/channels/{kind}/{hook}%00",
        f"/channels/../channels/{kind}/{hook}",
        f"/channels/{MARKER}{_number(chance)}/{hook}",
        f"/{MARKER}/" + "a" * 60_000,
        f"/channels/{kind}/%ff%fe",
        f"/channels/{kind.upper()}/{hook}",
        f"/channels/{kind}/ussd;{MARKER}",
    )
    return chance.choice(tricks) if chance.random() < 0.1 else plain


def _headers(chance: random.Random) -> dict[str, str]:
    if chance.random() < 0.8:
        return {}
    number = f"+856{_number(chance)}"
    return chance.choice(
        (
            {"X-Forwarded-For": f"{number}, {MARKER}"},
            {"User-Agent": MARKER + "x" * 60_000},
            {f"X-{MARKER}-{one}": number for one in range(300)},
            {"Authorization": f"Bearer {MARKER}"},
            {"X-Twilio-Signature-Settings": f"algorithm={MARKER}"},
            {"X-Timestamp": "9" * 5_000, "X-Signature": "ສ"},
            {"Host": f"{MARKER}:99999"},
            {"Cookie": f"{MARKER}={number}; " * 200},
            {"Accept": "*/*;q=" + "9" * 5_000, "Range": f"bytes={number}-"},
        )
    )


def _proof(payload: Payload, method: str, chance: random.Random) -> tuple[str, Mapping[str, str]]:
    """Query and headers with the gateway's own proof; with another's one time in eight."""
    if chance.random() < 0.125:
        wrong = chance.choice(("", MARKER, "\ud800", NEW + "x", "x" * 9_000))
        return f"{encoded({'token': wrong})}&{payload.query}", {}
    if payload.kind not in SIGNS:
        return f"token={NEW}&{payload.query}", {}
    section = door.config(payload.kind)
    url = f"{section.base_url}/channels/{payload.kind}/{payload.hook}"
    url += f"?{payload.query}" if payload.query else ""
    try:
        signed = SIGNS[payload.kind].sign(
            section, method, url, payload.body, payload.content_type, clock.now()
        )
    except (ValueError, TypeError, AttributeError):
        # What cannot even be signed comes without.
        signed = {}
    return payload.query, signed


def odd(payloads: list[Payload], chance: random.Random) -> Odd:
    """One more."""
    payload = _marked(chance.choice(payloads), chance)
    for _ in range(chance.choice((1, 1, 2))):
        try:
            payload = chance.choice(SPOILS)(payload, chance)
        except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
            # Spoilt too much already to be spoilt in this way as well.
            break
    method = payload.method if chance.random() < 0.9 else chance.choice(METHODS)
    query, proof = _proof(payload, method, chance)
    return Odd(
        hook=payload.hook,
        method=method,
        path=_path(_channel(payload), payload.hook, chance),
        query=query.encode("utf-8", "surrogatepass"),
        body=payload.body,
        content_type=payload.content_type,
        headers={**payload.headers, **_headers(chance), **proof},
    )


FRAMINGS: Final = (
    "Content-Length: {length}",
    "Content-Length: {length}",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Content-Length: {length}\r\nContent-Length: 1",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: {length}",
)


def raw(request: Odd, token: str, chance: random.Random) -> bytes:
    """The request as octets for a socket, under that token; its framing may be spoilt too."""
    query = request.query.replace(NEW.encode(), token.encode())
    target = request.path.encode() + b"?" + quote_from_bytes(query, safe="=&+%").encode()
    framing = chance.choice(FRAMINGS).format(length=len(request.body))
    named = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framing}\r\n{named}\r\n"
    method = request.method.encode()
    return method + b" " + target + head.encode("utf-8", "replace") + request.body
