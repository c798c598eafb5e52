"""What happens on the way, between two questions: record, send, case, call."""

from __future__ import annotations

import pytest

from app.flows.model import OpenCase, Phrase, Saved, SendSms, State
from tests.unit.flows.walks import Walk, walk_of

PASSING = """\
flow: passing
start: menu
nodes:
  menu:
    question: menu
    options:
      - {text: to_note, to: noted}
      - {text: to_call, to: called}
  noted: {record: {kind: urgent, level: 3}, to: told}
  told: {send: told, to: opened}
  opened: {case: problem, to: fork}
  fork:
    branch: [{answer: level, at_least: 3, to: story}]
    else: bye
  story: {question: story, ask: {kind: text, save: problem, to: bye}}
  called: {call: other/name, then: story}
  bye: {end: bye}
"""
OTHER = """\
flow: other
start: name
nodes:
  name: {question: name, options: [{text: go_on, to: age}]}
  age: {question: age, ask: {kind: number, save: age, to: after}}
  after:
    branch: [{answer: age, at_least: 18, to: return}]
    else: young
  young: {call: parent, then: return}
  parent: {question: parent, ask: {kind: number, save: parent, to: return}}
"""


def stack(walk: Walk) -> list[str]:
    return list(walk.state.stack)


def test_every_node_on_the_way_has_its_effect_in_order() -> None:
    walk = walk_of(PASSING, OTHER).press("1").at("story")
    assert walk.effects == [
        Saved("kind", "urgent"),
        Saved("level", "3"),
        SendSms(Phrase("told")),
        OpenCase("problem"),
    ]
    assert walk.state.answers == {"kind": "urgent", "level": "3"}


def test_0_leads_back_over_what_does_not_wait() -> None:
    walk = walk_of(PASSING, OTHER).press("1", "0").at("menu")
    assert walk.state.answers == {"kind": "urgent", "level": "3"}


@pytest.mark.parametrize("medium", ["ussd", "sms"])
def test_a_text_is_sent_over_both_media(medium: str) -> None:
    walk = walk_of(PASSING, OTHER)
    walk.medium = "sms" if medium == "sms" else "ussd"
    assert SendSms(Phrase("told")) in walk.press("1").effects


def test_a_call_leads_into_another_flow_and_back() -> None:
    walk = walk_of(PASSING, OTHER).press("2").at("other/name")
    assert stack(walk) == ["passing/story"]
    walk.press("1").at("other/age").press("40").at("story")
    assert stack(walk) == []
    assert walk.effects == [Saved("age", "40")]


def test_a_call_within_a_call_returns_twice() -> None:
    walk = walk_of(PASSING, OTHER).press("2", "1", "12").at("other/parent")
    assert stack(walk) == ["passing/story", "return"]
    walk.press("40").at("story")
    assert stack(walk) == []


def test_0_leads_back_into_the_other_flow_and_it_still_returns() -> None:
    walk = walk_of(PASSING, OTHER).press("2", "1", "40").at("story")
    walk.press("0").at("other/age").press("0").at("other/name").press("0").at("menu")
    walk.press("2", "1", "41").at("story")


def test_00_leads_out_of_the_other_flow_and_forgets_the_call() -> None:
    walk = walk_of(PASSING, OTHER).press("2", "1").at("other/age").press("00").at("menu")
    assert (walk.state.stack, walk.state.history) == ((), ())


def test_wrong_answers_in_the_other_flow_end_as_the_conversations_own() -> None:
    plan = "start: menu\nattempts: {simpler_after: 1, give_up_after: 2, to: bye}\n"
    walk = walk_of(PASSING.replace("start: menu\n", plan), OTHER).press("2", "1")
    walk.press("x").at("other/age").press("x").ends("bye")


def test_the_first_screen_forgets_the_way_that_led_to_it() -> None:
    flow = PASSING.replace("save: problem, to: bye", "save: problem, to: menu")
    walk = walk_of(flow, OTHER).press("1").press("a story").at("menu")
    assert (walk.state.history, walk.state.stack) == ((), ())
    assert not walk.step.screen.can_back


def test_what_returns_without_a_call_leads_to_the_first_screen() -> None:
    walk = walk_of(PASSING, OTHER)
    walk.state = State("other/parent")
    walk.press("40").at("menu")
