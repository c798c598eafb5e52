"""One step of a conversation: state and input in, state, screen and effects out.

A step is a generator: it yields each `Lookup` it needs and is sent the `Findings`, so that it
does no I/O itself; `answered` drives it with a function. Screens are laid out afterwards, so
one flow serves USSD and SMS and every language.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from app.flows.model import Context, Found, Input, Lookup, Outcome, State, Step, Untold
from app.flows.nodes import Book, Direct, Flow, OneLine, asks_of
from app.flows.reading import read
from app.flows.walk import WRONG, Steps, Walk
from app.text import answers as typed

BACK, HOME, NEXT = "0", "00", "9"

# More figures than any code, score, amount or option has.
LONG_NUMBER = 10
# A number with letters in it is written in two pieces at most; more words tell something.
MOST_WORDS = 2

Resolver = Callable[[Lookup], Outcome]


def answered(steps: Steps, resolve: Resolver) -> Step:
    """Drive a step, answering its lookups with `resolve`."""
    try:
        lookup = next(steps)
        while True:
            lookup = steps.send(resolve(lookup))
    except StopIteration as stop:
        step = stop.value
        assert isinstance(step, Step)
        return step


def begin(book: Book, flow: Flow, context: Context) -> Steps:
    """The first screen of a conversation."""
    return (yield from Walk(book, flow, context, State(flow.start)).enter(flow.start))


def resume(book: Book, flow: Flow, context: Context, left: State) -> Steps:
    """Ask who comes back after a dropped session whether to go on from where it stood.

    The screen tells nothing of what was answered: phones are shared.
    """
    if flow.resume is None:
        return (yield from begin(book, flow, context))
    asking = left if left.suspended is not None else State(flow.resume, suspended=left)
    return (yield from Walk(book, flow, context, asking).show())


def can_resume(flow: Flow, left: State) -> bool:
    """Whether there is anything to go on from: a first screen alone is not."""
    return flow.resume is not None and bool(left.suspended or left.history)


def begin_invited(book: Book, flow: Flow, context: Context, center: Found, service: Found) -> Steps:
    """The question of an invitation, at which center and service are known."""
    plan = flow.invited
    assert plan is not None
    walk = Walk(book, flow, context, State(flow.start))
    walk.save(plan.code, center.value, center.names)
    walk.save(plan.service, service.value, service.names)
    return (yield from walk.enter(plan.to))


def accepts(book: Book, flow: Flow, text: str) -> bool:
    """Whether a text answers an invitation, and is nothing that stands for itself."""
    if flow.invited is None or typed.one_line(text) is not None:
        return False
    if direct(book, flow, State(flow.invited.to), text) is not None:
        return False
    asks = asks_of(book.nodes[flow.invited.to])
    return any(read(ask, typed.clean(text)) is not None for ask in asks)


def step(book: Book, flow: Flow, context: Context, state: State, given: Input) -> Steps:
    """Take one input."""
    walk = Walk(book, flow, context, state)
    if flow.one_line is not None and context.medium == "sms":
        line = typed.one_line(given.text)
        if line is not None:
            return (yield from _one_line(walk, flow.one_line, line))
    if context.medium == "sms":
        meant = direct(book, flow, state, given.text)
        if meant is not None:
            way, rest = meant
            yield from walk.leave_for(way.to)
            return (yield from walk.take(Input(rest)))
    text = typed.normalise(given.text)
    if text == HOME:
        return (yield from walk.home())
    if text == BACK:
        return (yield from walk.back())
    if text == NEXT and state.page + 1 < state.pages:
        walk.state = replace(state, page=state.page + 1)
        return (yield from walk.show(state.notice))
    return (yield from walk.take(given))


def _one_line(walk: Walk, plan: OneLine, line: typed.OneLine) -> Steps:
    """A complete answer in one message, or the question for the center it does not name."""
    walk.state = State(walk.flow.start)
    walk.save(plan.score, str(line.score), {})
    if line.comment:
        walk.save(plan.comment, line.comment, {})
    found = yield Lookup("odsc", {"value": line.code})
    if isinstance(found, Untold) or not found:
        # What was said is kept; only the center is asked for again.
        first = next(iter(asks_of(walk.book.nodes[plan.unknown])), None)
        walk.state = replace(walk.state, node=plan.unknown, stack=(plan.to,))
        return (yield from walk.show(first.unknown if first is not None else WRONG))
    walk.save(plan.code, found[0].value, found[0].names)
    return (yield from walk.enter(plan.to))


def direct(book: Book, flow: Flow, state: State | None, text: str) -> tuple[Direct, str] | None:
    """The way that an SMS names, and the answer that follows its word: "2 KS123".

    `state` is where the conversation stands, None before it begins. A number as long as ours is
    meant wherever it comes; a shorter one is the start of a story where one is asked for, and
    behind a figure ("2 KS123") it is meant at the menu alone.
    """
    at_menu = state is None or state.node == flow.start
    telling = state is not None and wants_text(book, state)
    for way in flow.direct:
        behind = typed.behind(text, way.words)
        if behind is None or not any(map(str.isdecimal, behind.rest)):
            continue
        number = typed.reference(behind.rest) or ""
        long = number.isdecimal() and len(number) >= LONG_NUMBER
        short = bool(number) and len(behind.rest.split()) <= MOST_WORDS
        if long or (short and (at_menu if behind.word.isdecimal() else not telling)):
            return way, behind.rest
    return None


def wants_text(book: Book, state: State) -> bool:
    """Whether the screen asks for free text, in which a `*` is just a character."""
    return any(ask.kind == "text" for ask in asks_of(book.nodes[state.node]))
