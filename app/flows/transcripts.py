"""Conversation tests as files: what a person types, and what the phone must show.

A file holds one conversation or several, divided by `---`. Each is walked in every language that
it names, on paper: no database, no clock, no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from app.flows.nodes import Book
from app.flows.paper import SMALL, Paper, PaperRequest, PaperService
from app.flows.places import Lines, documents, line_of
from app.flows.shapes import Shape
from app.flows.talk import Talk
from app.flows.verdict import Expected, Verdict, judge
from app.words import Language, Limits, Medium

ACTS = ("dial", "text", "press", "redial")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Fragments = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
Said = Fragments | dict[Language, Fragments]
Count = int | dict[Language, int]


class StepShape(Shape):
    """One thing that the person does, and what the phone must then show."""

    dial: str | None = None
    text: str | None = None
    press: str | None = None
    redial: str | None = None
    see: Said = ()
    unseen: Said = ()
    exactly: str | dict[Language, str] | None = None


class ServiceShape(Shape):
    name: dict[Language, str]
    fee: int | None = None
    charge: int | None = None
    days: int | None = None
    papers: dict[Language, str] = {}
    law: str = ""
    since: str = ""


class RequestShape(Shape):
    service: str
    status: str
    since: str
    own: bool = False
    note: str = ""
    due: str = ""
    overdue: bool = False
    silent_days: int | None = None


class RegistryShape(Shape):
    """Places by code, services by key, requests by number, instead of the built-in ones.

    `refused`: numbers that are not looked up, with the key of the text that says why.
    """

    provinces: dict[str, dict[Language, str]] | None = None
    districts: dict[str, dict[Language, str]] | None = None
    centers: dict[str, dict[Language, str]] | None = None
    services: dict[str, ServiceShape] | None = None
    requests: dict[str, RequestShape] | None = None
    refused: dict[str, str] = {}

    def paper(self, last: str) -> Paper:
        given = {
            name: value
            for name in ("provinces", "districts", "centers")
            if (value := getattr(self, name)) is not None
        }
        paper = replace(SMALL, last=last, refused=self.refused, **given)
        if self.services is not None:
            services = {
                key: PaperService(one.name, **one.model_dump(exclude={"name"}))
                for key, one in self.services.items()
            }
            paper = replace(paper, services=services)
        if self.requests is not None:
            requests = {key: PaperRequest(**one.model_dump()) for key, one in self.requests.items()}
            paper = replace(paper, requests=requests)
        return paper


class TestShape(Shape):
    """A conversation: who talks, over what, step by step, and what came of it."""

    test: str
    flow: str = "main"
    languages: tuple[Language, ...] = ()
    medium: Medium = "ussd"
    contact: Literal["known", "new"] = "known"
    last_center: str = ""
    registry: RegistryShape = RegistryShape()
    steps: Annotated[tuple[StepShape, ...], Field(min_length=1)]
    answers: dict[str, str] = {}
    remembers: Language | None = None
    case: str | None = None
    sms: Said = ()
    ends: bool | None = None
    screens: Count | None = None
    segments: Count | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """How many conversations were walked, in which languages, and what was wrong."""

    conversations: int = 0
    languages: frozenset[Language] = frozenset()
    failures: tuple[str, ...] = ()

    def __str__(self) -> str:
        tests = f"{self.conversations} conversation{'s' * (self.conversations != 1)}"
        languages = f"{len(self.languages)} language{'s' * (len(self.languages) != 1)}"
        if not self.failures:
            return f"{tests} in {languages}: all good"
        return f"{tests} in {languages}: {len(self.failures)} failed"


@dataclass(frozen=True)
class _Test:
    """A conversation as written, and where."""

    file: str
    shape: TestShape
    lines: Lines

    def place(self, *path: str | int) -> str:
        return f"{self.file}:{line_of(self.lines, path)}"


@dataclass
class _Tally:
    """What is counted while tests are read and walked."""

    walked: int = 0
    languages: set[Language] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


def run_all(book: Book, sources: Mapping[str, str], limits: Limits | None = None) -> list[str]:
    """Walk every conversation of the files `flows/tests/NAME.yaml`; a sentence for each failure."""
    return list(run(book, sources, limits).failures)


def run(book: Book, sources: Mapping[str, str], limits: Limits | None = None) -> Report:
    """`run_all` with the number of conversations and languages."""
    tally = _Tally()
    for file, text in sorted(sources.items()):
        for test in _tests(file, text, tally.failures):
            tally.walked += 1
            for language in _languages(book, test, tally.failures):
                tally.languages.add(language)
                failure = _walk(book, test, language, limits or Limits())
                if failure:
                    tally.failures.append(failure)
    return Report(tally.walked, frozenset(tally.languages), tuple(tally.failures))


def _tests(file: str, text: str, failures: list[str]) -> Iterator[_Test]:
    try:
        read = list(documents(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        why = getattr(error, "problem", None) or "it cannot be read"
        failures.append(f"{file}:{line}: this is not YAML: {why}. Mend the indentation or quotes.")
        return
    for content, lines in read:
        try:
            shape = TestShape.model_validate(content)
        except ValidationError as error:
            failures += _problems(file, lines, error)
            continue
        wrong = _ill_steps(_Test(file, shape, lines))
        failures += wrong
        if not wrong:
            yield _Test(file, shape, lines)


def _problems(file: str, lines: Lines, error: ValidationError) -> list[str]:
    """A mistake in one of several spellings is told once, by the place."""
    told: dict[tuple[int, str], None] = {}
    for problem in error.errors(include_url=False, include_input=False):
        path = tuple(part for part in problem["loc"])
        while path and path not in lines and problem["type"] != "missing":
            path = path[:-1]
        where = ".".join(str(part) for part in path) or "the file"
        strange = problem["type"] == "extra_forbidden"
        message = "this key is not known" if strange else problem["msg"]
        told[line_of(lines, path), f"{where}: {message}."] = None
    return [f"{file}:{line}: {sentence}" for line, sentence in told]


def _ill_steps(test: _Test) -> list[str]:
    wrong = []
    for index, step in enumerate(test.shape.steps):
        acts = [act for act in ACTS if getattr(step, act) is not None]
        place = test.place("steps", index)
        if len(acts) != 1:
            wrong.append(f"{place}: a step does exactly one of {', '.join(ACTS)}.")
        elif acts[0] in ("dial", "redial") and test.shape.medium == "sms":
            wrong.append(f"{place}: nobody dials in a conversation by SMS; write `text:`.")
        elif acts[0] == "text" and test.shape.medium == "ussd":
            wrong.append(f"{place}: this conversation is by USSD; write `press:`.")
        elif test.shape.medium == "ussd" and index == 0 and acts[0] != "dial":
            wrong.append(f'{place}: a conversation by USSD begins with dial: "*1616#".')
    return wrong


def _languages(book: Book, test: _Test, failures: list[str]) -> Iterator[Language]:
    if test.shape.flow not in book.flows:
        known = ", ".join(book.flows)
        failures.append(f"{test.place('flow')}: there is no flow {test.shape.flow!r} ({known}).")
        return
    for language in test.shape.languages or book.packs:
        if language in book.packs:
            yield language
        else:
            known = ", ".join(book.packs)
            place = test.place("languages")
            failures.append(f"{place}: there is no language {language!r} ({known}).")


# --- walking ----------------------------------------------------------------------------------


def _walk(book: Book, test: _Test, language: Language, limits: Limits) -> str:
    """The first thing that is wrong in one language, as a sentence; "" if nothing is."""
    shape = test.shape
    paper = shape.registry.paper(shape.last_center)
    talk = Talk(book, book.flows[shape.flow], paper.find, language, shape.medium, limits)
    verdict = Verdict(replace(talk, new=shape.contact == "new"))
    for index, step in enumerate(shape.steps):
        act = next(act for act in ACTS if getattr(step, act) is not None)
        typed = str(getattr(step, act))
        who = f"{test.place('steps', index)}: {shape.test!r} in {language}, step {index + 1}"
        who += f" ({act} {typed})"
        if verdict.talk.finished and act in ("press",):
            return f"{who}: the conversation had ended already{verdict.shown()}"
        try:
            verdict.act(act, typed)
        except (KeyError, RuntimeError) as error:
            # A text or an argument that is missing, or a circle: `siang flows check` names it.
            return f"{who}: the conversation breaks here: {error}{verdict.shown()}"
        wrong = _seen(step, language, verdict)
        if wrong:
            return f"{who}: {wrong}{verdict.shown()}"
    key, wrong = judge(verdict, _expected(shape, language))
    if wrong:
        return f"{test.place(key)}: {shape.test!r} in {language}: {wrong}{verdict.shown()}"
    return ""


def _seen(step: StepShape, language: Language, verdict: Verdict) -> str:
    page = verdict.talk.page
    for fragment in _for(step.see, language):
        if fragment not in page:
            return f"the screen should have {fragment!r}"
    for fragment in _for(step.unseen, language):
        if fragment in page:
            return f"the screen should not have {fragment!r}"
    whole = step.exactly.get(language) if isinstance(step.exactly, dict) else step.exactly
    if whole is not None and whole.strip() != page:
        return f"the screen should be exactly {whole.strip()!r}"
    return ""


def _for(said: Said, language: Language) -> tuple[str, ...]:
    return said.get(language, ()) if isinstance(said, dict) else said


def _expected(shape: TestShape, language: Language) -> Expected:
    def count(given: Count | None) -> int | None:
        return given.get(language) if isinstance(given, dict) else given

    return Expected(
        answers=shape.answers,
        remembers=shape.remembers,
        case=shape.case,
        sms=_for(shape.sms, language),
        ends=shape.ends,
        screens=count(shape.screens),
        segments=count(shape.segments) if shape.medium == "sms" else None,
    )
