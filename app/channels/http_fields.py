"""What single fields of a gateway's request mean: the text, the part, the moment, the detail."""

from __future__ import annotations

import base64
import re
from datetime import datetime

from app.channels.forms import MAX_ID, MAX_SMS_TEXT, clean, part_in, sent_at
from app.channels.http_documents import Document
from app.channels.http_receiving import (
    ListedSection,
    PartSection,
    SmsSection,
    TextSection,
    zone,
)
from app.errors import Malformed
from app.words import Part

MAX_DETAIL = 120
# Not the digits of a code such as 0x0000000b.
_LONG_NUMBER = re.compile(r"(?<!\w)\+?\d{7,}")
_OWN_TEXT = re.compile("text:", re.IGNORECASE)


def text(section: SmsSection, document: Document) -> str:
    written: TextSection = next(
        (one for one in section.other_texts if one.when.holds(document)), section.text
    )
    found = document.find(written.path)
    if found is None:
        raise Malformed(f"the field {written.path} is missing; it may be empty but must be there")
    if written.encoding == "plain":
        return found[:MAX_SMS_TEXT]
    try:
        octets = (
            bytes.fromhex(found)
            if written.encoding == "hex"
            else base64.b64decode(found, validate=True)
        )
    except ValueError:
        raise Malformed(f"the field {written.path} is no {written.encoding}") from None
    decoded = octets.decode(written.charset, "replace").removeprefix("\ufeff")
    return clean(decoded)[:MAX_SMS_TEXT]


def part(section: PartSection | None, document: Document) -> Part | None:
    """The part that the message says to be; None for a whole one, or where it makes no sense."""
    if section is None:
        return None
    if section.udh:
        return _in_hexadecimal(document.find(section.udh) or "")
    number, total = _count(document, section.number), _count(document, section.total)
    reference = word(document, section.reference)
    if not reference or total < 2 or not 1 <= number <= total:
        return None
    return Part(reference, number, total)


def _count(document: Document, place: str) -> int:
    written = (document.find(place) or "").strip()
    return int(written) if written.isascii() and written.isdigit() and len(written) <= 3 else 0


def _in_hexadecimal(header: str) -> Part | None:
    try:
        return part_in(bytes.fromhex(header))
    except ValueError:
        return None


def word(document: Document, place: str) -> str:
    """A short text; "" where there is none. What is far too long is cut."""
    return (document.find(place) or "").strip()[:MAX_ID]


def detail(written: str | None) -> str:
    """The network's own words, without phone numbers and without the message's first letters,
    with which an SMPP receipt ends (specification 3.4, Appendix B).
    """
    words = _OWN_TEXT.split(written or "", maxsplit=1)[0]
    return _LONG_NUMBER.sub("#", words).strip()[:MAX_DETAIL]


def moment(section: ListedSection, document: Document, now: datetime) -> datetime:
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
