"""Kannel: USSD over SMPP. Facts are from Kannel 1.4.5 and its source, and SMPP 3.4.

A dialogue's steps are ordinary deliver_sm and submit_sm with two TLVs (§5.3.2.43, §5.3.2.44):
which step it is, and which session. Vendors agree on neither, so both are options. Kannel puts a
TLV's octets into our URL as they are and takes them back in `meta-data`, percent-encoded twice
(gw/meta_data.c); what it knows as an integer is decimal in both directions (gw/smsc/smpp_pdu.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Annotated, Final, Literal

import structlog
from pydantic import BeforeValidator, Field

from app.channels.base import HookRequest
from app.channels.forms import (
    MAX_ID,
    MAX_USSD_TEXT,
    clean,
    raw_field,
    raw_value,
    required,
    sender,
    sent_at,
)
from app.channels.options import Options
from app.errors import Malformed, Refused
from app.settings import ChannelConfig
from app.text.encoding import encoding_of, units
from app.words import Ended, Inbound, Limits, Reply

log = structlog.get_logger()

# Kannel repeats a step that we could not take for as long as a day. No phone shows the session of
# one that is older than this any more.
SESSION: Final = timedelta(seconds=180)
# Kannel's %D, under the names that people give it.
META_DATA: Final = ("meta-data", "meta")
CODING: Final = {"GSM-7": "0", "UCS-2": "2"}
_DIALLED: Final = re.compile(r"[*#]*([0-9]{1,12})(?:[*#](.*))?", re.DOTALL)


def _listed(value: object) -> object:
    """Numbers as the environment has them, "1 18" or "1,18"."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


Step = Annotated[int, Field(ge=0, le=255)]
Steps = Annotated[tuple[Step, ...], BeforeValidator(_listed)]
TlvName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,40}$")]
Bits = Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{2}){0,16}$")]


