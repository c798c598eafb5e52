"""The flow language as it is written in YAML; `json_schema` is the same for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema

from app.flows.model import LookupName
from app.flows.nodes import AnswerKind


def _as_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


Text = Annotated[
    str, Field(coerce_numbers_to_str=True), WithJsonSchema({"type": ["string", "number"]})
]
Key = Annotated[str, Field(description="a text of languages/LANGUAGE/screens.yaml")]
Target = Annotated[
    str, Field(description="a node of this flow, FLOW/NODE, `return`, or `continue`")
]


class Shape(BaseModel):
    """Unknown keys are refused: a misspelt one would silently do nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConditionShape(Shape):
    """One subject and one comparison, e.g. {answer: score, at_most: 3} or {medium: sms}."""

    answer: str | None = None
    language: str | None = None
    script: Literal["lao", "latin"] | None = None
    medium: Literal["ussd", "sms"] | None = None
    channel: str | None = None
    contact: Literal["new", "known"] | None = None
    equals: Text | None = None
    not_equals: Text | None = None
    at_most: Text | None = None
    at_least: Text | None = None
    given: Literal[True] | None = None


Conditions = Annotated[
    tuple[ConditionShape, ...],
    BeforeValidator(_as_list, json_schema_input_type=ConditionShape | tuple[ConditionShape, ...]),
]


class OptionShape(Shape):
    text: Key
    to: Target
    value: Text | None = None
    value_of: str | None = None
    when: Conditions = ()


class RuleShape(Shape):
    """One bound and the sentence for who breaks it."""

    text: Key
    at_least: Text | None = None
    at_most: Text | None = None
    shortest: int | None = None
    longest: int | None = None
    matches: str | None = None


class AskShape(Shape):
    kind: AnswerKind
    to: Target
    save: str | None = None
    keep: str | None = None
    lookup: LookupName | None = None
    unknown: Key = ""
    wrong: Key = ""
    rules: tuple[RuleShape, ...] = ()


Asks = Annotated[
    tuple[AskShape, ...],
    BeforeValidator(_as_list, json_schema_input_type=AskShape | tuple[AskShape, ...]),
]


class QuestionShape(Shape):
    question: Key
    short: Key = ""
    simple: Key = ""
    options: tuple[OptionShape, ...] = ()
    ask: Asks = ()
    save: str | None = None
    remember: Literal["language"] | None = None
    rest: str | None = None


class ChooseShape(Shape):
    choose: LookupName
    text: Key
    to: Target
    none: Target
    args: dict[str, str] = {}
    ask: Asks = ()
    save: str | None = None
    keep: str | None = None
    short: Key = ""
    confirm: bool = False
    rest: str | None = None


class FindShape(Shape):
    find: LookupName
    keep: str
    found: Target
    none: Target
    args: dict[str, str] = {}


class SayShape(Shape):
    say: Key
    lookup: LookupName | None = None
    args: dict[str, str] = {}
    spare: tuple[str, ...] = ()


class EndShape(Shape):
    end: Key


class CaseShape(ConditionShape):
    """A condition, or several under `when`, and where they lead."""

    when: Conditions = ()
    to: Target


class BranchShape(Shape):
    branch: tuple[CaseShape, ...]
    otherwise: Annotated[Target, Field(alias="else")]


class CallShape(Shape):
    call: Target
    then: Target


class RecordShape(Shape):
    record: dict[str, Text]
    to: Target


class SendShape(Shape):
    send: Key
    to: Target


class OpenShape(Shape):
    open_case: Annotated[str, Field(alias="case")]
    to: Target


KINDS: Mapping[str, type[Shape]] = {
    "question": QuestionShape,
    "choose": ChooseShape,
    "find": FindShape,
    "say": SayShape,
    "end": EndShape,
    "branch": BranchShape,
    "call": CallShape,
    "record": RecordShape,
    "send": SendShape,
    "case": OpenShape,
}
"""A node's first key and what else it may hold."""

AnyNode = (
    QuestionShape
    | ChooseShape
    | FindShape
    | SayShape
    | EndShape
    | BranchShape
    | CallShape
    | RecordShape
    | SendShape
    | OpenShape
)


class OneLineShape(Shape):
    code: str
    score: str
    comment: str
    to: Target
    unknown: Target


class DirectShape(Shape):
    """Words, each followed by an answer in the same SMS, and the node that asks for it."""

    words: tuple[Text, ...]
    to: Target


class InvitedShape(Shape):
    """The questions whose answers an invitation knows, and the question that it asks."""

    code: str
    service: str
    to: Target


class AttemptsShape(Shape):
    simpler_after: Annotated[int, Field(ge=1)]
    give_up_after: Annotated[int, Field(ge=2)]
    to: Target


class FlowShape(Shape):
    flow: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    start: Target
    one_line: OneLineShape | None = None
    direct: tuple[DirectShape, ...] = ()
    invited: InvitedShape | None = None
    attempts: AttemptsShape | None = None
    resume: Target | None = None
    nodes: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], dict[str, object]]


def json_schema() -> dict[str, Any]:
    """JSON Schema of a flow file, for editors that complete and check while one writes."""
    schema = FlowShape.model_json_schema()
    nodes = TypeAdapter(dict[str, AnyNode]).json_schema()
    schema["$defs"] = schema.get("$defs", {}) | nodes.pop("$defs")
    schema["properties"]["nodes"] = nodes
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**dialect, **schema, "title": "A Siang flow"}
