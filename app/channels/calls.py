"""What the adapters that call a provider over HTTP share.

Every call has a connection of its own: a kept one that the provider closed meanwhile would leave
the message's fate unknown. Proxies and .netrc in the environment are not for a gateway, and no
redirect is followed.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0)
# A connection that surely carried nothing: it was never made.
NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
LONGEST_AFTER: Final = timedelta(hours=1)


def new_client(timeout: httpx.Timeout = TIMEOUT) -> httpx.Client:
    """A client for one adapter, made at its first call."""
    # These two log URLs at INFO and DEBUG: password, phone number and text.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(timeout=timeout, limits=limits, trust_env=False)


def retry_after(written: str | None, now: datetime) -> timedelta | None:
    """Retry-After (RFC 9110 §10.2.3): seconds or a date; at most an hour, None if unreadable."""
    if not written:
        return None
    if written.strip().isascii() and written.strip().isdigit():
        wait = timedelta(seconds=min(int(written.strip()[:9]), 10**6))
    else:
        try:
            wait = parsedate_to_datetime(written) - now
        except (TypeError, ValueError):
            return None
    return min(max(wait, timedelta()), LONGEST_AFTER)
