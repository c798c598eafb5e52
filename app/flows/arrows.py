"""What a drawing shows of a flow: each node's kind, first line and ways onward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.flows.model import Pack
from app.flows.nodes import (
    Branch,
    Call,
    Choose,
    Condition,
    Find,
    Flow,
    Node,
    Open,
    Question,
    Record,
    Say,
    Send,
    asks_of,
)
from app.flows.reading import number_of

SIGNS = {"equals": "=", "not_equals": "≠", "at_most": "≤", "at_least": "≥", "given": "given"}


@dataclass(frozen=True, slots=True)
class Arrow:
    """A way onward and what takes it. `aside`: taken later, when a call comes back."""

    label: str
    target: str
    aside: bool = False


def kind_of(node: Node) -> str:
    """The word by which the flow file calls it."""
    if isinstance(node, Say):
        return "end" if node.ends else "say"
    return "case" if isinstance(node, Open) else type(node).__name__.lower()


def first_line(node: Node, pack: Pack) -> str:
    """What a person reads there first, or what happens there unseen."""
    if isinstance(node, Question | Choose | Say | Send):
        return pack.get(node.text, node.text).split("\n")[0]
    if isinstance(node, Record):
        return ", ".join(f"{key} = {value}" for key, value in node.values.items())
    if isinstance(node, Open):
        return node.kind
    return node.lookup if isinstance(node, Find) else ""


def arrows(flow: Flow, node: Node) -> list[Arrow]:
    """The ways onward, those to one place together."""
    together: dict[tuple[str, bool], list[str]] = {}
    for arrow in _arrows(node):
        together.setdefault((arrow.target, arrow.aside), []).append(arrow.label)
    return [
        Arrow(_joined(labels), short(flow, target), aside)
        for (target, aside), labels in together.items()
    ]


def short(flow: Flow, name: str) -> str:
    """A node's name as the flow's own file writes it."""
    return name.removeprefix(f"{flow.name}/")


def _arrows(node: Node) -> Iterator[Arrow]:
    if isinstance(node, Question):
        for index, option in enumerate(node.options):
            yield Arrow(number_of(index), option.to)
    elif isinstance(node, Choose):
        yield Arrow("chosen", node.to)
        yield Arrow("none", node.none)
    elif isinstance(node, Find):
        yield Arrow("found", node.found)
        yield Arrow("none", node.none)
    elif isinstance(node, Branch):
        for case in node.cases:
            yield Arrow(" and ".join(map(_condition, case.when)), case.to)
        yield Arrow("else", node.otherwise)
    elif isinstance(node, Call):
        yield Arrow("call", node.node)
        yield Arrow("then", node.then, aside=True)
    elif not isinstance(node, Say):
        yield Arrow("", node.to)
    for ask in asks_of(node):
        yield Arrow(ask.kind, ask.to)


def _condition(condition: Condition) -> str:
    if condition.subject != "answer":
        return condition.value
    value = "" if condition.operator == "given" else condition.value
    return f"{condition.name} {SIGNS[condition.operator]} {value}".strip()


def _joined(labels: list[str]) -> str:
    """1, 2, 3 and code → "1-3, code"."""
    runs: list[list[str]] = []
    for label in filter(None, labels):
        follows = runs and label.isdigit() and runs[-1][-1].isdigit()
        if follows and int(label) == int(runs[-1][-1]) + 1:
            runs[-1].append(label)
        else:
            runs.append([label])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else run[0] for run in runs)
