"""What lookups tell of fees and requests, in the words of a text: on paper as from a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.flows.model import Found, Named, Phrase, Value
from app.words import Language

Names = Mapping[Language, str]

MISTYPED, PAUSED = "request.mistyped", "request.paused"
"""Why a request's number tells nothing: a digit is wrong, or too many were tried."""

WAITS = ("received", "in_process")
NOTED = ("need_documents", "rejected")
OPEN = (*WAITS, "need_documents", "ready")


@dataclass(frozen=True, slots=True)
class Costs:
    """What a service costs, in kip; None is not recorded. `law` and `since` say by which
    ordinance, from which day on."""

    fee: int | None = None
    charge: int | None = None
    law: str = ""
    since: str = ""


def cost_values(costs: Costs) -> dict[str, Value]:
    """Fee and service charge stay two amounts; what is not recorded is never invented."""
    values: dict[str, Value] = {"fee": amounts(costs.fee, costs.charge), "law": ""}
    if costs.since and (costs.fee, costs.charge) != (None, None):
        values["law"] = Phrase("fee.since", {"date": costs.since})
        if costs.law:
            values["law"] = Phrase("fee.law", {"law": costs.law, "date": costs.since})
    return values


def amounts(fee: int | None, charge: int | None) -> Phrase:
    """Fee and charge in a text's words."""
    if fee is None and charge is None:
        return Phrase("fee.none")
    if not fee and not charge:
        return Phrase("fee.free")
    if fee and charge:
        return Phrase("fee.both", {"fee": fee, "charge": charge})
    return Phrase("fee.fee", {"kip": fee}) if fee else Phrase("fee.charge", {"kip": charge or 0})


@dataclass(frozen=True, slots=True)
class Standing:
    """A request as it may be told. Days are written out; what is "", None or {} is not told.

    Without a `service` it is not named. `own`: the phone has filed it, and learns more.
    """

    number: str
    service: Names
    status: str
    since: str
    own: bool = False
    place: Names = field(default_factory=dict)
    note: str = ""
    due: str = ""
    overdue: bool = False
    silent_days: int | None = None


def told(request: Standing) -> Found:
    """A request as a finding: values for a screen, and a line for a list."""
    service = _service(request)
    silent = request.silent_days if request.status in OPEN else None
    values: dict[str, Value] = {
        "service": service,
        "status": _status(request),
        "since": Phrase("request.since", {"date": request.since}),
        "next": _next(request) if request.own else "",
        "due": _due(request, silent) if request.own else "",
        "news": "" if silent is None else Phrase("request.silent", {"days": silent}),
    }
    line = {"service": service, "status": Phrase(f"brief.{request.status}")}
    return Found(request.number, request.service, values, Phrase("request.line", line))


def _service(request: Standing) -> Value:
    if request.service:
        return Named(request.service)
    return Phrase("request.unnamed", instead="home.request")


def _status(request: Standing) -> Value:
    """For the applicant with what the office wrote: which papers, or why."""
    status = f"status.{request.status}"
    if request.own and request.note and request.status in NOTED:
        return Phrase(f"request.{request.status}", {"note": request.note}, instead=status)
    return Phrase(status)


def _next(request: Standing) -> Value:
    if request.status == "ready":
        return Phrase("request.collect", {"place": Named(request.place)})
    waits = request.status in WAITS and not request.due
    return Phrase("request.wait") if waits else ""


def _due(request: Standing, silent: int | None) -> Value:
    """Until when to wait. Whose office says nothing any more should ask rather than wait."""
    if not request.due or request.status not in (*WAITS, "need_documents"):
        return ""
    if request.overdue and silent is not None:
        return Phrase("request.late")
    if request.overdue:
        return Phrase("request.overdue", {"date": request.due})
    waits = request.status in WAITS and silent is None
    return Phrase("request.until" if waits else "request.due", {"date": request.due})
