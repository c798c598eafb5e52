"""What the gateways' door does with a request, for captured payloads and changed ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl, urlencode

from app.channels import CHANNELS
from app.channels.base import Channel, Hook, HookRequest
from app.settings import ROOT, ChannelConfig

PAYLOADS = ROOT / "tests" / "payloads"
NEW, OLD = "new-token-0123456789", "old-token-0123456789"
OPTIONS: Mapping[str, dict[str, object]] = {
    "kannel": {
        "sendsms_url": "http://127.0.0.1:9/cgi-bin/sendsms",
        "username": "siang",
        "password": "a-kannel-password",
        "sender": "1616",
    },
}


def config(kind: str, **options: object) -> ChannelConfig:
    """A section as settings.load would hand it over."""
    return ChannelConfig(
        name=kind,
        kind=kind,
        base_url="http://127.0.0.1:8000",
        tokens=(NEW, OLD),
        options=OPTIONS.get(kind, {}) | options,
    )


def channel(kind: str, **options: object) -> Channel:
    return CHANNELS[kind](config(kind, **options))


@dataclass(frozen=True)
class Payload:
    """One file of tests/payloads: a raw request without its token, and what it means."""

    kind: str
    name: str
    hook: Hook
    method: str
    query: str
    body: str
    expect: Mapping[str, object] = field(hash=False)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    def fields(self) -> dict[str, str]:
        return decoded(self.query or self.body)

    def with_fields(self, changes: Mapping[str, str], without: str = "") -> Payload:
        """The same request with fields changed or one left out, encoded anew."""
        kept = {**self.fields(), **changes}
        kept.pop(without, None)
        written = urlencode(kept)
        return replace(self, query=written) if self.query else replace(self, body=written)

    def request(self, token: str | None = NEW) -> HookRequest:
        proof = "" if token is None else urlencode({"token": token})
        query = "&".join(part for part in (proof, self.query) if part)
        return HookRequest(
            method=self.method,
            hook=self.hook,
            query=decoded(query),
            form=decoded(self.body),
            body=self.body.encode(),
            raw_query=query.encode(),
        )


def decoded(encoded: str) -> dict[str, str]:
    return dict(reversed(parse_qsl(encoded, keep_blank_values=True, errors="replace")))


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
        body=content["body"],
        expect=content["expect"],
    )
