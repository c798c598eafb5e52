"""Wrong answers in a row: first the sentence, then the simpler text, in the end another way."""

from __future__ import annotations

import pytest

from app.flows.model import Restarted
from tests.unit.flows.walks import Walk, walk_of

TRIES = """\
flow: tries
start: menu
attempts: {simpler_after: 3, give_up_after: 5, to: another_way}
resume: again
nodes:
  menu:
    question: menu
    options:
      - {text: to_pick, to: pick}
      - {text: to_type, to: typing}
  pick:
    question: pick
    simple: pick_simply
    options: [{text: go_on, to: finish}]
  typing:
    question: typing
    ask: {kind: number, save: count, to: finish, wrong: no_number}
  finish: {end: finish}
  another_way: {end: another_way}
  again:
    question: again
    options:
      - {text: carry_on, to: continue}
      - {text: anew, to: menu}
"""


def at_pick() -> Walk:
    return walk_of(TRIES).press("1").at("pick")


def test_three_wrong_answers_bring_the_simpler_text() -> None:
    walk = at_pick()
    for _ in range(2):
        walk.press("7").at("pick").sees("ບໍ່ຖືກຕ້ອງ", "\npick\n1 go_on")
    for _ in range(2):
        walk.press("7").at("pick").sees("pick_simply\n1 go_on")
        assert "ບໍ່ຖືກຕ້ອງ" not in walk.page


def test_five_wrong_answers_bring_what_to_do_instead() -> None:
    walk = at_pick().press(*["7"] * 4).at("pick").press("x").ends("another_way")
    assert walk.effects == []


def test_where_no_text_is_simpler_the_sentence_stays() -> None:
    walk = walk_of(TRIES).press("2")
    for _ in range(4):
        walk.press("x").at("typing").sees("no_number\ntyping")
    walk.press("x").ends("another_way")


def test_a_right_answer_begins_the_count_anew() -> None:
    walk = walk_of(TRIES).press("7", "7", "7", "7").at("menu").press("1").at("pick")
    assert walk.state.wrong == 0
    walk.press("7", "7").sees("ບໍ່ຖືກຕ້ອງ").press("7", "7").at("pick").press("1").ends("finish")


@pytest.mark.parametrize("way", ["0", "00"])
def test_who_goes_back_begins_the_count_anew(way: str) -> None:
    walk = at_pick().press(*["7"] * 4).press(way).at("menu")
    assert walk.state.wrong == 0
    walk.press("1").at("pick").sees("pick\n")
    walk.press(*["7"] * 4).at("pick")


def test_what_opens_a_conversation_is_no_wrong_answer() -> None:
    walk = walk_of(TRIES)
    for _ in range(6):
        walk.press("hello", opening=True).at("menu")
    assert walk.state.wrong == 0


def test_the_simpler_text_stays_while_its_pages_are_turned() -> None:
    long = " ".join(["simply_said"] * 40)
    walk = walk_of(TRIES)
    packs = {name: {**pack, "pick_simply": long} for name, pack in walk.book.packs.items()}
    object.__setattr__(walk.book, "packs", packs)
    walk.press("1", "7", "7", "7")
    assert walk.state.pages > 2
    for way in ("9", "9", "0"):
        walk.press(way).at("pick").sees("simply_said")
    assert walk.state.wrong == 3


def test_the_count_goes_on_after_a_dropped_session() -> None:
    walk = at_pick().press("7", "7", "7").redial().at("again").press("1").at("pick")
    walk.sees("pick_simply").press("7").at("pick").press("7").ends("another_way")


def test_wrong_answers_to_whether_to_go_on_leave_the_conversation() -> None:
    walk = at_pick().redial().press(*["x"] * 5).ends("another_way")
    assert walk.effects == [Restarted()]
    assert walk.state.suspended is None


def test_the_shipped_flow_says_what_to_do_instead() -> None:
    walk = Walk().press("1", "0103")
    walk.press(*["x"] * 4).at("score").press("x").ends("gave_up").sees("1616")
    assert len(walk.pages) == 1
