"""What the tests of kind "http" share: sections, requests, and a message that tells on itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.channels.base import Hook, HookRequest
from app.channels.http import Http
from app.settings import ChannelConfig
from app.words import Arrived, Outgoing
from tests.channels.door import FORM, JSON, NEW, NOW, OLD, decoded
from tests.channels.fakes.http import API_KEY, PASSWORD

ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
NUMBER = "+8562055512345"
LAO = 'ຂອບໃຈ 😀 "LA-2041" & 50%+ <b> \\n {{to}}\r\nok'
SENDER = NUMBER.removeprefix("+")
# The fewest keys of an sms table.
PLAIN = {"from": "from", "text": "text"}
SMS = Outgoing(ID, "http", NUMBER, LAO, segments=2)


def section(given: Mapping[str, Any], name: str = "http") -> ChannelConfig:
    """A section with these keys and no others, as settings.load would hand it over."""
    return ChannelConfig(name, "http", "http://127.0.0.1:8000", (NEW, OLD), options=given)


def http(given: Mapping[str, Any]) -> Http:
    return Http(section(given))


def arriving(
    hook: Hook,
    body: str | bytes = b"",
    query: str = "",
    content_type: str = FORM,
    headers: Mapping[str, str] | None = None,
    method: str = "",
    remote: str = "127.0.0.1",
) -> HookRequest:
    """A request as the door hands it over, its token left out."""
    octets = body.encode() if isinstance(body, str) else body
    return HookRequest(
        method=method or ("POST" if octets else "GET"),
        hook=hook,
        query=decoded(query),
        form=decoded(octets) if content_type == FORM else {},
        headers={"Content-Type": content_type, **(headers or {})},
        body=octets,
        remote=remote,
        raw_query=query.encode(),
    )


def in_json(hook: Hook, content: object) -> HookRequest:
    return arriving(hook, json.dumps(content), content_type=JSON)


def assert_tells_nothing(error: BaseException) -> None:
    """No number, text, id, address or secret in the error, and no other behind it with them."""
    told = f"{error} {error!r} {error.args}"
    for secret in (NUMBER, "55512345", "ຂອບໃຈ", API_KEY, PASSWORD, NEW, "127.0.0.1", ID):
        assert secret not in told
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def arrived(request: HookRequest, **section: object) -> tuple[Arrived, ...]:
    """What a channel with this one table of `receive` makes of the request."""
    given = {"receive": {request.hook: section}}
    if request.hook == "ussd" and "screen" not in section:
        section["screen"] = {"body": "{{text}}"}
    return http(given).parse(request, NOW)
