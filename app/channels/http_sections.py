"""What the tables of an http channel are made of: conditions, values to find, things to write.

Everything that can be wrong in a template, a place or a regular expression is found here, while
the configuration is read, and named by its key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.channels.forms import clean
from app.channels.http_documents import Document, Format, Place, check_place
from app.channels.http_templates import (
    Escape,
    Template,
    Tree,
    Values,
    fill,
    tree,
    word,
)

Writes = Literal["urlencoded", "json", "xml", "custom"]
CONTENT_TYPES: Final[Mapping[Writes, str]] = {
    "urlencoded": "application/x-www-form-urlencoded",
    "json": "application/json",
    "xml": "text/xml; charset=utf-8",
    "custom": "text/plain; charset=utf-8",
}


def wrong(words: str) -> PydanticCustomError:
    """A validator's error whose words stand as they are."""
    return PydanticCustomError("http_channel", "{words}", {"words": words})


def _tree(written: object) -> Tree:
    try:
        return tree(written)
    except ValueError as error:
        raise wrong(str(error)) from None


def _template(written: object) -> Template:
    if not isinstance(written, str):
        raise wrong("is no text")
    compiled = _tree(written)
    assert isinstance(compiled, Template)
    return compiled


def _words(written: object) -> object:
    """Numbers and truths are compared as they are written in JSON."""
    return [word(one) for one in written] if isinstance(written, list) else written


def as_path(written: object) -> object:
    return {"path": written} if isinstance(written, str) else written


NOTHING: Final = Template("")
Where = Annotated[str, AfterValidator(Place)]
Text = Annotated[Template, PlainValidator(_template)]
Filling = Annotated[Tree, PlainValidator(_tree)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Find(Section):
    """A value in a document: at a place, by a regular expression's first group, or both."""

    path: Where = ""
    regex: re.Pattern[str] | None = None

    def value(self, document: Document) -> str | None:
        value = document.value(self.path) if self.path else document.raw
        if value is None:
            return None
        found = clean(word(value))
        if self.regex is None:
            return found
        match = self.regex.search(found)
        if match is None:
            return None
        return match[1] if match.re.groups else match[0]


Finding = Annotated[Find, BeforeValidator(as_path)]
"""`"path"` is short for `{path = "path"}`."""


class Condition(Find):
    """What a document must be like; all that is given must hold. A path alone: it is there."""

    status: frozenset[int] = frozenset()
    among: Annotated[frozenset[str], BeforeValidator(_words), Field(alias="in")] = frozenset()

    @model_validator(mode="after")
    def _says_something(self) -> Condition:
        if not (self.path or self.regex or self.status):
            raise wrong("needs a path, a regex or a status")
        if self.among and not (self.path or self.regex):
            raise wrong("`in` needs the path or the regex of a value")
        return self

    def holds(self, document: Document, status: int = 0) -> bool:
        if self.status and status not in self.status:
            return False
        if not (self.path or self.regex):
            return True
        value = self.value(document)
        return value is not None and (not self.among or value in self.among)

    def why(self, document: Document) -> str:
        """The value, where the configuration names it; else nothing of what was answered."""
        value = self.value(document) if self.among else None
        return f"{self.path or 'its answer'} is {value}" if value else ""


def any_holds(conditions: list[Condition], document: Document, status: int = 0) -> bool:
    return any(one.holds(document, status) for one in conditions)


class Writing(Section):
    """A body: a table for urlencoded and json, a text for xml and custom."""

    format: Writes = "custom"
    body: Filling = NOTHING
    content_type: str = ""
    # How values are escaped in a custom text; the other formats know it themselves.
    escape: Escape = "plain"

    @model_validator(mode="after")
    def _fits(self) -> Writing:
        check_body("body", self.format, self.body)
        if self.escape != "plain" and self.format != "custom":
            raise wrong(f"escape is for the format custom; {self.format} escapes by itself")
        return self

    @property
    def type(self) -> str:
        return self.content_type or CONTENT_TYPES[self.format]

    def text(self, values: Values) -> str:
        return written(self, self.body, values)


def written(section: Writing, body: Tree, values: Values) -> str:
    """The body with its values, in the section's format."""
    if isinstance(body, Template):
        return body.filled(values, "xml" if section.format == "xml" else section.escape)
    filled = fill(body, values)
    if section.format == "json":
        return json.dumps(filled, ensure_ascii=False)
    assert isinstance(filled, dict)
    pairs = [(name, word(one)) for name, value in filled.items() for one in _listed(value)]
    return urlencode(pairs)


def check_body(key: str, writes: Writes, body: Tree) -> None:
    """Raises a validator's error where the body is not as its format needs it."""
    if isinstance(body, Template) and not body.written:
        return
    if writes in ("xml", "custom") and not isinstance(body, Template):
        raise wrong(f"{key}: the format {writes} needs a text")
    if writes == "json" and not isinstance(body, dict | list):
        raise wrong(f"{key}: the format json needs a table or a list")
    if writes == "urlencoded" and not _is_flat(body):
        raise wrong(f"{key}: the format urlencoded needs a table of texts and numbers")


def _is_flat(body: Tree) -> bool:
    if not isinstance(body, dict):
        return False
    values = (one for value in body.values() for one in _listed(value))
    return not any(isinstance(one, dict | list) for one in values)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _as_body(given: object) -> object:
    return {"body": given} if isinstance(given, str) else given


class AnswerSection(Writing):
    """What a gateway is told when we have what it brought."""

    body: Filling = Template("OK")
    status: Annotated[int, Field(ge=200, le=299)] = 200


Answering = Annotated[AnswerSection, BeforeValidator(_as_body)]
"""`"ACK"` is short for `{body = "ACK"}`."""


class ScreenSection(AnswerSection):
    """A USSD screen: `{{text}}`, and `{{action}}` for whether the session goes on or ends."""

    body: Filling
    goes_on: str | int = ""
    ends: str | int = ""


def leaves(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    """Everything at the ends of a section's branches, with its key."""
    if isinstance(value, Section):
        for name, field in type(value).model_fields.items():
            yield from leaves(getattr(value, name), _below(key, field.alias or name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from leaves(one, _below(key, str(number)))
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from leaves(one, _below(key, str(name)))
    else:
        yield key, value


def _below(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def check_places(section: Section, form: Format) -> None:
    """Raises a validator's error that names every place no such document can have."""
    problems = []
    for key, place in leaves(section):
        if isinstance(place, Place):
            try:
                check_place(form, place)
            except ValueError as error:
                problems.append(f"{key}: {error}")
    if problems:
        raise wrong("; ".join(problems))


def all_templates(section: Section) -> Iterator[tuple[str, Template]]:
    """Every template of a section, with its key."""
    return ((key, one) for key, one in leaves(section) if isinstance(one, Template))


def variables(section: Section) -> frozenset[str]:
    """Every variable that a section's templates use."""
    return frozenset(name for _, one in all_templates(section) for name in one.names)
