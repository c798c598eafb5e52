"""Mistakes in flow and language files: each is named with file, line, key and remedy."""

from __future__ import annotations

import pytest

from app.errors import FlowError, Problem
from app.flows import load
from tests.unit.flows.walks import shipped_sources

FLOW, LO, EN = "flows/small.yaml", "languages/lo/screens.yaml", "languages/en/screens.yaml"
SMALL = """\
flow: small
start: ask
nodes:
  ask:
    question: ask
    options:
      - {text: yes, to: bye}
    ask: {kind: text, to: bye, wrong: error.choice}
  bye: {end: bye}
"""
NEEDED = (*load.META_KEYS, *load.SYSTEM_KEYS, *load.MESSAGE_KEYS)
SAID = dict.fromkeys(NEEDED, "said") | {"pack.script": "lao", "pack.names": "lo"}
PACK = "".join(f'{key}: "{said}"\n' for key, said in SAID.items())
TEXTS = 'ask: "Who?"\n"yes": "Yes"\nbye: "{name}, bye"\n'


def sources(flow: str = SMALL, lo: str = PACK + TEXTS, en: str = PACK + TEXTS) -> dict[str, str]:
    # YAML 1.1 reads a bare yes as true.
    return {FLOW: flow.replace("yes", '"yes"'), LO: lo, EN: en}


def problems(given: dict[str, str]) -> list[Problem]:
    with pytest.raises(FlowError) as caught:
        load.book(given)
    return caught.value.problems


def only(given: dict[str, str]) -> Problem:
    found = problems(given)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


def test_the_small_flow_is_right() -> None:
    book = load.book(sources())
    assert (set(book.flows), set(book.packs)) == ({"small"}, {"lo", "en"})


def test_the_shipped_files_are_right() -> None:
    book = load.book(shipped_sources())
    assert "main" in book.flows
    assert set(book.packs) >= {"lo", "en"}


# --- one mistake at a time --------------------------------------------------------------------

