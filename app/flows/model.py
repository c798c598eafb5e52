"""What goes in and out of a step: lookups, values, states, screens, effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter

from app.words import Language, Medium

STATE_VERSION = 2

# --- what flows ask of the outside -----------------------------------------------------------

LookupName = Literal[
    "last_odsc",
    "odsc",
    "provinces",
    "districts",
    "odscs",
    "places",
    "services",
    "fee",
    "request",
    "my_requests",
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
    """A text of the language pack, with its own values.

    A version of before may lack it, and has the text `instead`.
    """

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)
    instead: str = ""


Value = str | int | Named | Phrase
"""What fills a placeholder: a literal, a count or amount, a named thing, a phrase of the pack."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing a lookup found: its key, its names, and values for a text.

    `label` stands in a list where the name alone would not do.
    """

    value: str
    names: Mapping[Language, str]
    values: Mapping[str, Value] = field(default_factory=dict)
    label: Phrase | None = None


Findings = tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Untold:
    """A lookup tells nothing, and the key of the text that says why."""

    text: str


Outcome = Findings | Untold
"""What a lookup is answered with; nothing found is no findings."""

Pack = Mapping[str, str]
"""A language pack's texts by key."""


SCRIPT_KEY = "pack.script"
"""The text of a pack that names its script: "lao" or "latin"."""

NAMES_KEY = "pack.names"
"""The text of a pack that tells in which language it names places and services."""


@dataclass(frozen=True, slots=True)
class Context:
    """Who is talking, and over what: what branches and hidden options may go by.

    `new`: the contact was never heard before and has chosen no language.
    """

    language: Language
    pack: Pack
    medium: Medium
    channel: str = ""
    new: bool = False

    @property
    def script(self) -> str:
        return self.pack[SCRIPT_KEY]


# --- a step ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """Where a conversation stands. Small, and JSON by `as_json`.

    `node` is FLOW/NODE. `wrong` counts wrong answers to the present question,
    `notice` is what was wrong, on its first page. `suspended` is
    where a dropped session stood, while the person is asked whether to go on from there.

    `page` of `pages` is the part of the screen that the phone shows; `pages` is told by the
    caller after laying the screen out. `answers` are questions' answers; `kept` are values for
    later lookups; `labels` are the names of both.
    """

    node: str
    page: int = 0
    pages: int = 1
    wrong: int = 0
    notice: str = ""
    stack: tuple[str, ...] = ()
    history: tuple[tuple[str, tuple[str, ...]], ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Mapping[Language, str]] = field(default_factory=dict)
    suspended: State | None = None

    def as_json(self) -> dict[str, object]:
        """Plain lists, dicts, strings and numbers."""
        return {"v": STATE_VERSION, **_STATE.dump_python(self, mode="json")}

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> State:
        """The inverse of `as_json`; raises ValueError for a state of another version."""
        if stored.get("v") != STATE_VERSION:
            raise ValueError(f"a state of version {stored.get('v')!r} cannot be continued")
        return _STATE.validate_python({key: value for key, value in stored.items() if key != "v"})


def readable(stored: Mapping[str, object]) -> State | None:
    """A stored state; None for one that this code cannot continue."""
    try:
        return State.from_json(stored)
    except ValueError:
        return None


_STATE = TypeAdapter(State)


@dataclass(frozen=True, slots=True)
class Input:
    """What a person typed. `opening`: it began the conversation, so it may mean nothing at all."""

    text: str
    opening: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """What to show, as keys and values: `app.flows.render` makes pages of it.

    `spare` values are left out, the first first, where all of it would not fit one page.
    """

    text: str
    short: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    spare: tuple[str, ...] = ()
    options: tuple[tuple[str, Value], ...] = ()
    notice: str = ""
    can_back: bool = False
    can_home: bool = False
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """An effect: a question was answered.

    A `secret` answer, a number, is stored sealed only. What is `added` follows on the answer
    that is stored already.
    """

    question: str
    value: str
    secret: bool = False
    added: bool = False


@dataclass(frozen=True, slots=True)
class Remembered:
    """An effect: something about the contact, for all conversations to come."""

    what: Literal["language"]
    value: str


@dataclass(frozen=True, slots=True)
class SendSms:
    """An effect: a text for the person's inbox."""

    phrase: Phrase


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An effect: something that texts of the coming days belong to."""

    kind: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """An effect: the suspended conversation is left as it is and another one begins."""


Effect = Saved | Remembered | SendSms | OpenCase | Restarted


@dataclass(frozen=True, slots=True)
class Step:
    """What a step yields: the new state, the screen, what happened. `finished`: the end."""

    state: State
    screen: Screen
    effects: tuple[Effect, ...] = ()
    finished: bool = False
