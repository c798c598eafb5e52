"""One week of one place in figures, from its tallies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from app.clock import Week
from app.errors import OperatorError
from app.feedback.cells import REASONS, SCORES
from app.insight import statistics
from app.storage import registry, tallies
from app.storage.tallies import Count, Place


@dataclass(frozen=True, slots=True)
class Summary:
    """What citizens said of some ODSCs in a week. `reasons` and `scores` have every key.

    `flagged` responses show signs of being invented, and are counted in nothing else.
    """

    odscs: tuple[str, ...]
    week: Week
    complete: int
    partial: int
    women: int
    scores: Mapping[int, int]
    reasons: Mapping[str, int]
    services: Mapping[str, int]
    overcharged: int
    flagged: int = 0

    @property
    def responses(self) -> int:
        return self.complete + self.partial

    @property
    def scored(self) -> int:
        return sum(self.scores.values())

    @property
    def satisfied(self) -> int:
        return statistics.satisfied(self.scores)

    @property
    def rate(self) -> float | None:
        return statistics.satisfaction(self.scores)

    @property
    def interval(self) -> tuple[float, float] | None:
        return statistics.wilson(self.satisfied, self.scored)

    @property
    def mean(self) -> float | None:
        return statistics.mean(self.scores)

    def as_json(self) -> dict[str, object]:
        """The figures as the API and `siang tally --json` give them; null where none answered."""
        return {
            "odsc": ",".join(self.odscs),
            "week": str(self.week),
            "responses": self.responses,
            "complete": self.complete,
            "partial": self.partial,
            "women": self.women,
            "satisfied": self.satisfied,
            "rate": self.rate,
            "interval": list(self.interval) if self.interval else None,
            "mean": self.mean,
            "scores": {str(score): n for score, n in self.scores.items()},
            "reasons": dict(self.reasons),
            "services": dict(self.services),
            "overcharged": self.overcharged,
            "flagged": self.flagged,
        }


def summary(tx: Connection, odscs: Sequence[str], week: Week) -> Summary:
    """The summary of one or several ODSCs together. One query, on tallies alone."""
    return summed(odscs, week, tallies.of_week(tx, odscs, week.monday, week.sunday))


def summed(odscs: Sequence[str], week: Week, counts: Sequence[Count]) -> Summary:
    """PURE. Counts put in their places."""
    n: dict[str, dict[str, int]] = {}
    for count in counts:
        answers = n.setdefault(count.question, {})
        answers[count.answer] = answers.get(count.answer, 0) + count.n
    status, scores, reasons = (n.get(question, {}) for question in ("status", "score", "reason"))
    return Summary(
        odscs=tuple(odscs),
        week=week,
        complete=status.get("complete", 0),
        partial=status.get("partial", 0),
        women=sum(
            count.n
            for count in counts
            if (count.question, count.sex) == ("status", "F") and count.answer != "flagged"
        ),
        scores={int(score): scores.get(score, 0) for score in SCORES},
        reasons={reason: reasons.get(reason, 0) for reason in REASONS},
        services={key: times for key, times in sorted(n.get("service", {}).items()) if times},
        overcharged=n.get("overcharged", {}).get("yes", 0),
        flagged=status.get("flagged", 0),
    )


def of_odsc(engine: Engine, odsc: str, week: Week) -> tuple[Place, Summary]:
    """One ODSC and its week; OperatorError where there is no such ODSC."""
    with engine.connect() as tx:
        place = known_odsc(tx, odsc)
        return place, summary(tx, place.odscs, week)


def known_odsc(tx: Connection, code: str) -> Place:
    """The ODSC of a code; OperatorError where there is none."""
    odsc = registry.odsc(tx, code)
    if odsc is None:
        raise OperatorError(f"There is no ODSC {code!r}", "See config/registry/odscs.csv")
    return Place(odsc.code, odsc.name_lo, odsc.name_en, (odsc.code,))
