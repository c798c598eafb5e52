"""What each lookup is asked with and what it gives, as far as flows and their tools may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.flows.model import LookupName
from app.flows.telling import MISTYPED, PAUSED
from app.words import REQUEST_STATUSES

Kind = Literal["province", "district", "center", "service", "place"]
"""Whose name a lookup's findings bear; a place is a district with its province."""

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Offer:
    """One lookup. `values` fill a text beside the name; `phrases` are texts that it is written
    with, each with the placeholders that the lookup fills in it; `untold` are those that say why
    it tells nothing."""

    kind: Kind
    args: Names = frozenset()
    values: Names = frozenset()
    phrases: Mapping[str, Names] = field(default_factory=dict)
    untold: Names = frozenset()


def _names(words: str) -> Names:
    return frozenset(words.split())


FEE_PHRASES = {
    "fee.none": _names(""),
    "fee.free": _names(""),
    "fee.fee": _names("kip"),
    "fee.charge": _names("kip"),
    "fee.both": _names("fee charge"),
    "fee.law": _names("law date"),
    "fee.since": _names("date"),
    "fee.days": _names("days"),
    "fee.papers": _names("papers"),
}
REQUEST_PHRASES = {
    **{f"status.{status}": _names("") for status in REQUEST_STATUSES},
    "request.unnamed": _names(""),
    "request.since": _names("date"),
    "request.need_documents": _names("note"),
    "request.rejected": _names("note"),
    "request.wait": _names(""),
    "request.collect": _names("place"),
    "request.until": _names("date"),
    "request.due": _names("date"),
    "request.overdue": _names("date"),
    "request.late": _names(""),
    "request.silent": _names("days"),
}
LIST_PHRASES = {
    **{f"brief.{status}": _names("") for status in REQUEST_STATUSES},
    "request.unnamed": _names(""),
    "request.line": _names("service status"),
}

OFFERS: Mapping[LookupName, Offer] = {
    "last_odsc": Offer("center"),
    "odsc": Offer("center", _names("value")),
    "provinces": Offer("province"),
    "districts": Offer("district", _names("province")),
    "odscs": Offer("center", _names("district")),
    "places": Offer("place", _names("value")),
    "services": Offer("service"),
    "fee": Offer("service", _names("service"), _names("service fee law days papers"), FEE_PHRASES),
    "request": Offer(
        "service",
        _names("value"),
        _names("service status since next due news"),
        REQUEST_PHRASES,
        _names(f"{MISTYPED} {PAUSED}"),
    ),
    "my_requests": Offer("service", phrases=LIST_PHRASES),
}
