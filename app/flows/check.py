"""The linter: what would go wrong for a citizen, or cost more than it need, and where it stands."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from app.errors import FlowError
from app.flows import build, load
from app.flows.graph import Graph, circles, dead_ends, graph, kinds_of
from app.flows.load import MESSAGE_KEYS, META_KEYS, SYSTEM_KEYS, Sources
from app.flows.lookups import OFFERS, Kind
from app.flows.measure import Measured, Scale, Worst, measured
from app.flows.model import SCRIPT_KEY, LookupName, Screen
from app.flows.nodes import Book, Choose, Find, Flow, Node, Question, Say, asks_of
from app.flows.places import Index, index
from app.text.encoding import encoding_of, units
from app.words import Language, Limits, Medium

MEDIA: tuple[Medium, ...] = ("ussd", "sms")
# More do not fit one key each, since 9 turns the page, nor anybody's memory.
MOST_OPTIONS = 9
# These close a USSD session when something broke: nobody can turn to a second page.
CLOSING_KEYS = ("error.system", "error.session", "error.busy", "message.follows")

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: an error loses a citizen, a warning makes it harder or dearer."""

    severity: Severity
    file: str
    line: int
    message: str
    remedy: str = ""
    node: str = ""
    language: str = ""

    def __str__(self) -> str:
        about = ", ".join(filter(None, (self.node, self.language)))
        place = f"{self.file}:{self.line}: {about}: " if about else f"{self.file}:{self.line}: "
        return place + (f"{self.message}. {self.remedy}" if self.remedy else self.message)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a check goes by: the longest names, what a page holds, and the flow that is used."""

    worst: Worst = field(default_factory=Worst)
    limits: Mapping[Medium, Limits] = field(
        default_factory=lambda: {medium: Limits() for medium in MEDIA}
    )
    flow: str = "main"


def check(sources: Sources, bench: Bench) -> tuple[Book | None, list[Finding]]:
    """The book, if it can be loaded, and everything found, errors first."""
    try:
        book = load.book(sources)
    except FlowError as error:
        problems = [
            Finding("error", one.file, one.line, f"{one.where}: {one.message}", one.remedy)
            for one in error.problems
        ]
        return None, problems
    return book, findings(book, sources, bench)


def findings(book: Book, sources: Sources, bench: Bench) -> list[Finding]:
    """Everything found in a book that could be loaded, errors first."""
    linter = _Linter(book, bench, graph(book), index(sources))
    found = dict.fromkeys(linter.all())
    return sorted(found, key=lambda one: (one.severity, one.file, one.line, one.message))


def placeholders(text: str) -> set[str]:
    """The names in braces of a text that `load` took."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@dataclass(frozen=True)
