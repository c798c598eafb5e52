"""What FLOIP Flow Results 1.0 requires of a descriptor and of rows, read from its specification."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

Descriptor = Mapping[str, Any]

COLUMNS = ["timestamp", "row_id", "contact_id", "session_id", "question_id", "response"]
COLUMNS += ["response_metadata"]
TYPES = ["datetime", "string", "string", "string", "string", "any", "object"]
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d:\d\d")


def faults(told: Descriptor) -> list[str]:
    """Everything that the specification would not have so."""
    return [*_package(told), *_resource(told["resources"])]


def _package(told: Descriptor) -> Iterator[str]:
    if told["profile"] != "flow-results-package":
        yield "profile"
    if told["flow_results_specification_version"] != "1.0.0-rc1":
        yield "version"
    for name in ("created", "modified"):
        if not RFC_3339.fullmatch(told[name]):
            yield name
    if UUID(told["id"]).version != 4 or str(UUID(told["id"])) != told["id"]:
        yield "id"
    if not re.fullmatch("[a-z0-9._-]+", told["name"]) or not told["title"]:
        yield "name or title"


def _resource(resources: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    (resource,) = resources
    if "data" in resource:
        yield "inline data"
    if resource["access_method"] == "file" and not resource["path"]:
        yield "path"
    if resource["access_method"] == "api" and not resource["api_data_url"].startswith("http"):
        yield "api_data_url"
    schema = resource["schema"]
    if schema["language"] != "eng":
        yield "language"
    if [one["name"] for one in schema["fields"]] != COLUMNS:
        yield "names of fields"
    if [one["type"] for one in schema["fields"]] != TYPES:
        yield "types of fields"
    for name, question in schema["questions"].items():
        yield from (f"{name}: {fault}" for fault in _question(question))


def _question(question: Mapping[str, Any]) -> Iterator[str]:
    options = question["type_options"]
    if not question["label"] or not isinstance(options, dict):
        yield "label"
    if question["type"] == "select_one":
        if not options["choices"] or not all(isinstance(one, str) for one in options["choices"]):
            yield "choices"
    elif question["type"] == "numeric":
        if "range" in options and len(options["range"]) != 2:
            yield "range"
    else:
        yield "type"


def faults_of_rows(told: Descriptor, rows: Sequence[Sequence[Any]]) -> list[str]:
    """The same of the rows that a descriptor tells of."""
    questions = told["resources"][0]["schema"]["questions"]
    found = [f"row {row}" for row in rows if not _right(questions, row)]
    return found + (["row ids"] if len({row[1] for row in rows}) < len(rows) else [])


def _right(questions: Mapping[str, Any], row: Sequence[Any]) -> bool:
    at, row_id, contact, session, name, response, metadata = row
    question = questions[name]
    if question["type"] == "numeric":
        fits = isinstance(response, int)
    else:
        fits = response in question["type_options"]["choices"]
    strings = all(isinstance(one, str) and one for one in (row_id, contact, session))
    moment = bool(RFC_3339.fullmatch(at)) and datetime.fromisoformat(at).tzinfo is not None
    return fits and strings and moment and isinstance(metadata, dict)
