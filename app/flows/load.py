"""Flow and language files → a Book. Every problem is reported at once with file, line and key.

Pure: the caller reads the files and gives their names and contents.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.errors import FlowError, Problem
from app.flows import model

Sources = Mapping[str, str]
"""File name under config/ → its text: `flows/NAME.yaml`, `languages/LANGUAGE/screens.yaml`."""

SYSTEM_KEYS = ("nav.next", "nav.back", "nav.home", "error.choice", "error.system", "error.session")
MESSAGE_KEYS = ("message.stopped", "message.started")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Option(_Strict):
    text: str
    to: str
    value: Annotated[str, Field(coerce_numbers_to_str=True)] | None = None
    value_of: str | None = None


class _Ask(_Strict):
    kind: model.AnswerKind
    to: str
    save: str | None = None
    keep: str | None = None
    lookup: model.LookupName | None = None
    unknown: str = ""
    wrong: str = ""


class _Question(_Strict):
    question: str
    short: str = ""
    options: tuple[_Option, ...] = ()
    ask: _Ask | None = None
    save: str | None = None
    remember: Literal["language"] | None = None


class _Choose(_Strict):
    choose: model.LookupName
    text: str
    to: str
    none: str
    args: dict[str, str] = {}
    save: str | None = None
    keep: str | None = None
    short: str = ""


class _Find(_Strict):
    find: model.LookupName
    keep: str
    found: str
    none: str
    args: dict[str, str] = {}


class _Say(_Strict):
    say: str
    lookup: model.LookupName | None = None
    args: dict[str, str] = {}


class _End(_Strict):
    end: str


class _Case(_Strict):
    answer: str
    equals: Annotated[str, Field(coerce_numbers_to_str=True)] | None = None
    at_most: int | None = None
    at_least: int | None = None
    given: Literal[True] | None = None
    to: str

    @model_validator(mode="after")
    def _compares_once(self) -> _Case:
        if len(self.model_fields_set & {"equals", "at_most", "at_least", "given"}) != 1:
            raise ValueError("say one of equals, at_most, at_least, given")
        return self


class _Branch(_Strict):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    branch: tuple[_Case, ...]
    otherwise: Annotated[str, Field(alias="else")]


class _Call(_Strict):
    call: str
    then: str


KINDS: Mapping[str, type[_Strict]] = {
    "question": _Question,
    "choose": _Choose,
    "find": _Find,
    "say": _Say,
    "end": _End,
    "branch": _Branch,
    "call": _Call,
}


class _OneLine(_Strict):
    code: str
    score: str
    comment: str
    to: str
    unknown: str


class _Flow(_Strict):
    flow: str
    start: str
    one_line: _OneLine | None = None
    nodes: dict[str, dict[str, object]]


@dataclass(slots=True)
class _File:
    """A YAML file with the line of every key path."""

    name: str
    content: object = None
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def complain(self, path: tuple[str | int, ...], message: str, remedy: str = "") -> None:
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        where = ".".join(str(part) for part in path)
        self.problems.append(Problem(self.name, self.lines.get(known, 1), where, message, remedy))


def book(sources: Sources) -> model.Book:
    """Parse and check everything. Raises FlowError with every problem."""
    files = {name: _read(name, text) for name, text in sorted(sources.items())}
    flows: dict[str, model.Flow] = {}
    for name, file in files.items():
        flow = _flow(file) if name.startswith("flows/") else None
        if flow is not None and flow.name in flows:
            file.complain(("flow",), f"there are two flows {flow.name!r}", "Rename one")
        elif flow is not None:
            flows[flow.name] = flow
            _check_circles(file, flow)
    packs = {
        name.split("/")[1]: _pack(file)
        for name, file in files.items()
        if name.startswith("languages/")
    }
    for name, file in files.items():
        if name.startswith("flows/"):
            _check_texts(file, flows, packs)
    problems = [problem for file in files.values() for problem in file.problems]
    problems += _compare_packs(packs)
    if problems:
        raise FlowError(problems)
    return model.Book(hash_of(sources), flows, packs)


def hash_of(sources: Sources) -> str:
    """The name of a version: sha256 of the sources, 32 hex digits."""
    canonical = json.dumps(dict(sorted(sources.items())), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()[:32]


def _read(name: str, text: str) -> _File:
    file = _File(name)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        file.content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        message = str(getattr(error, "problem", None) or "this is not YAML")
        file.problems.append(Problem(name, line, "", message, "Mend the indentation or quotes"))
        return file
    for path, line in _lines(root, ()) if root is not None else ():
        if path in file.lines:
            file.complain(path, f"this key is there again on line {line}", "Keep one of the two")
        file.lines.setdefault(path, line)
    return file


def _lines(
    node: yaml.Node, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, str(key.value))
            yield below, key.start_mark.line + 1
            yield from _lines(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), value.start_mark.line + 1
            yield from _lines(value, (*path, index))


# --- flows -----------------------------------------------------------------------------------


def _flow(file: _File) -> model.Flow | None:
    if file.problems:
        return None
    parsed = _validated(file, _Flow, file.content, ())
    if not isinstance(parsed, _Flow):
        return None
    nodes = {name: _node(file, name, raw) for name, raw in parsed.nodes.items()}
    good = {name: node for name, node in nodes.items() if node is not None}
    targets: list[tuple[tuple[str | int, ...], str]] = [(("start",), parsed.start)]
    if parsed.one_line is not None:
        targets += [(("one_line", "to"), parsed.one_line.to)]
        targets += [(("one_line", "unknown"), parsed.one_line.unknown)]
    targets += [found for name, node in good.items() for found in _targets(name, node)]
    for path, target in targets:
        if target not in nodes and target != model.RETURN:
            file.complain(path, f"there is no node {target!r}", "Add it or name another")
    one_line = model.OneLine(**parsed.one_line.model_dump()) if parsed.one_line else None
    return model.Flow(parsed.flow, parsed.start, good, one_line)


def _check_circles(file: _File, flow: model.Flow) -> None:
    """Nodes that do not wait must lead to one that does."""
    for name in flow.nodes:
        walked, here = [name], [name]
        while here:
            silent = flow.nodes.get(here.pop())
            if not isinstance(silent, model.Branch | model.Find | model.Call):
                continue
            onward = {target for path, target in _targets("", silent) if path[-1] != "then"}
            if name in onward:
                file.complain(("nodes", name), "this leads in a circle that never waits")
                break
            here += [target for target in onward if target not in walked]
            walked += here


def _validated(
    file: _File, shape: type[_Strict], content: object, path: tuple[str | int, ...]
) -> _Strict | None:
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            file.complain((*path, *problem["loc"]), problem["msg"])
    return None


def _node(file: _File, name: str, raw: dict[str, object]) -> model.Node | None:
    path = ("nodes", name)
    kinds = [kind for kind in KINDS if kind in raw]
    if len(kinds) != 1:
        file.complain(
            path, "a node has exactly one kind", f"Begin it with one of {', '.join(KINDS)}"
        )
        return None
    shape = _validated(file, KINDS[kinds[0]], raw, path)
    return None if shape is None else _built(name, shape)


def _built(name: str, shape: _Strict) -> model.Node:
    if isinstance(shape, _Question):
        return model.Question(
            name=name,
            text=shape.question,
            short=shape.short,
            options=tuple(model.Choice(**option.model_dump()) for option in shape.options),
            ask=model.Ask(**shape.ask.model_dump()) if shape.ask else None,
            save=shape.save,
            remember=shape.remember,
        )
    if isinstance(shape, _Choose):
        return model.Choose(name=name, lookup=shape.choose, **shape.model_dump(exclude={"choose"}))
    if isinstance(shape, _Find):
        return model.Find(name=name, lookup=shape.find, **shape.model_dump(exclude={"find"}))
    if isinstance(shape, _Say):
        return model.Say(name, shape.say, ends=False, lookup=shape.lookup, args=shape.args)
    if isinstance(shape, _End):
        return model.Say(name, shape.end, ends=True)
    if isinstance(shape, _Branch):
        return model.Branch(name, tuple(_case(case) for case in shape.branch), shape.otherwise)
    assert isinstance(shape, _Call)
    return model.Call(name, shape.call, shape.then)


def _case(case: _Case) -> model.Case:
    if case.equals is not None:
        return model.Case(case.answer, "equals", case.equals, case.to)
    if case.at_most is not None:
        return model.Case(case.answer, "at_most", str(case.at_most), case.to)
    if case.at_least is not None:
        return model.Case(case.answer, "at_least", str(case.at_least), case.to)
    return model.Case(case.answer, "given", "", case.to)


def _targets(name: str, node: model.Node) -> Iterator[tuple[tuple[str | int, ...], str]]:
    path = ("nodes", name)
    if isinstance(node, model.Question):
        for index, option in enumerate(node.options):
            yield (*path, "options", index, "to"), option.to
        if node.ask is not None:
            yield (*path, "ask", "to"), node.ask.to
    elif isinstance(node, model.Choose):
        yield (*path, "to"), node.to
        yield (*path, "none"), node.none
    elif isinstance(node, model.Find):
        yield (*path, "found"), node.found
        yield (*path, "none"), node.none
    elif isinstance(node, model.Branch):
        for index, case in enumerate(node.cases):
            yield (*path, "branch", index, "to"), case.to
        yield (*path, "else"), node.otherwise
    elif isinstance(node, model.Call):
        yield (*path, "call"), node.node
        yield (*path, "then"), node.then


# --- texts -----------------------------------------------------------------------------------


def _texts(node: model.Node) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text key a node names, and where."""
    if isinstance(node, model.Question):
        yield ("question",), node.text
        yield ("short",), node.short
        for index, option in enumerate(node.options):
            yield ("options", index, "text"), option.text
        if node.ask is not None:
            yield ("ask", "unknown"), node.ask.unknown
            yield ("ask", "wrong"), node.ask.wrong
    elif isinstance(node, model.Choose):
        yield ("text",), node.text
        yield ("short",), node.short
    elif isinstance(node, model.Say):
        yield ("end" if node.ends else "say",), node.text


