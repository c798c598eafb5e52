"""The JSON Schema that editors check flow files by: it agrees with what the loader takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from app.flows import shapes
from tests.unit.flows.walks import shipped_sources

Schema = Mapping[str, Any]
TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
UNDERSTOOD = {
    *("$schema", "$defs", "$ref", "title", "description", "default", "type", "anyOf", "const"),
    *("enum", "properties", "required", "additionalProperties", "items", "pattern", "minimum"),
    *("patternProperties", "propertyNames"),
}


def fits(value: object, schema: Schema, root: Schema) -> bool:
    """Whether a value is what a schema describes, for the keywords of `UNDERSTOOD`."""
    unknown = schema.keys() - UNDERSTOOD
    assert not unknown, f"this check does not understand {unknown}"
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in schema and not any(fits(value, one, root) for one in schema["anyOf"]):
        return False
    if not _is_of_type(value, schema.get("type", [])):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return False
    if isinstance(value, int) and value < schema.get("minimum", value):
        return False
    if isinstance(value, list):
        return all(fits(one, schema.get("items", {}), root) for one in value)
    return not isinstance(value, dict) or _holds(value, schema, root)


def _is_of_type(value: object, wanted: str | list[str]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(value, bool) and names:
        return "boolean" in names
    return not names or any(isinstance(value, TYPES[name]) for name in names)


def _holds(value: dict[str, object], schema: Schema, root: Schema) -> bool:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    patterns = schema.get("patternProperties", {})
    if not all(name in value for name in schema.get("required", ())):
        return False
    for name, one in value.items():
        below = [known[name]] if name in known else []
        below += [inner for pattern, inner in patterns.items() if re.search(pattern, name)]
        if not below:
            if others is False:
                return False
            below = [others] if isinstance(others, dict) else []
        if not all(fits(one, inner, root) for inner in below):
            return False
    return True


def accepted(text: str) -> bool:
    schema = shapes.json_schema()
    return fits(yaml.safe_load(text), schema, schema)


FLOW = """\
flow: small
start: ask
attempts: {simpler_after: 3, give_up_after: 5, to: bye}
nodes:
  ask:
    question: ask
    options:
      - {text: one, value: 1, to: bye, when: {medium: ussd}}
      - {text: two, to: bye, when: [{answer: age, at_least: 18}, {contact: new}]}
    ask:
      - {kind: number, to: bye, rules: [{at_most: 120, text: old}]}
      - {kind: text, to: bye}
  alone: {question: ask, ask: {kind: date, to: bye, rules: [{at_most: "2026-12-31", text: old}]}}
  fork:
    branch: [{answer: age, at_most: 3, to: bye}, {when: {script: lao}, to: bye}]
    else: noted
  noted: {record: {age: 3}, to: opened}
  opened: {case: problem, to: sent}
  sent: {send: ask, to: list}
  list: {choose: services, text: ask, to: bye, none: bye, confirm: true}
  bye: {end: bye}
"""


def test_it_is_json_of_the_dialect_it_names() -> None:
    schema = json.loads(json.dumps(shapes.json_schema()))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"]
    refs = set(re.findall(r"#/\$defs/(\w+)", json.dumps(schema)))
    assert refs <= schema["$defs"].keys()


def test_it_takes_every_shipped_flow() -> None:
    flows = {name: text for name, text in shipped_sources().items() if name.startswith("flows/")}
    assert flows
    for name, text in flows.items():
        assert accepted(text), name


def test_it_takes_a_flow_of_all_parts() -> None:
    assert accepted(FLOW)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("start: ask", "strat: ask"),
        ("start: ask\n", ""),
        ("flow: small", "flow: Small!"),
        ("question: ask\n    options", "qestion: ask\n    options"),
        ("{text: one, value", "{text: one, valeu"),
        ("when: {medium: ussd}", "wenn: {medium: ussd}"),
        ("{medium: ussd}", "{medium: fax}"),
        ("at_least: 18", "atleast: 18"),
        ("kind: number", "kind: numbr"),
        ("kind: text, to: bye", "kind: text"),
        ("{kind: date, to: bye", "{kind: date, too: bye"),
        ("at_most: 120", "at_moost: 120"),
        ("else: noted", "otherwise: noted"),
        ("simpler_after: 3", "simpler_after: 0"),
        ("simpler_after: 3", "simpler: 3"),
        ("{end: bye}", "{end: bye, colour: red}"),
        ("{case: problem", "{open_case: problem"),
        ("choose: services", "choose: planets"),
    ],
)
def test_it_refuses_what_the_loader_refuses(right: str, wrong: str) -> None:
    assert FLOW.count(right) == 1
    assert not accepted(FLOW.replace(right, wrong))
