"""What a walked conversation came to, against what was expected of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.flows.talk import Talk
from app.text.answers import normalise, one_line
from app.text.encoding import segment_count
from app.words import Language


@dataclass(frozen=True, slots=True)
class Expected:
    """What must have come of a conversation; None and nothing where it does not matter.

    An answer expected to be "" must not have been given. `screens` and `segments` are at most.
    """

    answers: Mapping[str, str]
    remembers: Language | None
    case: str | None
    sms: tuple[str, ...]
    ends: bool | None
    screens: int | None
    segments: int | None


@dataclass
class Verdict:
    """A conversation while it is walked, with its screens and segments counted."""

    talk: Talk
    screens: int = 0
    segments: int = 0

    def act(self, act: str, typed: str) -> None:
        """One thing that the person does, as a gateway would pass it on."""
        if act == "dial":
            self._dial(typed)
        elif act == "redial":
            self._see(self.talk.resume())
        elif self.talk.medium == "sms":
            self._text(typed)
        else:
            self._see(self.talk.take(typed))

    def _dial(self, code: str) -> None:
        """Behind the service's code may stand answers: *1616*0103#."""
        _, *keys = code.strip().strip("*#").split("*")
        talk = self.talk.begin()
        for index, key in enumerate(keys):
            talk = talk.take(key, opening=index == 0)
        self._see(talk)

    def _text(self, text: str) -> None:
        """What begins a conversation may be an answer already, or mean nothing at all."""
        talk = self.talk
        if talk.state is None or talk.finished or one_line(text) is not None:
            begun = talk.begin()
            self._see(begun.take(text, opening=True) if normalise(text) else begun)
        else:
            self._see(talk.take(text))

    def _see(self, talk: Talk) -> None:
        self.talk = talk
        self.screens += 1
        self.segments += segment_count(talk.page)

    def shown(self) -> str:
        """The screen that came, to stand under a sentence."""
        lines = self.talk.page.splitlines() or ["(nothing)"]
        return ". The screen is:\n" + "\n".join(f"    {line}" for line in lines)


def judge(verdict: Verdict, expected: Expected) -> tuple[str, str]:
    """The first expectation that was not met: its key, and a sentence; both "" if all were."""
    return next(_unmet(verdict, expected), ("", ""))


def _unmet(verdict: Verdict, expected: Expected) -> Iterator[tuple[str, str]]:
    talk = verdict.talk
    for question, value in expected.answers.items():
        given = talk.answers.get(question, "")
        if given != value:
            wanted = f"should be {value!r}" if value else "should not be given"
            yield "answers", f"the answer {question} {wanted}, and is {given or 'not given'!r}"
    if expected.remembers is not None and talk.language != expected.remembers:
        said = f"the phone's language should be {expected.remembers}, and is {talk.language}"
        yield "remembers", said
    if expected.case is not None and expected.case not in talk.cases:
        yield "case", f"a case {expected.case!r} should have been opened"
    for fragment in expected.sms:
        if not any(fragment in text for text in talk.sent):
            sent = "; ".join(map(repr, talk.sent)) or "none"
            yield "sms", f"an SMS with {fragment!r} should have been sent (sent: {sent})"
    if expected.ends is not None and talk.finished != expected.ends:
        yield "ends", f"the conversation should {'' if expected.ends else 'not '}have ended"
    yield from _too_many(verdict, expected)


def _too_many(verdict: Verdict, expected: Expected) -> Iterator[tuple[str, str]]:
    if expected.screens is not None and verdict.screens > expected.screens:
        yield "screens", f"{verdict.screens} screens are more than {expected.screens}"
    if expected.segments is not None and verdict.segments > expected.segments:
        yield "segments", f"{verdict.segments} segments are more than {expected.segments}"
