"""PURE. A response, and the tallies it counts in.

`insight.recount` says the same in SQL, on purpose without this module: one checks the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

Status = Literal["complete", "partial"]

REASONS = ("waiting", "staff", "money", "papers", "other")
SCORES = ("1", "2", "3", "4", "5")
SEXES = ("F", "M")
TALLIED = ("status", "score", "service", "reason", "overcharged")
"""The questions that are tallied of every response; its extra ones come beside them."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a conversation yields for a center. The fields are the columns of `responses`.

    A `flagged` one is tied to a request that shows signs of being invented. `extra` has the
    answers to the questions that config/insight.yaml declares.
    """

    conversation_id: int
    odsc: str
    status: Status
    at: datetime
    day: date
    channel: str
    language: str
    score: int
    service: str | None = None
    reason: str | None = None
    paid: int | None = None
    overcharged: bool = False
    sex: str | None = None
    request_id: int | None = None
    flagged: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)


class Cell(NamedTuple):
    """The key of one tally, in the order of its primary key. "" where a response names none."""

    day: date
    odsc: str
    service: str
    question: str
    answer: str
    sex: str


def cells(response: Response) -> frozenset[Cell]:
    """The tallies in which a response counts, once in each; a flagged one is counted apart."""
    given = {"status": "flagged"} if response.flagged else _said(response)
    service, sex = response.service or "", response.sex or ""
    return frozenset(
        Cell(response.day, response.odsc, service, question, answer, sex)
        for question, answer in given.items()
    )


def _said(response: Response) -> dict[str, str]:
    said = {**response.extra, "status": response.status, "score": str(response.score)}
    if response.service is not None:
        said["service"] = response.service
    if response.reason is not None:
        said["reason"] = response.reason
    if response.overcharged:
        said["overcharged"] = "yes"
    return said


def movement(changes: Iterable[tuple[Response | None, Response | None]]) -> Counter[Cell]:
    """How tallies move when responses change from the first of each pair to the second."""
    moved: Counter[Cell] = Counter()
    for before, after in changes:
        moved.update(cells(after) if after else ())
        moved.subtract(cells(before) if before else ())
    return Counter({cell: n for cell, n in moved.items() if n})