MISTAKES = {
    "an unknown kind": ("bye: {end: bye}", "bye: {finish: bye}", 9, "nodes.bye", "exactly one"),
    "two kinds": ("bye: {end: bye}", "bye: {end: bye, say: bye}", 9, "nodes.bye", "exactly one"),
    "no node of that name": ("start: ask", "start: hello", 2, "start", "no node 'hello'"),
    "an option that leads nowhere": (
        "to: bye}\n    ask",
        "to: by}\n    ask",
        7,
        "nodes.ask.options.0.to",
        "no node 'by'",
    ),
    "a typed answer that leads nowhere": (
        "kind: text, to: bye",
        "kind: text, to: by",
        8,
        "nodes.ask.ask.to",
        "no node 'by'",
    ),
    "a key nobody knows": ("{end: bye}", "{end: bye, colour: red}", 9, "nodes.bye.colour", "xtra"),
    "a kind of answer nobody knows": (
        "kind: text",
        "kind: poem",
        8,
        "nodes.ask.ask.kind",
        "'code'",
    ),
    "a missing key": ("kind: text, ", "", 8, "nodes.ask.ask.kind", "required"),
    "a list where a text belongs": ("{end: bye}", "{end: [bye]}", 9, "nodes.bye.end", "string"),
    "a number where nodes belong": ("start: ask", "start: 1", 2, "start", "string"),
    "a text that no language has": (
        "question: ask",
        "question: hello",
        5,
        "nodes.ask.question",
        "'hello' is missing in en, lo",
    ),
    "a node that is no mapping": ("bye: {end: bye}", "bye: end", 9, "nodes.bye", "dictionary"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_flow_is_named_with_its_line_and_key(mistake: str) -> None:
    right, wrong, line, where, words = MISTAKES[mistake]
    assert right in SMALL
    problem = only(sources(SMALL.replace(right, wrong)))
    assert (problem.file, problem.line, problem.where) == (FLOW, line, where)
    assert words in problem.message


@pytest.mark.parametrize(
    ("flow", "line", "words"),
    [
        ("flow: small\nnodes:\n\tbye: {end: bye}\n", 3, "cannot start any token"),
        ("flow: small\nnodes: {bye: {end: bye}\n", 3, "expected ',' or '}'"),
        ('flow: "small\n', 2, "unexpected end of stream"),
    ],
)
def test_what_is_no_yaml_is_named_with_its_line_and_a_remedy(
    flow: str, line: int, words: str
) -> None:
    problem = only(sources(flow))
    assert (problem.file, problem.line) == (FLOW, line)
    assert words in problem.message
    assert problem.remedy == "Mend the indentation or quotes"


@pytest.mark.parametrize("flow", ["", "- a list\n", "just words\n"])
def test_a_file_that_is_no_flow_is_named(flow: str) -> None:
    assert only(sources(flow)).file == FLOW


def test_a_target_that_exists_nowhere_says_what_to_do() -> None:
    problem = only(sources(SMALL.replace("start: ask", "start: hello")))
    assert str(problem) == (
        "flows/small.yaml:2: start: there is no node 'hello'. Add it or name another"
    )


def test_every_kind_of_target_is_checked() -> None:
    flow = """\
flow: small
start: a
one_line: {code: c, score: s, comment: t, to: x1, unknown: x2}
attempts: {simpler_after: 3, give_up_after: 5, to: x11}
resume: x12
nodes:
  a: {choose: services, text: ask, to: x3, none: x4}
  b: {find: last_odsc, keep: last, found: x5, none: x6}
  c: {branch: [{answer: s, at_most: 3, to: x7}], else: x8}
  d: {call: x9, then: x10}
  e: {end: bye}
  f: {record: {s: 5}, to: x13}
  g: {send: bye, to: x14}
  h: {case: problem, to: x15}
"""
    found = problems(sources(flow))
    assert {problem.message for problem in found} == {
        f"there is no node 'x{number}'" for number in range(1, 16)
    }
    assert sorted(problem.line for problem in found) == [
        *[3, 3, 4, 5],
        *[7, 7, 8, 8, 9, 9, 10, 10],
        *[12, 13, 14],
    ]


# --- language packs ---------------------------------------------------------------------------


def test_a_text_missing_in_one_language_is_named() -> None:
    found = problems(sources(en=PACK + TEXTS.replace('ask: "Who?"\n', "")))
    assert [(problem.file, problem.where, problem.message) for problem in found] == [
        (FLOW, "nodes.ask.question", "the text 'ask' is missing in en"),
        (EN, "ask", "this text is missing"),
    ]


def test_placeholders_that_differ_between_languages_are_named() -> None:
    problem = only(sources(lo=PACK + TEXTS.replace("{name}", "{person}")))
    assert (problem.where, "placeholders differ" in problem.message) == ("bye", True)
    assert "{name}" in problem.message
    assert "{person}" in problem.message


@pytest.mark.parametrize("text", ["{name", "name}", "{", "a } b", "{na{me}"])
def test_a_brace_that_is_not_closed_is_named(text: str) -> None:
    lines = PACK + TEXTS.replace("{name}, bye", text)
    found = [problem for problem in problems(sources(lo=lines)) if problem.file == LO]
    assert [(problem.line, problem.where) for problem in found] == [
        (len(lines.splitlines()), "bye")
    ]
    assert found[0].remedy == "Write {name} or no brace at all"


@pytest.mark.parametrize("key", NEEDED)
def test_every_language_needs_what_the_system_says(key: str) -> None:
    lacking = PACK.replace(f'{key}: "{SAID[key]}"\n', "") + TEXTS
    found = problems(sources(lo=lacking, en=lacking))
    named = {(problem.file, problem.message) for problem in found if problem.file in (LO, EN)}
    assert named == {(file, f"the text {key!r} is missing") for file in (LO, EN)}


@pytest.mark.parametrize("text", ["", '"  "', "12", "[a]", "{a: b}", "true"])
def test_a_text_that_is_none_is_named(text: str) -> None:
    found = problems(sources(lo=PACK + TEXTS.replace('"Who?"', text)))
    assert (found[0].file, found[0].where) == (LO, "ask")
    assert (found[0].message, found[0].remedy) == ("this is no text", "Write it in quotes")


def test_a_pack_that_is_a_list_is_named() -> None:
    assert (LO, "a language pack is a list of `key: text`") in {
        (problem.file, problem.message) for problem in problems(sources(lo="- a\n"))
    }


# --- several at once --------------------------------------------------------------------------


def test_all_mistakes_are_reported_at_once_in_all_files() -> None:
    flow = SMALL.replace("start: ask", "start: hello").replace("{end: bye}", "{end: gone, x: 1}")
    found = problems(sources(flow, lo="\tx: 1", en=PACK + TEXTS + 'more: "{"\n'))
    assert {problem.file for problem in found} == {FLOW, LO, EN}
    assert len(found) >= 4
    with pytest.raises(FlowError, match="flows/small.yaml:2: start: ") as caught:
        load.book(sources(flow, lo="\tx: 1"))
    assert len(str(caught.value).splitlines()) == len(caught.value.problems)


# --- versions ---------------------------------------------------------------------------------


def test_a_version_is_known_by_its_sources_in_any_order() -> None:
    given = sources()
    turned = dict(reversed(given.items()))
    assert load.hash_of(given) == load.hash_of(turned)
    assert load.hash_of(given) != load.hash_of({**given, LO: given[LO] + "\n"})
    assert load.book(given).hash == load.hash_of(given)
