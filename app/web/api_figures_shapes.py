"""The documents of released figures in the JSON API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.insight import published
from app.insight.disclosure import FEWEST
from app.insight.figures import Area, Figures, Level, Part
from app.insight.published import Change, Published, Ranked, RankedLevel
from app.sentences import Sentences
from app.storage.registry import Target
from app.words import Language

Wording = Mapping[Language, Sentences]
_WEEK: Final = "^[0-9]{4}-W(0[1-9]|[1-4][0-9]|5[0-3])$"

# --- what is asked ----------------------------------------------------------------------------


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    week: str | None = Field(
        None,
        pattern=_WEEK,
        description="A released ISO week such as 2026-W46; the newest where it is left out",
    )


class SummaryAsked(_Asked):
    """Of which week."""


class RankingAsked(_Asked):
    """Which areas are compared, over the weeks up to which."""

    level: RankedLevel = Field(description="What is ranked")
    within: str | None = Field(
        None,
        pattern="^[0-9]{2}$",
        description="A province's code: only what is in it. A province's token ranks its own",
    )


# --- what is told -----------------------------------------------------------------------------

Counts = dict[str, int | None]
Interval = Annotated[
    tuple[float, float] | None, Field(description="Wilson's, of 95 %; null where `rate` is")
]


class Name(BaseModel):
    """In Lao and in English."""

    lo: str
    en: str

    @classmethod
    def of(cls, area: Area) -> Name:
        return cls(lo=area.name_lo, en=area.name_en)


class Rate(BaseModel):
    """The share, 0 to 1, of `n` answers; null: too few, or none."""

    rate: float | None
    n: int | None

    @classmethod
    def of_part(cls, part: Part) -> Rate:
        return cls(rate=published.rounded(part.rate), n=part.n)


class Satisfied(Rate):
    """How many answers were 4 or 5 of 5; null: too few, or would tell of what is.

    `satisfied` is out of `rests_on`, the `n` of those centers below that tell it.
    """

    satisfied: int | None
    rests_on: int | None
    interval: Interval

    @classmethod
    def of_part(cls, part: Part) -> Satisfied:
        return Satisfied(
            rate=published.rounded(part.rate),
            n=part.n,
            satisfied=part.satisfied,
            rests_on=None if part.satisfied is None else part.base,
            interval=published.interval(part),
        )


class Satisfaction(Satisfied):
    """Of those who answered: SDG 16.6.2 without a sample of the population."""

    label: Name

    @classmethod
    def labelled(cls, part: Part, wording: Wording) -> Satisfaction:
        label = Name(lo=wording["lo"]["sdg1662"], en=wording["en"]["sdg1662"])
        return cls(label=label, **Satisfied.of_part(part).model_dump())


class Difference(BaseModel):
    """Against the week before. `real` where chance alone hardly makes it, with 20 answers or
    more in both weeks."""

    points: float = Field(description="Of percent")
    real: bool

    @classmethod
    def of(cls, change: Change) -> Difference:
        return cls(points=change.points, real=change.real)


class Requests(BaseModel):
    """Of which the office's time ran when the figures were made, and those of them late."""

    running: int
    overdue: int


class Goal(BaseModel):
    """Satisfaction in whole percent: as it was found, and as it is to be."""

    baseline: int | None
    target: int | None
    reach_by: date | None

    @classmethod
    def of(cls, target: Target) -> Goal:
        return cls(baseline=target.baseline, target=target.target, reach_by=target.reach_by)


class PastWeek(BaseModel):
    """A released week."""

    week: str
    answers: int
    rate: float | None

    @classmethod
    def of(cls, figures: Figures) -> PastWeek:
        rate = published.rounded(figures.part.rate)
        return cls(week=figures.week, answers=figures.answers, rate=rate)


class Summary(BaseModel):
    """The released figures of an area and an ISO week. They never change once they are out.

    What rests on fewer answers than `too_few`, or would tell of something that does, is null.
    """

    level: Level
    code: str
    name: Name
    week: str
    from_: date = Field(serialization_alias="from", description="Monday")
    to: date = Field(description="Sunday")
    released_at: AwareDatetime
    answers: int = Field(description="All of them, whatever else is hidden")
    satisfaction: Satisfaction
    mean: float | None = Field(description="Of the scores 1 to 5")
    change: Difference | None
    scores: dict[str, int] | None
    women: Satisfied
    men: Satisfied
    reasons: Counts = Field(description="The main problem; null: too few")
    services: dict[str, Satisfied]
    overcharged: int | None
    dimensions: dict[str, Rate]
    extra: dict[str, Counts] = Field(description="Further questions, each answer's count")
    requests: Requests
    target: Goal | None = Field(description="Of an ODSC that has one")
    history: list[PastWeek] = Field(
        description=f"The released of the last {published.WEEKS} weeks, the oldest first"
    )
    resting_on: int | None = Field(
        description="Of a group: the answers of those districts whose satisfaction is told"
    )
    left_out: int | None = Field(description="Of a group: how many districts are not in it")
    too_few: int

    @classmethod
    def of(cls, told: Published, wording: Wording) -> Summary:
        figures, week = told.figures, told.week
        group = figures.level == "group"
        return cls(
            level=figures.level,
            code=figures.code,
            name=Name.of(told.area),
            week=figures.week,
            from_=week.monday,
            to=week.sunday,
            released_at=told.released_at.astimezone(UTC),
            answers=figures.answers,
            satisfaction=Satisfaction.labelled(figures.part, wording),
            mean=published.rounded(figures.mean),
            change=None if told.change is None else Difference.of(told.change),
            scores=_scores(figures),
            women=Satisfied.of_part(figures.sexes["F"]),
            men=Satisfied.of_part(figures.sexes["M"]),
            reasons=dict(figures.reasons),
            services={key: Satisfied.of_part(part) for key, part in figures.services.items()},
            overcharged=figures.overcharged,
            dimensions={name: Rate.of_part(part) for name, part in told.dimensions.items()},
            extra={question: dict(answers) for question, answers in figures.extra.items()},
            requests=Requests(running=figures.running, overdue=figures.overdue),
            target=None if told.target is None else Goal.of(told.target),
            history=[PastWeek.of(one) for one in told.history],
            resting_on=figures.resting_on,
            left_out=figures.left_out if group else None,
            too_few=FEWEST,
        )


def _scores(figures: Figures) -> dict[str, int] | None:
    if figures.scores is None:
        return None
    return {str(score): n for score, n in figures.scores.items()}


class Place(Satisfied):
    """An area in the order of satisfaction; those that cannot be told apart have one rank."""

    rank: int | None = Field(description="null: nothing of it is published")
    code: str
    name: Name
    share: float | None = Field(
        description="What it is ranked by: `rate` drawn towards that of all, the more so the "
        "fewer answers it rests on"
    )

    @classmethod
    def of(cls, one: Ranked) -> Place:
        return cls(
            rank=one.rank,
            code=one.area.code,
            name=Name.of(one.area),
            share=one.share,
            **Satisfied.of_part(one.part).model_dump(),
        )


class Ranking(BaseModel):
    """Areas of a level by satisfaction, the best first, those of which nothing is told last."""

    level: Level
    within: str | None
    from_week: str
    to_week: str
    places: list[Place]

    @classmethod
    def of(
        cls, level: Level, within: str | None, weeks: tuple[str, str], ranked: Sequence[Ranked]
    ) -> Ranking:
        return cls(
            level=level,
            within=within,
            from_week=weeks[0],
            to_week=weeks[1],
            places=[Place.of(one) for one in ranked],
        )
