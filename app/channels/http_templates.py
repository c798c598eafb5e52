"""What we write into requests and answers: templates with variables, and nothing else.

`{{name}}` and `{{secret.name}}` are replaced; nothing is computed, so a template can do no harm.
Whoever writes one never quotes: every value is escaped as its surroundings need it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from typing import Final, Literal
from urllib.parse import quote

Value = str | int | float | bool
Values = Mapping[str, Value]

Escape = Literal["plain", "url", "json", "xml"]
_VARIABLE = re.compile(r"\{\{\s*([a-z_]+(?:\.[A-Za-z0-9_-]+)?)\s*\}\}")
# What XML 1.0 §2.2 allows in no form at all, not even escaped.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


class Template:
    """A text with variables. Raises ValueError for braces that are no variable."""

    def __init__(self, written: str) -> None:
        self.written = written
        self.names = frozenset(_VARIABLE.findall(written))
        if "{{" in _VARIABLE.sub("", written):
            raise ValueError("{{ must be followed by the name of a variable and }}")

    def __repr__(self) -> str:
        return f"Template({self.written!r})"

    def filled(self, values: Values, escape: Escape = "plain") -> str:
        """The text with every variable's value, escaped for what surrounds it."""
        escaped = ESCAPES[escape]
        return _VARIABLE.sub(lambda found: escaped(word(values[found[1]])), self.written)

    def value(self, values: Values) -> Value:
        """As `filled`, unescaped; a template that is one variable alone keeps the value's type."""
        alone = _VARIABLE.fullmatch(self.written)
        return values[alone[1]] if alone else self.filled(values)

    def header(self, values: Values) -> bytes:
        """The value of an HTTP header: no line break can begin another header."""
        return _CONTROL.sub("", self.filled(values)).encode()


Tree = Template | Value | Mapping[str, "Tree"] | list["Tree"]
"""A body as TOML writes it, every text in it a template."""


def tree(written: object) -> Tree:
    """A TOML value with its texts compiled. Raises ValueError."""
    if isinstance(written, Template | bool | int | float):
        return written
    if isinstance(written, str):
        return Template(written)
    if isinstance(written, Mapping):
        return {str(key): tree(value) for key, value in written.items()}
    if isinstance(written, list):
        return [tree(value) for value in written]
    raise ValueError("a body holds texts, numbers, true and false, tables and lists")


def fill(part: Tree, values: Values) -> object:
    """The tree with values in the place of templates; its structure stays."""
    if isinstance(part, Template):
        return part.value(values)
    if isinstance(part, Mapping):
        return {key: fill(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [fill(value, values) for value in part]
    return part


def word(value: object) -> str:
    """A value as a text: JSON's `true` and `false`, not Python's."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(value: str) -> str:
    return value


def _url(value: str) -> str:
    return quote(value, safe="")


def _json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _xml(value: str) -> str:
    return html.escape(_NOT_XML.sub("", value))


ESCAPES: Final[Mapping[Escape, Callable[[str], str]]] = {
    "plain": _plain,
    "url": _url,
    "json": _json,
    "xml": _xml,
}
