"""One conversation on paper: the engine, a registry without a database, and the pages shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from app.flows import engine, render
from app.flows.model import (
    Context,
    Input,
    Lookup,
    OpenCase,
    Outcome,
    Remembered,
    Restarted,
    Saved,
    SendSms,
    State,
    Step,
)
from app.flows.nodes import Book, Flow
from app.flows.walk import Steps
from app.words import Language, Limits, Medium


@dataclass(frozen=True)
class Talk:
    """A conversation as it stands; each verb returns it one turn later.

    `answers` are what a response would be made of, `sent` the texts sent on the way.
    """

    book: Book
    flow: Flow
    find: Callable[[Lookup], Outcome]
    language: Language
    medium: Medium = "ussd"
    limits: Limits = field(default_factory=Limits)
    channel: str = ""
    new: bool = False
    state: State | None = None
    page: str = ""
    finished: bool = False
    answers: Mapping[str, str] = field(default_factory=dict)
    sent: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()

    def begin(self) -> Talk:
        """The first screen."""
        return self._shown(engine.begin(self.book, self.flow, self.context()))

    def resume(self) -> Talk:
        """Who dials again after a dropped session is asked whether to go on."""
        if self.finished or self.state is None or not engine.can_resume(self.flow, self.state):
            return replace(self, finished=False, answers={}).begin()
        return self._shown(engine.resume(self.book, self.flow, self.context(), self.state))

    def take(self, text: str, *, opening: bool = False) -> Talk:
        """One input. The conversation has begun."""
        assert self.state is not None
        given = Input(text, opening)
        return self._shown(engine.step(self.book, self.flow, self.context(), self.state, given))

    def context(self) -> Context:
        """Who is talking, and over what."""
        return Context(
            self.language, self.book.packs[self.language], self.medium, self.channel, self.new
        )

    def _shown(self, steps: Steps) -> Talk:
        step = engine.answered(steps, self.find)
        talk = self._after(step)
        pack = talk.book.packs[talk.language]
        pages = render.pages(step.screen, pack, talk.language, talk.limits)
        page = min(step.state.page, len(pages) - 1)
        state = replace(step.state, page=page, pages=len(pages))
        return replace(talk, state=state, page=pages[page], finished=step.finished)

    def _after(self, step: Step) -> Talk:
        """With everything that a step did besides answering."""
        talk = self
        for effect in step.effects:
            if isinstance(effect, Remembered):
                talk = replace(talk, language=effect.value, new=False)
            elif isinstance(effect, Saved):
                talk = replace(talk, answers={**talk.answers, effect.question: effect.value})
            elif isinstance(effect, Restarted):
                talk = replace(talk, answers={})
            elif isinstance(effect, OpenCase):
                talk = replace(talk, cases=(*talk.cases, effect.kind))
            else:
                talk = replace(talk, sent=(*talk.sent, talk._written(effect)))
        return talk

    def _written(self, effect: SendSms) -> str:
        pack, phrase = self.book.packs[self.language], effect.phrase
        return render.filled(pack[phrase.key], phrase.values, pack, self.language)
