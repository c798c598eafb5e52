"""Telbiz, in the formats of its SDKs: a token for a while, then messages with it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.channels.provider import Call, Provider, Response

CLIENT, SECRET = "your-ClientID", "a-secret-of-telbiz"
PATH = "/api/v1"
TITLES = {"Telbiz", "News", "Promotion", "OTP", "Info", "Unknown"}


@dataclass
class Telbiz(Provider):
    """`expire` is a token's life in seconds. `refusals` are codes of the next messages."""

    expire: int | None = 1800
    tokens: list[str] = field(default_factory=list)
    refusals: deque[str] = field(default_factory=deque)
    taken: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def revoke(self) -> None:
        """Every token so far is worth nothing."""
        self.tokens = [f"revoked {token}" for token in self.tokens]

    def respond(self, call: Call) -> Response:
        body = json.loads(call.body)
        if call.path == f"{PATH}/connect/token":
            return self._connect(body)
        if call.path != f"{PATH}/smsservice/newtransaction":
            return Response(404)
        if call.headers.get("Authorization") not in {f"Bearer {one}" for one in self.tokens}:
            return Response(401)
        return self._send(body)

    def _connect(self, body: Mapping[str, str]) -> Response:
        asked = body.get("GrantType"), body.get("Scope")
        if asked != ("client_credentials", "Telbiz_API_SCOPE profile openid"):
            return _failed("INVALID_REQUEST")
        if (body.get("ClientID"), body.get("Secret")) != (CLIENT, SECRET):
            return _failed("INVALID_CLIENT")
        self.tokens.append(f"eyJ.{len(self.tokens)}.telbiz")
        given = {"success": True, "code": "SUCCESS", "accessToken": self.tokens[-1]}
        return Response(200, json.dumps(given | ({"expire": self.expire} if self.expire else {})))

    def _send(self, body: Mapping[str, str]) -> Response:
        if self.refusals:
            return _failed(self.refusals.popleft())
        phone = body["Phone"]
        fits = phone.isdigit() and len(phone) in (9, 10) and phone[:2] in ("20", "30")
        if body["Title"] not in TITLES or not fits:
            return self._answered(False, "INVALID_PARAMETER")
        return self._answered(True, "SUCCESS", body)

    def _answered(self, good: bool, code: str, body: Mapping[str, str] | None = None) -> Response:
        reference = f"2517-{len(self.taken)}"
        if body is not None:
            self.taken[reference] = body
        response = {"success": good, "code": code, "message": code, "detail": ""}
        key = {"partitionKey": CLIENT, "rangeKey": reference}
        return Response(200, json.dumps({"response": response, "key": key}))


def _failed(code: str) -> Response:
    words = {"success": False, "code": code, "message": code, "detail": ""}
    return Response(400, json.dumps(words))
