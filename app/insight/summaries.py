"""An area and a period in figures as they stand now, from the tallies: for operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, Engine

from app.clock import Period
from app.errors import OperatorError
from app.feedback.cells import REASONS, SCORES
from app.insight import dimensions, releases, statistics
from app.insight.figures import Area, Level, Part
from app.insight.rules import Rules
from app.storage import tallies
from app.storage.tallies import Count

NO_RULES: Final = Rules()


@dataclass(frozen=True, slots=True)
class Summary:
    """What citizens said of an area. `reasons`, `scores` and `extra` questions have every key.

    `flagged` responses show signs of being invented, and are counted in nothing else.
    """

    level: Level
    code: str
    period: Period
    complete: int
    partial: int
    women: int
    scores: Mapping[int, int]
    reasons: Mapping[str, int]
    services: Mapping[str, int]
    overcharged: int
    flagged: int = 0
    extra: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    dimensions: Mapping[str, Part] = field(default_factory=dict)

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
        """The figures as `siang tally --json` gives them; null where none answered."""
        return {
            self.level: self.code,
            self.period.kind: str(self.period),
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
            "dimensions": {
                name: {"rate": part.rate, "n": part.n} for name, part in self.dimensions.items()
            },
            "extra": {question: dict(answers) for question, answers in self.extra.items()},
        }


def of_area(
    engine: Engine, level: Level, code: str, period: Period, rules: Rules = NO_RULES
) -> tuple[Area, Summary]:
    """An area and its figures; OperatorError where there is no such area."""
    with engine.connect() as tx:
        area = releases.area(tx, level, code)
        if area is None:
            name = "ODSC" if level == "odsc" else level
            raise OperatorError(f"There is no {name} {code!r}", f"See config/registry/{level}s.csv")
        return area, summary(tx, area, period, rules)


def summary(tx: Connection, area: Area, period: Period, rules: Rules = NO_RULES) -> Summary:
    """The summary of an area. One query on tallies alone, however many answered."""
    odscs = tallies.odscs_of(tx, area.level, area.code)
    counts = tallies.of_days(tx, odscs, period.first, period.last)
    return summed(area.level, area.code, period, counts, rules)


def summed(
    level: Level, code: str, period: Period, counts: Sequence[Count], rules: Rules = NO_RULES
) -> Summary:
    """PURE. Counts put in their places."""
    n: dict[str, dict[str, int]] = {}
    for count in counts:
        answers = n.setdefault(count.question, {})
        answers[count.answer] = answers.get(count.answer, 0) + count.n
    status, scored = n.get("status", {}), n.get("score", {})
    scores = {int(score): scored.get(score, 0) for score in SCORES}
    reasons = {reason: n.get("reason", {}).get(reason, 0) for reason in REASONS}
    extra = {
        question: {answer: n.get(question, {}).get(answer, 0) for answer in answers}
        for question, answers in rules.questions.items()
    }
    rated = sum(scores.values()), statistics.satisfied(scores)
    return Summary(
        level=level,
        code=code,
        period=period,
        complete=status.get("complete", 0),
        partial=status.get("partial", 0),
        women=sum(
            count.n
            for count in counts
            if (count.question, count.sex) == ("status", "F") and count.answer != "flagged"
        ),
        scores=scores,
        reasons=reasons,
        services={key: times for key, times in sorted(n.get("service", {}).items()) if times},
        overcharged=n.get("overcharged", {}).get("yes", 0),
        flagged=status.get("flagged", 0),
        extra=extra,
        dimensions={
            name: dimensions.part(dimension, *rated, reasons, extra)
            for name, dimension in rules.dimensions.items()
        },
    )
