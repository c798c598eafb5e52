"""What the gateways' door does with a request, for captured payloads and changed ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from app.channels import CHANNELS
from app.channels.base import Channel, Hook, HookRequest, hook_path
from app.settings import ROOT, ChannelConfig
from app.words import Arrived
from tests.channels.fakes import android, http, twilio
from tests.channels.wire import FORM as FORM
from tests.channels.wire import JSON as JSON
from tests.channels.wire import NEW as NEW
from tests.channels.wire import OLD as OLD
from tests.channels.wire import decoded as decoded
from tests.channels.wire import encoded

PAYLOADS = ROOT / "tests" / "payloads"
# Within three days of the captures' own clocks.
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "africastalking": {"username": "siang", "api_key": "an-africastalking-key"},
    "android": {
        "devices": [{"name": "one", "url": "http://127.0.0.1:9", "username": "sms"}],
        "signing_key": android.KEY,
        "password": android.PASSWORD,
    },
    "http": http.OPTIONS,
    "kannel": {
        "sendsms_url": "http://127.0.0.1:9/cgi-bin/sendsms",
        "username": "siang",
        "password": "a-kannel-password",
        "sender": "1616",
    },
    "twilio": twilio.OPTIONS,
}


@dataclass(frozen=True)
class Signed:
    """How a gateway signs: the option that is the secret, and the headers it adds.

    `sign` is given section, method, URL, body, content type and the gateway's clock.
    """

    secret: str
    sign: Callable[[ChannelConfig, str, str, bytes, str, datetime], Mapping[str, str]]


SIGNS: Final[Mapping[str, Signed]] = {
    "android": Signed("signing_key", android.sign),
    "twilio": Signed("auth_token", twilio.sign),
}
"""The kinds whose gateway signs; every other proves itself by the token in its URL."""


def config(kind: str, **options: object) -> ChannelConfig:
    """A section as settings.load would hand it over."""
    return ChannelConfig(
        name=kind,
        kind=kind,
        base_url="http://127.0.0.1:8000",
        tokens=(NEW, OLD),
        options={**OPTIONS.get(kind, {}), **options},
    )


def channel(kind: str, **options: object) -> Channel:
    return CHANNELS[kind](config(kind, **options))


@dataclass(frozen=True)
class Payload:
    """One file of tests/payloads: a raw request without its proof, and what it means."""

    kind: str
    name: str
    hook: Hook
    method: str
    query: str
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(hash=False)
    expect: tuple[Mapping[str, object], ...] = field(hash=False)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def in_json(self) -> bool:
        return self.content_type.startswith(JSON)

    def with_fields(self, changes: Mapping[str, object], without: str = "") -> Payload:
        """The same request with fields changed or one left out, encoded anew.

        A field of a JSON body is named by its path, "payload.message".
        """
        query = decoded(self.query)
        mine = {name for name in changes if name in query or not self.body}
        kept = query | {name: str(changes[name]) for name in mine}
        kept.pop(without, None)
        others = {name: value for name, value in changes.items() if name not in mine}
        return replace(self, query=encoded(kept), body=self._body(others, without))

    def _body(self, changes: Mapping[str, object], without: str) -> bytes:
        if not self.body:
            return b""
        if not self.in_json:
            fields = {**decoded(self.body), **changes}
            fields.pop(without, None)
            return encoded(fields).encode()
        content = json.loads(self.body)
        for path, value in changes.items():
            holder, name = _place(content, path)
            holder[name] = value
        if without:
            holder, name = _place(content, without)
            holder.pop(name, None)
        return json.dumps(content).encode()

    def with_bytes(self, name: str, raw: bytes) -> Payload:
        """The same request with these bytes in a field, whatever they are."""
        marked = self.with_fields({name: "MARK"})
        escaped = "".join(f"%{byte:02X}" for byte in raw)
        inserted = raw if self.in_json else escaped.encode()
        return replace(
            marked,
            query=marked.query.replace("MARK", escaped),
            body=marked.body.replace(b"MARK", inserted),
        )

    def grown(self) -> Payload:
        """The same request with a field that the gateway has not sent until now."""
        if self.in_json:
            return self.with_fields({"newField": {"ສ": [1, None]}})
        return self.with_more("newField=%E0%BA%AA")

    def with_more(self, more: str) -> Payload:
        """The same form, or query, with something added at its end."""
        if self.body:
            return replace(self, body=self.body + f"&{more}".encode())
        return replace(self, query=f"{self.query}&{more}")

    def bare(self, token: str = "") -> HookRequest:
        """The request with nothing to prove whose it is, but perhaps a token."""
        proof = encoded({"token": token}) if token else ""
        query = "&".join(part for part in (proof, self.query) if part)
        return HookRequest(
            method=self.method,
            hook=self.hook,
            query=decoded(query),
            form={} if self.in_json else decoded(self.body),
            headers={"Content-Type": self.content_type, **self.headers},
            body=self.body,
            remote="127.0.0.1",
            raw_query=query.encode(),
        )

    def request(self, at: datetime = NOW, **options: object) -> HookRequest:
        """The request as the gateway sends it when its clock says `at`, signed under `options`."""
        if self.kind not in SIGNS:
            return self.bare(NEW)
        bare, section = self.bare(), config(self.kind, **options)
        url = hook_path(section, self.hook) + (f"?{self.query}" if self.query else "")
        sign = SIGNS[self.kind].sign
        proof = sign(section, self.method, url, self.body, self.content_type, at)
        return replace(bare, headers={**bare.headers, **proof})

    def arrives(self, now: datetime = NOW) -> tuple[Arrived, ...]:
        """What the channel makes of it; whether it would believe it, `authentic` says."""
        return channel(self.kind).parse(self.bare(), now)


def _place(content: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *steps, name = path.split(".")
    for step in steps:
        content = content[step]
    return content, name


def payloads() -> list[Payload]:
    return [_read(path) for path in sorted(PAYLOADS.glob("*/*.json"))]


def _read(path: Path) -> Payload:
    content = json.loads(path.read_text(encoding="utf-8"))
    return Payload(
        kind=path.parent.name,
        name=path.stem,
        hook=cast(Hook, content["hook"]),
        method=content["method"],
        query=content["query"],
        body=content["body"].encode(),
        content_type=content.get("content_type", FORM),
        headers=content.get("headers", {}),
        expect=tuple(content["expect"]),
    )
