"""Filing a request and moving it on: history, due date, fee, and who must hear of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from app import clock
from app.errors import NotAPhoneNumber, RequestRefused
from app.people.vault import Vault
from app.requests import due, notices, numbers
from app.requests.looking import Pace
from app.requests.statuses import Rules
from app.sentences import Sentences
from app.storage import people, registry
from app.storage import requests as storage
from app.storage.outbox import Letter
from app.storage.registry import Service
from app.storage.requests import Request
from app.text.answers import clean
from app.text.numbers import e164
from app.words import REQUEST_STATUSES, Language, Purpose

LONGEST_NOTE = 120
# Of a number, with what people write between its letters and digits.
LONGEST_NUMBER = 100
# What an office tells of older days is no news: nobody is texted, or asked how it was.
NEWS = timedelta(days=3)

Tell = Callable[[Connection, int, Purpose, str, datetime, str], object]
"""Queues an SMS: transaction, contact, purpose, text, now, and the key under which it is once."""
TellAll = Callable[[Connection, Sequence[Letter], datetime], None]
"""Queues many notices at once."""


@dataclass(frozen=True, slots=True)
class Filing:
    """What an office knows when it files: `phone` is as written, `number` one of ours or None."""

    odsc: str
    service: str
    phone: str = field(default="", repr=False)
    alias: str = ""
    number: str | None = None
    status: str = "received"
    note: str = ""
    filed_at: datetime | None = None
    texts: bool = False
    sensitive: bool | None = None


@dataclass(frozen=True, slots=True)
class Registrar:
    """What filing needs at hand. `language` is that of phones which never chose one."""

    vault: Vault
    rules: Rules
    sentences: Mapping[Language, Sentences]
    language: Language
    tell: Tell
    tell_all: TellAll
    invite_after: timedelta = timedelta(hours=3)
    pace: Pace = Pace()


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, by which way, when. `by` is never a name or a number."""

    by: str
    source: str
    now: datetime


def file(registrar: Registrar, tx: Connection, filing: Filing, act: Act) -> Request:
    """File a request. Raises RequestRefused, naming the field."""
    service = _checked(registrar, tx, filing)
    filed_at = filing.filed_at or act.now
    if filed_at > act.now + timedelta(days=1):
        raise RequestRefused("bad_date", "filed_at", "the day of filing lies ahead")
    day = clock.local_day(filed_at)
    fee = registry.fee_in_force(tx, service.key, filing.odsc, day)
    alias, note = alias_of(filing.alias), note_of(filing.note)
    contact_id = _contact(registrar, tx, filing.phone)
    values: dict[str, object] = {
        "alias": alias,
        "odsc": filing.odsc,
        "service": service.key,
        "contact_id": contact_id,
        "status": filing.status,
        "note": note,
        "due_on": due.calendar(tx).due_on(filing.odsc, service.days, day),
        "fee_kip": fee.fee_kip if fee else None,
        "charge_kip": fee.charge_kip if fee else None,
        "texts": filing.texts and contact_id is not None,
        "sensitive": service.sensitive if filing.sensitive is None else filing.sensitive,
        "source": act.source,
        "filed_at": filed_at,
        "status_at": filed_at,
        "news_at": act.now,
    }
    request = _add(tx, filing, values)
    _remember(tx, request, act, filed_at)
    if act.now - filed_at <= NEWS:
        _say(registrar, tx, request, act)
    return request


def move(
    registrar: Registrar, tx: Connection, request: Request, status: str, note: str, act: Act
) -> Request:
    """Move a request to another status; the same as before is news, and nothing more.

    Raises RequestRefused where that may not follow, or says nothing without a note.
    """
    request = storage.lock(tx, request.id)
    note = note_of(note)
    same = status == request.status
    _require_status(registrar, status, note or (request.note if same else ""))
    if same and note in ("", request.note):
        storage.touch(tx, request.id, act.now)
        return replace(request, news_at=max(request.news_at, act.now))
    if not same and not registrar.rules.allows(request.status, status):
        raise RequestRefused(
            "not_allowed", "status", f"after {request.status} there is no {status}"
        )
    since = request.status_at if same else act.now
    storage.set_status(tx, request.id, status, note, since, act.now)
    moved = replace(request, status=status, note=note, status_at=since, news_at=act.now)
    _remember(tx, moved, act, act.now)
    _say(registrar, tx, moved, act)
    return moved


def reach(
    registrar: Registrar, tx: Connection, request: Request, phone: str, texts: bool | None
) -> Request:
    """Say whose request it is ("": as before), and whether it is texted (None: as before)."""
    request = storage.lock(tx, request.id)
    contact_id = _contact(registrar, tx, phone) or request.contact_id
    texted = (request.texts if texts is None else texts) and contact_id is not None
    if (contact_id, texted) != (request.contact_id, request.texts):
        storage.set_reach(tx, request.id, contact_id, texted)
    return replace(request, contact_id=contact_id, texts=texted)


