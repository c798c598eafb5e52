"""Answers to what the engine asks of the outside, from the registry and the requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection

from app.clock import local_day
from app.flows.model import Findings, Found, Lookup, Named, Outcome, Phrase, Untold, Value
from app.flows.telling import MISTYPED, PAUSED, Costs, Standing, cost_values, told
from app.people.vault import Vault
from app.requests.looking import Pace, look_up
from app.requests.statuses import overdue
from app.storage import places, registry, requests
from app.storage.people import Contact
from app.storage.places import Load, NamedPlace
from app.storage.registry import Odsc, Service
from app.storage.requests import Request
from app.text.places import Gazetteer, short
from app.words import Language, Medium

Args = Mapping[str, str]
Kept = TypeVar("Kept")

# What a whole province is called beside the district of the same name.
PROVINCE: Mapping[Language, str] = {"lo": "ແຂວງ{}", "en": "{} province"}
CAPITAL = "01"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks by which medium, when, and what it takes to answer.

    `registry` is the load in force where it is known already. News of a request that are older
    than `stale_after` are told with their age.
    """

    tx: Connection
    contact: Contact
    medium: Medium
    registry: Load | None
    now: datetime
    vault: Vault
    pace: Pace
    stale_after: timedelta

    @property
    def today(self) -> date:
        return local_day(self.now)


@dataclass(frozen=True, slots=True)
class _Atlas:
    """Every place by code, and by name."""

    places: Mapping[str, NamedPlace]
    gazetteer: Gazetteer

    def found(self, code: str) -> Found:
        """A place as it is confirmed: a district with its province, since names occur twice."""
        place, above = self.places[code], self.places[code[:2]]
        names = {}
        for language, name in place.names.items():
            if place is not above:
                names[language] = f"{name}, {short(above.names[language], above.aliases)}"
            elif code == CAPITAL or "province" in name.casefold():
                names[language] = name
            else:
                names[language] = PROVINCE[language].format(name)
        return Found(code, names)


@dataclass(slots=True)
class _Kept:
    """What was found in a load of the registry, which changes only when somebody loads another."""

    load: Load | None = None
    found: dict[tuple[str, ...], Any] = field(default_factory=dict)


# Of the latest load alone. What was not found is not kept: people may type anything.
_kept = _Kept()


def answer(asker: Asker, lookup: Lookup) -> Outcome:
    """What a lookup finds now."""
    return _ANSWERS[lookup.name](asker, lookup.args)


def center(asker: Asker, code: str) -> Findings:
    """The center with this code."""
    return _once(asker, ("center", code), lambda: _center(asker.tx, code))


def service(asker: Asker, key: str) -> Findings:
    """The service with this key."""
    found = registry.service(asker.tx, key)
    return () if found is None else (Found(found.key, found.names),)


def _once(asker: Asker, what: tuple[str, ...], find: Callable[[], Kept]) -> Kept:
    """What the load in force holds, asked for once a process."""
    global _kept
    load, kept = asker.registry or places.loaded(asker.tx), _kept
    if load is None:
        return find()
    if load != kept.load:
        _kept = kept = _Kept(load)
    if what not in kept.found:
        found = find()
        if not found:
            return found
        kept.found[what] = found
    there: Kept = kept.found[what]
    return there


def _center(tx: Connection, code: str) -> Findings:
    found = registry.odsc(tx, code)
    return () if found is None else (Found(found.code, found.names),)


# --- places -----------------------------------------------------------------------------------


def _last_odsc(asker: Asker, args: Args) -> Findings:
    last = asker.contact.last_odsc
    return () if last is None else center(asker, last)


def _odsc(asker: Asker, args: Args) -> Findings:
    return center(asker, args["value"])


def _provinces(asker: Asker, args: Args) -> Findings:
    def find() -> Findings:
        found = registry.provinces_with_odscs(asker.tx)
        return tuple(Found(place.code, place.names) for place in found)

    return _once(asker, ("provinces",), find)


