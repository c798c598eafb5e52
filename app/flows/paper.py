"""A registry on paper: what lookups find where there is no database. For tests and estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from app.flows.model import Findings, Found, Lookup, Named, Outcome, Phrase, Untold, Value
from app.flows.telling import Costs, Standing, cost_values, told
from app.text.places import Gazetteer
from app.words import Language

Names = Mapping[Language, str]
Args = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PaperService:
    """A service with its fee, charge (kip), days and papers; None and {} where nothing is known.

    `law` and `since` say which ordinance the amounts are of, and from which day on.
    """

    names: Names
    fee: int | None = None
    charge: int | None = None
    days: int | None = None
    papers: Names = field(default_factory=dict)
    law: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class PaperRequest:
    """A citizen's request, as an office tells of it; `own` was filed by the phone that asks.

    `silent_days`: for how long the office has said nothing, where that is worth telling.
    """

    service: str
    status: str
    since: str
    own: bool = False
    note: str = ""
    due: str = ""
    overdue: bool = False
    silent_days: int | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """Places by code: a district's begins with its province's, a center's with its district's.

    `last` is the center that the person rated last, "" for none. `refused` are numbers that are
    not looked up, each with the key of the text that says why.
    """

    provinces: Mapping[str, Names]
    districts: Mapping[str, Names]
    centers: Mapping[str, Names]
    services: Mapping[str, PaperService]
    requests: Mapping[str, PaperRequest] = field(default_factory=dict)
    last: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)

    def find(self, lookup: Lookup) -> Outcome:
        """What a lookup finds on this paper."""
        finders: Mapping[str, Callable[[Args], Outcome]] = {
            "last_odsc": lambda _: _one(self.centers, self.last),
            "odsc": lambda args: _one(self.centers, args["value"]),
            "provinces": lambda _: self._with_centers(self.provinces, ""),
            "districts": lambda args: self._with_centers(self.districts, args["province"]),
            "odscs": lambda args: self._with_centers(self.centers, args["district"]),
            "places": lambda args: self._places(args["value"]),
            "services": lambda _: tuple(
                Found(key, service.names) for key, service in self.services.items()
            ),
            "fee": lambda args: self._fee(args["service"]),
            "request": lambda args: self._request(args["value"]),
            "my_requests": lambda _: self._own(),
        }
        return finders[lookup.name](lookup.args)

    def _with_centers(self, places: Mapping[str, Names], within: str) -> Findings:
        return tuple(
            Found(code, names)
            for code, names in places.items()
            if code.startswith(within) and any(one.startswith(code) for one in self.centers)
        )

    def _places(self, typed: str) -> Findings:
        """The provinces and districts that may be meant, each district with its province."""
        every = {**self.provinces, **self.districts}
        spelt = [(code, name) for code, names in every.items() for name in names.values()]
        return tuple(
            Found(code, _within(every[code], {} if len(code) == 2 else self.provinces[code[:2]]))
            for code in Gazetteer(spelt).find(typed)
        )

    def _fee(self, key: str) -> Findings:
        service = self.services.get(key)
        if service is None:
            return ()
        values: dict[str, Value] = {
            "service": Named(service.names),
            "days": Phrase("fee.days", {"days": service.days}) if service.days else "",
            "papers": "",
            **cost_values(Costs(service.fee, service.charge, service.law, service.since)),
        }
        if any(service.papers.values()):
            values["papers"] = Phrase("fee.papers", {"papers": Named(service.papers)})
        return (Found(key, service.names, values),)

    def _own(self) -> Findings:
        every = (self._request(number) for number, one in self.requests.items() if one.own)
        return tuple(found for outcome in every if isinstance(outcome, tuple) for found in outcome)

    def _request(self, typed: str) -> Outcome:
        number = typed.upper()
        if number in self.refused:
            return Untold(self.refused[number])
        request = self.requests.get(number)
        service = self.services.get(request.service) if request else None
        if request is None or service is None:
            return ()
        place = self.centers.get(number[:4], {})
        facts = {
            one.name: getattr(request, one.name) for one in fields(request) if one.name != "service"
        }
        return (told(Standing(number, service.names, place=place, **facts)),)


def _within(names: Names, above: Names) -> Names:
    return {
        language: ", ".join(filter(None, (name, above.get(language, ""))))
        for language, name in names.items()
    }


def _one(things: Mapping[str, Names], key: str) -> Findings:
    return (Found(key, things[key]),) if key in things else ()


SMALL = Paper(
    provinces={
        "01": {"lo": "ນະຄອນຫຼວງວຽງຈັນ", "en": "Vientiane Capital"},
        "09": {"lo": "ຊຽງຂວາງ", "en": "Xiengkhuang"},
    },
    districts={
        "0103": {"lo": "ໄຊເສດຖາ", "en": "Xaysetha"},
        "0105": {"lo": "ໄຊທານີ", "en": "Xaythany"},
        "0901": {"lo": "ແປກ", "en": "Pek"},
    },
    centers={
        "0103": {"lo": "ໄຊເສດຖາ", "en": "Xaysetha"},
        "0105": {"lo": "ໄຊທານີ", "en": "Xaythany"},
        "0901": {"lo": "ແປກ", "en": "Pek"},
    },
    services={
        "id_card": PaperService(
            {"lo": "ບັດປະຈຳຕົວ", "en": "ID card"},
            fee=40_000,
            days=3,
            papers={"lo": "ສຳມະໂນຄົວ", "en": "Family book"},
        ),
        "family_book": PaperService({"lo": "ສຳມະໂນຄົວ", "en": "Family book"}, fee=0, charge=0),
        "land_title": PaperService({"lo": "ໃບຕາດິນ", "en": "Land title"}),
    },
    requests={"KS123": PaperRequest("id_card", "ready", "23/11/2026")},
)
"""A few places, services and one request, enough for every turn of a conversation."""