class UssdOptions(Options):
    """The keys of a section for its operator's dialect; the defaults are SMPP's own.

    Steps are the values of ussd_service_op, decimal. Masks are octets in hexadecimal, from the
    first octet of the session TLV on.
    """

    ussd_begin_ops: Steps = (1,)  # PSSR request
    ussd_continue_ops: Steps = (18,)  # USSR confirm
    ussd_end_ops: Steps = (129,)  # vendors' own: the person or the network hung up
    ussd_reply_op: Step = 2  # USSR request: a screen that waits for an answer
    ussd_final_op: Step = 17  # PSSR response: the last screen
    # The names of Kannel's smpp-tlv groups; ussd_session_tlv "" where the phone is the session.
    ussd_op_tlv: TlvName = "ussd_service_op"
    ussd_session_tlv: TlvName | Literal[""] = "its_session_info"
    ussd_session_type: Literal["octetstring", "integer"] = "octetstring"
    # The bits that name the session, and those that say that this is its end.
    ussd_session_mask: Annotated[Bits, Field(min_length=2)] = "ff00"
    ussd_end_mask: Bits = ""
    # Where the dialled code stands when a session begins.
    ussd_code_in: Literal["text", "address"] = "text"
    ussd_service_type: Annotated[str, Field(max_length=5)] = "USSD"
    # data_coding of screens in the default alphabet, when the operator wants another than 0.
    ussd_gsm7_coding: Annotated[int, Field(ge=0, le=15)] | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one operator speaks USSD."""

    config: ChannelConfig
    options: UssdOptions

    def arrived(
        self, request: HookRequest, fields: Mapping[str, str], text: str, now: datetime
    ) -> tuple[Inbound | Ended, ...]:
        """What a step brings. An unknown or old one brings nothing: refused, it would come for a
        day.
        """
        provider_id, phone = required(fields, "id"), sender(fields, "from")
        step, session = self._step(request), self._session(request)
        number = _masked(session, bytes.fromhex(self.options.ussd_session_mask)).hex()
        at = _stamp(fields, now)
        if now - at > SESSION:
            # Shown now, its screen would open on a phone that nobody holds.
            age = round((now - at).total_seconds())
            log.warning("ussd_step_too_old", channel=self.config.name, step=step, seconds=age)
            return ()
        if step in self.options.ussd_end_ops or any(_masked(session, self._end_bits())):
            return (Ended(self.config.name, number, phone, at, reason=f"step {step}"),)
        begins = step in self.options.ussd_begin_ops
        if not begins and step not in self.options.ussd_continue_ops:
            log.warning("ussd_step_unknown", channel=self.config.name, step=step)
            return ()
        context = {name: clean(fields.get(name, ""))[:MAX_ID].strip() for name in ("to", "smsc")}
        code, keys = context["to"], _bounded(text)
        if begins:
            code, keys = self._dialled(keys, code)
        inbound = Inbound(
            channel=self.config.name,
            medium="ussd",
            sender=phone,
            text=keys,
            provider_id=provider_id,
            received_at=at,
            to=code,
            session=number,
            begins=begins,
            context={**context, "session": session.hex()},
        )
        return (inbound,)

    def screen(self, inbound: Inbound, reply: Reply) -> dict[str, str]:
        """sendsms' parameters for a screen. Raises Refused for one that fits no phone."""
        text = clean(reply.text)
        _check_fits(text, inbound.limits or self.config.ussd_limits)
        parameters = {
            "from": inbound.context.get("to", ""),
            "to": inbound.sender,
            "text": text,
            "charset": "UTF-8",
            "coding": CODING[encoding_of(text)],
            "binfo": self.options.ussd_service_type,
            "smsc": inbound.context.get("smsc", ""),
            "meta-data": self._meta_data(inbound, encoding_of(text), reply),
        }
        return {name: value for name, value in parameters.items() if value or name == "text"}

    def has_step(self, request: HookRequest) -> bool:
        """Whether it is a step of a dialogue: an SMS on the same link has none."""
        return bool(_tlv(request, "op", self.options.ussd_op_tlv))

    def _step(self, request: HookRequest) -> int:
        """One octet as it is, or decimal when Kannel took its TLV for an integer."""
        octets = _octets(request, "op", self.options.ussd_op_tlv)
        step = int(octets) if octets.isdigit() else int.from_bytes(octets, "big")
        if step > 255:
            raise Malformed("the field op is no ussd_service_op, which has one octet")
        return step

    def _session(self, request: HookRequest) -> bytes:
        if not self.options.ussd_session_tlv:
            return b""
        octets = _octets(request, "session", self.options.ussd_session_tlv)
        if self.options.ussd_session_type == "octetstring":
            return octets
        try:
            return int(octets).to_bytes(len(self.options.ussd_session_mask) // 2, "big")
        except (ValueError, OverflowError):
            raise Malformed("the field session is no integer of ussd_session_mask's size") from None

    def _end_bits(self) -> bytes:
        return bytes.fromhex(self.options.ussd_end_mask)

    def _dialled(self, text: str, address: str) -> tuple[str, str]:
        """The service code and the keys dialled after it: `*1616*2*5#` is `*1616#` and `2*5`."""
        if self.options.ussd_code_in == "text":
            return _split(text) or (address, text)
        code, beyond = _split(address) or (address, "")
        return code, "*".join(part for part in (beyond, text.strip("*# ")) if part)

    def _meta_data(self, inbound: Inbound, encoding: str, reply: Reply) -> str:
        step = self.options.ussd_final_op if reply.ends else self.options.ussd_reply_op
        values = {self.options.ussd_op_tlv: str(step)}
        session = bytes.fromhex(inbound.context.get("session", ""))
        if session and reply.ends:
            session = bytes(a | b for a, b in zip_longest(session, self._end_bits(), fillvalue=0))
        if session:
            values[self.options.ussd_session_tlv] = self._written(session)
        if encoding == "GSM-7" and self.options.ussd_gsm7_coding is not None:
            values["data_coding"] = str(self.options.ussd_gsm7_coding)
        return "?smpp?" + "&".join(f"{name}={value}" for name, value in values.items())

    def _written(self, session: bytes) -> str:
        if self.options.ussd_session_type == "integer":
            return str(int.from_bytes(session, "big"))
        return "".join(f"%{octet:02X}" for octet in session)


def _octets(request: HookRequest, name: str, tlv: str) -> bytes:
    octets = _tlv(request, name, tlv)
    if not octets:
        raise Malformed(f"the field {name} is missing: is its smpp-tlv group in Kannel's file?")
    if len(octets) > MAX_ID:
        raise Malformed(f"the field {name} is longer than {MAX_ID} characters")
    return octets


def _tlv(request: HookRequest, name: str, tlv: str) -> bytes:
    """A TLV's octets, as a field under our name or its own, or within %D; b"" where it is not."""
    return (
        raw_field(request, name)
        or raw_field(request, tlv)
        or next((raw_value(group, tlv) for group in _smpp_groups(request)), None)
        or b""
    )


def _smpp_groups(request: HookRequest) -> Iterator[bytes]:
    """The TLVs of `?smpp?ussd_service_op=%01&its_session_info=%1A%2C&` (gw/meta_data.c)."""
    for name in META_DATA:
        _, begins, rest = (raw_field(request, name) or b"").partition(b"?smpp?")
        if begins:
            yield rest.partition(b"?")[0]


def _masked(octets: bytes, mask: bytes) -> bytes:
    """The octets that the mask touches, each without the bits that it does not."""
    return bytes(octet & bits for octet, bits in zip(octets, mask, strict=False) if bits)


def _stamp(fields: Mapping[str, str], now: datetime) -> datetime:
    """When Kannel had it, so that the desk sees that another session has begun since."""
    stamp = sent_at(fields, "ts", now)
    return stamp if stamp - now <= SESSION else now


def _bounded(text: str) -> str:
    if len(text) > MAX_USSD_TEXT:
        raise Malformed(f"the field text is longer than {MAX_USSD_TEXT} characters")
    return clean(text)


def _split(dialled: str) -> tuple[str, str] | None:
    """`*1616*2#` as `*1616#` and `2`; None for what nobody can dial."""
    found = _DIALLED.fullmatch(dialled.strip().rstrip("#"))
    return (f"*{found[1]}#", found[2] or "") if found else None


def _check_fits(text: str, limits: Limits) -> None:
    """Kannel would cut a longer one into parts with a header, which USSD does not know."""
    encoding = encoding_of(text)
    most = limits.gsm7 if encoding == "GSM-7" else limits.ucs2
    if units(text, encoding) > most:
        raise Refused(
            f"a screen of {units(text, encoding)} characters of {encoding} does not fit the {most} "
            "of ussd_limits"
        )
