"""Whatever people type, wherever they are: the conversation goes on and every page fits."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.flows.engine import can_resume
from app.flows.model import State
from app.flows.nodes import Question
from app.flows.walk import MAX_HISTORY
from tests.unit.flows.walks import Paper, Walk, book_from, fits, rows, shipped

LARGEST_STATE = 4096
CITIZENS, INPUTS_OF_ONE = 400, 250

# Every kind of node and of answer, also those that the shipped flow does without.
EVERYTHING = """\
flow: all
start: home
attempts: {simpler_after: 2, give_up_after: 9, to: home}
resume: again
one_line: {code: odsc, score: score, comment: comment, to: number, unknown: place}
direct: [{words: [2, status, ສະຖານະ], to: services}]
invited: {code: odsc, service: service, to: number}
nodes:
  home:
    question: home
    simple: simpler
    remember: language
    options:
      - {text: chosen, to: number, value: en}
      - {text: hidden, to: day, when: [{medium: ussd}, {answer: number, at_most: 5}]}
      - {text: other, to: called}
    ask: {kind: place, lookup: places, keep: place, to: which}
  number:
    question: number
    rest: comment
    ask:
      - {kind: number, save: number, to: noted, rules: [{at_most: 90, text: too_many}]}
      - {kind: phone, save: phone, to: day}
      - {kind: date, save: day, to: day, rules: [{at_least: "2026-01-01", text: early}]}
      - {kind: reference, save: reference, to: words, rules: [{matches: "[A-Z]+", text: not_so}]}
  noted: {record: {seen: done}, to: told}
  told: {send: score, to: opened}
  opened: {case: problem, to: fork}
  fork:
    branch: [{answer: words, at_least: 3, to: day}, {script: latin, to: words}]
    else: called
  called: {call: other/list, then: words}
  day: {question: day, ask: {kind: date, save: day, to: services, wrong: no_day}}
  services:
    choose: my_requests
    text: which
    confirm: true
    save: service
    rest: comment
    to: words
    none: asked
    ask:
      - {kind: reference, lookup: request, keep: number, to: shown}
      - {kind: number, save: number, to: asked, rules: [{at_most: 90, text: too_many}]}
  asked: {question: asked, ask: {kind: reference, lookup: request, keep: number, to: shown}}
  shown: {say: request.status, lookup: request, args: {value: number}, spare: [since, service]}
  which:
    {choose: places, text: which, args: {value: place}, confirm: true, save: odsc, to: number,
     none: place}
  place: {question: place, ask: {kind: code, lookup: odsc, save: odsc, to: return}}
  words:
    question: words
    ask:
      kind: text
      save: words
      to: bye
      rules: [{shortest: 2, text: short}, {longest: 900, text: long}]
  bye: {end: bye}
  again: {question: again, options: [{text: go_on, to: continue}, {text: over, to: home}]}
"""
OTHER = """\
flow: other
start: list
nodes:
  list: {choose: services, text: list, keep: asked, to: fee, none: return}
  fee: {find: fee, args: {service: asked}, keep: fee, found: sure, none: return}
  sure: {question: sure, options: [{text: go_on, to: return}, {text: once_more, to: deeper}]}
  deeper: {call: list, then: return}
