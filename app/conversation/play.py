"""Plays inputs on a conversation: engine, lookups and pages together, nothing stored yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from app.conversation import lookups
from app.conversation.lookups import Asker
from app.flows import engine, render
from app.flows.model import (
    Context,
    Effect,
    Found,
    Input,
    Lookup,
    OpenCase,
    Outcome,
    Phrase,
    Remembered,
    Restarted,
    SendSms,
    State,
)
from app.flows.nodes import Book, Flow
from app.flows.walk import Steps
from app.storage.people import Contact
from app.words import Language, Limits, Reply


@dataclass
class Play:
    """One conversation during one turn, and what the turn changed.

    `restarted`: the conversation that was under way was left, so that all that follows is
    another one's. `conversation` is the one that goes on, None where one begins.
    `added` follows on answers already stored; `secrets` must be sealed before they are.
    """

    asker: Asker
    book: Book
    flow: Flow
    channel: str
    limits: Limits
    language: Language
    conversation: int | None = None
    state: State | None = None
    finished: bool = False
    restarted: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    added: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    phrases: list[Phrase] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    remembered_language: Language | None = None
    _found: dict[tuple[object, ...], Outcome] = field(default_factory=dict)

    @property
    def contact(self) -> Contact:
        return self.asker.contact

    def begin(self) -> Reply:
        return self._shown(engine.begin(self.book, self.flow, self._context()))

    def begin_invited(self, center: Found, service: Found) -> Reply:
        """Begin at the question "how was it?", of a request that is known."""
        begun = engine.begin_invited(self.book, self.flow, self._context(), center, service)
        return self._shown(begun)

    def resume(self) -> Reply:
        """Ask whether to go on from where the conversation was dropped."""
        assert self.state is not None
        return self._shown(engine.resume(self.book, self.flow, self._context(), self.state))

    def take(self, text: str, *, opening: bool = False) -> Reply:
        """Give one input to the conversation, which has begun."""
        assert self.state is not None
        given = Input(text, opening)
        return self._shown(engine.step(self.book, self.flow, self._context(), self.state, given))

    def speak(self, language: Language) -> Reply:
        """Change the person's language for good and show the menu in it."""
        self.language = self.remembered_language = language
        return self.begin() if self.state is None else self.take(engine.HOME)

    def wants_text(self) -> bool:
        return self.state is not None and engine.wants_text(self.book, self.state)

    def goes_straight(self, text: str) -> bool:
        """Whether a text names by itself what it is the answer to."""
        return engine.direct(self.book, self.flow, self.state, text) is not None

    def accepts(self, text: str) -> bool:
        """Whether a text answers "how was it?"."""
        return engine.accepts(self.book, self.flow, text)

    def written(self, phrase: Phrase) -> str:
        """A phrase in the person's language."""
        pack = self.book.packs[self.language]
        return render.filled(pack[phrase.key], phrase.values, pack, self.language)

    def _context(self) -> Context:
        return Context(
            language=self.language,
            pack=self.book.packs[self.language],
            medium=self.asker.medium,
            channel=self.channel,
            new=self._new(),
        )

    def _new(self) -> bool:
        """Whether the person chose no language yet and was never heard before this conversation.

        That must not change within a conversation: what the menu offers is taken a turn later.
        """
        chosen = self.contact.language or self.remembered_language
        left = self.restarted or (self.state is not None and self.state.suspended is not None)
        return not chosen and not left and self.contact.first_heard in (None, self.conversation)

    def _resolve(self, lookup: Lookup) -> Outcome:
        # A list is asked for when its screen is entered and again when it is shown.
        asked = (lookup.name, *sorted(lookup.args.items()))
        if asked not in self._found:
            self._found[asked] = lookups.answer(self.asker, lookup)
        return self._found[asked]

    def _shown(self, steps: Steps) -> Reply:
        step = engine.answered(steps, self._resolve)
        for effect in step.effects:
            self._note(effect)
        if any(isinstance(effect, Remembered) for effect in step.effects) and not step.finished:
            # What a screen offers may go by the language, which has just become another one.
            step = engine.answered(self._looked_at_again(step.state), self._resolve)
        pack = self.book.packs[self.language]
        pages = render.pages(step.screen, pack, self.language, self.limits)
        page = min(step.state.page, len(pages) - 1)
        self.state = replace(step.state, page=page, pages=len(pages))
        self.finished = step.finished
        return Reply(pages[page], ends=step.finished)

    def _looked_at_again(self, state: State) -> Steps:
        unsaid = Input("", opening=True)
        return engine.step(self.book, self.flow, self._context(), state, unsaid)

    def _note(self, effect: Effect) -> None:
        if isinstance(effect, Remembered):
            self.language = self.remembered_language = effect.value
        elif isinstance(effect, SendSms):
            self.phrases.append(effect.phrase)
        elif isinstance(effect, OpenCase):
            self.cases.append(effect.kind)
        elif isinstance(effect, Restarted):
            self.restarted = True
        elif effect.secret:
            self.secrets[effect.question] = effect.value
        elif effect.added and effect.question in self.answers:
            self.answers[effect.question] += f"\n{effect.value}"
        elif effect.added:
            before = self.added.get(effect.question)
            self.added[effect.question] = f"{before}\n{effect.value}" if before else effect.value
        else:
            self.added.pop(effect.question, None)
            self.answers[effect.question] = effect.value


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
