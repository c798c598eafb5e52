"""What a completed conversation costs, in each language and medium: walked on paper, not guessed.

Completed is a conversation that comes to the end of its usual path. The usual path is the one
that answers most questions, on the fewest screens; the shortest comes to the same end on the
fewest screens of all. Wrong answers, turned pages and dropped sessions are not in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from app.flows.nodes import Ask, Book, Branch, Choose, Question, asks_of
from app.flows.paper import Paper
from app.flows.reading import all_hold, broken, number_of, read
from app.flows.talk import Talk
from app.text.encoding import segment_count
from app.words import Language, Limits, Medium

PathName = Literal["shortest", "usual"]

# Longer walks are no conversation anybody has.
MOST_TURNS = 60
# Ways looked at; beyond, what was found so far is told.
MOST_WAYS = 20_000
# What opens a conversation by SMS and answers nothing.
GREETING = "?"
SAMPLES: Mapping[str, tuple[str, ...]] = {
    "rating": ("5", "1", "2", "3", "4"),
    "number": ("1", "10", "100"),
    "amount": ("50000", "0", "1000000"),
    "date": ("01/01/2026", "01/01/1990", "31/12/2030"),
    "phone": ("02055512345",),
}


@dataclass(frozen=True, slots=True)
class Prices:
    """Kip. A USSD session is paid by session, an SMS by segment, both ways where we pay."""

    sms_segment_kip: int = 200
    ussd_session_kip: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """One path. `kip` is what the service pays: sessions and segments out; segments in are the
    citizen's."""

    flow: str
    language: Language
    medium: Medium
    path: PathName
    end: str
    screens: int
    segments_out: int
    segments_in: int
    kip: int


@dataclass(frozen=True, slots=True)
class _Way:
    """A walk so far: the talk, what was seen and typed, the nodes that asked."""

    talk: Talk
    screens: int
    out: int
    typed: tuple[str, ...]
    asked: frozenset[str]

    def then(self, talk: Talk, text: str) -> _Way:
        node = self.talk.state.node if self.talk.state else ""
        return _Way(
            talk,
            self.screens + 1,
            self.out + segment_count(talk.page),
            (*self.typed, text),
            self.asked | {node},
        )


Rank = Callable[[_Way], tuple[int, ...]]


def costs(book: Book, paper: Paper, prices: Prices, limits: Mapping[Medium, Limits]) -> list[Cost]:
    """Shortest and usual path of every flow, language and medium that has one."""
    found: list[Cost] = []
    for flow in book.flows.values():
        for language in book.packs:
            for medium, room in limits.items():
                talk = Talk(book, flow, paper.find, language, medium, room)
                found += _of(talk, paper, prices)
    return found


def _of(talk: Talk, paper: Paper, prices: Prices) -> Iterator[Cost]:
    usual = _best(talk, paper, lambda way: (-len(way.talk.answers), way.screens, *_weight(way)))
    if usual is None or not usual.talk.answers:
        return
    end = _node(usual)
    shortest = _best(talk, paper, lambda way: (way.screens, *_weight(way)), end) or usual
    paths: Mapping[PathName, _Way] = {"shortest": shortest, "usual": usual}
    for path, way in paths.items():
        by_sms = talk.medium == "sms"
        out = (way.out if by_sms else 0) + sum(segment_count(text) for text in way.talk.sent)
        sessions = 0 if by_sms else prices.ussd_session_kip
        yield Cost(
            flow=talk.flow.name,
            language=talk.language,
            medium=talk.medium,
            path=path,
            end=end,
            screens=way.screens,
            segments_out=out,
            segments_in=sum(segment_count(text) for text in way.typed) if by_sms else 0,
            kip=sessions + out * prices.sms_segment_kip,
        )


def _weight(way: _Way) -> tuple[int, int]:
    return way.out, len("".join(way.typed))


