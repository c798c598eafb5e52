"""config/alerts.yaml → the rules by name, or everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import yaml

from app.errors import FlowError, Problem
from app.insight.alert_signs import BadScores, Overcharges, ReasonJump, Rule, Silence
from app.yaml_file import compose

FILE = "alerts.yaml"
FEWEST: Final = 5
"""What rests on fewer answers may tell of a person: no rule may speak of it."""

_KINDS: Final[Mapping[str, type[Rule]]] = {
    one.kind: one for one in (BadScores, Overcharges, Silence, ReasonJump)
}
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST: Final = 100_000
# Least and most of every key; whole numbers where these are.
_BOUNDS: Final[Mapping[str, tuple[int, int] | tuple[float, float]]] = {
    "days": (1, 366),
    "days_before": (7, 366),
    "working_days": (2, 60),
    "min_answers": (FEWEST, _MOST),
    "at_least": (FEWEST, _MOST),
    "raise_at": (1, 100),
    "clear_at": (0, _MOST),
    "raise_p": (0.0, 0.05),
    "clear_p": (0.0, 0.5),
    "escalate_after_hours": (1, 720),
}

_Wrong = tuple[yaml.Node, str, str, str]
"""What stands where, its key, what is wrong with it, what to do."""


def load(config: Path) -> Mapping[str, Rule]:
    """Read the file in the folder of configuration. Raises FlowError with everything wrong."""
    path = config / FILE
    rules: dict[str, Rule] = {}
    wrong: list[_Wrong] = []
    for key, node in compose(path, "NAME: {kind: KIND, …}").value:
        name = str(key.value)
        if name in rules:
            wrong.append((key, name, "a rule of this name stands above", "Give it another name"))
        elif not _NAME.fullmatch(name):
            remedy = "Use small letters, digits and _, a letter first"
            wrong.append((key, name, "this is no name of a rule", remedy))
        rule, complaints = _rule(key, name, node)
        wrong += complaints
        if rule is not None:
            rules[name] = rule
    if wrong:
        found = (Problem(str(path), at.start_mark.line + 1, *words) for at, *words in wrong)
        raise FlowError(sorted(found, key=lambda one: (one.line, one.where)))
    return rules


def _rule(key: yaml.Node, name: str, node: yaml.Node) -> tuple[Rule | None, list[_Wrong]]:
    if not isinstance(node, yaml.MappingNode):
        return None, [(key, name, "this is no rule", "Write keys below it, kind: first")]
    given = {str(one.value): value for one, value in node.value}
    kind = _KINDS.get(str(given["kind"].value)) if "kind" in given else None
    if kind is None:
        remedy = f"Use one of {', '.join(_KINDS)}"
        return None, [(given.get("kind", key), f"{name}.kind", "there is no such kind", remedy)]
    wrong = list(_wrong_keys(key, name, node, [one.name for one in fields(kind)]))
    if wrong:
        return None, wrong
    values: dict[str, Any] = {one: _number(at, one) for one, at in given.items() if one != "kind"}
    rule = kind(**values)
    return rule, [(key, name, *words) for words in _contradictions(rule)]


def _wrong_keys(
    key: yaml.Node, name: str, node: yaml.MappingNode, wanted: list[str]
) -> Iterator[_Wrong]:
    seen: set[str] = set()
    for one, value in node.value:
        where = f"{name}.{one.value}"
        if one.value in seen:
            yield one, where, "this key stands above already", "Keep one of the two"
        elif one.value != "kind" and one.value not in wanted:
            yield one, where, "this kind of rule has no such key", f"It has {', '.join(wanted)}"
        elif one.value != "kind" and _number(value, one.value) is None:
            least, most = _BOUNDS[one.value]
            what = "whole number" if isinstance(least, int) else "number such as 0.001"
            yield value, where, "this value cannot be", f"Write a {what} from {least} to {most}"
        seen.add(one.value)
    for missing in wanted:
        if missing not in seen:
            yield key, f"{name}.{missing}", "it is missing", "Add it, as in the file that we ship"


def _number(node: yaml.Node, key: str) -> float | None:
    """The number that is written, where it lies within its bounds."""
    least, most = _BOUNDS[key]
    whole = isinstance(least, int)
    tags = ("tag:yaml.org,2002:int",) if whole else ("tag:yaml.org,2002:float",)
    if not isinstance(node, yaml.ScalarNode) or node.tag not in tags:
        return None
    try:
        value = int(node.value) if whole else float(node.value)
    except ValueError:
        return None
    return value if least <= value <= most else None


def _contradictions(rule: Rule) -> Iterator[tuple[str, str]]:
    """What is wrong with values that can be by themselves, and what to do."""
    match rule:
        case BadScores():
            if rule.clear_at >= rule.raise_at:
                yield "it would clear where it is raised", "Set clear_at below raise_at"
            if rule.min_answers * rule.raise_at < 100 * FEWEST:
                remedy = "Raise min_answers or raise_at: together they must make five bad answers"
                yield "fewer than five bad answers would raise it", remedy
        case Overcharges():
            if rule.clear_at >= rule.at_least:
                yield "it would clear where it is raised", "Set clear_at below at_least"
        case ReasonJump():
            if rule.clear_p <= rule.raise_p:
                yield "it would clear where it is raised", "Set clear_p above raise_p"
        case Silence():
            return
