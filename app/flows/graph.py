"""A book as a graph: where a conversation may go, and what it may know when it gets there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.flows import build
from app.flows.lookups import OFFERS, Kind
from app.flows.nodes import (
    CONTINUE,
    RETURN,
    Book,
    Call,
    Choose,
    Find,
    Flow,
    Node,
    Question,
    Record,
    Say,
    asks_of,
)

Edges = Mapping[str, frozenset[str]]
Known = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Graph:
    """`after`: every step onward, with `return` resolved to where calls may have been made.

    `saved` and `named`: the answers and kept values, and those of them that have a name to show,
    that a conversation may bring along to a node, whichever way it came.
    """

    after: Edges
    entries: frozenset[str]
    saved: Known
    named: Known

    def reached(self) -> set[str]:
        """Every node that a conversation can come to."""
        return closure(self.entries, self.after)


def graph(book: Book) -> Graph:
    """The graph of all flows of a book."""
    after = _after(book)
    entries = frozenset(entry for flow in book.flows.values() for entry in _entries(flow))
    ways = _with_giving_up(book, after)
    saves = {name: _saves(node) for name, node in book.nodes.items()}
    given = {name: frozenset(kinds_of(node)) for name, node in book.nodes.items()}
    brought: dict[str, set[str]] = {}
    named: dict[str, set[str]] = {}
    for flow in book.flows.values():
        if (known := flow.invited) is not None:
            brought.setdefault(known.to, set()).update((known.code, known.service))
            named.setdefault(known.to, set()).update((known.code, known.service))
        if (line := flow.one_line) is not None:
            brought.setdefault(line.to, set()).update((line.code, line.score, line.comment))
            brought.setdefault(line.unknown, set()).update((line.score, line.comment))
            named.setdefault(line.to, set()).add(line.code)
    return Graph(after, entries, _flowing(ways, saves, brought), _flowing(ways, given, named))


def closure(begin: Iterable[str], after: Edges) -> set[str]:
    """The nodes to begin with and all that follow."""
    found = set(begin)
    here = list(found)
    while here:
        onward = after.get(here.pop(), frozenset()) - found
        found |= onward
        here += onward
    return found


def _entries(flow: Flow) -> Iterable[str]:
    yield flow.start
    if flow.resume is not None:
        yield flow.resume
    if flow.one_line is not None:
        yield from (flow.one_line.to, flow.one_line.unknown)
    if flow.attempts is not None:
        yield flow.attempts.to
    if flow.invited is not None:
        yield flow.invited.to
    yield from (one.to for one in flow.direct)


def _after(book: Book) -> Edges:
    calls = [(node.node, node.then) for node in book.nodes.values() if isinstance(node, Call)]
    for flow in book.flows.values():
        if flow.one_line is not None:
            calls.append((flow.one_line.unknown, flow.one_line.to))
    direct = {name: _targets(node) for name, node in book.nodes.items()}
    over = {
        name: frozenset({node.then}) if isinstance(node, Call) else direct[name]
        for name, node in book.nodes.items()
    }
    returns: dict[str, set[str]] = {}
    for callee, then in calls:
        for name in closure({callee}, over) & direct.keys():
            if RETURN in over[name]:
                returns.setdefault(name, set()).add(then)
    starts = {name: flow.start for flow in book.flows.values() for name in flow.nodes}
    after = {}
    for name, targets in direct.items():
        onward = set(targets - {RETURN, CONTINUE})
        onward |= returns.get(name, set())
        if CONTINUE in targets or (RETURN in targets and name not in returns):
            onward.add(starts[name])
        after[name] = frozenset(onward)
    return after


def _targets(node: Node) -> frozenset[str]:
    if isinstance(node, Call):
        return frozenset({node.node})
    return frozenset(target for _, target in build.targets(node))


def _with_giving_up(book: Book, after: Edges) -> Edges:
    """Who answers wrongly too often goes on from any question."""
    ways = dict(after)
    for flow in book.flows.values():
        if flow.attempts is not None:
            for name, node in flow.nodes.items():
                if isinstance(node, Question | Choose):
                    ways[name] = after[name] | {flow.attempts.to}
    return ways


def _flowing(ways: Edges, gained: Known, brought: Mapping[str, set[str]]) -> Known:
    """What may have been gained on some way to each node."""
    known = {name: set(brought.get(name, ())) for name in ways}
    here = list(ways)
    while here:
        name = here.pop()
        carried = known[name] | gained[name]
        for target in ways[name]:
            if target in known and not carried <= known[target]:
                known[target] |= carried
                here.append(target)
    return {name: frozenset(one) for name, one in known.items()}


def _saves(node: Node) -> frozenset[str]:
    names: list[str | None] = []
    if isinstance(node, Question):
        names = [node.save, node.rest]
    elif isinstance(node, Choose):
        names = [node.save, node.keep, node.rest]
    elif isinstance(node, Find):
        names = [node.keep]
    elif isinstance(node, Record):
        names = [*node.values]
    names += [name for ask in asks_of(node) for name in (ask.save, ask.keep)]
    return frozenset(name for name in names if name is not None)


def kinds_of(node: Node) -> Mapping[str, Kind]:
    """What a node gives a name to that texts may show, and whose name that is."""
    found: dict[str, Kind] = {}
    for ask in asks_of(node):
        if ask.lookup is not None and ask.kind != "place":
            names = filter(None, (ask.save, ask.keep))
            found |= dict.fromkeys(names, OFFERS[ask.lookup].kind)
    if isinstance(node, Question):
        if node.save is not None and any(one.value_of is not None for one in node.options):
            found.setdefault(node.save, "center")
    elif isinstance(node, Choose):
        kept = filter(None, (node.save, node.keep))
        found |= dict.fromkeys(kept, OFFERS[node.lookup].kind)
    elif isinstance(node, Find):
        found = {node.keep: OFFERS[node.lookup].kind}
    return found


def dead_ends(book: Book, web: Graph) -> set[str]:
    """Nodes from which nothing that is written leads to an end, a text to read, or home."""
    starts = {flow.start for flow in book.flows.values()}
    goals = starts | {name for name, node in book.nodes.items() if isinstance(node, Say)}
    before: dict[str, set[str]] = {}
    for name, targets in web.after.items():
        for target in targets:
            before.setdefault(target, set()).add(name)
    backwards = {name: frozenset(one) for name, one in before.items()}
    fine = {name for name, node in book.nodes.items() if isinstance(node, Say)}
    leading = {name for goal in goals for name in before.get(goal, ())}
    return set(book.nodes) - closure(fine | leading, backwards)


def circles(book: Book, web: Graph, *, lists: bool) -> set[str]:
    """Nodes that may lead round to themselves without asking anything in between.

    With `lists`, also through lists that a lookup may leave empty or with one thing only, which
    then do not ask.
    """
    silent: dict[str, frozenset[str]] = {}
    for name, node in book.nodes.items():
        if isinstance(node, Choose) and lists:
            unasked = {node.none} if node.confirm else {node.none, node.to}
            silent[name] = web.after[name] if RETURN in unasked else frozenset(unasked)
        elif not isinstance(node, Question | Say | Choose):
            silent[name] = web.after[name]
    return {name for name in silent if name in closure(silent[name], silent)}
