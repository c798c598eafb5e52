"""Mistakes in conditions, rules, attempts, calls and asks: file, line, key, what to do."""

from __future__ import annotations

import pytest

from app.errors import FlowError
from app.flows import load
from tests.unit.flows.test_load import FLOW, LO, PACK, TEXTS, only, problems, sources
from tests.unit.flows.walks import shipped_sources

LARGE = """\
flow: small
start: ask
attempts: {simpler_after: 3, give_up_after: 5, to: bye}
resume: ask
one_line: {code: c, score: s, comment: t, to: bye, unknown: ask}
nodes:
  ask:
    question: ask
    options:
      - {text: ask, to: bye, when: {medium: ussd}}
      - text: bye
        to: bye
        when:
          - {answer: age, at_least: 18}
    ask:
      - kind: number
        to: bye
        rules:
          - {at_least: 18, text: ask}
          - {matches: "[0-9]+", text: ask}
      - {kind: phone, to: bye, save: phone}
  fork:
    branch:
      - {answer: age, equals: 3, to: bye}
    else: called
  called: {call: ask, then: bye}
  bye: {end: bye}
"""

MISTAKES = {
    "two subjects in a condition": (
        "{medium: ussd}",
        "{medium: ussd, language: lo}",
        (10, "nodes.ask.options.0.when", "exactly one of answer, language", "list under `when`"),
    ),
    "no subject in a condition": (
        "- {answer: age, at_least: 18}",
        "- {at_least: 18}",
        (14, "nodes.ask.options.1.when.0", "exactly one of answer, language", "list"),
    ),
    "a comparison of something else": (
        "{medium: ussd}",
        "{medium: ussd, at_most: 3}",
        (10, "nodes.ask.options.0.when", "medium is compared by its value alone", "at_most out"),
    ),
    "an answer compared twice": (
        "equals: 3, to",
        "equals: 3, at_most: 4, to",
        (24, "nodes.fork.branch.0", "compared by one of equals", "exactly one"),
    ),
    "an answer compared with nothing": (
        "- {answer: age, at_least: 18}",
        "- {answer: age}",
        (14, "nodes.ask.options.1.when.0", "compared by one of equals", "exactly one"),
    ),
    "an answer compared with words": (
        "- {answer: age, at_least: 18}",
        "- {answer: age, at_least: many}",
        (14, "nodes.ask.options.1.when.0.at_least", "a whole number or a day", "18"),
    ),
    "a rule without a bound": (
        "{at_least: 18, text",
        "{text",
        (19, "nodes.ask.ask.0.rules.0", "exactly one of at_least", "a rule for each bound"),
    ),
    "a rule with two bounds": (
        "{at_least: 18, text",
        "{at_least: 18, at_most: 20, text",
        (19, "nodes.ask.ask.0.rules.0", "exactly one of at_least", "a rule for each bound"),
    ),
    "a bound that is a word": (
        "{at_least: 18, text",
        "{at_least: adult, text",
        (19, "nodes.ask.ask.0.rules.0.at_least", "a whole number or a day", "18"),
    ),
    "a bound below nothing": (
        "{at_least: 18, text",
        "{at_least: -1, text",
        (19, "nodes.ask.ask.0.rules.0.at_least", "a whole number or a day", "18"),
    ),
    "a pattern that is none": (
        '"[0-9]+"',
        '"[0-9+"',
        (20, "nodes.ask.ask.0.rules.1.matches", "no regular expression", "brackets"),
    ),
    "a phone number that is kept": (
        "save: phone",
        "keep: phone",
        (21, "nodes.ask.ask.1.keep", "never kept", "Save it"),
    ),
    "attempts that lead nowhere": (
        "give_up_after: 5, to: bye",
        "give_up_after: 5, to: gone",
        (3, "attempts.to", "there is no node 'gone'", "Add it or name another"),
    ),
    "a call into a flow that is missing": (
        "{call: ask,",
        "{call: other/ask,",
        (26, "nodes.called.call", "there is no node 'other/ask'", "Add it or name another"),
    ),
    "a return from nowhere": (
        "start: ask",
        "start: return",
        (2, "start", "there is no node 'return'", "Add it or name another"),
    ),
    "a resume that is no node": (
        "resume: ask",
        "resume: continue",
        (4, "resume", "there is no node 'continue'", "Add it or name another"),
    ),
    "a resume that asks nothing": (
        "resume: ask",
        "resume: fork",
        (4, "resume", "'fork' is no question", "Name a node that is one"),
    ),
    "a code that is asked for by nobody": (
        "unknown: ask",
        "unknown: called",
        (5, "one_line.unknown", "'called' is no question", "Name a node that is one"),
    ),
}


def test_the_large_flow_is_right() -> None:
    assert set(load.book(sources(LARGE)).flows) == {"small"}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_line_its_key_and_a_remedy(mistake: str) -> None:
    right, wrong, (line, where, message, remedy) = MISTAKES[mistake]
    assert LARGE.count(right) == 1
    problem = only(sources(LARGE.replace(right, wrong)))
    assert (problem.file, problem.line, problem.where) == (FLOW, line, where)
    assert message in problem.message
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("right", "wrong", "line", "where"),
    [
        ("simpler_after: 3", "simpler_after: 0", 3, "attempts.simpler_after"),
        ("simpler_after: 3", "simpler_after: some", 3, "attempts.simpler_after"),
        ("give_up_after: 5, ", "", 3, "attempts.give_up_after"),
        ("kind: number", "kind: numbr", 16, "nodes.ask.ask.0.kind"),
        ("{at_least: 18, text: ask}", "{at_least: 18}", 19, "nodes.ask.ask.0.rules.0.text"),
        ("{at_least: 18, text", "{at_leest: 18, text", 19, "nodes.ask.ask.0.rules.0.at_leest"),
        ("{medium: ussd}", "{medium: fax}", 10, "nodes.ask.options.0.when.medium"),
        ("{medium: ussd}", "{contact: old}", 10, "nodes.ask.options.0.when.contact"),
        ("else: called", "otherwise: called", 22, "nodes.fork.else"),
    ],
)
def test_what_does_not_belong_is_named_with_its_line(
    right: str, wrong: str, line: int, where: str
) -> None:
    assert LARGE.count(right) == 1
    found = [
        (one.file, one.line, one.where) for one in problems(sources(LARGE.replace(right, wrong)))
    ]
    assert (FLOW, line, where) in found


