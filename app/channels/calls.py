"""What the adapters that call a provider over HTTP share.

Every call has a connection of its own: a kept one that the provider closed meanwhile would leave
the message's fate unknown. Proxies and .netrc in the environment are not for a gateway, and no
redirect is followed.

The HTTP library is large, and most processes never send: adapters that a plain installation has
import this module when the first message leaves.
"""

from __future__ import annotations

import logging
from typing import Final

import httpx

TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0)
# A connection that surely carried nothing: it was never made.
NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def new_client(timeout: httpx.Timeout = TIMEOUT) -> httpx.Client:
    """A client for one adapter, made at its first call."""
    # These two log URLs at INFO and DEBUG: password, phone number and text.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(timeout=timeout, limits=limits, trust_env=False)
