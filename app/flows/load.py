"""Flow and language files → a Book. Every problem is reported at once with file, line and key.

Pure: the caller reads the files and gives their names and contents.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import yaml
from pydantic import ValidationError

from app.errors import FlowError, Problem
from app.flows import build, model, nodes, shapes
from app.flows.build import Path
from app.flows.yaml_loader import LOADER
from app.flows.yaml_loader import content as yaml_content

Sources = Mapping[str, str]
"""File name under config/ → its text: `flows/NAME.yaml`, `languages/LANGUAGE/screens.yaml`."""

SYSTEM_KEYS = (
    "nav.next",
    "nav.back",
    "nav.home",
    "error.choice",
    "error.system",
    "error.session",
    "error.busy",
)
MESSAGE_KEYS = (
    "message.stopped",
    "message.started",
    "message.help",
    "message.follows",
    "message.joined",
)
META_KEYS = ("pack.name", "pack.script", "pack.names")
SCRIPTS = ("lao", "latin")
NAMES = ("lo", "en")
"""The languages in which the registry has names."""


@dataclass(slots=True)
class _File:
    """A YAML file with the line of every key path."""

    name: str
    content: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def complain(self, path: Path, message: str, remedy: str = "") -> None:
        written: Path = ()
        for part in path:
            # One thing may stand where a list is meant: then it has no number.
            if isinstance(part, str) or (*written, part) in self.lines:
                written = (*written, part)
        known = written
        while known and known not in self.lines:
            known = known[:-1]
        where = ".".join(str(part) for part in written)
        self.problems.append(Problem(self.name, self.lines.get(known, 1), where, message, remedy))


def book(sources: Sources) -> nodes.Book:
    """Parse and check everything. Raises FlowError with every problem."""
    files = {name: _read(name, text) for name, text in sorted(sources.items())}
    packs = {
        name.split("/")[1]: _pack(file)
        for name, file in files.items()
        if name.startswith("languages/")
    }
    flows: dict[str, nodes.Flow] = {}
    where: dict[str, _File] = {}
    for name, file in files.items():
        flow = _flow(file) if name.startswith("flows/") else None
        if flow is not None and flow.name in flows:
            file.complain(("flow",), f"there are two flows {flow.name!r}", "Rename one")
        elif flow is not None:
            flows[flow.name], where[flow.name] = flow, file
    known = {name: one for flow in flows.values() for name, one in flow.nodes.items()}
    declared = known.keys() | _declared(files)
    for flow in flows.values():
        _check_targets(where[flow.name], flow, declared)
        _check_asking(where[flow.name], flow, known)
        _check_circles(where[flow.name], flow, known)
        _check_texts(where[flow.name], flow, packs)
        _check_languages(where[flow.name], flow, packs)
    problems = [problem for file in files.values() for problem in file.problems]
    problems += _compare_packs(packs)
    if problems:
        raise FlowError(problems)
    return nodes.Book(hash_of(sources), flows, known, packs)


def _declared(files: Mapping[str, _File]) -> set[str]:
    """Nodes as written, also those that are wrong: who points at them is not wrong too."""
    found = set()
    for file in files.values():
        content = file.content if isinstance(file.content, dict) else {}
        written = content.get("nodes")
        for name in written if isinstance(written, dict) else ():
            found.add(f"{content.get('flow')}/{name}")
    return found


def hash_of(sources: Sources) -> str:
    """The name of a version: sha256 of the sources, 32 hex digits."""
    canonical = json.dumps(dict(sorted(sources.items())), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()[:32]


def _read(name: str, text: str) -> _File:
    file = _File(name)
    try:
        root = yaml.compose(text, Loader=LOADER)
        file.content = yaml_content(text)
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


def _lines(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
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


def _flow(file: _File) -> nodes.Flow | None:
    """A flow with its own nodes; targets are checked when all flows are known."""
    if file.problems:
        return None
    parsed = _validated(file, shapes.FlowShape, file.content, ())
    if not isinstance(parsed, shapes.FlowShape):
        return None
    name = parsed.flow
    built = {}
    for own, raw in parsed.nodes.items():
        one = _node(file, name, own, raw)
        if one is not None:
            built[one.name] = one
    return nodes.Flow(
        name=name,
        start=build.full(name, parsed.start),
        nodes=built,
        one_line=_one_line(name, parsed.one_line),
        direct=tuple(nodes.Direct(one.words, build.full(name, one.to)) for one in parsed.direct),
        invited=_invited(name, parsed.invited),
        attempts=_attempts(name, parsed.attempts),
        resume=None if parsed.resume is None else build.full(name, parsed.resume),
    )


def _one_line(flow: str, shape: shapes.OneLineShape | None) -> nodes.OneLine | None:
    if shape is None:
        return None
    to, unknown = build.full(flow, shape.to), build.full(flow, shape.unknown)
    return nodes.OneLine(shape.code, shape.score, shape.comment, to, unknown)


def _invited(flow: str, shape: shapes.InvitedShape | None) -> nodes.Invited | None:
    if shape is None:
        return None
    return nodes.Invited(shape.code, shape.service, build.full(flow, shape.to))


def _attempts(flow: str, shape: shapes.AttemptsShape | None) -> nodes.Attempts | None:
    if shape is None:
        return None
    to = build.full(flow, shape.to)
    return nodes.Attempts(shape.simpler_after, shape.give_up_after, to)


def _validated(
    file: _File, shape: type[shapes.Shape], content: object, path: Path
) -> shapes.Shape | None:
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            file.complain((*path, *problem["loc"]), problem["msg"])
    return None


def _node(file: _File, flow: str, name: str, raw: dict[str, object]) -> nodes.Node | None:
    path = ("nodes", name)
    kinds = [kind for kind in shapes.KINDS if kind in raw]
    if len(kinds) != 1:
        remedy = f"Begin it with one of {', '.join(shapes.KINDS)}"
        file.complain(path, "a node has exactly one kind", remedy)
        return None
    shape = _validated(file, shapes.KINDS[kinds[0]], raw, path)
    if shape is None:
        return None
    ill = list(build.ill(shape))
    for place, message, remedy in ill:
        file.complain((*path, *place), message, remedy)
    return None if ill else build.node(flow, name, shape)


def _check_targets(file: _File, flow: nodes.Flow, known: set[str]) -> None:
    targets: list[tuple[Path, str]] = [(("start",), flow.start)]
    if flow.resume is not None:
        targets.append((("resume",), flow.resume))
    if flow.one_line is not None:
        targets.append((("one_line", "to"), flow.one_line.to))
        targets.append((("one_line", "unknown"), flow.one_line.unknown))
    if flow.attempts is not None:
        targets.append((("attempts", "to"), flow.attempts.to))
    if flow.invited is not None:
        targets.append((("invited", "to"), flow.invited.to))
    targets += [(("direct", index, "to"), one.to) for index, one in enumerate(flow.direct)]
    for name, one in flow.nodes.items():
        own = ("nodes", name.split("/")[1])
        targets += [((*own, *place), target) for place, target in build.targets(one)]
    for path, target in targets:
        within = path[0] == "nodes" and target in (nodes.RETURN, nodes.CONTINUE)
        if target not in known and not within:
            shown = target.removeprefix(f"{flow.name}/")
            file.complain(path, f"there is no node {shown!r}", "Add it or name another")


def _check_asking(file: _File, flow: nodes.Flow, known: Mapping[str, nodes.Node]) -> None:
    """Where a conversation is put without walking there, somebody must be asked something."""
    unknown = None if flow.one_line is None else flow.one_line.unknown
    places: tuple[tuple[Path, str], ...] = (
        (("resume",), flow.resume or ""),
        (("one_line", "unknown"), unknown or ""),
    )
    for place, target in places:
        if target in known and not isinstance(known[target], nodes.Question):
            shown = target.removeprefix(f"{flow.name}/")
            file.complain(place, f"{shown!r} is no question", "Name a node that is one")
    takers: list[tuple[Path, str]] = [
        (("direct", index, "to"), one.to) for index, one in enumerate(flow.direct)
    ]
    if flow.invited is not None:
        takers.append((("invited", "to"), flow.invited.to))
    for place, target in takers:
        if target in known and not nodes.asks_of(known[target]):
            shown = target.removeprefix(f"{flow.name}/")
            file.complain(place, f"{shown!r} takes no typed answer", "Name a node with an `ask`")


def _check_circles(file: _File, flow: nodes.Flow, known: Mapping[str, nodes.Node]) -> None:
    """Nodes that do not wait must lead to one that does."""
    for name in flow.nodes:
        walked, here = {name}, [name]
        while here:
            onward = set(build.onward(known.get(here.pop())))
            if name in onward:
                place = ("nodes", name.split("/")[1])
                file.complain(place, "this leads in a circle that never waits", "Put a question in")
                break
            here += onward - walked
            walked |= onward


# --- texts -----------------------------------------------------------------------------------


def _check_languages(file: _File, flow: nodes.Flow, packs: Mapping[str, model.Pack]) -> None:
    """A language that a phone remembers must be one that there is."""
    for name, one in flow.nodes.items():
        if not isinstance(one, nodes.Question) or one.remember != "language":
            continue
        for index, option in enumerate(one.options):
            if option.value is not None and option.value not in packs:
                place = ("nodes", name.split("/")[1], "options", index, "value")
                known = ", ".join(packs)
                file.complain(place, f"there is no language {option.value!r}", f"Known are {known}")


def _check_texts(file: _File, flow: nodes.Flow, packs: Mapping[str, model.Pack]) -> None:
    for name, one in flow.nodes.items():
        for place, key in build.texts(one):
            lacking = [language for language, pack in packs.items() if key and key not in pack]
            if lacking:
                file.complain(
                    ("nodes", name.split("/")[1], *place),
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
    for key in (*META_KEYS, *SYSTEM_KEYS, *MESSAGE_KEYS):
        if key not in pack:
            file.complain((), f"the text {key!r} is missing", "Every language needs it")
    if pack.get("pack.script", SCRIPTS[0]) not in SCRIPTS:
        file.complain(("pack.script",), f"a script is one of {', '.join(SCRIPTS)}")
    if pack.get("pack.names", NAMES[0]) not in NAMES:
        file.complain(("pack.names",), f"there are names in {' and '.join(NAMES)} only")
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
