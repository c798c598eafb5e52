"""PURE. Released figures as observations, one a row: what statisticians call tidy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from app.insight.figures import Figures, Part

TOO_FEW: Final = "too few"
NO_ANSWERS: Final = "no answers"
EXTRA: Final = "extra."
"""Before the name of a further question, so that it is no measure of ours."""

Number = int | float | None


class Observation(NamedTuple):
    """A figure: the share, count or mean `value`, and the answers `n` that it rests on.

    `note` says why a value is None. `answer`, `sex` and `service` are "" for all of them.
    """

    measure: str
    value: Number
    answer: str = ""
    sex: str = ""
    service: str = ""
    n: int | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


def observations(figures: Figures, dimensions: Mapping[str, Part]) -> Iterator[Observation]:
    """Everything that is published of an area and week."""
    yield Observation("answers", figures.answers)
    yield from _satisfaction(figures.part)
    yield _mean(figures)
    for score in range(1, 6):
        count = None if figures.scores is None else figures.scores[score]
        yield _count("score", count, answer=str(score))
    for sex, part in figures.sexes.items():
        yield _count("answers", part.n, sex=sex)
        yield from (one._replace(sex=sex) for one in _satisfaction(part))
    for service, part in figures.services.items():
        yield _count("answers", part.n, service=service)
        yield from (one._replace(service=service) for one in _satisfaction(part))
    for reason, count in figures.reasons.items():
        yield _count("reason", count, answer=reason)
    yield _count("overcharged", figures.overcharged)
    for name, part in dimensions.items():
        yield _share(name, part)
    yield from _others(figures)


def _others(figures: Figures) -> Iterator[Observation]:
    for question, answers in figures.extra.items():
        for answer, count in answers.items():
            yield _count(EXTRA + question, count, answer=answer)
    yield Observation("requests_running", figures.running)
    yield Observation("requests_overdue", figures.overdue)
    if figures.level == "group":
        yield Observation("districts_left_out", figures.left_out)


def _satisfaction(part: Part) -> Iterator[Observation]:
    yield _count("satisfied", part.satisfied)._replace(n=part.base)
    yield _share("satisfaction", part)


def _share(measure: str, part: Part) -> Observation:
    if part.rate is None:
        none = part.n == 0 and part.satisfied is not None
        note = NO_ANSWERS if none else TOO_FEW
        return Observation(measure, None, n=part.base, note=note)
    low, high = part.interval or (None, None)
    return Observation(measure, part.rate, n=part.base, low=low, high=high)


def _mean(figures: Figures) -> Observation:
    if figures.scores is None:
        return Observation("mean", None, note=TOO_FEW)
    note = "" if figures.answers else NO_ANSWERS
    return Observation("mean", figures.mean, n=sum(figures.scores.values()), note=note)


def _count(
    measure: str, count: int | None, answer: str = "", sex: str = "", service: str = ""
) -> Observation:
    note = TOO_FEW if count is None else ""
    return Observation(measure, count, answer, sex, service, note=note)
