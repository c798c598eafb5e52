"""Sentences that the gateway writes itself: config/languages/<language>/<file>, checked."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

import yaml

from app.errors import FlowError, Problem
from app.text.lao import canonical
from app.words import Language
from app.yaml_file import compose

FALLBACK: Language = "lo"
"""The language of a reader whose own has no such sentences."""

Sentences = Mapping[str, str]
Placeholders = Mapping[str, tuple[str, ...]]
"""Every sentence of a file and exactly the placeholders it has."""


def load_all(languages: Path, file: str, wanted: Placeholders) -> dict[Language, Sentences]:
    """A file's sentences in every language that has it; Lao it must have. Raises FlowError."""
    found = {path.parent.name: load(path, wanted) for path in sorted(languages.glob(f"*/{file}"))}
    if FALLBACK not in found:
        missing = str(languages / FALLBACK / file)
        raise FlowError([Problem(missing, 1, "", "there is no such file", "Restore it")])
    return found


def load(path: Path, wanted: Placeholders) -> Sentences:
    """The sentences of one file. Raises FlowError with everything wrong at once."""
    root = compose(path, "key: text")
    sentences, problems = _checked(path, root, wanted)
    if problems:
        raise FlowError(problems)
    return sentences


def _checked(
    path: Path, root: yaml.MappingNode, wanted: Placeholders
) -> tuple[Sentences, list[Problem]]:
    sentences: dict[str, str] = {}
    problems: list[Problem] = []
    for key, value in root.value:
        name, line = str(key.value), key.start_mark.line + 1
        complaint = _complaint(name, value, wanted, repeated=name in sentences)
        if complaint:
            problems.append(Problem(str(path), line, name, *complaint))
        sentences[name] = canonical(str(value.value))
    missing = wanted.keys() - sentences.keys()
    problems.extend(
        Problem(str(path), 1, name, "the text is missing", "Add it") for name in missing
    )
    return sentences, sorted(problems, key=lambda problem: (problem.line, problem.where))


def _complaint(
    name: str, value: yaml.Node, known: Placeholders, *, repeated: bool
) -> tuple[str, str] | None:
    if name not in known:
        return "nothing uses this text", f"Known are {', '.join(known)}"
    if repeated:
        return "the text stands here twice", "Remove one of them"
    if not isinstance(value, yaml.ScalarNode) or not value.value.strip():
        return "this is no text", 'Write it in quotes: key: "text"'
    wanted = sorted(known[name])
    shown = " ".join(f"{{{one}}}" for one in wanted) or "none"
    try:
        pieces = list(string.Formatter().parse(value.value))
    except ValueError:
        return "a brace is not closed", f"Write the placeholders as {shown}"
    # A conversion or a format such as {n!r} or {n:>9} would make lengths unforeseeable.
    plain = all(not spec and not conversion for _, _, spec, conversion in pieces)
    if not plain or sorted(found for _, found, _, _ in pieces if found is not None) != wanted:
        return "its placeholders are not the ones that are filled in", f"They are: {shown}"
    return None
