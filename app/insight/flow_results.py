"""PURE. Responses as FLOIP Flow Results 1.0: a descriptor and rows of seven columns.

https://floip.gitbook.io/flow-results-specification. What is told of a response is its day, never
its moment: whoever sat at the counter would know who stood there then. Of free text there is
nothing: a row's answer is a number, or one of the choices that the descriptor lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal

VERSION: Final = "1.0.0-rc1"
"""Of the specification: what it calls its 1.0."""
LANGUAGE: Final = "eng"
"""Of labels, by ISO 639-3; the Lao ones stand beside them."""
FIELDS: Final = (
    ("timestamp", "Timestamp", "datetime"),
    ("row_id", "Row ID", "string"),
    ("contact_id", "Contact ID", "string"),
    ("session_id", "Session ID", "string"),
    ("question_id", "Question ID", "string"),
    ("response", "Response", "any"),
    ("response_metadata", "Response Metadata", "object"),
)
_ABOUT: Final = (
    "What citizens of Lao PDR said of One Door Service Centers by USSD and SMS. Timestamps are cut "
    "to the local day (UTC+7). contact_id and session_id are made for this package alone and lead "
    "back to nobody. Answers that show signs of being invented are left out; comments and problems "
    "that citizens wrote are never part of a package."
)
# The country's area code, in case parts of it are published one day.
_AREA: Final = "LA"

Names = Mapping[str, str]
"""What something is called, by ISO 639-3 language."""
Json = dict[str, object]
Row = list[object]
"""Timestamp, row id, contact id, session id, question id, response, response metadata."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Which days a package is of, both included."""

    first: date
    last: date

    @property
    def identity(self) -> str:
        """What tells the package from every other."""
        return f"{_AREA} {self.first} {self.last}"

    @property
    def name(self) -> str:
        return f"siang-{self.first}-{self.last}"

    @property
    def title(self) -> str:
        days = f"{self.first} to {self.last}"
        if self == quarter(self.first):
            days = f"quarter {_number(self.first)} of {self.first.year} ({days})"
        return f"What citizens said of One Door Service Centers, {days}"


def quarter(day: date) -> Extent:
    """The calendar quarter in which a day falls."""
    first = date(day.year, 3 * _number(day) - 2, 1)
    return Extent(first, _next(first) - timedelta(days=1))


def quarters(first: date, last: date) -> list[Extent]:
    """Those of two days and all between them, the oldest first."""
    found = [quarter(first)]
    while found[-1].last < last:
        found.append(quarter(found[-1].last + timedelta(days=1)))
    return found


def _number(day: date) -> int:
    return (day.month + 2) // 3


def _next(first: date) -> date:
    # 93 days on is the next quarter in every year.
    return (first + timedelta(days=93)).replace(day=1)


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked. `choices` are all codes that may be answered; a number has `between`."""

    kind: Literal["select_one", "numeric"]
    labels: Names
    choices: Mapping[str, Names] = field(default_factory=dict)
    between: tuple[int, int] | None = None

    def takes(self, answer: object) -> bool:
        """Whether the answer is one that this question can have; everything else stays here."""
        if self.kind == "numeric":
            return isinstance(answer, int)
        return answer in self.choices

    def as_json(self) -> Json:
        options: Json = {"choices": list(self.choices)} if self.choices else {}
        if self.between:
            options["range"] = list(self.between)
        told: Json = {
            "type": self.kind,
            "label": self.labels[LANGUAGE],
            "type_options": options,
            "labels": dict(self.labels),
        }
        named = {code: dict(names) for code, names in self.choices.items() if names}
        return told | ({"choice_labels": named} if named else {})


Questions = Mapping[str, Question]
"""By their ids, in the order of these: so rows stand in the order of their own."""


@dataclass(frozen=True, slots=True)
class Response:
    """What is told of one response. `session` and `contact` are pseudonyms."""

    day: date
    session: str
    contact: str
    medium: str
    status: str
    odsc: str
    score: int
    service: str | None
    reason: str | None
    paid: int | None
    overcharged: bool
    sex: str | None
    extra: Mapping[str, str]

    @property
    def said(self) -> Mapping[str, object]:
        """Question → answer, as far as there is one."""
        return {
            **self.extra,
            "odsc": self.odsc,
            "score": self.score,
            "service": self.service,
            "reason": self.reason,
            "paid": self.paid,
            # No is not told: often no official amount is known.
            "overcharged": "yes" if self.overcharged else None,
            "sex": self.sex,
        }


def rows(response: Response, questions: Questions) -> Iterator[Row]:
    """One row for each answer, in the order of their ids."""
    at, head = moment(response.day), f"{response.day:%Y%m%d}-{response.session}"
    metadata = {"channel": response.medium, "status": response.status}
    said = response.said
    for name, question in questions.items():
        answer = said.get(name)
        if answer is not None and question.takes(answer):
            row_id = f"{head}-{name}"
            yield [at, row_id, response.contact, response.session, name, answer, metadata]


def moment(day: date) -> str:
    """A day as RFC 3339 has moments: its first, in Vientiane."""
    return f"{day}T00:00:00+07:00"


def descriptor(
    extent: Extent,
    package: str,
    told: tuple[date, date],
    questions: Questions,
    where: Mapping[str, object],
) -> Json:
    """What a package says of itself. It begins and changes with the first and the newest response
    that it tells of, `told`; `where` its rows are.
    """
    first, newest = told
    schema: Json = {
        "language": LANGUAGE,
        "fields": [{"name": name, "title": title, "type": kind} for name, title, kind in FIELDS],
        "questions": {name: question.as_json() for name, question in questions.items()},
    }
    resource: Json = {
        "name": "responses",
        **where,
        "format": "json",
        "mediatype": "application/json",
        "encoding": "utf-8",
        "schema": schema,
    }
    return {
        "profile": "flow-results-package",
        "name": extent.name,
        "flow_results_specification_version": VERSION,
        "created": moment(first),
        "modified": moment(newest),
        "id": package,
        "title": extent.title,
        "description": _ABOUT,
        "resources": [resource],
    }
