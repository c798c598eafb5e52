"""Typed answers: what each kind takes and how it is stored, rules, and asks tried in order."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from app.flows.model import Effect, Named, Phrase, Saved, SendSms
from app.flows.nodes import Ask, Rule, RuleOperator
from app.flows.reading import broken, read
from tests.unit.flows.walks import Walk, walk_of

ASKING = """\
flow: asking
start: question
nodes:
  question:
    question: question
    rest: comment
    ask:
      kind: KIND
      save: given
      to: next
      wrong: not_so
      rules: RULES
  next: {say: next}
"""


def asking(kind: str, rules: str = "[]") -> Walk:
    return walk_of(ASKING.replace("KIND", kind).replace("RULES", rules))


# --- kinds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "stored"),
    [
        ("number", "7", "7"),
        ("number", "007", "7"),
        ("number", "໑໒", "12"),
        ("number", "ຫ້າ", "5"),
        ("number", "999999999999999", "999999999999999"),
        ("date", "23/11/2026", "2026-11-23"),
        ("date", "1/2/2026", "2026-02-01"),
        ("date", "1.2.2026", "2026-02-01"),
        ("date", "01-02-2026", "2026-02-01"),
        ("date", "໒໓/໑໑/໒໐໒໖", "2026-11-23"),
        ("date", "2026-11-23", "2026-11-23"),
        ("date", "2026-1-2", "2026-01-02"),
        ("date", " 29/02/2028. ", "2028-02-29"),
        ("reference", "0103 1234567 8", "010312345678"),
        ("reference", "໐໑໐໓-໑໒໓໔໕໖໗-໘", "010312345678"),
        ("reference", " KS/123_26. ", "KS12326"),
        ("reference", "1 2 3 " * 10, "123" * 10),
        ("phone", "020 55 512 345", "+8562055512345"),
        ("phone", "໕໕໕໑໒໓໔໕", "+8562055512345"),
        ("phone", "+856 20 55512345", "+8562055512345"),
        ("place", "  ໄຊເສດຖາ ", "ໄຊເສດຖາ"),
        ("place", "Ban 5", "Ban 5"),
        ("place", "Pek\0\ud800", "Pek"),
        ("rating", "4/5", "4"),
    ],
)
def test_what_is_typed_is_stored_in_one_form(kind: str, text: str, stored: str) -> None:
    walk = asking(kind).press(text).at("next")
    assert walk.effects == [Saved("given", stored, secret=kind == "phone")]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("number", "many"),
        ("number", ""),
        ("number", "1.500"),
        ("number", "2-3"),
        ("number", "1" * 16),
        ("number", "1" * 5000),
        ("date", "31/02/2026"),
        ("date", "29/02/2027"),
        ("date", "2026-13-01"),
        ("date", "00/01/2026"),
        ("date", "1/1/0000"),
        ("date", "23/11"),
        ("date", "23/11/26"),
        ("date", "23 11 2026"),
        ("date", "tomorrow"),
        ("phone", "12"),
        ("phone", "1616"),
        ("phone", "mine"),
        ("phone", "020 55 512 345 67890"),
        ("place", "1234"),
        ("place", "..."),
        ("place", ""),
        ("rating", "6"),
    ],
)
def test_what_is_none_of_its_kind_gets_the_sentence(kind: str, text: str) -> None:
    walk = asking(kind).press(text).at("question").sees("not_so\nquestion")
    assert walk.effects == []


# --- phone numbers ----------------------------------------------------------------------------

CALL_ME = """\
flow: call_me
start: phone
resume: again
nodes:
  phone:
    question: phone
    ask: {kind: phone, save: phone, to: known}
  known:
    branch: [{answer: phone, given: true, to: sent}]
    else: none
  none: {end: none}
  sent: {send: sent, to: words}
  words:
    question: words
    rest: comment
    ask: {kind: rating, save: score, to: bye}
  bye: {end: bye}
  again: {question: again, options: [{text: carry_on, to: continue}]}