def _check_texts(
    file: _File, flows: Mapping[str, model.Flow], packs: Mapping[str, model.Pack]
) -> None:
    content = file.content
    flow = flows.get(str(content.get("flow"))) if isinstance(content, dict) else None
    for name, node in flow.nodes.items() if flow else ():
        for place, key in _texts(node):
            lacking = [language for language, pack in packs.items() if key and key not in pack]
            if lacking:
                file.complain(
                    ("nodes", name, *place),
                    f"the text {key!r} is missing in {', '.join(lacking)}",
                    "Add it to languages/<language>/screens.yaml",
                )


def _pack(file: _File) -> model.Pack:
    if file.problems:
        return {}
    if not isinstance(file.content, dict):
        file.complain((), "a language pack is a list of `key: text`")
        return {}
    for key, text in file.content.items():
        if not isinstance(text, str) or not text.strip():
            file.complain((str(key),), "this is no text", "Write it in quotes")
        elif _placeholders(text) is None:
            file.complain((str(key),), "a brace opens no {name}", "Write {name} or no brace at all")
    pack = {str(key): str(text).strip() for key, text in file.content.items()}
    for key in (*SYSTEM_KEYS, *MESSAGE_KEYS):
        if key not in pack:
            file.complain((), f"the text {key!r} is missing", "Every language needs it")
    return pack


def _placeholders(text: str) -> set[str] | None:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return None
    # Only a plain {name} can be filled: no {}, {0}, {a.b} and no {a:>5}.
    return names if all(one.isidentifier() and f"{{{one}}}" in text for one in names) else None


def _compare_packs(packs: Mapping[str, model.Pack]) -> list[Problem]:
    """A key must be in every pack, with the same placeholders."""
    problems = []
    for key in sorted({key for pack in packs.values() for key in pack}):
        having = {language: pack[key] for language, pack in packs.items() if key in pack}
        for language in sorted(packs.keys() - having.keys()):
            problems.append(
                Problem(f"languages/{language}/screens.yaml", 1, key, "this text is missing")
            )
        kinds = {frozenset(_placeholders(text) or ()) for text in having.values()}
        if len(kinds) > 1:
            names = "; ".join(f"{language}: {text!r}" for language, text in having.items())
            problems.append(
                Problem("languages", 1, key, f"the placeholders differ between languages ({names})")
            )
    return problems
