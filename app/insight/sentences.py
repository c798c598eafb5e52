"""The wording of the digest: config/languages/<language>/digest.yaml, checked when it is read."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

import yaml

from app.errors import FlowError, Problem
from app.feedback.cells import REASONS
from app.text.lao import canonical
from app.words import Language
from app.yaml_file import compose

FILE = "digest.yaml"
FALLBACK: Language = "lo"
"""The language of a reader whose own has no digest."""

_HEAD = ("place", "week", "year")
PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "none": _HEAD,
    "head": (*_HEAD, "answers"),
    "answers": ("n",),
    "answers_of_women": ("n", "women"),
    "satisfaction": ("percent",),
    "satisfaction_changed": ("percent", "change"),
    "change": ("points",),
    "same": (),
    "reason": ("reason",),
    "overcharged": ("n",),
    **{f"reason_{reason}": () for reason in REASONS},
}
"""Every sentence of a digest and exactly the placeholders it has."""

Sentences = Mapping[str, str]


def load_all(languages: Path) -> dict[Language, Sentences]:
    """The digest's sentences in every language that has them; Lao it must have."""
    found = {path.parent.name: load(path) for path in sorted(languages.glob(f"*/{FILE}"))}
    if FALLBACK not in found:
        missing = str(languages / FALLBACK / FILE)
        raise FlowError([Problem(missing, 1, "", "there is no such file", "Restore it")])
    return found


def load(path: Path) -> Sentences:
    """The sentences of one file. Raises FlowError with everything wrong at once."""
    root = compose(path, "key: text")
    sentences, problems = _checked(path, root)
    if problems:
        raise FlowError(problems)
    return sentences


def _checked(path: Path, root: yaml.MappingNode) -> tuple[Sentences, list[Problem]]:
    sentences: dict[str, str] = {}
    problems: list[Problem] = []
    for key, value in root.value:
        name, line = str(key.value), key.start_mark.line + 1
        complaint = _complaint(name, value, name in sentences)
        if complaint:
            problems.append(Problem(str(path), line, name, *complaint))
        sentences[name] = canonical(str(value.value))
    missing = PLACEHOLDERS.keys() - sentences.keys()
    problems.extend(
        Problem(str(path), 1, name, "the text is missing", "Add it") for name in missing
    )
    return sentences, sorted(problems, key=lambda problem: (problem.line, problem.where))


def _complaint(name: str, value: yaml.Node, repeated: bool) -> tuple[str, str] | None:
    if name not in PLACEHOLDERS:
        return "no digest uses this text", f"Known are {', '.join(PLACEHOLDERS)}"
    if repeated:
        return "the text stands here twice", "Remove one of them"
    if not isinstance(value, yaml.ScalarNode) or not value.value.strip():
        return "this is no text", 'Write it in quotes: key: "text"'
    wanted = sorted(PLACEHOLDERS[name])
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