"""
BOOKS = {"main": shipped(), "all": book_from(EVERYTHING, OTHER)}
LANGUAGES = sorted(shipped().packs)

KEYS = [*"0123456789", "00", "10", "11", "15", "0103", "0901", "1610", "9999", "*", "#", ""]
WORDS = [
    "VTE2026",
    "2 VTE2026",
    "status VTE-2026",
    "ສະຖານະ 0103 1234567 8",
    "ໃຫ້ຄະແນນ",
    "ບໍ່ຮູ້ລະຫັດ",
    "ຂ້າມ",
    "ຫ້າ",
    "໕",
    "ແປກ",
    "Xaysetha",
    "0103 5 ດີຫຼາຍ",
    "9999 1",
    "5 ລ້ານ ກີບ",
    "1.000.000.000",
    "020 55 512 345",
    "23/11/2026",
    "31/02/2026",
    "3 \0\ud800 ຄົນ",
    "²",
    "{odsc}",
    "{",
    "}{0}",
    "%s",
    "\0",
    "A\0B\0C",
    "\ud800",
    "😀" * 40,
    "ກ" * 3000,
    "1" * 5000,
    "5 " + "ດີ" * 900,
    "\u200b\u0eb1",
    "1*2*3",
    "return",
    "; DROP TABLE contacts;--",
]
STEPS = ["1", "2", "3", "0103", "5", "9", "ແປກ", "4 ດີ"]
typed = st.one_of(st.sampled_from(KEYS), st.sampled_from(KEYS + WORDS), st.text(max_size=80))


class Wandering(RuleBasedStateMachine):
    """A citizen who types anything; when a conversation ends, the next begins."""

    @initialize(
        flow=st.sampled_from(sorted(BOOKS)),
        language=st.sampled_from(LANGUAGES),
        sms=st.booleans(),
        new=st.booleans(),
        last=st.sampled_from(["", "0103", "1610"]),
    )
    def dial(self, flow: str, language: str, sms: bool, new: bool, last: str) -> None:
        book = BOOKS[flow]
        self.walk = Walk(
            Paper(last, mine=("VTE2026",) if last else ()),
            language,
            "sms" if sms else "ussd",
            new=new,
            flow=book.flows[flow],
            book=book,
        )

    @rule(text=typed)
    def type(self, text: str) -> None:
        walk = self.walk
        if walk.step.finished:
            self.walk = Walk(walk.paper, walk.language, walk.medium, flow=walk.flow, book=walk.book)
        self.walk.press(text)

    @rule(steps=st.lists(st.sampled_from(STEPS), max_size=6))
    def go_deep(self, steps: list[str]) -> None:
        for step in steps:
            self.type(step)

    @rule()
    def drop_and_dial_again(self) -> None:
        if not self.walk.step.finished and can_resume(self.walk.flow, self.walk.state):
            self.walk.redial()

    @invariant()
    def every_page_fits(self) -> None:
        assert self.walk.pages
        for page in self.walk.pages:
            assert fits(page), page
            assert page.strip(), self.walk.state

    @invariant()
    def there_is_a_way_on(self) -> None:
        screen, node = self.walk.step.screen, self.walk.book.nodes[self.walk.state.node]
        asks = isinstance(node, Question) and bool(node.asks)
        if self.walk.step.finished:
            assert len(self.walk.pages) == 1, self.walk.pages
            assert screen.ends
        else:
            assert screen.options or asks or screen.can_back or screen.can_home, screen

    @invariant()
    def the_state_stays_small_and_comes_back(self) -> None:
        stored = json.dumps(self.walk.state.as_json(), ensure_ascii=False)
        assert len(stored.encode()) < LARGEST_STATE, stored
        assert State.from_json(json.loads(stored)) == self.walk.state
        assert len(self.walk.state.history) <= MAX_HISTORY

    def wander(self, seed: int) -> None:
        """Very many keys of one citizen, held to the same as single ones."""
        chance = random.Random(seed)
        for _ in range(INPUTS_OF_ONE):
            kind = chance.random()
            if kind < 0.03:
                self.drop_and_dial_again()
            self.type(chance.choice(STEPS if kind < 0.5 else KEYS if kind < 0.9 else WORDS))
            self.every_page_fits()
            self.there_is_a_way_on()
            self.the_state_stays_small_and_comes_back()


TestWandering = Wandering.TestCase
TestWandering.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.slow
@settings(max_examples=CITIZENS, deadline=None, database=None)
@given(
    flow=st.sampled_from(sorted(BOOKS)),
    language=st.sampled_from(LANGUAGES),
    sms=st.booleans(),
    new=st.booleans(),
    last=st.sampled_from(["", "0103", "1610"]),
    seed=st.integers(0, 2**32),
)
def test_a_hundred_thousand_inputs(
    flow: str, language: str, sms: bool, new: bool, last: str, seed: int
) -> None:
    """Under a minute: a seed stands for a citizen's keys, so that little has to be drawn."""
    citizen = Wandering()
    citizen.dial(flow=flow, language=language, sms=sms, new=new, last=last)
    citizen.wander(seed)


def test_the_paper_registry_is_of_the_size_of_the_real_one() -> None:
    assert (len(Paper().centers), len(Paper().services)) == (3, 14)
    assert len(rows("districts")) == 148
