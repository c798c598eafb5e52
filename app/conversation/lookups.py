"""Answers to what the engine asks of the outside, from the registry and the requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from babel.dates import format_date
from sqlalchemy import Connection

from app.clock import local_day
from app.flows.model import Findings, Found, Lookup, Named, Phrase, Value
from app.storage import places, registry, requests
from app.storage.people import Contact
from app.storage.places import NamedPlace
from app.text.places import Gazetteer, short
from app.words import Language

Args = Mapping[str, str]

# What a whole province is called beside the district of the same name.
PROVINCE: Mapping[Language, str] = {"lo": "ແຂວງ{}", "en": "{} province"}
CAPITAL = "01"


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


# The latest load alone: places are many, and change when somebody loads a registry.
_atlases: dict[tuple[str, datetime], _Atlas] = {}


def answer(tx: Connection, contact: Contact, today: date, lookup: Lookup) -> Findings:
    """What a lookup finds now."""
    return _ANSWERS[lookup.name](tx, contact, today, lookup.args)


def _last_odsc(tx: Connection, contact: Contact, today: date, args: Args) -> Findings:
    if contact.last_odsc is None:
        return ()
    return _odsc(tx, contact, today, {"value": contact.last_odsc})


def _odsc(tx: Connection, contact: Contact, today: date, args: Args) -> Findings:
    found = registry.odsc(tx, args["value"])
    return () if found is None else (Found(found.code, found.names),)


def _provinces(tx: Connection, contact: Contact, today: date, args: Args) -> Findings:
    return tuple(Found(place.code, place.names) for place in registry.provinces_with_odscs(tx))


def _districts(tx: Connection, contact: Contact, today: date, args: Args) -> Findings:
    found = registry.districts_with_odscs(tx, args["province"])
    return tuple(Found(place.code, place.names) for place in found)


def _odscs(tx: Connection, contact: Contact, today: date, args: Args) -> Findings:
    found = places.centers_in(tx, args["district"])
    return tuple(Found(odsc.code, odsc.names) for odsc in found)


def _places(tx: Connection, contact: Contact, today: date, args: Args) -> Findings:
    atlas = _atlas(tx)
    return tuple(atlas.found(code) for code in atlas.gazetteer.find(args["value"]))


def _atlas(tx: Connection) -> _Atlas:
    loaded = places.loaded(tx)
    atlas = None if loaded is None else _atlases.get(loaded)
    if atlas is None:
        every = places.every(tx)
        spelt = ((one.code, name) for one in every for name in (*one.names.values(), *one.aliases))
        atlas = _Atlas({one.code: one for one in every}, Gazetteer(spelt))
        _atlases.clear()
        if loaded is not None:
            _atlases[loaded] = atlas
    return atlas


def _services(tx: Connection, contact: Contact, today: date, args: Args) -> Findings:
    return tuple(Found(service.key, service.names) for service in registry.services(tx))


def _fee(tx: Connection, contact: Contact, today: date, args: Args) -> Findings:
    service = registry.service(tx, args["service"])
    if service is None:
        return ()
    fee = registry.fee_in_force(tx, service.key, contact.last_odsc, today)
    papers = any(service.papers.values())
    values: dict[str, Value] = {
        "service": Named(service.names),
        "fee": _amounts(fee.fee_kip if fee else None, fee.charge_kip if fee else None),
        "days": Phrase("fee.days", {"days": service.days}) if service.days else "",
        "papers": Phrase("fee.papers", {"papers": Named(service.papers)}) if papers else "",
    }
    return (Found(service.key, service.names, values),)


def _amounts(fee: int | None, charge: int | None) -> Phrase:
    """Fee and service charge are two amounts; what is not recorded is never invented."""
    if fee is None and charge is None:
        return Phrase("fee.none")
    if not fee and not charge:
        return Phrase("fee.free")
    if fee and charge:
        return Phrase("fee.both", {"fee": fee, "charge": charge})
    if fee:
        return Phrase("fee.fee", {"kip": fee})
    return Phrase("fee.charge", {"kip": charge or 0})


def _request(tx: Connection, contact: Contact, today: date, args: Args) -> Findings:
    found = requests.by_number(tx, args["value"])
    service = registry.service(tx, found.service) if found else None
    if found is None or service is None:
        return ()
    since = format_date(local_day(found.status_at), "dd/MM/yyyy", locale="en")
    values: dict[str, Value] = {
        "service": Named(service.names),
        "status": Phrase(f"status.{found.status}"),
        "since": Phrase("request.since", {"date": since}),
    }
    return (Found(found.number, service.names, values),)


_ANSWERS: Mapping[str, Callable[[Connection, Contact, date, Args], Findings]] = {
    "last_odsc": _last_odsc,
    "odsc": _odsc,
    "provinces": _provinces,
    "districts": _districts,
    "odscs": _odscs,
    "places": _places,
    "services": _services,
    "fee": _fee,
    "request": _request,
}
