"""Shapes as written → nodes as walked: names become FLOW/NODE, conditions become data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from app.flows import nodes, shapes
from app.flows.nodes import CONTINUE, RETURN

Path = tuple[str | int, ...]
Ill = tuple[Path, str, str]
"""Where, what is wrong, and what to do about it."""

SUBJECTS = ("answer", "language", "script", "medium", "channel", "contact")
COMPARISONS = ("equals", "not_equals", "at_most", "at_least")
BOUNDS = ("at_least", "at_most", "shortest", "longest", "matches")
_BOUND = re.compile(r"[0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}")


def full(flow: str, target: str) -> str:
    """A target's full name: FLOW/NODE, unless it is `return` or `continue`."""
    if "/" in target or target in (RETURN, CONTINUE):
        return target
    return f"{flow}/{target}"


def node(flow: str, name: str, shape: shapes.Shape) -> nodes.Node:
    """The node that a shape describes."""
    own = full(flow, name)
    if isinstance(shape, shapes.QuestionShape):
        return _question(flow, own, shape)
    if isinstance(shape, shapes.ChooseShape):
        given = shape.model_dump(exclude={"choose", "to", "none", "ask"})
        return nodes.Choose(
            name=own,
            lookup=shape.choose,
            to=full(flow, shape.to),
            none=full(flow, shape.none),
            asks=tuple(_ask(flow, ask) for ask in shape.ask),
            **given,
        )
    if isinstance(shape, shapes.FindShape):
        found, none = full(flow, shape.found), full(flow, shape.none)
        return nodes.Find(own, shape.find, shape.keep, found, none, shape.args)
    if isinstance(shape, shapes.SayShape):
        given = shape.model_dump(exclude={"say"})
        return nodes.Say(own, shape.say, ends=False, **given)
    if isinstance(shape, shapes.EndShape):
        return nodes.Say(own, shape.end, ends=True)
    if isinstance(shape, shapes.BranchShape):
        cases = tuple(_case(flow, case) for case in shape.branch)
        return nodes.Branch(own, cases, full(flow, shape.otherwise))
    return _passing(flow, own, shape)


def _passing(flow: str, own: str, shape: shapes.Shape) -> nodes.Node:
    if isinstance(shape, shapes.CallShape):
        return nodes.Call(own, full(flow, shape.call), full(flow, shape.then))
    if isinstance(shape, shapes.RecordShape):
        return nodes.Record(own, shape.record, full(flow, shape.to))
    if isinstance(shape, shapes.SendShape):
        return nodes.Send(own, shape.send, full(flow, shape.to))
    assert isinstance(shape, shapes.OpenShape)
    return nodes.Open(own, shape.open_case, full(flow, shape.to))


def _question(flow: str, own: str, shape: shapes.QuestionShape) -> nodes.Question:
    return nodes.Question(
        name=own,
        text=shape.question,
        short=shape.short,
        simple=shape.simple,
        options=tuple(_choice(flow, option) for option in shape.options),
        asks=tuple(_ask(flow, ask) for ask in shape.ask),
        save=shape.save,
        remember=shape.remember,
        rest=shape.rest,
    )


def _choice(flow: str, option: shapes.OptionShape) -> nodes.Choice:
    return nodes.Choice(
        text=option.text,
        to=full(flow, option.to),
        value=option.value,
        value_of=option.value_of,
        when=tuple(_condition(one) for one in option.when),
    )


def _ask(flow: str, ask: shapes.AskShape) -> nodes.Ask:
    given = ask.model_dump(exclude={"to", "rules"})
    rules = tuple(_rule(rule) for rule in ask.rules)
    return nodes.Ask(to=full(flow, ask.to), rules=rules, **given)


def _rule(rule: shapes.RuleShape) -> nodes.Rule:
    operator = next(bound for bound in BOUNDS if getattr(rule, bound) is not None)
    bound = str(getattr(rule, operator))
    return nodes.Rule(cast(nodes.RuleOperator, operator), bound, rule.text)


def _case(flow: str, case: shapes.CaseShape) -> nodes.Case:
    own = () if subject_of(case) is None else (_condition(case),)
    return nodes.Case(own + tuple(_condition(one) for one in case.when), full(flow, case.to))


def subject_of(condition: shapes.ConditionShape) -> str | None:
    """What a condition is about; None where it names nothing."""
    return next((name for name in SUBJECTS if getattr(condition, name) is not None), None)


def _condition(shape: shapes.ConditionShape) -> nodes.Condition:
    subject = subject_of(shape) or ""
    value = str(getattr(shape, subject))
    if subject != "answer":
        return nodes.Condition(cast(nodes.Subject, subject), "", "equals", value)
    operator = next((one for one in COMPARISONS if getattr(shape, one) is not None), "given")
    bound = "" if operator == "given" else str(getattr(shape, operator))
    return nodes.Condition("answer", value, cast(nodes.Operator, operator), bound)


