"""The table [channels.NAME.proof]: how a gateway's requests show that they are the gateway's.

Everything that is configured must hold. The token in the URL is asked for unless it is switched
off, so that nobody opens a hook by adding a table.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from app.channels.base import HookRequest, check_token, hook_path
from app.channels.http_sections import Section, Text, wrong
from app.channels.http_templates import Template
from app.errors import Unauthenticated
from app.settings import ChannelConfig

HMAC_VARIABLES: Final = frozenset({"body", "timestamp", "method", "url", "query"})


def _network(written: str) -> str:
    try:
        ip_network(written, strict=False)
    except ValueError:
        raise wrong(f"{written!r} is no network such as 10.0.0.0/8") from None
    return written


class HmacSection(Section):
    """A signature in a header; its key is the secret `hmac_secret`."""

    header: Annotated[str, Field(min_length=1)]
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    # What stands before the signature, such as sha256=.
    prefix: str = ""
    signs: Text = Template("{{body}}")
    # When it was signed: epoch seconds or milliseconds.
    timestamp_header: str = ""
    within_seconds: Annotated[int, Field(ge=1, le=3600)] = 300

    @model_validator(mode="after")
    def _signs_its_time(self) -> HmacSection:
        unknown = self.signs.names - HMAC_VARIABLES
        if unknown:
            known = ", ".join(sorted(HMAC_VARIABLES))
            raise wrong(f"signs: there is no {', '.join(sorted(unknown))}; known are {known}")
        if "body" not in self.signs.names:
            raise wrong("signs: must hold {{body}}, or anything could be in it")
        if bool(self.timestamp_header) != ("timestamp" in self.signs.names):
            raise wrong("timestamp_header and {{timestamp}} in signs need each other")
        return self


class ProofSection(Section):
    token: bool = True
    # The token in this header instead of ?token=, with or without "Bearer " before it.
    token_header: str = ""
    # HTTP Basic: this user and the secret `basic_password`.
    basic_user: str = ""
    hmac: HmacSection | None = None
    ips: list[Annotated[str, AfterValidator(_network)]] = []

    @model_validator(mode="after")
    def _asks_for_something(self) -> ProofSection:
        if not (self.token or self.basic_user or self.hmac or self.ips):
            raise wrong("a hook without any proof is open to everybody")
        if self.token_header and not self.token:
            raise wrong("token_header is of no use with token = false")
        return self


def check_proof(
    config: ChannelConfig,
    section: ProofSection,
    secrets: tuple[str, str],
    request: HookRequest,
    now: datetime,
) -> None:
    """Raises Unauthenticated. `secrets` are the password for HTTP Basic and HMAC's key."""
    basic_password, hmac_secret = secrets
    if section.ips:
        _check_address(section.ips, request.remote)
    if section.token:
        _check_token(config, section.token_header, request)
    if section.basic_user:
        _check_basic(section.basic_user, basic_password, request)
    if section.hmac is not None:
        _check_signature(config, section.hmac, hmac_secret, request, now)


def _header(request: HookRequest, name: str) -> str:
    return request.headers.get(name.title(), "")


def _check_address(networks: list[str], remote: str) -> None:
    try:
        address = _plain(ip_address(remote))
    except ValueError:
        raise Unauthenticated("the request's address is not known") from None
    if not any(address in ip_network(one, strict=False) for one in networks):
        raise Unauthenticated("the request's address is none of the gateway's")


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """::ffff:10.0.0.1 is 10.0.0.1, as a socket for both kinds sees it."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _check_token(config: ChannelConfig, header: str, request: HookRequest) -> None:
    if header:
        given = _header(request, header).removeprefix("Bearer ")
        request = replace(request, query={"token": given})
    check_token(config, request)


def _check_basic(user: str, password: str, request: HookRequest) -> None:
    scheme, _, encoded = _header(request, "Authorization").partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (ValueError, binascii.Error):
        given = b""
    right = hmac.compare_digest(given, f"{user}:{password}".encode())
    if scheme.lower() != "basic" or not right:
        raise Unauthenticated("the user or the password is missing or wrong")


def _check_signature(
    config: ChannelConfig, section: HmacSection, secret: str, request: HookRequest, now: datetime
) -> None:
    written = _header(request, section.header)
    if not written.startswith(section.prefix):
        raise Unauthenticated("the signature is missing or wrong")
    if section.timestamp_header:
        _check_time(_header(request, section.timestamp_header), section.within_seconds, now)
    digest = hmac.new(secret.encode(), _signed(config, section, request), section.algorithm)
    right = (
        digest.hexdigest()
        if section.encoding == "hex"
        else base64.b64encode(digest.digest()).decode()
    )
    given = written.removeprefix(section.prefix).strip()
    given = given.lower() if section.encoding == "hex" else given
    if not hmac.compare_digest(given.encode(errors="replace"), right.encode()):
        raise Unauthenticated("the signature is missing or wrong")


def _signed(config: ChannelConfig, section: HmacSection, request: HookRequest) -> bytes:
    """Latin-1 maps every byte to one character and back, so the body is signed as it came."""
    values = {
        "body": request.body.decode("latin-1"),
        "query": request.raw_query.decode("latin-1"),
        "timestamp": _header(request, section.timestamp_header),
        "method": request.method,
        "url": hook_path(config, request.hook),
    }
    return section.signs.filled(values).encode("latin-1", "replace")


def _check_time(written: str, within_seconds: int, now: datetime) -> None:
    """A signed request that was overheard is worth nothing later."""
    digits = written.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 14):
        raise Unauthenticated("the signature's time is missing or is no epoch")
    seconds = int(digits) / (1000 if len(digits) > 11 else 1)
    if abs(now.timestamp() - seconds) > within_seconds:
        raise Unauthenticated("the signature's time is too far from ours")