class _Linter:
    book: Book
    bench: Bench
    web: Graph
    index: Index

    def all(self) -> Iterator[Finding]:
        yield from self._ways()
        for name in sorted(self.web.reached() & self.book.nodes.keys()):
            yield from self._lookups(name)
            yield from self._filled(name)
        yield from self._menus()
        yield from self._fixed_texts()
        yield from self._spelt()
        yield from self._unused()
        yield from self._screens()

    def _node(self, severity: Severity, name: str, message: str, remedy: str) -> Finding:
        file, line = self.index.node(name)
        return Finding(severity, file, line, message, remedy, name)

    def _text(
        self, severity: Severity, language: Language, key: str, message: str, remedy: str
    ) -> Finding:
        file, line = self.index.text(language, key)
        return Finding(severity, file, line, f"{key}: {message}", remedy, "", language)

    # --- ways -----------------------------------------------------------------------------------

    def _ways(self) -> Iterator[Finding]:
        reached = self.web.reached()
        for name in sorted(self.book.nodes.keys() - reached):
            remedy = "Let an option lead to it, or take it out"
            yield self._node("warning", name, "no conversation ever comes here", remedy)
        for name in sorted(dead_ends(self.book, self.web) & reached):
            remedy = "Let one of its answers lead on to an `end`"
            yield self._node("error", name, "nothing leads from here to an end or home", remedy)
        sure = circles(self.book, self.web, lists=False)
        for name in sorted(sure):
            message = "this leads in a circle that never waits"
            yield self._node("error", name, message, "Put a question in")
        for name in sorted(circles(self.book, self.web, lists=True) - sure):
            message = "with nothing or one thing to choose this leads in a circle that never waits"
            remedy = "Let `none` lead out, or set `confirm: true`"
            yield self._node("warning", name, message, remedy)

    # --- lookups and what fills texts -----------------------------------------------------------

    def _lookups(self, name: str) -> Iterator[Finding]:
        node = self.book.nodes[name]
        for ask in asks_of(node):
            if ask.lookup is not None and not OFFERS[ask.lookup].args <= {"value"}:
                wants = ", ".join(sorted(OFFERS[ask.lookup].args))
                message = f"the lookup {ask.lookup} wants {wants}, not what is typed"
                yield self._node("error", name, message, "Use it in a `choose` or a `say`")
        if isinstance(node, Choose | Find | Say) and node.lookup is not None:
            yield from self._args(name, node.lookup, node.args)
        for lookup in _written(node):
            yield from self._phrases(name, lookup, OFFERS[lookup].phrases)
        for lookup in (*_written(node), *(ask.lookup for ask in asks_of(node) if ask.lookup)):
            yield from self._phrases(name, lookup, OFFERS[lookup].untold)
        if isinstance(node, Say):
            yield from self._spare(name, node)

    def _args(self, name: str, lookup: LookupName, args: Mapping[str, str]) -> Iterator[Finding]:
        wanted = OFFERS[lookup].args
        for key in sorted(wanted - args.keys()):
            message = f"the lookup {lookup} needs {key!r}, which `args` does not give"
            yield self._node("error", name, message, f"Write args: {{{key}: …}}")
        for key, source in args.items():
            if key not in wanted:
                message = f"the lookup {lookup} knows no {key!r}"
                yield self._node("warning", name, message, "Take it out of `args`")
            elif source not in self.web.saved[name]:
                message = f"nothing saves or keeps {source!r} before this; {key} will be empty"
                yield self._node("warning", name, message, "Ask for it first, or name another")

    def _spare(self, name: str, node: Say) -> Iterator[Finding]:
        filled = OFFERS[node.lookup].values if node.lookup is not None else frozenset()
        for value in node.spare:
            if value not in filled:
                message = f"nothing gives a {value!r} that could be left out"
                yield self._node("warning", name, message, "Take it out of `spare`")

    def _phrases(self, name: str, lookup: LookupName, keys: Collection[str]) -> Iterator[Finding]:
        for language, pack in self.book.packs.items():
            for key in set(keys) - pack.keys():
                message = f"the lookup {lookup} needs this text, which is missing"
                yield self._text("error", language, key, message, f"{name} shows it")

    def _filled(self, name: str) -> Iterator[Finding]:
        node = self.book.nodes[name]
        known = set(self.web.named[name])
        if isinstance(node, Say) and node.lookup is not None:
            known |= OFFERS[node.lookup].values
        for _, key in build.texts(node):
            for language, pack in self.book.packs.items():
                for hole in sorted(placeholders(pack.get(key, "")) - known):
                    message = f"nothing fills {{{hole}}} at the node {name}"
                    remedy = "Ask for it before, or write the text without it"
                    yield self._text("error", language, key, message, remedy)

    def _fixed_texts(self) -> Iterator[Finding]:
        """Texts that no node names: the system's, and those that lookups are written with."""
        known = {key: frozenset[str]() for key in (*SYSTEM_KEYS, *MESSAGE_KEYS, *META_KEYS)}
        for offer in OFFERS.values():
            known |= {**offer.phrases, **dict.fromkeys(offer.untold, frozenset[str]())}
        for language, pack in self.book.packs.items():
            for key, given in known.items():
                for hole in sorted(placeholders(pack.get(key, "")) - given):
                    remedy = "Write the text without it"
                    yield self._text("error", language, key, f"nothing fills {{{hole}}}", remedy)
            for key in CLOSING_KEYS:
                count, room = _budget(pack.get(key, ""), self.bench.limits["ussd"])
                if count > room:
                    message = f"{count} units; a page that ends a session holds {room}"
                    yield self._text("error", language, key, message, "Shorten it")

    def _unused(self) -> Iterator[Finding]:
        used = {*SYSTEM_KEYS, *MESSAGE_KEYS, *META_KEYS}
        for node in self.book.nodes.values():
            used |= {key for _, key in build.texts(node)}
        for offer in OFFERS.values():
            used |= offer.phrases.keys() | offer.untold
        for language, pack in self.book.packs.items():
            for key in sorted(pack.keys() - used):
                yield self._text("warning", language, key, "nothing shows this text", "Take it out")

    def _spelt(self) -> Iterator[Finding]:
        """Latin texts are GSM-7; what is the same in another language may be a foreign name."""
        for language, pack in self.book.packs.items():
            others = [other for name, other in self.book.packs.items() if name != language]
            for key, text in pack.items() if pack[SCRIPT_KEY] == "latin" else ():
                strange = sorted({one for one in text if encoding_of(one) != "GSM-7"})
                shared = any(other.get(key) == text for other in others)
                if strange and not shared:
                    signs = ", ".join(f"{one!r} (U+{ord(one):04X})" for one in strange)
                    message = f"{signs} is not GSM-7: a page then holds 70 units instead of 160"
                    yield self._text("warning", language, key, message, "Use a plain sign")

    # --- screens --------------------------------------------------------------------------------

    def _menus(self) -> Iterator[Finding]:
        for name, node in self.book.nodes.items():
            if isinstance(node, Question) and len(node.options) > MOST_OPTIONS:
                message = f"{len(node.options)} options are more than {MOST_OPTIONS}"
                yield self._node("warning", name, message, "Ask in two questions")

    def _screens(self) -> Iterator[Finding]:
        labels: dict[str, Kind] = {}
        for one in self.book.nodes.values():
            labels |= kinds_of(one)
        # What lookups are written with may be missing: that is found, and nothing to stop at.
        phrases = {key: "" for offer in OFFERS.values() for key in offer.phrases}
        packs = {language: phrases | dict(pack) for language, pack in self.book.packs.items()}
        scale = Scale(replace(self.book, packs=packs), self.bench.worst, labels)
        for flow in self.book.flows.values():
            for name, node in flow.nodes.items():
                if isinstance(node, Question | Choose | Say):
                    for language in self.book.packs:
                        yield from self._screen(scale, flow, name, language)

    def _screen(self, scale: Scale, flow: Flow, name: str, language: Language) -> Iterator[Finding]:
        """What is too long of a node's screens, said once for media where it is the same."""
        pack = scale.book.packs[language]
        said: dict[tuple[Severity, str, str], list[str]] = {}
        for medium, limits in self.bench.limits.items():
            for screen in scale.screens(flow, name, language, medium):
                size = measured(screen, pack, language, limits)
                menu = name == flow.start and flow.name == self.bench.flow
                for one in _too_long(size, screen, menu=menu):
                    media = said.setdefault(one, [])
                    media += [medium.upper()] * (medium.upper() not in media)
        file, line = self.index.node(name)
        for (severity, message, remedy), media in said.items():
            whole = f"by {' and '.join(media)} {message}"
            yield Finding(severity, file, line, whole, remedy, name, language)


