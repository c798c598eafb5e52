"""What a flow is made of: nodes, conditions, rules. Built by `app.flows.load` only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.flows.model import LookupName, Pack
from app.words import Language

RETURN = "return"
"""As a target: back to where the running `call` was made."""

CONTINUE = "continue"
"""As a target: back into the conversation that a dropped session left."""

AnswerKind = Literal[
    "code", "rating", "number", "amount", "date", "phone", "text", "reference", "place"
]
Subject = Literal["answer", "language", "script", "medium", "channel", "contact"]
Operator = Literal["equals", "not_equals", "at_most", "at_least", "given"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison as data. `name` is the question where the subject is an answer."""

    subject: Subject
    name: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a question. `value` is what `save` stores; `value_of` takes it from a find.

    Hidden unless every condition of `when` holds.
    """

    text: str
    to: str
    value: str | None = None
    value_of: str | None = None
    when: tuple[Condition, ...] = ()


RuleOperator = Literal["at_least", "at_most", "shortest", "longest", "matches"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A bound on a typed answer and the sentence for who breaks it.

    `at_least` and `at_most` compare numbers and dates, `shortest` and `longest` count characters,
    `matches` is a regular expression for the whole answer.
    """

    operator: RuleOperator
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A typed answer: its kind, where it is saved, the lookup that must know it, where it leads."""

    kind: AnswerKind
    to: str
    save: str | None = None
    keep: str | None = None
    lookup: LookupName | None = None
    unknown: str = ""
    wrong: str = ""
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A screen that waits: fixed options, typed answers, or both.

    `asks` are tried in order. `save` stores the chosen option's value as the answer to that
    question, `remember` keeps it with the contact. `rest` is the question under which words after
    the number are saved ("5 ດີຫຼາຍ"). `simple` replaces the text after several wrong answers.
    """

    name: str
    text: str
    short: str = ""
    simple: str = ""
    options: tuple[Choice, ...] = ()
    asks: tuple[Ask, ...] = ()
    save: str | None = None
    remember: Literal["language"] | None = None
    rest: str | None = None


@dataclass(frozen=True, slots=True)
class Choose:
    """Options that a lookup finds. None leads to `none`; one only is taken without asking,
    unless it wants to be confirmed. `asks` are tried in order where no option was meant."""

    name: str
    text: str
    lookup: LookupName
    to: str
    none: str
    args: Mapping[str, str] = field(default_factory=dict)
    asks: tuple[Ask, ...] = ()
    save: str | None = None
    keep: str | None = None
    short: str = ""
    confirm: bool = False
    rest: str | None = None


@dataclass(frozen=True, slots=True)
class Find:
    """Looks one thing up and goes on by whether it is there; `keep` names it for later texts."""

    name: str
    lookup: LookupName
    keep: str
    found: str
    none: str
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Say:
    """Tells something that a lookup may fill, and waits for 0 or 00; with `ends` it closes.

    `spare` values are left out, the first first, where all of it would not fit one page.
    """

    name: str
    text: str
    ends: bool
    lookup: LookupName | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    spare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A branch's case: where to go if all of `when` holds."""

    when: tuple[Condition, ...]
    to: str


@dataclass(frozen=True, slots=True)
class Branch:
    """Goes on by answers already given, or by who is talking over what."""

    name: str
    cases: tuple[Case, ...]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Call:
    """Walks another part of this flow or of another (`FLOW/NODE`) and comes back to `then`."""

    name: str
    node: str
    then: str


@dataclass(frozen=True, slots=True)
class Record:
    """Sets answers without asking."""

    name: str
    values: Mapping[str, str]
    to: str


@dataclass(frozen=True, slots=True)
class Send:
    """Sends an SMS on the way, over USSD and SMS alike."""

    name: str
    text: str
    to: str


@dataclass(frozen=True, slots=True)
class Open:
    """Opens a case, which the person's next texts join."""

    name: str
    kind: str
    to: str


Node = Question | Choose | Find | Say | Branch | Call | Record | Send | Open


def asks_of(node: Node) -> tuple[Ask, ...]:
    """The typed answers that a node takes."""
    return node.asks if isinstance(node, Question | Choose) else ()


@dataclass(frozen=True, slots=True)
class OneLine:
    """A whole answer in one SMS: "0103 5 good" → these questions, then the node `to`."""

    code: str
    score: str
    comment: str
    to: str
    unknown: str


@dataclass(frozen=True, slots=True)
class Direct:
    """One of these words and an answer in one SMS: straight to the node `to` that asks for it."""

    words: tuple[str, ...]
    to: str


@dataclass(frozen=True, slots=True)
class Invited:
    """Where who was asked how it was begins: these questions are answered, `to` takes the rest."""

    code: str
    service: str
    to: str


@dataclass(frozen=True, slots=True)
class Attempts:
    """After `simpler_after` wrong answers in a row the simple text, after `give_up_after` `to`."""

    simpler_after: int
    give_up_after: int
    to: str


@dataclass(frozen=True, slots=True)
class Flow:
    """A conversation. Every name of a node, here and in targets, is FLOW/NODE."""

    name: str
    start: str
    nodes: Mapping[str, Node]
    one_line: OneLine | None = None
    direct: tuple[Direct, ...] = ()
    invited: Invited | None = None
    attempts: Attempts | None = None
    resume: str | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """Flows and language packs that belong together, known by the hash of their sources.

    `nodes` are those of all flows: a call may lead from one into another.
    """

    hash: str
    flows: Mapping[str, Flow]
    nodes: Mapping[str, Node]
    packs: Mapping[Language, Pack]
