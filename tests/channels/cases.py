"""What a hook's request is made of, for each kind: the data behind the contract suite.

A kind is added here with one `Case` for each of its hooks. A field in a JSON body is named by its
path, "payload.message".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Final

import pytest

from app.channels.base import Hook, HookRequest
from app.errors import RefusedRequest
from app.words import Arrived, Inbound
from tests.channels import door
from tests.channels.door import FORM, JSON, NOW, SIGNS, Payload


@dataclass(frozen=True)
class Case:
    """The fields of one hook, by what they mean; empty where the gateway sends no such thing.

    `sample` is the payload that is changed by hand, with its text in plain UTF-8. Requests without
    a `required` field are refused. Another value in any of `keys` makes it another message.
    """

    sample: str
    required: tuple[str, ...]
    keys: tuple[str, ...] = ()
    sender: str = ""
    text: str = ""
    date: str = ""
    # Other texts of which something is stored.
    stored: tuple[str, ...] = ()

    def fields(self) -> list[str]:
        """Every field, once."""
        named = (*self.required, *self.keys, self.sender, self.text, self.date, *self.stored)
        return list(dict.fromkeys(name for name in named if name))


USSD_FORM: Final = Case(
    sample="third-hop",
    required=("sessionId", "phoneNumber", "text"),
    keys=("sessionId", "text"),
    sender="phoneNumber",
    text="text",
    stored=("serviceCode",),
)
KANNEL_SMS: Final = Case(
    sample="lao",
    required=("id", "from"),
    keys=("id",),
    sender="from",
    text="text",
    date="ts",
    stored=("to",),
)

CASES: Final[Mapping[tuple[str, Hook], Case]] = {
    ("africastalking", "ussd"): USSD_FORM,
    ("kannel", "sms"): KANNEL_SMS,
    ("kannel", "receipt"): Case(
        sample="receipt-delivered", required=("id", "status"), keys=("id",), stored=("detail",)
    ),
    ("simulator", "ussd"): replace(USSD_FORM, sample="second-hop"),
    ("simulator", "sms"): replace(KANNEL_SMS, sample="sms-lao"),
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
in_forms = _rows(one for one in SAMPLES if one[0].content_type == FORM)
in_json = _rows(one for one in SAMPLES if one[0].content_type == JSON)
in_body = _rows(one for one in SAMPLES if one[0].body)
_ALL = [payload for payload, _ in SAMPLES]
tokened = pytest.mark.parametrize("payload", [a for a in _ALL if a.kind not in SIGNS], ids=str)
signed = pytest.mark.parametrize("payload", [a for a in _ALL if a.kind in SIGNS], ids=str)


def message(payload: Payload) -> Inbound:
    """The one message that a request brings."""
    (found,) = payload.arrives()
    assert isinstance(found, Inbound)
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
