"""What the adapters share: reading a gateway's fields, and the two requests several kinds send.

Nothing here trusts a field: NUL and lone surrogates cannot be stored in PostgreSQL text, `+`
arrives as a space where a gateway forgot to percent-encode it, and any value may be huge.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from app.channels.base import Hook, HookAnswer, HookRequest
from app.errors import Malformed
from app.settings import ChannelConfig
from app.words import Inbound, Part, Reply

MAX_ID = 200
MAX_USSD_TEXT = 4_000
# 255 parts of 153 characters: no concatenated SMS is longer (3GPP TS 23.040 §9.2.3.24.1).
MAX_SMS_TEXT = 255 * 153
CLOCK_TRUST = timedelta(days=3)
# 3GPP TS 23.040 §9.2.3.24.1 and .8: octets of the reference.
_REFERENCE_OCTETS: Final = {0x00: 1, 0x08: 2}
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LOST_PLUS = re.compile(r"^\s+(?=\d{8,15}$)")


def clean(text: str) -> str:
    """`text` without NUL and lone surrogates."""
    return _UNSTORABLE.sub("", text)


def required(fields: Mapping[str, str], name: str, limit: int = MAX_ID) -> str:
    """A field that must be there and not be blank. The error names it, never its value."""
    value = clean(fields.get(name, ""))
    if not value.strip():
        raise Malformed(f"the field {name} is missing")
    if len(value) > limit:
        raise Malformed(f"the field {name} is longer than {limit} characters")
    return value


def given(fields: Mapping[str, str], name: str) -> str:
    """A field that may be empty but must be there: a person may send an empty message, and a
    gateway that is set up wrongly must not make one of every message.
    """
    if name not in fields:
        raise Malformed(f"the field {name} is missing; it may be empty but must be there")
    return fields[name]


def sender(fields: Mapping[str, str], name: str) -> str:
    """Who sent it, as the gateway wrote it, with a `+` that became a space put back.

    In a form `+` means a space, so an unencoded +856... arrives as " 856...". Short codes and
    names pass through: `people.numbers` decides what is a phone number.
    """
    return _LOST_PLUS.sub("+", required(fields, name).rstrip()).strip()


def merged(request: HookRequest) -> Mapping[str, str]:
    """Query and form as one; the query wins."""
    return {**request.form, **request.query}


def raw_field(request: HookRequest, name: str) -> bytes | None:
    """A field's bytes before anybody decoded them, from the query string or a form body."""
    for source in (request.raw_query, request.body):
        found = raw_value(source, name)
        if found is not None:
            return found
    return None


def raw_value(encoded: bytes, name: str) -> bytes | None:
    """The bytes of the first field of that name in an urlencoded string."""
    # Latin-1 maps every byte to one character and back, so nothing is lost.
    pairs = parse_qsl(encoded.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return next((value.encode("latin-1") for key, value in pairs if key == name), None)


def part_in(header: bytes) -> Part | None:
    """The part that a user data header names, its length first (3GPP TS 23.040 §9.2.3.24).

    None for a whole message, or where it makes no sense.
    """
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


def sent_at(fields: Mapping[str, str], name: str, now: datetime) -> datetime:
    """The field as a moment, when it can be read and is within three days of `now`; else `now`.

    Epoch seconds or milliseconds, or ISO 8601 with `T` or a space; without an offset it is UTC.
    Message centres without a clock send 0 or local time; a message must not land in 1970.
    """
    stamp = _moment(fields.get(name, "").strip())
    return stamp if stamp is not None and abs(stamp - now) <= CLOCK_TRUST else now


def _moment(written: str) -> datetime | None:
    try:
        if written.isascii() and written.isdigit() and len(written) <= 14:
            seconds = int(written) / (1000 if len(written) > 11 else 1)
            return datetime.fromtimestamp(seconds, UTC)
        stamp = datetime.fromisoformat(written)
    except (ValueError, OverflowError, OSError):
        return None
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)


def json_object(request: HookRequest) -> Mapping[str, object]:
    """The body, which must be a JSON object. Raises Malformed without repeating any of it."""
    return json_fields(_json(request.body), "the body")


def _json(body: bytes) -> object:
    try:
        # Bytes that are no UTF-8 spoil a letter, not the message: a refused one comes again.
        return json.loads(body.decode("utf-8-sig", "replace"))
    # RecursionError: ten thousand brackets.
    except (ValueError, RecursionError):
        raise Malformed("the body is no JSON") from None


def json_fields(value: object, name: str) -> Mapping[str, object]:
    """A value that must be a JSON object; `name` is how the error calls it."""
    if not isinstance(value, dict):
        raise Malformed(f"{name} is no JSON object")
    return value


def written(fields: Mapping[str, object]) -> dict[str, str]:
    """A JSON object's texts and numbers as texts; what else it holds is left out.

    A field of the wrong kind is thereby missing, which `required` says.
    """
    return {
        key: value if isinstance(value, str) else str(value)
        for key, value in fields.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }


def expect_hook(config: ChannelConfig, hooks: frozenset[Hook], request: HookRequest) -> None:
    """Refuse a hook that this kind of channel does not have."""
    if request.hook not in hooks:
        raise Malformed(f"a channel of kind {config.kind} has no {request.hook} hook")


def ussd_inbound(config: ChannelConfig, request: HookRequest, now: datetime) -> Inbound:
    """Africa's Talking's USSD form: every input of the session so far, joined by `*`.

    A repeat of a request has the same sessionId and text, so their pair is its key; the text is
    hashed because it holds what the citizen wrote.
    """
    if request.method != "POST":
        raise Malformed("the ussd hook takes POST with a form")
    fields = request.form
    session = required(fields, "sessionId")
    phone = sender(fields, "phoneNumber")
    text = clean(given(fields, "text"))
    if len(text) > MAX_USSD_TEXT:
        raise Malformed(f"the field text is longer than {MAX_USSD_TEXT} characters")
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Inbound(
        channel=config.name,
        medium="ussd",
        sender=phone,
        text=text,
        provider_id=f"{session}:{digest}",
        received_at=now,
        to=clean(fields.get("serviceCode", ""))[:MAX_ID],
        session=session,
        accumulates=True,
    )


def con_or_end(reply: Reply) -> HookAnswer:
    """`CON ` keeps the session open, `END ` closes it; any other beginning makes it an error."""
    return HookAnswer(("END " if reply.ends else "CON ") + reply.text)


def sms_inbound(
    config: ChannelConfig, fields: Mapping[str, str], text: str, now: datetime
) -> Inbound:
    """Kannel's fields id, from, to and ts with a text that is already decoded.

    An over-long text is cut, not refused: a refused SMS comes again and again.
    """
    return Inbound(
        channel=config.name,
        medium="sms",
        sender=sender(fields, "from"),
        text=clean(text)[:MAX_SMS_TEXT],
        provider_id=required(fields, "id"),
        received_at=sent_at(fields, "ts", now),
        to=clean(fields.get("to", ""))[:MAX_ID].strip(),
    )
