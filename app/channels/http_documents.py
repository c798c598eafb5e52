"""What others write to us: a body and where in it a value stands.

A place is a field's name in a form, a JSONPath (RFC 9535, `$.` may be left out) in JSON, an
ElementPath in XML, counted from the root element, with `/@name` for an attribute. `query:name` is
a field of the query string, whatever the body is.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import Final, Literal
from xml.etree.ElementTree import Element

import jsonpath
from defusedxml import ElementTree
from jsonpath import JSONPathError

from app.channels.forms import clean
from app.channels.http_templates import Value, word

Format = Literal["form", "json", "xml", "text"]
IN_QUERY: Final = "query:"


class Place(str):
    """Where a value stands; "" is nowhere. What it means is the document's to say."""

    __slots__ = ()


class Document(ABC):
    """A body that was understood. `raw` is all of it as text."""

    def __init__(self, raw: str, query: Mapping[str, str]) -> None:
        self.raw = raw
        self.query = query

    def find(self, place: str) -> str | None:
        """The text or number there, without what cannot be stored; None where there is none."""
        value = self.value(place)
        return None if value is None or isinstance(value, bool) else clean(word(value))

    def value(self, place: str) -> Value | None:
        """As `find`, but a number or a truth is what it is."""
        if not place:
            return None
        if place.startswith(IN_QUERY):
            return self.query.get(place.removeprefix(IN_QUERY))
        return self._value(place)

    @abstractmethod
    def _value(self, place: str) -> Value | None: ...

    def split(self, place: str) -> list[Document]:
        """The parts of a body that holds several of a thing; the body itself without a place."""
        return self._split(place) if place else [self]

    @abstractmethod
    def _split(self, place: str) -> list[Document]: ...


class FormDocument(Document):
    def __init__(self, raw: str, query: Mapping[str, str], fields: Mapping[str, str]) -> None:
        super().__init__(raw, query)
        self.fields = {**fields, **query}

    def _value(self, place: str) -> Value | None:
        return self.fields.get(place)

    def _split(self, place: str) -> list[Document]:
        return [self]


class JsonDocument(Document):
    def __init__(self, raw: str, query: Mapping[str, str], root: object) -> None:
        super().__init__(raw, query)
        self.root = root

    def _all(self, place: str) -> list[object]:
        if not isinstance(self.root, dict | list):
            return []
        try:
            return list(_json_path(place).findall(self.root))
        except JSONPathError:
            return []

    def _value(self, place: str) -> Value | None:
        return next((one for one in self._all(place) if isinstance(one, str | int | float)), None)

    def _split(self, place: str) -> list[Document]:
        return [JsonDocument(self.raw, self.query, one) for one in self._all(place)]


class XmlDocument(Document):
    def __init__(self, raw: str, query: Mapping[str, str], root: Element) -> None:
        super().__init__(raw, query)
        self.root = root

    def _value(self, place: str) -> Value | None:
        path, attribute = _attribute(place)
        element = self.root.find(path or ".")
        if element is None:
            return None
        return element.get(attribute) if attribute else element.text or ""

    def _split(self, place: str) -> list[Document]:
        return [XmlDocument(self.raw, self.query, one) for one in self.root.findall(place)]


class TextDocument(Document):
    """A body that is no document: only regular expressions say anything of it."""

    def _value(self, place: str) -> Value | None:
        return None

    def _split(self, place: str) -> list[Document]:
        return [self]


def read(
    form: Format, body: bytes, query: Mapping[str, str], fields: Mapping[str, str]
) -> Document:
    """The body as a document. Raises ValueError, which says what it is not, without any of it.

    Entities and document types are refused: they are how XML reads files and fills memories.
    """
    raw = body.decode("utf-8-sig", "replace")
    if form == "form":
        return FormDocument(raw, query, fields)
    if form == "text":
        return TextDocument(raw, query)
    try:
        if form == "json":
            return JsonDocument(raw, query, json.loads(raw))
        return XmlDocument(raw, query, ElementTree.fromstring(body, forbid_dtd=True))
    # SyntaxError: XML's ParseError. RecursionError: ten thousand brackets.
    except (ValueError, SyntaxError, LookupError, RecursionError):
        raise ValueError(f"the body is no {form.upper()}") from None


def check_place(form: Format, place: str) -> None:
    """Raises ValueError for a place that can be nowhere in such a document."""
    if not place or place.startswith(IN_QUERY):
        return
    if form == "text":
        raise ValueError("in a text there are no places; give a regex")
    if form == "json":
        _json_path(place)
    if form == "xml":
        _check_element_path(place)


@cache
def _json_path(place: str) -> jsonpath.JSONPath | jsonpath.CompoundJSONPath:
    try:
        return jsonpath.compile(place)
    except JSONPathError:
        raise ValueError(f"{place!r} is no JSONPath such as data[0].msisdn") from None


def _check_element_path(place: str) -> None:
    path, _ = _attribute(place)
    try:
        # With ./ before it, a prefix that nothing declares is noticed, too.
        Element("root").find(f"./{path}" if path else ".")
    # TypeError: a bracket that nothing closes.
    except (SyntaxError, KeyError, TypeError):
        raise ValueError(f"{place!r} is no ElementPath such as message/text") from None


def _attribute(place: str) -> tuple[str, str]:
    """`message/@id` → ("message", "id"); an attribute in brackets is part of the path."""
    path, mark, name = place.rpartition("@")
    if not mark or "]" in name or (path and not path.endswith("/")):
        return place, ""
    return path.rstrip("/"), name
