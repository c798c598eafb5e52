"""What a flow is made of, and what goes in and out of a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter

from app.words import Language, Medium

STATE_VERSION = 1

# --- what flows ask of the outside -----------------------------------------------------------

LookupName = Literal[
    "last_odsc", "odsc", "provinces", "districts", "odscs", "services", "fee", "request"
]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question the engine asks of the caller, e.g. Lookup("districts", {"province": "01"})."""

    name: LookupName
    args: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Named:
    """A thing with a name in each language."""

    names: Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text of the language pack, with its own values."""

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)


Value = str | int | Named | Phrase
"""What fills a placeholder: a literal, a count or amount, a named thing, a phrase of the pack."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing a lookup found: its key, its names, and values for a text."""

    value: str
    names: Mapping[Language, str]
    values: Mapping[str, Value] = field(default_factory=dict)


Findings = tuple[Found, ...]

# --- nodes -----------------------------------------------------------------------------------

RETURN = "return"
"""As a target: back to where the running `call` was made."""

AnswerKind = Literal["code", "rating", "amount", "text", "reference"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a menu. `value` is what `save` stores; `value_of` takes it from a find."""

    text: str
    to: str
    value: str | None = None
    value_of: str | None = None


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


@dataclass(frozen=True, slots=True)
class Question:
    """A screen that waits: fixed options, a typed answer, or both.

    `save` stores the chosen option's value as the answer to that question; `remember` keeps it
    with the contact (only "language").
    """

    name: str
    text: str
    short: str = ""
    options: tuple[Choice, ...] = ()
    ask: Ask | None = None
    save: str | None = None
    remember: Literal["language"] | None = None


@dataclass(frozen=True, slots=True)
class Choose:
    """Options that a lookup finds. One only is taken without asking; none leads to `none`."""

    name: str
    text: str
    lookup: LookupName
    to: str
    none: str
    args: Mapping[str, str] = field(default_factory=dict)
    save: str | None = None
    keep: str | None = None
    short: str = ""


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
    """Tells something that a lookup filled, and waits for 0 or 00; with `ends` it closes."""

    name: str
    text: str
    ends: bool
    lookup: LookupName | None = None
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """A branch's case: `answer` compared with `value`."""

    answer: str
    operator: Literal["equals", "at_most", "at_least", "given"]
    value: str
    to: str


@dataclass(frozen=True, slots=True)
class Branch:
    """Goes on by answers already given."""

    name: str
    cases: tuple[Case, ...]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Call:
    """Walks another part of the flow and comes back to `then`."""

    name: str
    node: str
    then: str


Node = Question | Choose | Find | Say | Branch | Call


@dataclass(frozen=True, slots=True)
class OneLine:
    """A whole answer in one SMS: "0103 5 good" → these questions, then the node `to`."""

    code: str
    score: str
    comment: str
    to: str
    unknown: str


@dataclass(frozen=True, slots=True)
class Flow:
    """A conversation: named nodes, of which every target exists (see `load`)."""

    name: str
    start: str
    nodes: Mapping[str, Node]
    one_line: OneLine | None = None


Pack = Mapping[str, str]
"""A language pack's texts by key."""


@dataclass(frozen=True, slots=True)
class Book:
    """Flows and language packs that belong together, known by the hash of their sources."""

    hash: str
    flows: Mapping[str, Flow]
    packs: Mapping[Language, Pack]


# --- a step ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """Where a conversation stands. Small, and JSON by `as_json`.

    `page` of `pages` is the part of the screen that the phone shows; `pages` is told by the
    caller after laying the screen out. `notice` is what was wrong, on its first page.
    `answers` are questions' answers; `kept` are values for
    later lookups; `labels` are the names of both.
    """

    node: str
    page: int = 0
    pages: int = 1
    notice: str = ""
    stack: tuple[str, ...] = ()
    history: tuple[tuple[str, tuple[str, ...]], ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Mapping[Language, str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Plain lists, dicts, strings and numbers."""
        return {"v": STATE_VERSION, **_STATE.dump_python(self, mode="json")}

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> State:
        """The inverse of `as_json`; raises ValueError for a state of another version."""
        if stored.get("v") != STATE_VERSION:
            raise ValueError(f"a state of version {stored.get('v')!r} cannot be continued")
        return _STATE.validate_python({key: value for key, value in stored.items() if key != "v"})


_STATE = TypeAdapter(State)


@dataclass(frozen=True, slots=True)
class Input:
    """What a person typed. `opening`: it began the conversation, so it may mean nothing at all."""

    text: str
    medium: Medium = "ussd"
    opening: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """What to show, as keys and values: `app.flows.render` makes pages of it."""

    text: str
    short: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    options: tuple[tuple[str, Value], ...] = ()
    notice: str = ""
    can_back: bool = False
    can_home: bool = False
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """An effect: a question was answered."""

    question: str
    value: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """An effect: something about the contact, for all conversations to come."""

    what: Literal["language"]
    value: str


Effect = Saved | Remembered


@dataclass(frozen=True, slots=True)
class Step:
    """What a step yields: the new state, the screen, what happened. `finished`: the end."""

    state: State
    screen: Screen
    effects: tuple[Effect, ...] = ()
    finished: bool = False