def _too_long(size: Measured, screen: Screen, *, menu: bool) -> Iterator[tuple[Severity, str, str]]:
    counted = f"{size.units} units of {size.encoding} at its longest"
    counted += f"; a page holds {size.room}, hints included"
    if size.cut:
        options = ", ".join(repr(option) for option in size.cut)
        yield "error", f"an option is cut: {options}", "Shorten it"
    if size.ends and size.pages > 1:
        message = f"the end {screen.text!r} needs {size.pages} pages ({counted})"
        yield "error", message, "Shorten it: nobody can turn to a second page"
    elif menu and size.pages > 1:
        message = f"the main menu needs {size.pages} pages ({counted} with its options)"
        yield "error", message, "Shorten its options"
    elif size.prompt_pages > 1:
        message = f"the text {screen.text!r} alone needs {size.prompt_pages} pages ({counted})"
        yield "warning", message, "Shorten it, or split the question"


def _written(node: Node) -> Iterable[LookupName]:
    """The lookups whose findings a node shows or passes on."""
    if isinstance(node, Choose | Find):
        return (node.lookup,)
    # A list shows names only; a text shows the values as well.
    return (node.lookup,) if isinstance(node, Say) and node.lookup is not None else ()


def _budget(text: str, limits: Limits) -> tuple[int, int]:
    return units(text), limits.ucs2 if encoding_of(text) == "UCS-2" else limits.gsm7
