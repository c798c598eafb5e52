"""PURE. What is published of one area and week. Whatever rests on too few answers is None.

Everything that leaves the house (digests, the API, tables) is made of these figures alone, so
nothing can be worked out of one of them that another one hides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from app.insight import statistics

Level = Literal["odsc", "district", "province", "country", "group"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True, slots=True)
class Area:
    """A center or what several are part of; `code` is unique within its level."""

    level: Level
    code: str
    name_lo: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the answers of an area, such as those of women, and how many were satisfied.

    Of an area with several centers only those that tell it are in `satisfied`, which then
    `rests_on` fewer answers than `n`.
    """

    n: int | None
    satisfied: int | None
    rests_on: int | None = None

    @property
    def base(self) -> int | None:
        """How many answers `satisfied` is out of."""
        return self.n if self.rests_on is None else self.rests_on

    @property
    def rate(self) -> float | None:
        """The share, 0 to 1, of satisfied; None without answers or where they are too few."""
        if not self.base or self.satisfied is None:
            return None
        return self.satisfied / self.base

    @property
    def interval(self) -> tuple[float, float] | None:
        """The Wilson 95 % interval of the rate."""
        if self.base is None or self.satisfied is None:
            return None
        return statistics.wilson(self.satisfied, self.base)


@dataclass(frozen=True, slots=True)
class Figures:
    """One area in one ISO week. The number of answers is always told; of what was answered only
    what does not rest on too few.

    `sexes` has F and M; `services`, `reasons` and the answers of `extra` questions have every
    key; `scores` has 1 to 5, or is None as a whole. `main_reason` is the commonest of all, of
    equals the first that is asked; None where none was given or too few gave it. `running` requests
    are those whose office's time ran when the figures were made, `overdue` of them late. A
    group's figures are its districts' published ones added up; `left_out` of them have too few
    answers to be in `part`.
    """

    week: str
    level: Level
    code: str
    answers: int
    satisfied: int | None
    scores: Mapping[int, int] | None
    sexes: Mapping[str, Part]
    services: Mapping[str, Part]
    reasons: Mapping[str, int | None]
    main_reason: str | None
    overcharged: int | None
    running: int
    overdue: int
    extra: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)
    # Of a group: the answers its satisfaction rests on, and how many districts are not in it.
    resting_on: int | None = None
    left_out: int = 0

    @property
    def part(self) -> Part:
        """All answers that satisfaction is told of."""
        return Part(self.answers if self.resting_on is None else self.resting_on, self.satisfied)

    @property
    def mean(self) -> float | None:
        return None if self.scores is None else statistics.mean(self.scores)

    def as_json(self) -> str:
        """The document that is stored and published: the same bytes for the same figures."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def from_json(document: str) -> Figures:
    """The figures of a stored document."""
    read = json.loads(document)
    scores = read["scores"]
    return Figures(
        **{
            **read,
            "scores": None if scores is None else {int(key): n for key, n in scores.items()},
            "sexes": {key: Part(**part) for key, part in read["sexes"].items()},
            "services": {key: Part(**part) for key, part in read["services"].items()},
        }
    )
