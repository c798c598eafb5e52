"""Whatever people type, wherever they are: the conversation goes on and every page fits."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.flows.model import State
from app.flows.nodes import Question
from app.flows.walk import MAX_HISTORY
from tests.unit.flows.walks import Paper, Walk, fits, rows

LARGEST_STATE = 4096

KEYS = [*"0123456789", "00", "10", "11", "15", "0103", "0901", "1610", "9999", "*", "#", ""]
WORDS = [
    "VTE2026",
    "ໃຫ້ຄະແນນ",
    "ບໍ່ຮູ້ລະຫັດ",
    "ຂ້າມ",
    "ຫ້າ",
    "໕",
    "0103 5 ດີຫຼາຍ",
    "9999 1",
    "5 ລ້ານ ກີບ",
    "1.000.000.000",
    "{odsc}",
    "{",
    "}{0}",
    "%s",
    "\0",
    "A\0B\0C",
    "\ud800",
    "😀" * 40,
    "ກ" * 3000,
    "1" * 500,
    "\u200b\u0eb1",
    "1*2*3",
    "return",
    "; DROP TABLE contacts;--",
]
typed = st.one_of(st.sampled_from(KEYS), st.sampled_from(KEYS + WORDS), st.text(max_size=80))


class Wandering(RuleBasedStateMachine):
    """A citizen who types anything; when a conversation ends, the next begins."""

    @initialize(
        language=st.sampled_from(["lo", "en"]),
        sms=st.booleans(),
        last=st.sampled_from(["", "0103", "1610"]),
    )
    def dial(self, language: str, sms: bool, last: str) -> None:
        self.walk = Walk(Paper(last), language, "sms" if sms else "ussd")

    @rule(text=typed)
    def type(self, text: str) -> None:
        if self.walk.step.finished:
            self.walk = Walk(self.walk.paper, self.walk.language, self.walk.medium)
        self.walk.press(text)

    @rule(steps=st.lists(st.sampled_from(["1", "2", "3", "0103", "5", "9"]), max_size=6))
    def go_deep(self, steps: list[str]) -> None:
        for step in steps:
            self.type(step)

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


TestWandering = Wandering.TestCase
TestWandering.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_the_paper_registry_is_of_the_size_of_the_real_one() -> None:
    assert (len(Paper().centers), len(Paper().services)) == (3, 14)
    assert len(rows("districts")) == 148
