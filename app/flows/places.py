"""Where in a YAML file something is written: the line of every key, document by document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from app.flows.build import Path
from app.flows.yaml_loader import PLAIN_LOADER

Lines = Mapping[Path, int]


def documents(text: str) -> Iterator[tuple[object, Lines]]:
    """Every document of a file with the lines of its keys. Raises yaml.YAMLError.

    All scalars are texts, as typed: 0103 is no octal number and `no` is no boolean.
    """
    roots = list(yaml.compose_all(text, Loader=PLAIN_LOADER))
    for root, content in zip(roots, yaml.load_all(text, Loader=PLAIN_LOADER), strict=True):
        yield content, dict(_lines(root, ())) if root is not None else {}


def _lines(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, str(key.value))
            yield from _lines(value, below)
            # A key's own line, where its value begins further down.
            yield below, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index))


def line_of(lines: Lines, path: Path) -> int:
    """The line of a key, or of the nearest one above it that is written."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


@dataclass(frozen=True, slots=True)
class Index:
    """Where a book's nodes and texts are written."""

    nodes: Mapping[str, tuple[str, int]]
    texts: Mapping[tuple[str, str], int]

    def node(self, name: str) -> tuple[str, int]:
        return self.nodes.get(name, ("flows", 1))

    def text(self, language: str, key: str) -> tuple[str, int]:
        return f"languages/{language}/screens.yaml", self.texts.get((language, key), 1)


def index(sources: Mapping[str, str]) -> Index:
    """For sources that a book was loaded from."""
    nodes: dict[str, tuple[str, int]] = {}
    texts: dict[tuple[str, str], int] = {}
    for file, text in sources.items():
        for content, lines in documents(text):
            flow = content.get("flow") if isinstance(content, dict) else None
            for path, line in lines.items():
                if file.startswith("flows/") and len(path) == 2 and path[0] == "nodes":
                    nodes[f"{flow}/{path[1]}"] = (file, line)
                elif file.startswith("languages/") and len(path) == 1:
                    texts[file.split("/")[1], str(path[0])] = line
    return Index(nodes, texts)
