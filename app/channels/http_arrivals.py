"""A gateway's request becomes what arrived, as the tables of `http_receiving` say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import structlog

from app.channels import http_documents
from app.channels.base import HookRequest
from app.channels.forms import (
    MAX_USSD_TEXT,
    merged,
    required,
    sender,
)
from app.channels.http_documents import Document
from app.channels.http_fields import detail, moment, part, text, word
from app.channels.http_receiving import (
    HookSection,
    ListedSection,
    ReceiptSection,
    SmsSection,
    UssdSection,
)
from app.channels.http_sections import any_holds
from app.errors import Malformed
from app.settings import ChannelConfig
from app.words import Arrived, Ended, Inbound, Receipt

log = structlog.get_logger()

# What a phone dials to begin: the code, and perhaps the first choices: *1616# or *1616*2*1#.
_DIALLED = re.compile(r"\*\d+(?:\*([\d*]*))?#")

Item = TypeVar("Item", Inbound, Receipt | None)


def opened(section: HookSection, request: HookRequest) -> Document:
    """The request's body as a document. Raises Malformed."""
    if request.method not in section.methods:
        methods = " or ".join(sorted(section.methods))
        raise Malformed(f"the {request.hook} hook takes {methods}")
    try:
        return http_documents.read(section.format, request.body, request.query, merged(request))
    except ValueError as error:
        raise Malformed(str(error)) from None


def messages(
    config: ChannelConfig, section: SmsSection, document: Document, now: datetime
) -> tuple[Arrived, ...]:
    return _each(section, document, lambda one: _message(config, section, one, now), config)


def receipts(
    config: ChannelConfig, section: ReceiptSection, document: Document, now: datetime
) -> tuple[Arrived, ...]:
    return _each(section, document, lambda one: _receipt(config, section, one, now), config)


def _each(
    section: ListedSection,
    document: Document,
    understand: Callable[[Document], Item],
    config: ChannelConfig,
) -> tuple[Arrived, ...]:
    """All that a request brings. One spoilt message of several must not take the others along:
    the gateway would send all of them again and again.
    """
    arrived: list[Arrived] = []
    refusals: list[Malformed] = []
    parts = document.split(section.items)
    for each in parts:
        try:
            item = understand(each)
        except Malformed as error:
            refusals.append(error)
            continue
        if item is not None:
            arrived.append(item)
    if refusals and not arrived:
        raise refusals[0]
    if not parts:
        raise Malformed(f"there is nothing at {section.items}")
    for refusal in refusals:
        log.warning("item_malformed", channel=config.name, reason=str(refusal))
    return tuple(arrived)


def _message(
    config: ChannelConfig, section: SmsSection, document: Document, now: datetime
) -> Inbound:
    return Inbound(
        channel=config.name,
        medium="sms",
        sender=_sender(document, section.sender),
        text=text(section, document),
        provider_id=_needed(document, section.id) if section.id else "",
        received_at=moment(section, document, now),
        to=word(document, section.to),
        part=part(section.part, document),
    )


def _receipt(
    config: ChannelConfig, section: ReceiptSection, document: Document, now: datetime
) -> Receipt | None:
    ours = _optional(document, section.message_id)
    theirs = _optional(document, section.provider_ref)
    if not ours and not theirs:
        raise Malformed(f"the field {section.message_id or section.provider_ref} is missing")
    status = _needed(document, section.status).strip().lower()
    state = next((one for known, one in section.states.items() if known.lower() == status), None)
    ours = _uuid(ours)
    if state is None or not (ours or theirs):
        return None
    return Receipt(
        channel=config.name,
        state=state,
        at=moment(section, document, now),
        message_id=ours,
        provider_ref=theirs,
        phone=word(document, section.phone),
        detail=detail(document.find(section.detail)),
        opted_out=any_holds(section.opted_out, document),
    )


def ussd(
    config: ChannelConfig, section: UssdSection, document: Document, now: datetime
) -> Inbound | Ended:
    session = _needed(document, section.session)
    phone = _sender(document, section.sender)
    if any_holds(section.ended, document):
        return Ended(config.name, session, phone, now, detail(document.find(section.reason)))
    begins = any_holds(section.begins, document)
    typed = _input(section, document, begins)
    return Inbound(
        channel=config.name,
        medium="ussd",
        sender=phone,
        text=typed,
        provider_id=_input_key(section, document, session, typed),
        received_at=now,
        to=word(document, section.to),
        session=session,
        accumulates=section.accumulates,
        begins=begins,
        context={name: word(document, place) for name, place in section.context.items()},
    )


def _input(section: UssdSection, document: Document, begins: bool) -> str:
    """What the phone sent. The code that it dialled is no input, only what follows the code."""
    found = document.find(section.text)
    if found is None and not begins:
        raise Malformed(f"the field {section.text} is missing; it may be empty but must be there")
    typed = found or ""
    if len(typed) > MAX_USSD_TEXT:
        raise Malformed(f"the field {section.text} is longer than {MAX_USSD_TEXT} characters")
    dialled = _DIALLED.fullmatch(typed.strip()) if begins else None
    return (dialled[1] or "") if dialled else typed


def _input_key(section: UssdSection, document: Document, session: str, typed: str) -> str:
    """By what a repeat is known. The same digit twice is no repeat, so without an id of the
    gateway's the newest input alone has no key.
    """
    if section.id:
        return f"{session}:{_needed(document, section.id)}"
    if not section.accumulates:
        return ""
    return f"{session}:{hashlib.sha256(typed.encode()).hexdigest()[:16]}"


def _needed(document: Document, place: str) -> str:
    return required({place: document.find(place) or ""}, place)


def _sender(document: Document, place: str) -> str:
    return sender({place: document.find(place) or ""}, place)


def _optional(document: Document, place: str) -> str:
    """An identifier that may be missing, but not too long."""
    found = document.find(place) or ""
    return _needed(document, place).strip() if found.strip() else ""


def _uuid(written: str) -> str:
    """Our id; "" for what no message of ours can be called."""
    try:
        return str(UUID(written))
    except ValueError:
        return ""
