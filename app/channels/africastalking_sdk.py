"""Africa's Talking's SDK, imported when the first message leaves."""

# The SDK ships no types, and its own seam for another transport is to inherit.
# mypy: allow-subclassing-any

from __future__ import annotations

from collections.abc import Mapping

import httpx
from africastalking.SMS import SMSService

from app.channels.calls import TIMEOUT, new_client


class Messaging(SMSService):
    """The SDK's SMS service with a transport that tells what came back.

    The SDK's own (africastalking 2.0.3, Service.py) drops the HTTP status and Retry-After, gives
    JSON as text when its type names a charset, carries the API key along redirects and asks the
    environment for proxies and .netrc. `_make_request` is the one way by which its methods reach
    the network; addresses, headers, forms and the check of numbers stay the SDK's. One object is
    one account, unlike the module's globals.
    """

    def __init__(self, username: str, key: str, api_url: str = "") -> None:
        super().__init__(username, key)
        if api_url:
            self._baseUrl = api_url.rstrip("/") + "/version1"
        self._client = new_client(TIMEOUT)

    def _make_request(
        self,
        url: str,
        method: str,
        headers: Mapping[str, str],
        data: Mapping[str, object] | None,
        params: Mapping[str, str] | None,
        **others: object,
    ) -> httpx.Response:
        return self._client.request(method, url, headers=headers, data=data, params=params)
