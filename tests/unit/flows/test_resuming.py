"""A dropped session: who dials again may go on, or start over; phones are shared."""

from __future__ import annotations

import json

import pytest

from app.flows.engine import can_resume
from app.flows.model import Restarted, Saved, State
from tests.unit.flows.walks import Paper, Walk, walk_of


def dropped(language: str = "lo") -> Walk:
    """A session that drops where the service is asked."""
    walk = Walk(Paper(last="0901"), language).press("1", "0103", "2 rude").at("service")
    assert can_resume(walk.flow, walk.state)
    return walk


def test_who_dials_again_is_asked_whether_to_go_on() -> None:
    walk = dropped().redial().at("resume").sees("1 ສືບຕໍ່", "2 ເລີ່ມໃໝ່")
    assert walk.effects == []
    assert len(walk.pages) == 1


@pytest.mark.parametrize("language", ["lo", "en"])
def test_the_screen_shows_none_of_the_answers_so_far(language: str) -> None:
    walk = dropped(language)
    said = {"0103", "rude", *walk.paper.centers["0103"].values()}
    walk.redial()
    for _ in range(4):
        assert not [word for word in said if word in walk.page], walk.page
        assert walk.step.screen.values == {}
        walk.press("x").at("resume")


def test_to_go_on_leads_to_the_very_place() -> None:
    before = dropped()
    state, page = before.state, before.page
    after = before.redial().press("1").at("service")
    assert (after.state, after.page, after.effects) == (state, page, [])
    after.press("1").at("reason").press("0", "0").at("score")


def test_to_go_on_leads_to_the_very_page() -> None:
    walk = dropped().press("9")
    page = walk.page
    assert walk.redial().press("1").page == page


@pytest.mark.parametrize("key", ["2", "ເລີ່ມໃໝ່", "00", "0"])
def test_to_start_over_leaves_the_other_conversation_as_it_is(key: str) -> None:
    walk = dropped().redial().press(key).at("home")
    assert walk.effects == [Restarted()]
    assert walk.state == State("main/home")


def test_after_starting_over_a_conversation_is_like_any_other() -> None:
    walk = dropped().redial().press("2", "1", "1").at("score")
    assert walk.effects == [Restarted(), Saved("odsc", "0901")]
    assert walk.state.suspended is None
    walk.press("0", "0").at("home")


CODES = """\
flow: codes
start: menu
resume: again
nodes:
  menu: {question: menu, options: [{text: go_on, to: other}]}
  other: {question: other, ask: {kind: number, save: number, to: bye}}
  again:
    question: again
    options: [{text: carry_on, to: continue}]
    ask: {kind: code, lookup: odsc, save: odsc, to: score}
  score: {question: score, ask: {kind: rating, save: score, to: bye}}
  bye: {end: bye}
"""


def test_a_code_starts_over_and_belongs_to_the_new_conversation() -> None:
    walk = walk_of(CODES).press("1").redial().at("again").press("0901").at("score").sees("ແປກ")
    assert walk.effects == [Restarted(), Saved("odsc", "0901")]
    assert walk.state.answers == {"odsc": "0901"}
    assert (walk.state.suspended, walk.state.history, walk.state.stack) == (None, (), ())
    walk.press("5").ends("bye")


def test_a_code_that_nobody_has_is_asked_for_again() -> None:
    walk = walk_of(CODES).press("1").redial().press("9999").at("again")
    assert walk.effects == []
    walk.press("1").at("other")


def test_who_is_asked_and_dropped_again_is_asked_again() -> None:
    walk = dropped()
    state = walk.state
    walk.redial().press("x").redial().redial().at("resume")
    assert can_resume(walk.flow, walk.state)
    assert walk.state.suspended == state
    walk.press("1").at("service")


def test_the_suspended_conversation_comes_back_from_its_json() -> None:
    walk = dropped().redial()
    walk.state = State.from_json(json.loads(json.dumps(walk.state.as_json())))
    walk.press("1").at("service")


def test_from_a_first_screen_there_is_nothing_to_go_on_with() -> None:
    walk = Walk()
    assert not can_resume(walk.flow, walk.state)
    assert not can_resume(walk.flow, walk.press("x").state)
    assert not can_resume(walk.flow, walk.press("1", "00").state)


def test_a_flow_that_asks_nobody_begins_anew() -> None:
    walk = walk_of(CODES.replace("resume: again\n", "")).press("1")
    assert not can_resume(walk.flow, walk.state)
    walk.redial().at("menu")
