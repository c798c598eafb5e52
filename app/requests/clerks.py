"""What a clerk texts: `R 0103 idcard 02055512345` files a request, `R NUMBER ready` moves it on.

Only from a phone that is registered for that ODSC. The number may be written in groups, the
service by its key or name, the status by any of its words; what follows is the citizen's note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from app import clock
from app.errors import RequestRefused
from app.requests import filing, numbers
from app.requests.filing import Act, Filing, Registrar
from app.sentences import FALLBACK, Placeholders, Sentences
from app.storage import people, registry
from app.storage import requests as storage
from app.storage.people import StaffMember
from app.storage.registry import Service
from app.storage.requests import Request
from app.text.lao import canonical, digits, fold
from app.words import REQUEST_STATUSES, Language

FILE = "clerk.yaml"
COMMAND = "r"
ODSC_DIGITS = 4
# At the end of a filing: the applicant gave a number, but wants no messages.
NO_MESSAGES = frozenset({"nosms", "no", "ບໍ່ສົ່ງ"})
LONGEST_STATUS = 3
SENTENCES: Placeholders = {
    "help": (),
    "filed": ("number", "service"),
    "filed_due": ("number", "service", "date"),
    "moved": ("number", "status"),
    "shown": ("number", "service", "status", "date"),
    "not_staff": ("odsc",),
    "unknown_odsc": (),
    "unknown_service": (),
    "unknown_status": (),
    "unknown_number": (),
    "wrong_number": (),
    "bad_phone": (),
    "needs_note": ("status",),
    "not_allowed": ("number", "status"),
    "bad_note": (),
    **{f"status_{status}": () for status in REQUEST_STATUSES},
}


@dataclass(frozen=True, slots=True)
class Clerk:
    """Who texts: their entries on the staff list, and the language they are answered in."""

    contact_id: int
    entries: Sequence[StaffMember]
    language: Language

    def of(self, odsc: str) -> StaffMember | None:
        """Their entry for that ODSC."""
        mine = (one for one in self.entries if one.level == "odsc" and one.place == odsc)
        return next(mine, None)


class _Answer(Exception):
    """Ends a command with a sentence."""

    def __init__(self, key: str, **values: str) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


def answer(
    registrar: Registrar,
    every: Mapping[Language, Sentences],
    tx: Connection,
    contact_id: int,
    text: str,
    now: datetime,
) -> str | None:
    """Do what a clerk's text says and answer it; None where it is no clerk's command.

    Whoever is not on the staff list and writes no whole command is a citizen with something to
    tell.
    """
    words = _after_command(text)
    if words is None:
        return None
    entries = people.staff(tx, contact_id)
    if not entries and not _is_whole(words):
        return None
    clerk = Clerk(contact_id, entries, entries[0].language if entries else registrar.language)
    sentences = every.get(clerk.language) or every[FALLBACK]
    try:
        return _done(registrar, sentences, tx, clerk, words, now)
    except _Answer as said:
        return sentences[said.key].format(**said.values)
    except RequestRefused as refused:
        known = (
            refused.code if refused.code in SENTENCES and not SENTENCES[refused.code] else "help"
        )
        return sentences[known]


def _after_command(text: str) -> list[str] | None:
    """The words behind the R, which may stand close to its number; None without an R."""
    words = digits(canonical(text)).split()
    first = words[0].casefold() if words else ""
    if first == COMMAND:
        return words[1:]
    if first[:1] == COMMAND and first[1:].isdigit():
        return [first[1:], *words[1:]]
    return None


def _is_whole(words: list[str]) -> bool:
    """Whether it can be meant for nobody else: a code or number, then more."""
    leading, rest = _number_first(words)
    return bool(rest) and (len(leading) == ODSC_DIGITS or numbers.is_ours(leading))


def _number_first(words: list[str]) -> tuple[str, list[str]]:
    """The digits at the beginning, which may stand in groups, and the words after them."""
    count = 0
    while count < len(words) and words[count].replace("-", "").isdigit():
        count += 1
        if len(numbers.read("".join(words[:count]))) == numbers.LENGTH:
            break
    return numbers.read("".join(words[:count])), words[count:]


def _done(
    registrar: Registrar,
    sentences: Sentences,
    tx: Connection,
    clerk: Clerk,
    words: list[str],
    now: datetime,
) -> str:
    leading, rest = _number_first(words)
    if len(leading) == ODSC_DIGITS and rest:
        return _file(registrar, sentences, tx, clerk, leading, rest, now)
    if not leading and words:
        # An office's own number may have letters.
        leading, rest = numbers.read(words[0]), words[1:]
    if not leading:
        raise _Answer("help")
    request = _find(tx, clerk, leading)
    staff = _require(clerk, request.odsc)
    if not rest:
        return _shown(sentences, tx, clerk, request)
    return _move(registrar, sentences, tx, request, staff, rest, now)


def _require(clerk: Clerk, odsc: str) -> StaffMember:
    staff = clerk.of(odsc)
    if staff is None:
        raise _Answer("not_staff", odsc=odsc)
    return staff


def _file(
    registrar: Registrar,
    sentences: Sentences,
    tx: Connection,
    clerk: Clerk,
    odsc: str,
    words: list[str],
    now: datetime,
) -> str:
    staff = _require(clerk, odsc)
    silent = words[-1].casefold() in NO_MESSAGES
    words = words[:-1] if silent else words
    named = [word for word in words if not word.lstrip("+").isdigit()]
    phone = "".join(word for word in words if word.lstrip("+").isdigit())
    service = _service(registry.services(tx), " ".join(named))
    wanted = Filing(
        odsc=odsc, service=service.key, phone=phone, filed_at=now, texts=bool(phone) and not silent
    )
    request = filing.file(registrar, tx, wanted, Act(f"staff {staff.id}", "sms", now))
    values = {"number": request.number, "service": _named(service, clerk)}
    if request.due_on is None:
        return sentences["filed"].format(**values)
    return sentences["filed_due"].format(**values, date=f"{request.due_on:%d/%m/%Y}")


def _move(
    registrar: Registrar,
    sentences: Sentences,
    tx: Connection,
    request: Request,
    staff: StaffMember,
    words: list[str],
    now: datetime,
) -> str:
    status, note = _status(registrar, words)
    number = request.number
    act = Act(f"staff {staff.id}", "sms", now)
    try:
        moved = filing.move(registrar, tx, request, status, note, act)
    except RequestRefused as refused:
        if refused.code == "not_allowed":
            before = sentences[f"status_{request.status}"]
            raise _Answer("not_allowed", number=number, status=before) from None
        if refused.code == "needs_note":
            raise _Answer("needs_note", status=sentences[f"status_{status}"]) from None
        raise
    return sentences["moved"].format(number=number, status=sentences[f"status_{moved.status}"])


def _shown(sentences: Sentences, tx: Connection, clerk: Clerk, request: Request) -> str:
    service = registry.service(tx, request.service)
    return sentences["shown"].format(
        number=request.number,
        service=_named(service, clerk) if service else request.service,
        status=sentences[f"status_{request.status}"],
        date=f"{clock.local_day(request.status_at):%d/%m/%Y}",
    )


def _find(tx: Connection, clerk: Clerk, number: str) -> Request:
    if numbers.is_ours(number):
        if not numbers.checks(number):
            raise _Answer("wrong_number")
        # Before it is looked up: a stranger must not learn which numbers there are.
        _require(clerk, number[:ODSC_DIGITS])
        found = storage.by_number(tx, number)
    else:
        same = storage.by_alias(tx, number)
        found = next((one for one in same if clerk.of(one.odsc)), None)
    if found is None:
        raise _Answer("unknown_number")
    return found


def _service(services: Sequence[Service], written: str) -> Service:
    """By key or name; the beginning will do where it is one service's alone."""
    heard = _heard(written)
    if heard:
        called = {
            service.key: {_heard(name) for name in (service.key, *service.names.values())}
            for service in services
        }
        whole = [one for one in services if heard in called[one.key]]
        begun = [one for one in services if any(n.startswith(heard) for n in called[one.key])]
        for fitting in (whole, begun):
            if len(fitting) == 1:
                return fitting[0]
    raise _Answer("unknown_service")


def _heard(name: str) -> str:
    return fold(name.replace("_", "").replace(" ", "").replace("-", ""))


def _status(registrar: Registrar, words: list[str]) -> tuple[str, str]:
    """The status that the first words mean, the longest that fits; then the note."""
    for count in range(min(len(words), LONGEST_STATUS), 0, -1):
        status = registrar.rules.status(" ".join(words[:count]))
        if status is not None:
            return status, " ".join(words[count:])
    raise _Answer("unknown_status")


def _named(service: Service, clerk: Clerk) -> str:
    return service.names.get(clerk.language) or service.names[FALLBACK]