def _districts(asker: Asker, args: Args) -> Findings:
    def find() -> Findings:
        found = registry.districts_with_odscs(asker.tx, args["province"])
        return tuple(Found(place.code, place.names) for place in found)

    return _once(asker, ("districts", args["province"]), find)


def _odscs(asker: Asker, args: Args) -> Findings:
    def find() -> Findings:
        found = places.centers_in(asker.tx, args["district"])
        return tuple(Found(odsc.code, odsc.names) for odsc in found)

    return _once(asker, ("centers", args["district"]), find)


def _places(asker: Asker, args: Args) -> Findings:
    atlas = _once(asker, ("atlas",), lambda: _atlas(asker.tx))
    return tuple(atlas.found(code) for code in atlas.gazetteer.find(args["value"]))


def _atlas(tx: Connection) -> _Atlas:
    every = places.every(tx)
    spelt = ((one.code, name) for one in every for name in (*one.names.values(), *one.aliases))
    return _Atlas({one.code: one for one in every}, Gazetteer(spelt))


# --- services ---------------------------------------------------------------------------------


def _services(asker: Asker, args: Args) -> Findings:
    def find() -> Findings:
        return tuple(Found(one.key, one.names) for one in registry.services(asker.tx))

    return _once(asker, ("services",), find)


def _fee(asker: Asker, args: Args) -> Findings:
    service = registry.service(asker.tx, args["service"])
    if service is None:
        return ()
    fee = registry.fee_in_force(asker.tx, service.key, asker.contact.last_odsc, asker.today)
    costs = Costs()
    if fee is not None:
        costs = Costs(fee.fee_kip, fee.charge_kip, fee.legal_ref, _written(fee.valid_from))
    papers = any(service.papers.values())
    values: dict[str, Value] = {
        "service": Named(service.names),
        "days": Phrase("fee.days", {"days": service.days}) if service.days else "",
        "papers": Phrase("fee.papers", {"papers": Named(service.papers)}) if papers else "",
        **cost_values(costs),
    }
    return (Found(service.key, service.names, values),)


# --- requests ---------------------------------------------------------------------------------


def _request(asker: Asker, args: Args) -> Outcome:
    """By number: of other people's requests service and status alone, and not too many."""
    looked = look_up(asker.tx, asker.vault, asker.pace, asker.contact, args["value"], asker.now)
    if looked.outcome == "mistyped":
        return Untold(MISTYPED)
    if looked.outcome == "paused":
        return Untold(PAUSED)
    request = looked.request
    service = registry.service(asker.tx, request.service) if request else None
    if request is None or service is None:
        return ()
    odsc = registry.odsc(asker.tx, request.odsc)
    return (told(_standing(asker, request, service, odsc, own=looked.own)),)


def _my_requests(asker: Asker, args: Args) -> Findings:
    """What the phone has filed, the newest first."""
    mine = requests.of_phone(asker.tx, asker.contact.id)
    services = {one.key: one for one in registry.services(asker.tx)} if mine else {}
    return tuple(
        told(_standing(asker, request, services[request.service], None, own=True))
        for request in mine
    )


def _standing(
    asker: Asker, request: Request, service: Service, odsc: Odsc | None, *, own: bool
) -> Standing:
    # An SMS stays on the phone, where others read it.
    named = not request.sensitive or (own and asker.medium == "ussd")
    silent = asker.now - request.news_at
    return Standing(
        number=request.number,
        service=service.names if named else {},
        status=request.status,
        since=_written(local_day(request.status_at)),
        own=own,
        place=odsc.names if odsc else {},
        note=request.note,
        due=_written(request.due_on) if request.due_on else "",
        overdue=overdue(request.status, request.due_on, asker.today),
        silent_days=silent.days if silent > asker.stale_after else None,
    )


def _written(day: date) -> str:
    return f"{day:%d/%m/%Y}"


_ANSWERS: Mapping[str, Callable[[Asker, Args], Outcome]] = {
    "last_odsc": _last_odsc,
    "odsc": _odsc,
    "provinces": _provinces,
    "districts": _districts,
    "odscs": _odscs,
    "places": _places,
    "services": _services,
    "fee": _fee,
    "request": _request,
    "my_requests": _my_requests,
}