def ill(shape: shapes.Shape) -> Iterator[Ill]:
    """Conditions, rules and asks that say too little or too much, and where."""
    if isinstance(shape, shapes.BranchShape):
        for index, case in enumerate(shape.branch):
            if not case.when or subject_of(case) is not None:
                yield from _ill_condition(("branch", index), case)
            for inner, one in enumerate(case.when):
                yield from _ill_condition(("branch", index, "when", inner), one)
    if isinstance(shape, shapes.QuestionShape):
        for index, option in enumerate(shape.options):
            for inner, one in enumerate(option.when):
                yield from _ill_condition(("options", index, "when", inner), one)
    if isinstance(shape, shapes.QuestionShape | shapes.ChooseShape):
        for index, ask in enumerate(shape.ask):
            if ask.kind == "phone" and ask.keep is not None:
                message = "a phone number is stored sealed and never kept"
                yield ("ask", index, "keep"), message, "Save it instead"
            for inner, rule in enumerate(ask.rules):
                yield from _ill_rule(("ask", index, "rules", inner), rule)


def _ill_condition(place: Path, condition: shapes.ConditionShape) -> Iterator[Ill]:
    subjects = [name for name in SUBJECTS if getattr(condition, name) is not None]
    compared = [name for name in (*COMPARISONS, "given") if getattr(condition, name) is not None]
    if len(subjects) != 1:
        message = f"a condition is about exactly one of {', '.join(SUBJECTS)}"
        yield place, message, "Write several as a list under `when`"
    elif subjects == ["answer"] and len(compared) != 1:
        known = ", ".join((*COMPARISONS, "given"))
        yield place, f"an answer is compared by one of {known}", "Name exactly one"
    elif subjects != ["answer"] and compared:
        remedy = f"Take {', '.join(compared)} out"
        yield place, f"{subjects[0]} is compared by its value alone", remedy
    else:
        yield from _ill_bounds(place, condition)


def _ill_rule(place: Path, rule: shapes.RuleShape) -> Iterator[Ill]:
    if sum(getattr(rule, bound) is not None for bound in BOUNDS) != 1:
        message = f"a rule has exactly one of {', '.join(BOUNDS)}"
        yield place, message, "Write a rule for each bound"
    elif rule.matches is not None and not _is_pattern(rule.matches):
        yield (*place, "matches"), "this is no regular expression", "Close its brackets"
    else:
        yield from _ill_bounds(place, rule)


def _ill_bounds(place: Path, holder: shapes.ConditionShape | shapes.RuleShape) -> Iterator[Ill]:
    """Bounds that nothing can be compared with."""
    for operator in ("at_least", "at_most"):
        bound = getattr(holder, operator)
        if bound is not None and _BOUND.fullmatch(bound) is None:
            remedy = 'Write 18 or "2026-12-31", without a sign or a point'
            yield (*place, operator), "a bound is a whole number or a day", remedy


def _is_pattern(written: str) -> bool:
    try:
        re.compile(written)
    except re.error:
        return False
    return True


def targets(one: nodes.Node) -> Iterator[tuple[Path, str]]:
    """Every target a node names, and where in its file."""
    if isinstance(one, nodes.Question):
        for index, option in enumerate(one.options):
            yield ("options", index, "to"), option.to
    elif isinstance(one, nodes.Choose):
        yield ("to",), one.to
        yield ("none",), one.none
    elif isinstance(one, nodes.Find):
        yield ("found",), one.found
        yield ("none",), one.none
    elif isinstance(one, nodes.Branch):
        for index, case in enumerate(one.cases):
            yield ("branch", index, "to"), case.to
        yield ("else",), one.otherwise
    elif isinstance(one, nodes.Call):
        yield ("call",), one.node
        yield ("then",), one.then
    elif not isinstance(one, nodes.Say):
        yield ("to",), one.to
    for index, ask in enumerate(nodes.asks_of(one)):
        yield ("ask", index, "to"), ask.to


def onward(one: nodes.Node | None) -> Iterator[str]:
    """Where a node leads that does not wait; nothing for one that does."""
    if isinstance(one, nodes.Call):
        yield one.node
    elif not isinstance(one, nodes.Question | nodes.Choose | nodes.Say | None):
        yield from (target for _, target in targets(one))


def texts(one: nodes.Node) -> Iterator[tuple[Path, str]]:
    """Every text key a node names, and where in its file; "" where it names none."""
    if isinstance(one, nodes.Question):
        yield ("question",), one.text
        yield ("short",), one.short
        yield ("simple",), one.simple
        for index, option in enumerate(one.options):
            yield ("options", index, "text"), option.text
    elif isinstance(one, nodes.Choose):
        yield ("text",), one.text
        yield ("short",), one.short
    elif isinstance(one, nodes.Say):
        yield ("end" if one.ends else "say",), one.text
    elif isinstance(one, nodes.Send):
        yield ("send",), one.text
    for index, ask in enumerate(nodes.asks_of(one)):
        yield ("ask", index, "unknown"), ask.unknown
        yield ("ask", index, "wrong"), ask.wrong
        for inner, rule in enumerate(ask.rules):
            yield ("ask", index, "rules", inner, "text"), rule.text
