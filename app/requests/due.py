"""Due dates, in the working days of each office."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection, Engine

from app import clock
from app.requests.statuses import RUNNING
from app.storage import request_due as storage


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which offices are closed besides weekends and public holidays."""

    closed: Mapping[str | None, frozenset[date]]

    def due_on(self, odsc: str, days: int | None, filed: date) -> date | None:
        """The last day on which the office is in time; None where nobody says how long it takes."""
        if days is None:
            return None
        closed = self.closed.get(None, frozenset()) | self.closed.get(odsc, frozenset())
        return clock.working_days_after(filed, days, closed)


def calendar(tx: Connection) -> Calendar:
    """Every office's closed days as they are known now."""
    return Calendar(storage.closed_days(tx))


def renew(engine: Engine) -> int:
    """Reckon again until when running requests are due; how many dates moved.

    Holidays are decided late, the registry is mended, libraries learn new holidays: whoever
    changes one of them calls this. What an office has done stays measured by the date it had.
    """
    with engine.begin() as tx:
        days = calendar(tx)
        changed = []
        for term in storage.terms(tx, RUNNING):
            due_on = days.due_on(term.odsc, term.days, term.filed)
            if due_on != term.due_on:
                changed.append(replace(term, due_on=due_on))
        return storage.renew(tx, changed, RUNNING) if changed else 0