"""


def told(effects: list[Effect]) -> str:
    """What effects say to anybody but the vault."""
    return repr([one for one in effects if not (isinstance(one, Saved) and one.secret)])


def test_a_phone_number_is_in_no_state_no_screen_and_no_unsealed_effect() -> None:
    walk = walk_of(CALL_ME).press("020 55 512 345").at("words")
    assert walk.effects[0] == Saved("phone", "+8562055512345", secret=True)
    seen = [walk.page, told(walk.effects), json.dumps(walk.state.as_json())]
    turns: tuple[Callable[[], Walk], ...] = (
        lambda: walk.press("x"),
        walk.redial,
        lambda: walk.press("1", "5 good"),
    )
    for turn in turns:
        turn()
        seen += [walk.page, told(walk.effects), json.dumps(walk.state.as_json())]
    walk.ends("bye")
    assert "5551" not in " ".join(seen)


def test_that_a_phone_number_was_given_is_known() -> None:
    walk = walk_of(CALL_ME).press("55512345").at("words")
    assert walk.state.answers == {"phone": ""}


def test_a_wrong_phone_number_is_not_said_again() -> None:
    walk = walk_of(CALL_ME).press("020 55 512 3456789").at("phone")
    assert "5551" not in walk.page + json.dumps(walk.state.as_json())
    assert walk.effects == []


# --- rules ------------------------------------------------------------------------------------

GROWN_UP = "[{at_least: 18, text: too_young}, {at_most: 120, text: too_old}]"
SPRING = '[{at_least: "2026-03-01", text: too_early}, {at_most: "2026-05-31", text: too_late}]'
SMALL_SUM = "[{at_most: 1000000, text: too_much}]"
SHORT_STORY = "[{shortest: 3, text: too_short}, {longest: 5, text: too_long}]"
PLATE = "[{matches: '[A-Z]{2}\\d{4}', text: no_plate}]"


@pytest.mark.parametrize(
    ("kind", "rules", "text", "sentence"),
    [
        ("number", GROWN_UP, "17", "too_young"),
        ("number", GROWN_UP, "9", "too_young"),
        ("number", GROWN_UP, "121", "too_old"),
        ("number", GROWN_UP, "18", ""),
        ("number", GROWN_UP, "120", ""),
        ("number", GROWN_UP, "020", ""),
        ("date", SPRING, "28/02/2026", "too_early"),
        ("date", SPRING, "1/12/2025", "too_early"),
        ("date", SPRING, "2026-06-01", "too_late"),
        ("date", SPRING, "1/3/2026", ""),
        ("date", SPRING, "31/05/2026", ""),
        ("amount", SMALL_SUM, "1 ລ້ານ 1 ພັນ", "too_much"),
        ("amount", SMALL_SUM, "1 ລ້ານ", ""),
        ("amount", SMALL_SUM, "50.000 ກີບ", ""),
        ("text", SHORT_STORY, "ab", "too_short"),
        ("text", SHORT_STORY, "abcdef", "too_long"),
        ("text", SHORT_STORY, "abc", ""),
        ("text", SHORT_STORY, " abcde ", ""),
        ("text", SMALL_SUM, "²", "too_much"),
        ("text", SMALL_SUM, "much", "too_much"),
        ("reference", PLATE, "ab 1234", "no_plate"),
        ("reference", PLATE, "AB 1234", ""),
        ("reference", PLATE, "AB12345", "no_plate"),
        ("rating", "[{at_least: 2, text: too_bad}]", "1 awful", "too_bad"),
    ],
)
def test_who_breaks_a_rule_is_told_its_sentence(
    kind: str, rules: str, text: str, sentence: str
) -> None:
    walk = asking(kind, rules).press(text)
    if sentence:
        walk.at("question").sees(f"{sentence}\nquestion")
        assert walk.effects == []
    else:
        walk.at("next")


def test_the_first_rule_that_is_broken_speaks() -> None:
    rules = "[{longest: 3, text: too_long}, {matches: '[a-z]+', text: no_letters}]"
    asking("text", rules).press("1234").sees("too_long")
    asking("text", rules).press("123").sees("no_letters")


@pytest.mark.parametrize("operator", ["at_least", "at_most"])
def test_a_figure_is_never_compared_with_a_day(operator: RuleOperator) -> None:
    rule = Rule(operator, "2026-01-01", "no")
    assert broken((rule,), "2026") is rule
    assert broken((Rule(operator, "5", "no"),), "2026-01-01") is not None


def test_a_text_is_read_as_it_was_typed() -> None:
    given = read(Ask("text", "x"), "  5 Ways\tto\n say it! ")
    assert given is not None
    assert (given.value, given.rest) == ("5 Ways to\n say it!", "")


# --- several ways to answer -------------------------------------------------------------------

WHERE = """\
flow: where
start: place
nodes:
  place:
    question: place
    options: [{text: not_known, to: lost}]
    ask:
      - {kind: code, lookup: odsc, save: odsc, to: here, unknown: no_such_code, wrong: what}
      - {kind: place, lookup: places, keep: place, to: which, unknown: no_such_place}
      - {kind: date, save: day, to: here, rules: [{at_least: "2026-01-01", text: too_early}]}
  which: {choose: places, text: which, args: {value: place}, save: odsc, to: here, none: lost}
  here: {say: here}
  lost: {end: lost}
