"""One step of a conversation: state and input in, state, screen and effects out.

A step is a generator: it yields each `Lookup` it needs and is sent the `Findings`, so that it
does no I/O itself; `answered` drives it with a function. Screens are laid out afterwards, so
one flow serves USSD and SMS and every language.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from app.flows.model import Context, Findings, Input, Lookup, State, Step
from app.flows.nodes import Book, Flow, Question
from app.flows.walk import Steps, Walk
from app.text import answers as typed

BACK, HOME, NEXT = "0", "00", "9"

Resolver = Callable[[Lookup], Findings]


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


def step(book: Book, flow: Flow, context: Context, state: State, given: Input) -> Steps:
    """Take one input."""
    walk = Walk(book, flow, context, state)
    if flow.one_line is not None and context.medium == "sms":
        line = typed.one_line(given.text)
        if line is not None:
            return (yield from walk.one_line(line))
    text = typed.normalise(given.text)
    if text == HOME:
        return (yield from walk.home())
    if text == BACK:
        return (yield from walk.back())
    if text == NEXT and state.page + 1 < state.pages:
        walk.state = replace(state, page=state.page + 1)
        return (yield from walk.show(state.notice))
    return (yield from walk.take(given))


def wants_text(book: Book, state: State) -> bool:
    """Whether the screen asks for free text, in which a `*` is just a character."""
    node = book.nodes[state.node]
    return isinstance(node, Question) and any(ask.kind == "text" for ask in node.asks)
