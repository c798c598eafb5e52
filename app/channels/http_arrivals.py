"""A gateway's request becomes what arrived, as the tables of `http_receiving` say."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

import structlog

from app.channels import http_documents
from app.channels.base import HookRequest
from app.channels.forms import (
    MAX_ID,
    MAX_SMS_TEXT,
    MAX_USSD_TEXT,
    clean,
    merged,
    required,
    sender,
    sent_at,
)
from app.channels.http_documents import Document
from app.channels.http_receiving import (
    HookSection,
    ListedSection,
    PartSection,
    ReceiptSection,
    SmsSection,
    TextSection,
    UssdSection,
    zone,
)
from app.channels.http_sections import any_holds
from app.errors import Malformed
from app.settings import ChannelConfig
from app.words import Arrived, Ended, Inbound, Part, Receipt

log = structlog.get_logger()

MAX_DETAIL = 120
# Not the digits of a code such as 0x0000000b.
_LONG_NUMBER = re.compile(r"(?<!\w)\+?\d{7,}")
# What a phone dials to begin: the code, and perhaps the first choices: *1616# or *1616*2*1#.
_DIALLED = re.compile(r"\*\d+(?:\*([\d*]*))?#")
# 3GPP TS 23.040 §9.2.3.24.1 and .8: octets of the reference.
_REFERENCE_OCTETS: Final = {0x00: 1, 0x08: 2}

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
    for part in document.split(section.items):
        try:
            item = understand(part)
        except Malformed as error:
            refusals.append(error)
            continue
        if item is not None:
            arrived.append(item)
    if refusals and not arrived:
        raise refusals[0]
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
        text=_text(section, document)[:MAX_SMS_TEXT],
        provider_id=_needed(document, section.id) if section.id else "",
        received_at=_moment(section, document, now),
        to=_word(document, section.to),
        part=_part(section.part, document),
    )


def _text(section: SmsSection, document: Document) -> str:
    written: TextSection = next(
        (one for one in section.other_texts if one.when.holds(document)), section.text
    )
    found = document.find(written.path)
    if found is None:
        raise Malformed(f"the field {written.path} is missing; it may be empty but must be there")
    if written.encoding == "plain":
        return found
    try:
        octets = (
            bytes.fromhex(found)
            if written.encoding == "hex"
            else base64.b64decode(found, validate=True)
        )
    except (ValueError, binascii.Error):
        raise Malformed(f"the field {written.path} is no {written.encoding}") from None
    return clean(octets.decode(written.charset, "replace").removeprefix("\ufeff"))


def _part(section: PartSection | None, document: Document) -> Part | None:
    """The part that the message says to be; None for a whole one, or where it makes no sense."""
    if section is None:
        return None
    if section.udh:
        return _from_header(document.find(section.udh) or "")
    number, total = _count(document, section.number), _count(document, section.total)
    reference = _word(document, section.reference)
    if not reference or total < 2 or not 1 <= number <= total:
        return None
    return Part(reference, number, total)


def _count(document: Document, place: str) -> int:
    written = (document.find(place) or "").strip()
    return int(written) if written.isascii() and written.isdigit() and len(written) <= 3 else 0


def _from_header(written: str) -> Part | None:
    """A user data header in hexadecimal, its length first (3GPP TS 23.040 §9.2.3.24)."""
    try:
        header = bytes.fromhex(written)
    except ValueError:
        return None
    at = 1
    while at + 2 <= len(header):
        element, length = header[at], header[at + 1]
        content = header[at + 2 : at + 2 + length]
        octets = _REFERENCE_OCTETS.get(element)
        if octets is not None and len(content) == octets + 2:
            total, number = content[octets], content[octets + 1]
            reference = str(int.from_bytes(content[:octets], "big"))
            return Part(reference, number, total) if 1 <= number <= total > 1 else None
        at += 2 + length
    return None


def _receipt(
    config: ChannelConfig, section: ReceiptSection, document: Document, now: datetime
) -> Receipt | None:
    ours = _optional(document, section.message_id)
    theirs = _optional(document, section.provider_ref)
    if not ours and not theirs:
        raise Malformed(f"the field {section.message_id or section.provider_ref} is missing")
    status = _needed(document, section.status).strip().lower()
    state = next((one for word, one in section.states.items() if word.lower() == status), None)
    ours = _uuid(ours)
    if state is None or not (ours or theirs):
        return None
    return Receipt(
        channel=config.name,
        state=state,
        at=_moment(section, document, now),
        message_id=ours,
        provider_ref=theirs,
        phone=_word(document, section.phone),
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
    text = _input(section, document, begins)
    return Inbound(
        channel=config.name,
        medium="ussd",
        sender=phone,
        text=text,
        provider_id=_input_key(section, document, session, text),
        received_at=now,
        to=_word(document, section.to),
        session=session,
        accumulates=section.accumulates,
        begins=begins,
        context={name: _word(document, place) for name, place in section.context.items()},
    )


def _input(section: UssdSection, document: Document, begins: bool) -> str:
    """What the phone sent. The code that it dialled is no input, only what follows the code."""
    text = document.find(section.text)
    if text is None and not begins:
        raise Malformed(f"the field {section.text} is missing; it may be empty but must be there")
    text = text or ""
    if len(text) > MAX_USSD_TEXT:
        raise Malformed(f"the field {section.text} is longer than {MAX_USSD_TEXT} characters")
    dialled = _DIALLED.fullmatch(text.strip()) if begins else None
    return (dialled[1] or "") if dialled else text


def _input_key(section: UssdSection, document: Document, session: str, text: str) -> str:
    """By what a repeat is known. The same digit twice is no repeat, so without an id of the
    gateway's the newest input alone has no key.
    """
    if section.id:
        return f"{session}:{_needed(document, section.id)}"
    if not section.accumulates:
        return ""
    return f"{session}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _needed(document: Document, place: str) -> str:
    return required({place: document.find(place) or ""}, place)


def _sender(document: Document, place: str) -> str:
    return sender({place: document.find(place) or ""}, place)


def _optional(document: Document, place: str) -> str:
    """An identifier that may be missing, but not too long."""
    found = document.find(place) or ""
    return _needed(document, place).strip() if found.strip() else ""


def _word(document: Document, place: str) -> str:
    return (document.find(place) or "").strip()[:MAX_ID]


def detail(written: str | None) -> str:
    """The network's own words, without phone numbers."""
    return _LONG_NUMBER.sub("#", written or "").strip()[:MAX_DETAIL]


def _uuid(written: str) -> str:
    """Our id; "" for what no message of ours can be called."""
    try:
        return str(UUID(written))
    except ValueError:
        return ""


def _moment(section: ListedSection, document: Document, now: datetime) -> datetime:
    """When it was sent; see `forms.sent_at` for what is believed."""
    written = (document.find(section.date) or "").strip()
    stamp = _stamp(section, written)
    return sent_at({"date": stamp.isoformat() if stamp else written}, "date", now)


def _stamp(section: ListedSection, written: str) -> datetime | None:
    for one in section.date_formats:
        try:
            stamp = datetime.strptime(written, one)
        except ValueError:
            continue
        return stamp if stamp.tzinfo else stamp.replace(tzinfo=zone(section.date_zone))
    return _iso(written, section.date_zone)


def _iso(written: str, named: str) -> datetime | None:
    if written.isdigit():
        # Epoch seconds or milliseconds, which need no zone; "20261122" would be a day.
        return None
    try:
        stamp = datetime.fromisoformat(written)
    except ValueError:
        return None
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=zone(named))