def find(tx: Connection, typed: str, odsc: str | None = None) -> list[Request]:
    """The request with a number of ours, or those with an office's own, for an office's eyes.

    Of one ODSC there is at most one; another's is not there.
    """
    number = numbers.read(typed[:LONGEST_NUMBER])
    if not numbers.is_ours(number):
        return storage.by_alias(tx, number, odsc) if numbers.may_be_alias(number) else []
    found = storage.by_number(tx, number)
    return [found] if found is not None and odsc in (None, found.odsc) else []


def _checked(registrar: Registrar, tx: Connection, filing: Filing) -> Service:
    if registry.odsc(tx, filing.odsc) is None:
        raise RequestRefused("unknown_odsc", "odsc", "there is no such ODSC")
    service = registry.service(tx, filing.service)
    if service is None:
        raise RequestRefused("unknown_service", "service", "there is no such service")
    _require_status(registrar, filing.status, filing.note)
    return service


def _require_status(registrar: Registrar, status: str, note: str) -> None:
    if status not in REQUEST_STATUSES:
        known = ", ".join(REQUEST_STATUSES)
        raise RequestRefused("unknown_status", "status", f"a status is one of {known}")
    if status in registrar.rules.needs_note and not note.strip():
        raise RequestRefused("needs_note", "note", f"{status} needs a note for the citizen")


def note_of(written: str) -> str:
    """A note as it is kept, in one line. Raises RequestRefused where it is too long."""
    note = " ".join(clean(written).split())
    if len(note) > LONGEST_NOTE:
        raise RequestRefused("bad_note", "note", f"a note has at most {LONGEST_NOTE} letters")
    return note


def alias_of(written: str) -> str:
    """An office's own number as it is kept; "" for none. Raises RequestRefused."""
    alias = numbers.read(written)
    if numbers.is_ours(alias):
        reason = f"an office's own number may not have {numbers.LENGTH} digits: ours have"
        raise RequestRefused("bad_alias", "alias", reason)
    if alias and not numbers.may_be_alias(alias):
        least, most = numbers.SHORTEST_ALIAS, numbers.LONGEST_ALIAS
        reason = f"an office's own number has {least} to {most} letters and digits"
        raise RequestRefused("bad_alias", "alias", reason)
    return alias


def _contact(registrar: Registrar, tx: Connection, phone: str) -> int | None:
    if not phone.strip():
        return None
    try:
        sealed = registrar.vault.seal(e164(phone))
    except NotAPhoneNumber:
        raise RequestRefused("bad_phone", "phone", "this is no phone number") from None
    return people.ensure(tx, sealed.hash, sealed.cipher)


def _add(tx: Connection, filing: Filing, values: dict[str, object]) -> Request:
    """With the number that was given, or a free one."""
    if filing.number is not None:
        number = numbers.read(filing.number)
        own = number.startswith(filing.odsc) and numbers.is_ours(number) and numbers.checks(number)
        if not own:
            reason = "this is no number of that ODSC: a digit is wrong"
            raise RequestRefused("bad_number", "number", reason)
        request = storage.add(tx, values | {"number": number})
        if request is None:
            raise RequestRefused("taken", "number", "a request with this number exists")
        return request
    for _ in range(5):
        number = numbers.new(filing.odsc, secrets.randbelow(numbers.SERIALS))
        request = storage.add(tx, values | {"number": number})
        if request is not None:
            return request
        if values["alias"]:
            break
    raise RequestRefused("taken", "alias", "the office has a request with this number of its own")


def _remember(tx: Connection, request: Request, act: Act, at: datetime) -> None:
    storage.remember(
        tx,
        request.id,
        status=request.status,
        note=request.note,
        by=act.by,
        source=act.source,
        at=at,
    )


def _say(registrar: Registrar, tx: Connection, request: Request, act: Act) -> None:
    """What the applicant must hear now, or some hours after collection."""
    if request.contact_id is None:
        return
    if request.status == "collected":
        storage.invite(tx, request.id, request.contact_id, act.now + registrar.invite_after)
    if not request.texts or request.status not in registrar.rules.texted:
        return
    service = registry.service(tx, request.service)
    contact = people.by_id(tx, request.contact_id)
    if service is not None and not contact.stopped:
        letter = notice(registrar, request, service.names, contact.language, act.now)
        registrar.tell_all(tx, [letter], act.now)


def notice(
    registrar: Registrar,
    request: Request,
    service: Mapping[Language, str],
    language: Language | None,
    now: datetime,
) -> Letter:
    """A request's news, to the phone that it has, in that phone's language."""
    if request.contact_id is None:
        raise ValueError("a request without a phone has nobody to tell")
    chosen = language or registrar.language
    written = notices.written(registrar.sentences, chosen, request, service)
    key = f"notice:{request.id}:{request.status}:{now:%Y%m%d%H%M%S%f}"
    return Letter(request.contact_id, written, key)
