"""What a hook's request is made of, for each kind: the data behind the contract suite.

A kind is added here with one `Case` for each of its hooks. A field in a JSON body is named by its
path, "payload.message".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Final

import pytest

from app.channels.base import Hook, HookRequest
from app.errors import RefusedRequest
from app.words import Arrived, Inbound
from tests.channels import door
from tests.channels.door import NOW, SIGNS, Payload


@dataclass(frozen=True)
class Case:
    """The fields of one hook, by what they mean; empty where the gateway sends no such thing.

    `sample` is the payload that is changed by hand, with its text in plain UTF-8. A request without
    one of the `required` fields is refused. `keys` are the fields by which messages are told apart,
    each with a value of another message.
    """

    sample: str
    required: tuple[str, ...]
    keys: Mapping[str, str] = field(default_factory=dict)
    sender: str = ""
    text: str = ""
    date: str = ""
    # Other fields of which something is stored.
    stored: tuple[str, ...] = ()

    def fields(self) -> list[str]:
        """Every field, once."""
        named = (*self.required, *self.keys, self.sender, self.text, self.date, *self.stored)
        return list(dict.fromkeys(name for name in named if name))


USSD_FORM: Final = Case(
    sample="third-hop",
    required=("sessionId", "phoneNumber", "text"),
    keys={"sessionId": "ATUid_7", "text": "1*7"},
    sender="phoneNumber",
    text="text",
    stored=("serviceCode",),
)
KANNEL_SMS: Final = Case(
    sample="lao",
    required=("id", "from", "text"),
    keys={"id": "0cbebd88-1b0f-43b4-b972-c024837774b7"},
    sender="from",
    text="text",
    date="ts",
    stored=("to",),
)
ANOTHER_ID: Final = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a12"
ANOTHER_SID: Final = "SM77777777777777777777777777777777"

CASES: Final[Mapping[tuple[str, Hook], Case]] = {
    ("africastalking", "ussd"): USSD_FORM,
    ("africastalking", "event"): Case(
        sample="event-incomplete",
        required=("sessionId", "phoneNumber", "status"),
        keys={"sessionId": "ATUid_7"},
        stored=("errorMessage", "date"),
    ),
    ("africastalking", "sms"): replace(KANNEL_SMS, sample="sms-lao", date="date"),
    ("africastalking", "receipt"): Case(
        sample="receipt-failed",
        required=("id", "status"),
        keys={"id": "ATXid_7", "status": "Success"},
        stored=("failureReason", "phoneNumber"),
    ),
    ("africastalking", "optout"): Case(
        sample="optout", required=("phoneNumber",), keys={"phoneNumber": "+8562055500007"}
    ),
    ("android", "sms"): Case(
        sample="received-without-phone-number",
        required=("id", "event", "payload.sender", "payload.message"),
        keys={"id": "Ey6ECgOkVVFjz3CL48B87"},
        sender="payload.sender",
        text="payload.message",
        date="payload.receivedAt",
        stored=("deviceId", "payload.recipient", "payload.simNumber"),
    ),
    ("android", "receipt"): Case(
        sample="receipt-failed",
        required=("event", "payload.messageId"),
        keys={"payload.messageId": ANOTHER_ID, "event": "sms:delivered"},
        date="payload.failedAt",
        stored=("deviceId", "payload.reason", "payload.recipient"),
    ),
    ("android", "event"): Case(sample="ping-at-event", required=("event",), stored=("deviceId",)),
    ("http", "sms"): Case(
        sample="sms-lao",
        required=("message.id", "message.from", "message.text"),
        keys={"message.id": "m-7"},
        sender="message.from",
        text="message.text",
        date="message.sent",
        stored=("message.to",),
    ),
    ("http", "receipt"): Case(
        sample="receipt-delivered",
        required=("status",),
        keys={"id": ANOTHER_ID, "reference": "agg-7", "status": "UNDELIV"},
        date="at",
        stored=("to", "error"),
    ),
    ("http", "ussd"): Case(
        sample="ussd-goes-on",
        required=("session", "msisdn", "input"),
        keys={"session": "7", "sequence": "7"},
        sender="msisdn",
        text="input",
        stored=("code", "type", "reason"),
    ),
    ("kannel", "ussd"): Case(
        sample="ussd-goes-on-in-lao",
        required=("id", "from", "text", "op", "session"),
        keys={"id": ANOTHER_ID},
        sender="from",
        text="text",
        stored=("to", "smsc"),
    ),
    ("kannel", "sms"): KANNEL_SMS,
    ("kannel", "receipt"): Case(
        sample="receipt-delivered",
        required=("id", "status"),
        keys={"id": ANOTHER_ID, "status": "2"},
        stored=("detail",),
    ),
    ("simulator", "ussd"): replace(
        USSD_FORM, sample="second-hop", stored=("serviceCode", "language", "gsm7", "ucs2")
    ),
    ("simulator", "sms"): replace(KANNEL_SMS, sample="sms-lao"),
    ("twilio", "sms"): Case(
        sample="lao",
        required=("MessageSid", "AccountSid", "From", "To", "Body"),
        keys={"MessageSid": ANOTHER_SID},
        sender="From",
        text="Body",
        stored=("OptOutType",),
    ),
    ("twilio", "receipt"): Case(
        sample="receipt-delivered",
        required=("MessageSid", "AccountSid", "MessageStatus"),
        keys={"MessageSid": ANOTHER_SID, "MessageStatus": "undelivered"},
        stored=("id", "To", "ErrorCode"),
    ),
}

EVERY: Final = door.payloads()
_NAMED: Final = {(payload.kind, payload.hook, payload.name): payload for payload in EVERY}
SAMPLES: Final = [(_NAMED[kind, hook, case.sample], case) for (kind, hook), case in CASES.items()]
"""One of each kind and hook, for requests that are changed by hand."""


def _rows(chosen: Iterable[tuple[Payload, Case]]) -> pytest.MarkDecorator:
    rows = [pytest.param(payload, case, id=str(payload)) for payload, case in chosen]
    return pytest.mark.parametrize(("payload", "case"), rows)


every = pytest.mark.parametrize("payload", EVERY, ids=str)
samples = _rows(SAMPLES)
messages = _rows(one for one in SAMPLES if one[1].text)
dated = _rows(one for one in SAMPLES if one[1].date)
in_forms = _rows(one for one in SAMPLES if not one[0].in_json)
in_json = _rows(one for one in SAMPLES if one[0].in_json)
in_body = _rows(one for one in SAMPLES if one[0].body)
_ALL = [payload for payload, _ in SAMPLES]
tokened = pytest.mark.parametrize("payload", [a for a in _ALL if a.kind not in SIGNS], ids=str)
signed = pytest.mark.parametrize("payload", [a for a in _ALL if a.kind in SIGNS], ids=str)


def message(payload: Payload) -> Inbound:
    """The one message that a request brings, whatever else it says."""
    (found,) = [one for one in payload.arrives() if isinstance(one, Inbound)]
    return found


def taken(payload: Payload) -> tuple[Arrived, ...]:
    """What arrived; nothing when the request was refused."""
    try:
        return payload.arrives()
    except RefusedRequest:
        return ()


def check(request: HookRequest, payload: Payload) -> None:
    """Raise Unauthenticated unless the request has its gateway's proof."""
    door.channel(payload.kind).authentic(request, NOW)


def words(found: Arrived) -> str:
    """All texts of a thing that arrived."""
    values = [getattr(found, one.name) for one in fields(found)]
    return "".join(one for one in values if isinstance(one, str))


def moment(found: Arrived) -> datetime:
    return found.received_at if isinstance(found, Inbound) else found.at