"""


@pytest.mark.parametrize(
    ("text", "effects"),
    [
        ("0901", [Saved("odsc", "0901")]),
        ("Pek", [Saved("odsc", "0901")]),
        ("ແປກ", [Saved("odsc", "0901")]),
        ("23/11/2026", [Saved("day", "2026-11-23")]),
    ],
)
def test_a_place_may_be_told_in_several_ways(text: str, effects: list[Effect]) -> None:
    assert walk_of(WHERE).press(text).at("here").effects == effects


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("9999", "no_such_code"),
        ("Atlantis", "no_such_place"),
        ("1/1/2025", "too_early"),
        ("12", "what"),
    ],
)
def test_the_first_way_that_understands_it_says_what_is_wrong(text: str, sentence: str) -> None:
    walk = walk_of(WHERE).press(text).at("place").sees(sentence)
    assert (walk.effects, walk.state.answers, walk.state.kept) == ([], {}, {})


def test_an_option_goes_before_every_way_of_typing() -> None:
    walk_of(WHERE).press("1").ends("lost")
    walk_of(WHERE).press("not_known").ends("lost")


def test_of_several_places_of_one_name_one_is_chosen() -> None:
    walk = walk_of(WHERE)
    both = walk.paper.centers["0901"]
    walk.paper.centers = {"0901": both, "0902": both, "0103": walk.paper.centers["0103"]}
    walk.press("Pek").at("which").sees("1 ແປກ", "2 ແປກ")
    assert walk.press("2").at("here").effects == [Saved("odsc", "0902")]


def test_the_place_that_was_typed_is_kept_and_no_answer() -> None:
    walk = walk_of(WHERE).press("Pek")
    assert walk.state.kept == {"place": "Pek"}
    assert "place" not in walk.state.answers


# --- words after a number ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("5 ດີຫຼາຍ", "ດີຫຼາຍ"),
        ("5, thank you!", "thank you"),
        ("ຂໍ້ 5 good", "good"),
        ("5 a\0b\ud800", "ab"),
    ],
)
def test_words_after_a_number_are_a_comment(text: str, comment: str) -> None:
    walk = asking("rating").press(text).at("next")
    assert walk.effects == [Saved("given", "5"), Saved("comment", comment)]


@pytest.mark.parametrize("text", ["5", "5.", "5 / 5", "5 !!!", "4 - 5"])
def test_figures_and_signs_after_a_number_are_no_comment(text: str) -> None:
    assert [one.question for one in saved(asking("rating").press(text))] == ["given"]


def test_a_second_comment_is_added_to_the_first() -> None:
    flow = """\
flow: twice
start: first
nodes:
  first: {question: first, rest: comment, ask: {kind: rating, save: a, to: second}}
  second: {question: second, rest: comment, options: [{text: agreed, value: y, to: third}], save: b}
  third: {choose: services, text: third, save: service, to: bye, none: bye, rest: comment}
  bye: {end: bye}
"""
    walk = walk_of(flow).press("5 good", "1 really", "2 as always").ends("bye")
    comments = [(one.value, one.added) for one in saved(walk) if one.question == "comment"]
    assert comments == [("good", False), ("really", True), ("as always", True)]
    assert [one.question for one in saved(walk) if one.question != "comment"] == [
        *["a", "b", "service"]
    ]


def test_a_question_that_keeps_no_words_lets_them_go() -> None:
    walk = Walk().press("1", "0103", "5 ດີຫຼາຍ").at("service")
    assert walk.effects[-1] == Saved("comment", "ດີຫຼາຍ")
    walk.press("1 fast").at("paid")
    assert [one.question for one in saved(walk)] == ["service"]


def saved(walk: Walk) -> list[Saved]:
    return [effect for effect in walk.effects if isinstance(effect, Saved)]


def test_a_sent_text_is_a_phrase_with_the_names_that_are_known() -> None:
    flow = """\
flow: sending
start: center
nodes:
  center: {question: center, ask: {kind: code, lookup: odsc, save: odsc, to: out}}
  out: {send: score, to: bye}
  bye: {end: bye}
"""
    walk = walk_of(flow).press("0901").ends("bye")
    pek = Named(walk.paper.centers["0901"])
    assert walk.effects[1:] == [SendSms(Phrase("score", {"odsc": pek}))]