def test_a_sentence_that_no_language_has_is_named() -> None:
    problem = only(sources(LARGE.replace("{at_least: 18, text: ask}", "{at_least: 18, text: old}")))
    assert (problem.line, problem.where) == (19, "nodes.ask.ask.0.rules.0.text")
    assert "'old' is missing in en, lo" in problem.message


def test_two_flows_of_one_name_are_named_in_the_second_file() -> None:
    other = "# The other.\nflow: small\nstart: bye\nnodes:\n  bye: {end: bye}\n"
    problem = only({**sources(LARGE), "flows/zz.yaml": other})
    assert (problem.file, problem.line, problem.where) == ("flows/zz.yaml", 2, "flow")
    assert (problem.message, problem.remedy) == ("there are two flows 'small'", "Rename one")


def test_a_call_may_lead_into_another_flow() -> None:
    other = (
        "flow: other\nstart: a\nnodes:\n  a: {question: ask, options: [{text: ask, to: return}]}\n"
    )
    given = {**sources(LARGE.replace("{call: ask,", "{call: other/a,")), "flows/other.yaml": other}
    book = load.book(given)
    assert set(book.flows) == {"small", "other"}
    assert book.nodes.keys() >= {"small/ask", "other/a"}


def test_a_circle_through_another_flow_is_named_in_both() -> None:
    one = "flow: small\nstart: a\nnodes:\n  a: {record: {x: 1}, to: other/b}\n"
    other = "flow: other\nstart: b\nnodes:\n  b: {record: {x: 1}, to: small/a}\n"
    found = problems({**sources(one), "flows/other.yaml": other})
    assert {(problem.file, problem.line, problem.where) for problem in found} == {
        (FLOW, 4, "nodes.a"),
        ("flows/other.yaml", 4, "nodes.b"),
    }
    assert {problem.remedy for problem in found} == {"Put a question in"}


@pytest.mark.parametrize(
    ("right", "wrong", "where", "message"),
    [
        ('script: "lao"', 'script: "runes"', "pack.script", "a script is one of lao, latin"),
        ('names: "lo"', 'names: "fr"', "pack.names", "there are names in lo and en only"),
    ],
)
def test_a_pack_that_says_what_cannot_be_is_named(
    right: str, wrong: str, where: str, message: str
) -> None:
    assert PACK.count(right) == 1
    problem = only(sources(lo=PACK.replace(right, wrong) + TEXTS))
    assert (problem.file, problem.where, problem.message) == (LO, where, message)


def test_a_language_to_remember_must_be_there() -> None:
    given = shipped_sources()
    main = given["flows/main.yaml"].replace("value: lo-Latn", "value: klingon", 1)
    with pytest.raises(FlowError, match="there is no language 'klingon'"):
        load.book({**given, "flows/main.yaml": main})


SHORTCUTS = """\
flow: small
start: ask
direct:
  - {words: [2, ask], to: list}
invited: {code: odsc, service: service, to: ask}
nodes:
  ask: {question: ask, ask: {kind: rating, save: score, to: bye}}
  list:
    choose: services
    text: ask
    to: bye
    none: ask
    ask: {kind: number, to: bye, rules: [{at_least: 1, text: ask}]}
  bye: {end: bye}
"""


def test_shortcuts_lead_to_what_takes_an_answer() -> None:
    flow = load.book(sources(SHORTCUTS)).flows["small"]
    assert [(one.words, one.to) for one in flow.direct] == [(("2", "ask"), "small/list")]
    assert flow.invited is not None
    assert (flow.invited.code, flow.invited.to) == ("odsc", "small/ask")


@pytest.mark.parametrize(
    ("right", "wrong", "where", "message"),
    [
        ("to: list}", "to: lost}", "direct.0.to", "there is no node 'lost'"),
        ("to: list}", "to: bye}", "direct.0.to", "'bye' takes no typed answer"),
        ("to: list}", "to: return}", "direct.0.to", "there is no node 'return'"),
        ("service, to: ask}", "service, to: bye}", "invited.to", "'bye' takes no typed answer"),
        ("service, to: ask}", "service, to: lost}", "invited.to", "there is no node 'lost'"),
        ("{at_least: 1,", "{at_least: one,", "nodes.list.ask.rules.0.at_least", "a bound is"),
        ("kind: number, to: bye", "kind: number, to: lost", "nodes.list.ask.to", "there is no"),
        ("1, text: ask", "1, text: old", "nodes.list.ask.rules.0.text", "'old' is missing"),
    ],
)
def test_a_shortcut_that_leads_nowhere_is_named(
    right: str, wrong: str, where: str, message: str
) -> None:
    assert SHORTCUTS.count(right) == 1
    found = problems(sources(SHORTCUTS.replace(right, wrong)))
    assert any(one.where.startswith(where) and message in one.message for one in found), found
