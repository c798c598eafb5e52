"""A step on its way through the nodes. `app.flows.engine` has the entries."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from app.flows.model import (
    Context,
    Effect,
    Findings,
    Found,
    Input,
    Lookup,
    LookupName,
    Named,
    OpenCase,
    Outcome,
    Phrase,
    Remembered,
    Restarted,
    Saved,
    Screen,
    SendSms,
    State,
    Step,
    Untold,
    Value,
)
from app.flows.nodes import (
    CONTINUE,
    RETURN,
    Ask,
    Book,
    Branch,
    Call,
    Choice,
    Choose,
    Find,
    Flow,
    Node,
    Open,
    Question,
    Record,
    Say,
    Send,
    asks_of,
)
from app.flows.reading import all_hold, broken, chosen, number_of, read
from app.text import answers as typed

# Longer walks forget their oldest steps; a state stays small whatever a person does.
MAX_HISTORY = 20
# Nodes that do not wait, passed in one step; a flow that needs more runs in a circle.
MAX_SILENT = 50
# How much of a long answer is carried along in the state; all of it is stored.
CARRIED = 200
WRONG = "error.choice"

Steps = Generator[Lookup, Outcome, Step]
Silent = Generator[Lookup, Outcome, str | None]


@dataclass(frozen=True, slots=True)
class Again:
    """The same question once more, with what was wrong."""

    notice: str


Target = Generator[Lookup, Outcome, str | Again | None]


@dataclass
class Walk:
    """The state as it stands and what has happened so far."""

    book: Book
    flow: Flow
    context: Context
    state: State
    effects: list[Effect] = field(default_factory=list)

    # --- moving ------------------------------------------------------------------------------

    def home(self) -> Steps:
        self.state = replace(self.state, stack=(), history=(), page=0)
        self._leave_suspended()
        return (yield from self.enter(self.flow.start))

    def back(self) -> Steps:
        if self.state.page > 0:
            self.state = replace(self.state, page=self.state.page - 1)
            return (yield from self.show(self.state.notice))
        if not self.state.history:
            return (yield from self.home())
        (name, stack), history = self.state.history[-1], self.state.history[:-1]
        self.state = replace(
            self.state, node=name, stack=stack, history=history, page=0, pages=1, wrong=0
        )
        return (yield from self.show())

    def leave_for(self, target: str) -> Steps:
        """Go on from a waiting node, which 0 brings back."""
        if self.state.suspended is not None:
            if target == CONTINUE:
                self.state = self.state.suspended
                return (yield from self.show())
            self._leave_suspended()
            return (yield from self.enter(target))
        here = (self.state.node, self.state.stack)
        history = (*self.state.history, here)[-MAX_HISTORY:]
        self.state = replace(self.state, history=history)
        return (yield from self.enter(target))

    def _leave_suspended(self) -> None:
        """What was answered on the way out belongs to the conversation that begins."""
        if self.state.suspended is not None:
            self.state = replace(self.state, suspended=None, stack=(), history=())
            self.effects.insert(0, Restarted())

    def enter(self, target: str) -> Steps:
        """Walk through the nodes that do not wait, to the first that does."""
        for _ in range(MAX_SILENT):
            node = self._node(target)
            if node.name == self.flow.start:
                # Nothing lies behind the main menu, and it has no room for a way back.
                self.state = replace(self.state, stack=(), history=())
            self.state = replace(self.state, node=node.name, page=0, pages=1, wrong=0)
            onward = yield from self._pass(node)
            if onward is None:
                return (yield from self.show())
            target = onward
        raise RuntimeError(f"the flow {self.flow.name} runs in a circle at {target}")

    def _node(self, target: str) -> Node:
        while target == RETURN:
            *stack, target = self.state.stack or (self.flow.start,)
            self.state = replace(self.state, stack=tuple(stack))
        return self.book.nodes[self.flow.start if target == CONTINUE else target]

    def _pass(self, node: Node) -> Silent:
        """Where a node that does not wait leads; None for one that waits."""
        if isinstance(node, Call):
            self.state = replace(self.state, stack=(*self.state.stack, node.then)[-MAX_HISTORY:])
            return node.node
        if isinstance(node, Branch):
            return self._branch(node)
        if isinstance(node, Record | Send | Open):
            self._do(node)
            return node.to
        if isinstance(node, Find | Choose):
            return (yield from self._look(node))
        return None

    def _branch(self, node: Branch) -> str:
        met = partial(all_hold, context=self.context, answers=self.state.answers)
        return next((case.to for case in node.cases if met(case.when)), node.otherwise)

    def _do(self, node: Record | Send | Open) -> None:
        if isinstance(node, Send):
            self.effects.append(SendSms(Phrase(node.text, self._values())))
        elif isinstance(node, Open):
            self.effects.append(OpenCase(node.kind))
        else:
            for question, value in node.values.items():
                self.save(question, value, {})

    def _look(self, node: Find | Choose) -> Silent:
        found = yield from self._found(node)
        if not found:
            return node.none
        if isinstance(node, Find):
            self._keep(node.keep, found[0])
            return node.found
        if len(found) == 1 and not node.confirm:
            return self._chosen(node, found[0])
        return None

    # --- showing -----------------------------------------------------------------------------

    def show(self, notice: str = "") -> Steps:
        """The waiting node's screen. A notice stays while its pages are turned."""
        self.state = replace(self.state, notice=notice)
        node = self.book.nodes[self.state.node]
        values = self._values()
        if isinstance(node, Say):
            text = node.text
            if node.lookup is not None:
                outcome = yield self._lookup(node.lookup, node.args)
                if isinstance(outcome, Untold):
                    text = outcome.text if outcome.text in self.context.pack else WRONG
                elif outcome:
                    values |= outcome[0].values
            return self._step(Screen(text, "", values, node.spare, ends=node.ends), notice)
        if isinstance(node, Choose):
            found = yield from self._found(node)
            listed = tuple(
                (number_of(index), one.label or Named(one.names)) for index, one in enumerate(found)
            )
            return self._step(Screen(node.text, node.short, values, options=listed), notice)
        assert isinstance(node, Question)
        options = tuple(
            (number_of(index), Phrase(choice.text, values))
            for index, choice in enumerate(self._visible(node))
        )
        text = node.simple if self._wants_simple(node) else node.text
        return self._step(Screen(text, node.short, values, options=options), notice)

    def _wants_simple(self, node: Node) -> bool:
        plan = self.flow.attempts
        often = plan is not None and self.state.wrong >= plan.simpler_after
        return often and isinstance(node, Question) and bool(node.simple)

    def _values(self) -> dict[str, Value]:
        return {name: Named(names) for name, names in self.state.labels.items()}

    def _visible(self, node: Question) -> list[Choice]:
        met = partial(all_hold, context=self.context, answers=self.state.answers)
        return [choice for choice in node.options if met(choice.when)]

    def _step(self, shown: Screen, notice: str) -> Step:
        screen = replace(
            shown,
            notice=notice,
            can_back=bool(self.state.history) and not shown.ends,
            can_home=len(self.state.history) > 1 and not shown.ends,
        )
        return Step(self.state, screen, tuple(self.effects), finished=shown.ends)

    # --- taking input ------------------------------------------------------------------------

    def take(self, given: Input) -> Steps:
        """An input that is none of 0, 00 and 9."""
        given = replace(given, text=typed.clean(given.text))
        node = self.book.nodes[self.state.node]
        target: str | Again | None = None
        if isinstance(node, Question):
            target = yield from self._answer(node, given)
        elif isinstance(node, Choose):
            target = yield from self._choose(node, given)
        if isinstance(target, str):
            return (yield from self.leave_for(target))
        if given.opening and target is None:
            return (yield from self.show())
        notice = target.notice if isinstance(target, Again) else _wrong(node)
        return (yield from self._once_more(notice))

    def _once_more(self, notice: str) -> Steps:
        """What was wrong; after several times more simply; in the end what to do instead."""
        wrong = self.state.wrong + 1
        self.state = replace(self.state, wrong=wrong, page=0)
        plan = self.flow.attempts
        if plan is not None and wrong >= plan.give_up_after:
            self._leave_suspended()
            return (yield from self.enter(plan.to))
        simple = self._wants_simple(self.book.nodes[self.state.node])
        return (yield from self.show("" if simple else notice))

    def _answer(self, node: Question, given: Input) -> Target:
        """The target that an input leads to; None if it fits nothing."""
        choice, rest = chosen(
            self._visible(node),
            given.text,
            pack=self.context.pack,
            labels=self.state.labels,
            in_words=bool(node.asks),
        )
        if choice is not None:
            self._pick(node, choice)
            self._save_rest(node.rest, rest)
            return choice.to
        return (yield from self._typed(node, given.text))

    def _pick(self, node: Question, choice: Choice) -> None:
        value = choice.value
        if choice.value_of is not None:
            value = self.state.kept.get(choice.value_of)
        if value is None:
            return
        if node.remember is not None:
            self.effects.append(Remembered(node.remember, value))
        if node.save is not None:
            self.save(node.save, value, self.state.labels.get(choice.value_of or "", {}))

    def _typed(self, node: Question | Choose, text: str) -> Target:
        """The target that a typed answer leads to; None if it is of no kind that is asked for."""
        again: Again | None = None
        for ask in node.asks:
            target = yield from self._read(node, ask, text)
            if isinstance(target, str):
                return target
            again = again or target
        return again

    def _read(self, node: Question | Choose, ask: Ask, text: str) -> Target:
        given = read(ask, text)
        if given is None:
            return None
        rule = broken(ask.rules, given.value)
        if rule is not None:
            return Again(rule.text)
        value, names = given.value, dict[str, str]()
        if ask.lookup is not None:
            found = yield Lookup(ask.lookup, {"value": value})
            if isinstance(found, Untold) and found.text in self.context.pack:
                return Again(found.text)
            if isinstance(found, Untold) or not found:
                return Again(ask.unknown or WRONG)
            # Of several the choice is asked next, by what was typed.
            if len(found) == 1 and ask.kind != "place":
                value, names = found[0].value, dict(found[0].names)
        if ask.save is not None:
            self.save(ask.save, value, names, secret=ask.kind == "phone")
        if ask.keep is not None:
            self._keep(ask.keep, Found(value, names))
        self._save_rest(node.rest, given.rest)
        return ask.to

    def _choose(self, node: Choose, given: Input) -> Target:
        found = yield from self._found(node)
        picked = typed.choice(given.text)
        if picked is not None and picked.rest and node.asks:
            # A longer text which only begins with a digit is a typed answer.
            picked = None
        for index, one in enumerate(found):
            if picked is not None and picked.number == number_of(index):
                self._save_rest(node.rest, picked.rest)
                return self._chosen(node, one)
            if typed.matches_any(given.text, one.names.values()):
                return self._chosen(node, one)
        return (yield from self._typed(node, given.text))

    def _chosen(self, node: Choose, one: Found) -> str:
        if node.save is not None:
            self.save(node.save, one.value, one.names)
        if node.keep is not None:
            self._keep(node.keep, one)
        return node.to

    # --- remembering -------------------------------------------------------------------------

    def save(
        self, question: str, value: str, names: Mapping[str, str], *, secret: bool = False
    ) -> None:
        """Note the answer to a question; `names` are those of the thing that it means."""
        self.effects.append(Saved(question, value, secret))
        carried = "" if secret else value[:CARRIED]
        answers = {**self.state.answers, question: carried}
        self.state = replace(self.state, answers=answers)
        self._label(question, names)

    def _save_rest(self, question: str | None, rest: str) -> None:
        """Words after a number are a comment; a second one is added to the first."""
        if question is None or not any(character.isalpha() for character in rest):
            return
        before = self.state.answers.get(question)
        if before is None:
            self.save(question, rest, {})
        # Who goes back and says it again has said it once.
        elif rest[:CARRIED] not in before:
            self.effects.append(Saved(question, rest, added=True))
            carried = f"{before}\n{rest}"[-CARRIED:]
            self.state = replace(self.state, answers={**self.state.answers, question: carried})

    def _keep(self, name: str, found: Found) -> None:
        self.state = replace(self.state, kept={**self.state.kept, name: found.value[:CARRIED]})
        self._label(name, found.names)

    def _label(self, name: str, names: Mapping[str, str]) -> None:
        if names:
            self.state = replace(self.state, labels={**self.state.labels, name: dict(names)})

    def _found(self, node: Find | Choose) -> Generator[Lookup, Outcome, Findings]:
        outcome = yield self._lookup(node.lookup, node.args)
        return () if isinstance(outcome, Untold) else outcome

    def _lookup(self, name: LookupName, args: Mapping[str, str]) -> Lookup:
        known = {**self.state.kept, **self.state.answers}
        return Lookup(name, {key: known.get(source, "") for key, source in args.items()})


def _wrong(node: Node) -> str:
    first = next(iter(asks_of(node)), None)
    return first.wrong if first is not None and first.wrong else WRONG
