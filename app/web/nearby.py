"""Who asks from this machine itself: what is shown to nobody else stands behind this."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from flask import request

# A proxy on this machine makes everybody's address 127.0.0.1; these headers give it away.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


def asked_from_this_machine() -> bool:
    """By address and by name: a stranger's web site can point its own name at 127.0.0.1."""
    if any(header in request.headers for header in FORWARDED):
        return False
    try:
        asked_for = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return False
    return _loopback(request.remote_addr or "") and (
        asked_for == "localhost" or _loopback(asked_for)
    )


def _loopback(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback
