"""Plays inputs on a conversation: engine, lookups and pages together, nothing stored yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import Connection

from app.conversation import lookups
from app.flows import engine, render
from app.flows.model import Book, Findings, Flow, Input, Lookup, Remembered, State, Step
from app.storage.people import Contact
from app.words import Language, Limits, Medium, Reply


@dataclass
class Play:
    """One conversation during one turn. `answers` and `language` are what the turn changed."""

    tx: Connection
    contact: Contact
    today: date
    book: Book
    flow: Flow
    medium: Medium
    limits: Limits
    language: Language
    state: State | None = None
    finished: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    remembered_language: Language | None = None

    def begin(self) -> Reply:
        return self._shown(engine.answered(engine.begin(self.flow), self._resolve))

    def take(self, text: str, *, opening: bool = False) -> Reply:
        """Give one input to the conversation, which has begun."""
        assert self.state is not None
        given = Input(text, self.medium, opening)
        steps = engine.step(self.flow, self.book.packs[self.language], self.state, given)
        return self._shown(engine.answered(steps, self._resolve))

    def wants_text(self) -> bool:
        return self.state is not None and engine.wants_text(self.flow, self.state)

    def _resolve(self, lookup: Lookup) -> Findings:
        return lookups.answer(self.tx, self.contact, self.today, lookup)

    def _shown(self, step: Step) -> Reply:
        for effect in step.effects:
            if isinstance(effect, Remembered):
                self.language = self.remembered_language = effect.value
            else:
                self.answers[effect.question] = effect.value
        pack = self.book.packs[self.language]
        pages = render.pages(step.screen, pack, self.language, self.limits)
        page = min(step.state.page, len(pages) - 1)
        self.state = replace(step.state, page=page, pages=len(pages))
        self.finished = step.finished
        return Reply(pages[page], ends=step.finished)


@dataclass(frozen=True, slots=True)
class Hop:
    """One reply on the way, and how much of the accumulated input led to it."""

    path: str
    reply: Reply


def hops(play: Play, before: str, pieces: Sequence[str], *, opening: bool) -> list[Hop]:
    """Play a session's new pieces one by one; usually one, more where a hop was lost.

    Where free text is asked for, the rest is that text: its own `*` cannot be told from a hop's.
    """
    walked: list[Hop] = []
    path = before
    for index in range(len(pieces)):
        rest = play.wants_text()
        piece = "*".join(pieces[index:]) if rest else pieces[index]
        path = f"{path}*{piece}" if path or walked else piece
        walked.append(Hop(path, play.take(piece, opening=opening and index == 0)))
        if rest or play.finished:
            break
    return walked
