"""Walks through a flow on paper: the shipped flow, and a registry in a dict."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

from app.flows import engine, load, render
from app.flows.model import (
    Context,
    Effect,
    Findings,
    Found,
    Input,
    Lookup,
    Named,
    Outcome,
    Phrase,
    Remembered,
    State,
    Step,
    Untold,
    Value,
)
from app.flows.nodes import Book, Flow
from app.flows.telling import Standing, told
from app.flows.walk import Steps
from app.settings import ROOT
from app.text.answers import matches
from app.text.encoding import encoding_of, units
from app.words import Limits, Medium

CONFIG = ROOT / "config"
USSD = Limits()
Names = Mapping[str, str]


def shipped_sources() -> dict[str, str]:
    """The files of config/, as `load.book` takes them."""
    paths = [*CONFIG.glob("flows/*.yaml"), *CONFIG.glob("languages/*/screens.yaml")]
    return {path.relative_to(CONFIG).as_posix(): path.read_text("utf-8") for path in paths}


@cache
def shipped() -> Book:
    return load.book(shipped_sources())


def main_flow() -> Flow:
    return shipped().flows["main"]


def book_of(*flows: Flow) -> Book:
    """Flows made by hand, with the shipped texts."""
    known = {name: node for flow in flows for name, node in flow.nodes.items()}
    return Book("by hand", {flow.name: flow for flow in flows}, known, shipped().packs)


def book_from(*flows: str) -> Book:
    """Flows as they are written, with the shipped texts; the text of any other key is the key."""
    given = shipped_sources()
    sources = {name: text for name, text in given.items() if name.startswith("languages/")}
    for number, flow in enumerate(flows):
        sources[f"flows/{number}.yaml"] = flow
    own = sorted({word for flow in flows for word in re.findall(r"[a-z][a-z_]+", flow)})
    for name, pack in shipped().packs.items():
        added = "".join(f'"{key}": "{key}"\n' for key in own if key not in pack)
        sources[f"languages/{name}/screens.yaml"] += "\n" + added
    return load.book(sources)


def walk_of(*flows: str, language: str = "lo", paper: Paper | None = None) -> Walk:
    """A walk through the flow that is written first."""
    book = book_from(*flows)
    flow = book.flows[re.findall(r"^flow: (\w+)", flows[0], re.MULTILINE)[0]]
    return Walk(paper or Paper(), language, flow=flow, book=book)


def rows(table: str) -> list[dict[str, str]]:
    with (CONFIG / "registry" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names(row: Mapping[str, str]) -> Names:
    return {"lo": row["name_lo"], "en": row["name_en"]}


def fourteen_services() -> dict[str, Names]:
    return {row["key"]: names(row) for row in rows("services")[:14]}


def three_centers() -> dict[str, Names]:
    return {row["code"]: names(row) for row in rows("odscs")[:3]}


@dataclass
class Paper:
    """What the lookups find: three centers, 14 services, a fee for each, one request."""

    last: str = ""
    centers: Mapping[str, Names] = field(default_factory=three_centers)
    services: Mapping[str, Names] = field(default_factory=fourteen_services)
    fee: Mapping[str, Value] = field(
        default_factory=lambda: {
            "fee": Phrase("fee.fee", {"kip": 50_000}),
            "days": Phrase("fee.days", {"days": 3}),
            "papers": "",
        }
    )
    requests: dict[str, Names] = field(default_factory=lambda: {"VTE2026": {"lo": "ໃບ", "en": "A"}})
    mine: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, lookup: Lookup) -> Outcome:
        finders: Mapping[str, Callable[[Mapping[str, str]], Outcome]] = {
            "last_odsc": lambda _: self._center(self.last),
            "odsc": lambda args: self._center(args["value"]),
            "provinces": lambda _: self._places(2, ""),
            "districts": lambda args: self._places(4, args["province"]),
            "odscs": lambda args: self._places(4, args["district"]),
            "places": lambda args: self._named(args["value"]),
            "services": lambda _: tuple(Found(key, one) for key, one in self.services.items()),
            "fee": lambda args: self._fee(args["service"]),
            "request": lambda args: self._asked(args["value"]),
            "my_requests": lambda _: tuple(
                found for number in self.mine for found in self._request(number)
            ),
        }
        return finders[lookup.name](lookup.args)

    def _center(self, code: str) -> Findings:
        return (Found(code, self.centers[code]),) if code in self.centers else ()

    def _places(self, length: int, within: str) -> Findings:
        found = {code[:length]: one for code, one in self.centers.items()}
        return tuple(Found(code, one) for code, one in found.items() if code.startswith(within))

    def _named(self, typed: str) -> Findings:
        found = {
            code: one
            for code, one in self.centers.items()
            if any(matches(typed, name) for name in one.values())
        }
        return tuple(Found(code, one) for code, one in found.items())

    def _fee(self, service: str) -> Findings:
        if service not in self.services:
            return ()
        one = self.services[service]
        return (Found(service, one, {"service": Named(one), **self.fee}),)

    def _asked(self, number: str) -> Outcome:
        if number in self.refused:
            return Untold(self.refused[number])
        return self._request(number)

    def _request(self, number: str) -> Findings:
        if number not in self.requests:
            return ()
        one, own = self.requests[number], number in self.mine
        return (told(Standing(number, one, "ready", "23/11/2026", own=own)),)


@dataclass
class Walk:
    """One conversation. Verbs return it, so that a test reads like a leaflet."""

    paper: Paper = field(default_factory=Paper)
    language: str = "lo"
    medium: Medium = "ussd"
    channel: str = "phone"
    new: bool = False
    flow: Flow = field(default_factory=main_flow)
    book: Book = field(default_factory=shipped)
    pages: list[str] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    step: Step = field(init=False)
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self._shown(engine.begin(self.book, self.flow, self.context))

    @property
    def context(self) -> Context:
        pack = self.book.packs[self.language]
        return Context(self.language, pack, self.medium, self.channel, self.new)

    def press(self, *typed: str, opening: bool = False) -> Walk:
        """Inputs one by one; `effects` are those of all of them."""
        self.effects = []
        for text in typed:
            given = Input(text, opening)
            self._shown(engine.step(self.book, self.flow, self.context, self.state, given))
        return self

    def redial(self) -> Walk:
        """The session drops and the person dials again."""
        self.effects = []
        self._shown(engine.resume(self.book, self.flow, self.context, self.state))
        return self

    def _shown(self, steps: Steps) -> None:
        step = engine.answered(steps, self.paper)
        self.effects += step.effects
        for effect in step.effects:
            if isinstance(effect, Remembered):
                self.language, self.new = effect.value, False
        pack = self.book.packs[self.language]
        self.pages = render.pages(step.screen, pack, self.language, USSD)
        page = min(step.state.page, len(self.pages) - 1)
        self.step, self.state = step, replace(step.state, page=page, pages=len(self.pages))

    @property
    def page(self) -> str:
        return self.pages[self.state.page]

    def at(self, node: str) -> Walk:
        """The node's name, which may be short for one of the flow's own."""
        name = node if "/" in node else f"{self.flow.name}/{node}"
        assert self.state.node == name, f"the walk is at {self.state.node}:\n{self.page}"
        return self

    def sees(self, *fragments: str) -> Walk:
        for fragment in fragments:
            assert fragment in self.page, f"{fragment!r} is not on the screen:\n{self.page}"
        return self

    def ends(self, node: str) -> Walk:
        assert self.step.finished
        return self.at(node)


@lru_cache(maxsize=10_000)
def fits(page: str, limits: Limits = USSD) -> bool:
    return units(page) <= (limits.ucs2 if encoding_of(page) == "UCS-2" else limits.gsm7)