def _best(talk: Talk, paper: Paper, rank: Rank, end: str = "") -> _Way | None:
    """The way to an end with the lowest rank; of ways that stand at one point only the best
    goes on."""
    here = deque(_openings(talk, paper))
    best: dict[tuple[object, ...], tuple[int, ...]] = {}
    found: _Way | None = None
    for _ in range(MOST_WAYS):
        if not here:
            break
        way = here.popleft()
        if way.talk.finished:
            if end in ("", _node(way)) and (found is None or rank(way) < rank(found)):
                found = way
            continue
        point = _point(way)
        if point in best and best[point] <= rank(way):
            continue
        best[point] = rank(way)
        if len(way.typed) < MOST_TURNS and _node(way) not in way.asked:
            here.extend(way.then(way.talk.take(text), text) for text in _inputs(way.talk, paper))
    return found


def _node(way: _Way) -> str:
    return way.talk.state.node if way.talk.state else ""


def _point(way: _Way) -> tuple[object, ...]:
    """What decides where a conversation may go on from: its place, and answers asked for later."""
    state = way.talk.state
    assert state is not None
    compared = _compared(way.talk.book)
    answers = tuple(sorted((key, value) for key, value in state.answers.items() if key in compared))
    return state.node, state.stack, state.notice, answers


def _compared(book: Book) -> frozenset[str]:
    """The questions whose answers decide where conversations go."""
    conditions = []
    for node in book.nodes.values():
        if isinstance(node, Branch):
            conditions += [one for case in node.cases for one in case.when]
        elif isinstance(node, Question):
            conditions += [one for option in node.options for one in option.when]
    return frozenset(one.name for one in conditions if one.subject == "answer")


def _openings(talk: Talk, paper: Paper) -> Iterator[_Way]:
    begun = talk.begin()
    first = (GREETING,) if talk.medium == "sms" else ("",)
    yield _Way(begun, 1, segment_count(begun.page), first, frozenset())
    if talk.flow.one_line is not None and talk.medium == "sms":
        for center in list(paper.centers)[:1]:
            line = f"{center} 5"
            said = begun.take(line, opening=True)
            yield _Way(said, 1, segment_count(said.page), (line,), frozenset())


def _inputs(talk: Talk, paper: Paper) -> Iterator[str]:
    """One input for each thing that can become of the question, the plainest first."""
    assert talk.state is not None
    node = talk.book.nodes[talk.state.node]
    if isinstance(node, Choose):
        yield number_of(0)
    elif isinstance(node, Question):
        yield from _numbers(talk, node)
    for ask in asks_of(node):
        fitting = [text for text in _samples(ask, talk, paper) if _fits(ask, text)]
        # Where answers decide on the way, each of them counts; else one is like another.
        decides = ask.save is not None and ask.save in _compared(talk.book)
        yield from fitting if decides else fitting[:1]


def _numbers(talk: Talk, node: Question) -> Iterator[str]:
    assert talk.state is not None
    answers, context = talk.state.answers, talk.context()
    shown = [one for one in node.options if all_hold(one.when, context, answers)]
    decides = node.save in _compared(talk.book)
    done: set[tuple[object, ...]] = set()
    for index, option in enumerate(shown):
        given = option.value if decides else option.value is not None
        kind = (option.to, given, option.value_of)
        # Who changes the language begins again: that is another language's row.
        stays = node.remember is None or option.value is None
        if stays and kind not in done:
            done.add(kind)
            yield number_of(index)


def _samples(ask: Ask, talk: Talk, paper: Paper) -> tuple[str, ...]:
    if ask.kind == "code":
        return (*list(paper.centers)[:1], "1234")
    if ask.kind == "reference":
        return (*list(paper.requests)[:1], "AB123")
    if ask.kind == "place":
        return tuple(names.get(talk.language, "") for names in list(paper.districts.values())[:1])
    if ask.kind == "text":
        # As long as a sentence of ours: nobody knows yet how long people's are.
        return (talk.book.packs[talk.language]["error.system"],)
    bounds = tuple(rule.value for rule in ask.rules if rule.operator in ("at_least", "at_most"))
    return (*SAMPLES.get(ask.kind, ()), *bounds)


def _fits(ask: Ask, text: str) -> bool:
    given = read(ask, text)
    return given is not None and broken(ask.rules, given.value) is None
