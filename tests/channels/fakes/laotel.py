"""Lao Telecom's SMS API as its customers' programs know it: submit_sms and verify_sms.

A good answer spells `resultCode`, a refusal `ResultCode`.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.channels.provider import Call, Provider, Response

KEY = "a-key-of-lao-telecom"
PATH = "/api/sms_center"


@dataclass
class LaoTelecom(Provider):
    """`refusals` are the ResultCodes of the next messages; `delivered` are SMIDs."""

    refusals: deque[str] = field(default_factory=deque)
    taken: dict[str, Mapping[str, str]] = field(default_factory=dict)
    delivered: set[str] = field(default_factory=set)

    def respond(self, call: Call) -> Response:
        if call.headers.get("Apikey") != KEY:
            return Response(401, '{"message": "No API key found in request"}')
        body = json.loads(call.body)
        if call.path == f"{PATH}/submit_sms":
            return self._submit(body)
        if call.path == f"{PATH}/verify_sms":
            return self._verify(body)
        return Response(404, '{"message": "no Route matched with those values"}')

    def _submit(self, body: Mapping[str, str]) -> Response:
        if self.refusals:
            refusal = {"ResultCode": self.refusals.popleft(), "ResultDesc": "Invalid parameter"}
            return Response(200, json.dumps(refusal))
        if set(body) != {"transaction_id", "header", "phoneNumber", "message"}:
            return Response(200, '{"ResultCode": "40000", "ResultDesc": "Missing parameter"}')
        reference = f"{2611220000 + len(self.taken)}"
        self.taken[reference] = body
        good = {
            "transaction_id": body["transaction_id"],
            "resultCode": "20000",
            "developerMessage": "Success",
            "SMID": reference,
        }
        return Response(200, json.dumps(good))

    def _verify(self, body: Mapping[str, str]) -> Response:
        message = self.taken.get(body["SMID"])
        if message is None or message["phoneNumber"] != body["PhoneNumber"]:
            return Response(200, '{"ResultCode": "1", "ResultDesc": "Not found"}')
        if body["SMID"] not in self.delivered:
            return Response(200, '{"ResultCode": "2", "ResultDesc": "Waiting"}')
        about = {"ResultCode": "0", "SM_Code": "0", "DeliveryTime": "2026-11-22 16:00:00"}
        return Response(200, json.dumps(about | {"PhoneNumber": message["phoneNumber"]}))
