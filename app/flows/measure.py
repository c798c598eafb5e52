"""Every screen at its worst: the longest names, the largest amounts, in each language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.flows import engine, render
from app.flows.lookups import OFFERS, Kind
from app.flows.model import (
    Context,
    Findings,
    Found,
    Lookup,
    Named,
    Pack,
    Phrase,
    Screen,
    State,
    Value,
)
from app.flows.nodes import Book, Choice, Condition, Flow, Question
from app.flows.reading import all_hold
from app.flows.telling import Costs, cost_values
from app.flows.walk import Walk
from app.text.encoding import Encoding, encoding_of, units
from app.words import REQUEST_STATUSES, Language, Limits, Medium

LARGEST = 1_000_000_000
LONGEST_WAIT = 365
A_DAY = "23/11/2026"
# Enough for options with two figures.
LISTED = 20

Names = Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class Worst:
    """The longest names of a registry, in each language, whatever thing they belong to."""

    provinces: Names = field(default_factory=dict)
    places: Names = field(default_factory=dict)
    districts: Names = field(default_factory=dict)
    centers: Names = field(default_factory=dict)
    services: Names = field(default_factory=dict)
    papers: Names = field(default_factory=dict)
    law: str = ""

    def of(self, kind: Kind) -> Names:
        """The longest name of a kind of thing."""
        by_kind: Mapping[Kind, Names] = {
            "province": self.provinces,
            "place": self.places,
            "district": self.districts,
            "center": self.centers,
            "service": self.services,
        }
        return by_kind[kind]


@dataclass(frozen=True, slots=True)
class Measured:
    """A screen as it may come, and what is too long of it."""

    pages: int
    prompt_pages: int
    units: int
    encoding: Encoding
    room: int
    cut: tuple[str, ...]
    ends: bool


@dataclass(frozen=True, slots=True)
class Scale:
    """What screens are measured with. `labels` says whose name each saved or kept value bears."""

    book: Book
    worst: Worst
    labels: Mapping[str, Kind]

    def screens(
        self, flow: Flow, name: str, language: Language, medium: Medium
    ) -> Iterator[Screen]:
        """A waiting node's screens, as seldom as they may come, each once."""
        pack = self.book.packs[language]
        shown: list[Screen] = []
        for context in _contexts(self.book, flow, name, language, pack, medium):
            for simple in (False, True):
                screen = self._screen(flow, name, context, simple=simple)
                if screen not in shown:
                    shown.append(screen)
                    yield screen

    def _screen(self, flow: Flow, name: str, context: Context, *, simple: bool) -> Screen:
        node = self.book.nodes[name]
        book = self.book
        if isinstance(node, Question):
            options = tuple(_asked_for(option, context) for option in node.options)
            relaxed = replace(
                node,
                text=(node.simple if simple else "") or node.text,
                options=tuple(one for one in options if one is not None),
            )
            book = replace(book, nodes={**book.nodes, name: relaxed})
        behind = () if name == flow.start else ((flow.start, ()), (flow.start, ()))
        labels = {label: self.worst.of(kind) for label, kind in self.labels.items()}
        state = State(name, history=behind, labels=labels)
        steps = Walk(book, flow, context, state).show()
        return engine.answered(steps, lambda lookup: self._find(lookup, context)).screen

    def _find(self, lookup: Lookup, context: Context) -> Findings:
        offer = OFFERS[lookup.name]
        names = self.worst.of(offer.kind)
        values = cost_values(Costs(LARGEST, LARGEST, self.worst.law, A_DAY))
        values |= {
            "service": Named(names),
            "days": Phrase("fee.days", {"days": LONGEST_WAIT}),
            "papers": Phrase("fee.papers", {"papers": Named(self.worst.papers)}),
        }
        values |= self._of_request(context.pack)
        kept = {key: value for key, value in values.items() if key in offer.values}
        label = None
        if lookup.name == "my_requests":
            status = Phrase(_longest(context.pack, *_statuses("brief")))
            label = Phrase("request.line", {"service": values["service"], "status": status})
        return (Found("1", names, kept, label),) * LISTED

    def _of_request(self, pack: Pack) -> dict[str, Value]:
        """All that a request may be told with, be it never all at once."""
        due = _longest(pack, "request.until", "request.due", "request.overdue")
        return {
            "status": Phrase(_longest(pack, *_statuses("status"))),
            "since": Phrase("request.since", {"date": A_DAY}),
            "next": Phrase("request.collect", {"place": Named(self.worst.centers)}),
            "due": Phrase(due, {"date": A_DAY}),
            "news": Phrase("request.silent", {"days": LONGEST_WAIT}),
        }


def _statuses(kind: str) -> list[str]:
    return [f"{kind}.{status}" for status in REQUEST_STATUSES]


def _longest(pack: Pack, *keys: str) -> str:
    return max(keys, key=lambda key: units(pack.get(key, "")))


def _contexts(
    book: Book, flow: Flow, name: str, language: Language, pack: Pack, medium: Medium
) -> Iterator[Context]:
    node = book.nodes[name]
    options = node.options if isinstance(node, Question) else ()
    channels = {one.value for option in options for one in option.when if one.subject == "channel"}
    for channel in sorted({"", *channels}):
        for new in (False, True):
            yield Context(language, pack, medium, channel, new)


def _asked_for(option: Choice, context: Context) -> Choice | None:
    """The option if it may be shown in this context, whatever was answered before."""
    fixed: list[Condition] = [one for one in option.when if one.subject != "answer"]
    return replace(option, when=()) if all_hold(fixed, context, {}) else None


def measured(screen: Screen, pack: Pack, language: Language, limits: Limits) -> Measured:
    """The screen's pages, its text's pages, and the options that had to be shortened."""
    pages = render.pages(screen, pack, language, limits)
    alone = render.pages(replace(screen, options=()), pack, language, limits)
    prompt = render.filled(pack[screen.text], screen.values, pack, language)
    encoding = encoding_of(prompt)
    lines = {line for page in pages for line in page.splitlines()}
    cut = [
        text
        for number, label in screen.options
        if f"{number} {(text := _label(label, pack, language))}".strip() not in lines
    ]
    return Measured(
        pages=len(pages),
        prompt_pages=len(alone),
        units=units(prompt),
        encoding=encoding,
        room=limits.ucs2 if encoding == "UCS-2" else limits.gsm7,
        cut=tuple(dict.fromkeys(cut)),
        ends=screen.ends,
    )


def _label(label: Value, pack: Pack, language: Language) -> str:
    """An option's label on one line, as pages show it."""
    return " ".join(render.filled("{label}", {"label": label}, pack, language).split())
