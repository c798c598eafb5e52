"""One step of a conversation: state and input in, state, screen and effects out.

A step is a generator: it yields each `Lookup` it needs and is sent the `Findings`, so that it
does no I/O itself; `answered` drives it with a function. Screens are laid out afterwards, so
one flow serves USSD and SMS and every language.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace

from app.flows.model import (
    RETURN,
    Ask,
    Branch,
    Call,
    Case,
    Choice,
    Choose,
    Effect,
    Find,
    Findings,
    Flow,
    Found,
    Input,
    Lookup,
    LookupName,
    Named,
    Node,
    Pack,
    Phrase,
    Question,
    Remembered,
    Saved,
    Say,
    Screen,
    State,
    Step,
    Value,
)
from app.text import answers as typed

BACK, HOME, NEXT = "0", "00", "9"
# Longer walks forget their oldest steps; a state stays small whatever a person does.
MAX_HISTORY = 20
# Nodes that do not wait, passed in one step; a flow that needs more runs in a circle.
MAX_SILENT = 50
WRONG = "error.choice"

Steps = Generator[Lookup, Findings, Step]
Resolver = Callable[[Lookup], Findings]


def answered(steps: Steps, resolve: Resolver) -> Step:
    """Drive a step, answering its lookups with `resolve`."""
    try:
        lookup = next(steps)
        while True:
            lookup = steps.send(resolve(lookup))
    except StopIteration as stop:
        step = stop.value
        assert isinstance(step, Step)
        return step


def begin(flow: Flow) -> Steps:
    """The first screen of a conversation."""
    walk = _Walk(flow, State(flow.start))
    return (yield from walk.enter(flow.start))


def step(flow: Flow, pack: Pack, state: State, given: Input) -> Steps:
    """Take one input. `pack` is the language in which the person reads the options."""
    walk = _Walk(flow, state)
    if flow.one_line is not None and given.medium == "sms":
        line = typed.one_line(given.text)
        if line is not None:
            return (yield from walk.one_line(line))
    text = typed.normalise(given.text)
    if text == HOME:
        return (yield from walk.home())
    if text == BACK:
        return (yield from walk.back())
    if text == NEXT and state.page + 1 < state.pages:
        walk.state = replace(state, page=state.page + 1)
        return (yield from walk.show(state.notice))
    return (yield from walk.take(given, pack))


def wants_text(flow: Flow, state: State) -> bool:
    """Whether the screen asks for free text, in which a `*` is just a character."""
    node = flow.nodes[state.node]
    return isinstance(node, Question) and node.ask is not None and node.ask.kind == "text"


def number_of(index: int) -> str:
    """The key of the option at `index`: 1 to 8, then 10, 11 …, because 9 turns the page."""
    number = index + 1
    return str(number if number < int(NEXT) else number + 1)


@dataclass(frozen=True, slots=True)
class _Again:
    """The same question once more, with what was wrong."""

    notice: str


@dataclass
class _Walk:
    """A step on its way: the state as it stands and what has happened so far."""

    flow: Flow
    state: State
    effects: list[Effect] = field(default_factory=list)

    # --- moving ------------------------------------------------------------------------------

    def home(self) -> Steps:
        self.state = replace(self.state, stack=(), history=(), page=0)
        return (yield from self.enter(self.flow.start))

    def back(self) -> Steps:
        if self.state.page > 0:
            self.state = replace(self.state, page=self.state.page - 1)
            return (yield from self.show(self.state.notice))
        if not self.state.history:
            return (yield from self.home())
        (name, stack), history = self.state.history[-1], self.state.history[:-1]
        self.state = replace(self.state, node=name, stack=stack, history=history, page=0)
        return (yield from self.show())

    def leave_for(self, target: str) -> Steps:
        """Go on from a waiting node, which 0 brings back."""
        here = (self.state.node, self.state.stack)
        history = (*self.state.history, here)[-MAX_HISTORY:]
        self.state = replace(self.state, history=history)
        return (yield from self.enter(target))

    def enter(self, target: str) -> Steps:
        """Walk through the nodes that do not wait, to the first that does."""
        for _ in range(MAX_SILENT):
            node = self._node(target)
            if node.name == self.flow.start:
                # Nothing lies behind the main menu, and it has no room for a way back.
                self.state = replace(self.state, stack=(), history=())
            self.state = replace(self.state, node=node.name, page=0, pages=1)
            onward = yield from self._pass(node)
            if onward is None:
                return (yield from self.show())
            target = onward
        raise RuntimeError(f"the flow {self.flow.name} runs in a circle at {target}")

    def _node(self, target: str) -> Node:
        if target != RETURN:
            return self.flow.nodes[target]
        *stack, then = self.state.stack or (self.flow.start,)
        self.state = replace(self.state, stack=tuple(stack))
        return self.flow.nodes[then]

    def _pass(self, node: Node) -> Generator[Lookup, Findings, str | None]:
        """Where a node that does not wait leads; None for one that waits."""
        if isinstance(node, Call):
            self.state = replace(self.state, stack=(*self.state.stack, node.then))
            return node.node
        if isinstance(node, Branch):
            return self._branch(node)
        if isinstance(node, Find):
            found = yield from self._look_up(node.lookup, node.args)
            if not found:
                return node.none
            self._keep(node.keep, found[0])
            return node.found
        if isinstance(node, Choose):
            found = yield from self._look_up(node.lookup, node.args)
            if not found:
                return node.none
            if len(found) == 1:
                return self._chosen(node, found[0])
        return None

    def _branch(self, node: Branch) -> str:
        for case in node.cases:
            if _holds(case, self.state.answers.get(case.answer)):
                return case.to
        return node.otherwise

    # --- showing -----------------------------------------------------------------------------

    def show(self, notice: str = "") -> Steps:
        """The waiting node's screen. The notice stays while its pages are turned."""
        self.state = replace(self.state, notice=notice)
        node = self.flow.nodes[self.state.node]
        options: tuple[tuple[str, Value], ...] = ()
        values: dict[str, Value] = {name: Named(names) for name, names in self.state.labels.items()}
        short = ""
        if isinstance(node, Say):
            if node.lookup is not None:
                found = yield from self._look_up(node.lookup, node.args)
                values |= found[0].values if found else {}
            return self._screen(node.text, short, values, options, notice, ends=node.ends)
        if isinstance(node, Choose):
            found = yield from self._look_up(node.lookup, node.args)
            options = tuple((number_of(index), Named(one.names)) for index, one in enumerate(found))
            return self._screen(node.text, node.short, values, options, notice)
        assert isinstance(node, Question)
        options = tuple(
            (number_of(index), Phrase(choice.text, values))
            for index, choice in enumerate(node.options)
        )
        return self._screen(node.text, node.short, values, options, notice)

    def _screen(
        self,
        text: str,
        short: str,
        values: Mapping[str, Value],
        options: tuple[tuple[str, Value], ...],
        notice: str,
        *,
        ends: bool = False,
    ) -> Step:
        screen = Screen(
            text=text,
            short=short,
            values=values,
            options=options,
            notice=notice,
            can_back=bool(self.state.history) and not ends,
            can_home=len(self.state.history) > 1 and not ends,
            ends=ends,
        )
        return Step(self.state, screen, tuple(self.effects), finished=ends)

    # --- taking input ------------------------------------------------------------------------

    def take(self, given: Input, pack: Pack) -> Steps:
        node = self.flow.nodes[self.state.node]
        target: str | _Again | None = None
        if isinstance(node, Question):
            target = yield from self._answer(node, given, pack)
        elif isinstance(node, Choose):
            target = yield from self._choose(node, given)
        if target is None:
            target = _Again("" if given.opening else self._wrong(node))
        if isinstance(target, _Again):
            # From the first page, where the notice stands.
            self.state = replace(self.state, page=0)
            return (yield from self.show(target.notice))
        return (yield from self.leave_for(target))

    def _wrong(self, node: Node) -> str:
        if isinstance(node, Question) and node.ask is not None and node.ask.wrong:
            return node.ask.wrong
        return WRONG

    def _answer(
        self, node: Question, given: Input, pack: Pack
    ) -> Generator[Lookup, Findings, str | _Again | None]:
        """The target that an input leads to; None if it fits nothing."""
        choice = self._option(node, given.text, pack)
        if choice is not None:
            self._pick(node, choice)
            return choice.to
        if node.ask is None:
            return None
        value = read(node.ask, given.text)
        if value is None:
            return None
        return (yield from self._typed(node.ask, value))

    def _option(self, node: Question, text: str, pack: Pack) -> Choice | None:
        picked = typed.choice(text)
        # A longer text that only begins with a digit is an answer in words where one is asked for.
        whole = picked is not None and (not picked.rest or node.ask is None)
        for index, choice in enumerate(node.options):
            if whole and picked is not None and picked.number == number_of(index):
                return choice
            names = self.state.labels.get(choice.value_of or "", {}).values()
            if any(typed.matches(text, label) for label in names or (pack.get(choice.text, ""),)):
                return choice
        return None

    def _pick(self, node: Question, choice: Choice) -> None:
        value = choice.value
        if choice.value_of is not None:
            value = self.state.kept.get(choice.value_of)
        if value is None:
            return
        if node.remember is not None:
            self.effects.append(Remembered(node.remember, value))
        if node.save is not None:
            names = self.state.labels.get(choice.value_of or "", {})
            self._save(node.save, value, names)

    def _typed(self, ask: Ask, value: str) -> Generator[Lookup, Findings, str | _Again]:
        names: Mapping[str, str] = {}
        if ask.lookup is not None:
            found = yield Lookup(ask.lookup, {"value": value})
            if not found:
                return _Again(ask.unknown)
            value, names = found[0].value, found[0].names
        if ask.save is not None:
            self._save(ask.save, value, names)
        if ask.keep is not None:
            self._keep(ask.keep, Found(value, names))
        return ask.to

    def _choose(self, node: Choose, given: Input) -> Generator[Lookup, Findings, str | None]:
        found = yield from self._look_up(node.lookup, node.args)
        picked = typed.choice(given.text)
        for index, one in enumerate(found):
            if picked is not None and picked.number == number_of(index):
                return self._chosen(node, one)
            if any(typed.matches(given.text, name) for name in one.names.values()):
                return self._chosen(node, one)
        return None

    def _chosen(self, node: Choose, one: Found) -> str:
        if node.save is not None:
            self._save(node.save, one.value, one.names)
        if node.keep is not None:
            self._keep(node.keep, one)
        return node.to

    def one_line(self, line: typed.OneLine) -> Steps:
        """A complete answer in one message, or the question for the center it does not name."""
        plan = self.flow.one_line
        assert plan is not None
        self.state = State(self.flow.start)
        self._save(plan.score, str(line.score), {})
        if line.comment:
            self._save(plan.comment, line.comment, {})
        found = yield Lookup("odsc", {"value": line.code})
        if not found:
            # What was said is kept; only the center is asked for again.
            ask = self.flow.nodes[plan.unknown]
            notice = ask.ask.unknown if isinstance(ask, Question) and ask.ask else WRONG
            self.state = replace(self.state, node=plan.unknown, stack=(plan.to,))
            return (yield from self.show(notice))
        self._save(plan.code, found[0].value, found[0].names)
        return (yield from self.enter(plan.to))

    # --- remembering -------------------------------------------------------------------------

    def _save(self, question: str, value: str, names: Mapping[str, str]) -> None:
        self.effects.append(Saved(question, value))
        answers = {**self.state.answers, question: value}
        # Free text is stored as an answer, not carried along in every later state.
        if len(value) > 64:
            answers[question] = value[:64]
        self.state = replace(self.state, answers=answers)
        self._label(question, names)

    def _keep(self, name: str, found: Found) -> None:
        self.state = replace(self.state, kept={**self.state.kept, name: found.value})
        self._label(name, found.names)

    def _label(self, name: str, names: Mapping[str, str]) -> None:
        if names:
            self.state = replace(self.state, labels={**self.state.labels, name: dict(names)})

    def _look_up(
        self, name: LookupName, args: Mapping[str, str]
    ) -> Generator[Lookup, Findings, Findings]:
        known = {**self.state.kept, **self.state.answers}
        filled = {key: known.get(source, "") for key, source in args.items()}
        return (yield Lookup(name, filled))


def read(ask: Ask, text: str) -> str | None:
    """A typed answer in its stored form; None if it is not one."""
    if ask.kind == "code":
        return typed.code(text)
    if ask.kind == "rating":
        picked = typed.choice(text)
        return picked.number if picked and picked.number in {"1", "2", "3", "4", "5"} else None
    if ask.kind == "amount":
        amount = typed.amount(text)
        return None if amount is None else str(amount)
    if ask.kind == "reference":
        reference = typed.normalise(typed.clean(text)).replace(" ", "")
        return reference if 3 <= len(reference) <= 30 else None
    return typed.clean(text) or None


def _holds(case: Case, answer: str | None) -> bool:
    if answer is None:
        return False
    if case.operator == "given":
        return True
    if case.operator == "equals":
        return answer == case.value
    if not (answer.isdigit() and case.value.isdigit()):
        return False
    if case.operator == "at_most":
        return int(answer) <= int(case.value)
    return int(answer) >= int(case.value)
