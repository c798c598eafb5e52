"""The engine, step by step on the shipped flow."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flows.engine import wants_text
from app.flows.model import STATE_VERSION, OpenCase, Remembered, Saved, State
from app.flows.nodes import Branch, Case, Condition, Flow, Operator, Question
from app.flows.reading import number_of
from app.flows.walk import CARRIED, MAX_HISTORY
from tests.unit.flows.walks import Paper, Walk, book_of


def rating(score: str = "5", *, language: str = "lo") -> Walk:
    return Walk(language=language).press("1", "0103", score)


# --- the order of questions -------------------------------------------------------------------


def test_a_happy_citizen_is_asked_five_things() -> None:
    walk = Walk().at("home").press("1").at("center_code").press("0103").at("score")
    walk.press("5").at("service").press("1").at("paid").press("50.000").at("sex")
    walk.press("1").ends("thanks")


@pytest.mark.parametrize("score", ["1", "2", "3"])
def test_a_low_score_is_asked_for_its_reason(score: str) -> None:
    rating(score).press("1").at("reason").press("3").at("paid").press("1").at("sex")


@pytest.mark.parametrize("score", ["4", "5"])
def test_a_high_score_is_not_asked_for_a_reason(score: str) -> None:
    rating(score).press("1").at("paid")


def test_the_center_of_last_time_is_offered_by_name() -> None:
    walk = Walk(Paper(last="0901")).press("1").at("center_last").sees("1 ແປກ", "2 ")
    walk.press("1").at("score").sees("ແປກ")
    assert walk.effects == [Saved("odsc", "0901")]


def test_a_center_of_last_time_that_is_closed_is_not_offered() -> None:
    Walk(Paper(last="7777")).press("1").at("center_code")


def test_a_code_at_the_main_menu_goes_straight_to_the_score() -> None:
    walk = Walk().press("1610").at("score").sees("ໂຂງ")
    assert walk.effects == [Saved("odsc", "1610")]


def test_where_only_one_can_be_meant_nobody_is_asked() -> None:
    walk = Walk().press("1", "1").at("province").press("2").at("score").sees("ແປກ")
    assert Saved("odsc", "0901") in walk.effects


def test_where_there_is_no_center_at_all_the_conversation_ends() -> None:
    Walk(Paper(centers={})).press("1", "1").ends("no_center")


def test_a_problem_is_written_and_ends() -> None:
    walk = Walk().press("4", "0103").at("problem_ask")
    assert walk.effects == [Saved("odsc", "0103"), OpenCase("problem")]
    assert wants_text(walk.book, walk.state)
    walk.press("ເກັບ 1*2 ເທື່ອ").ends("problem_thanks")
    assert walk.effects == [Saved("problem", "ເກັບ 1*2 ເທື່ອ")]


def test_only_free_text_keeps_its_stars() -> None:
    walk = Walk()
    asked = {node for node in walk.flow.nodes if wants_text(walk.book, State(node))}
    assert asked == {"main/problem_ask"}


def test_a_long_problem_is_saved_whole_and_carried_in_part() -> None:
    walk = Walk().press("4", "0103").press("ກ" * 500)
    assert walk.effects == [Saved("problem", "ກ" * 500)]
    assert walk.state.answers["problem"] == "ກ" * CARRIED


def test_a_request_shows_its_status_and_waits() -> None:
    walk = Walk().press("2", "VTE 2026").at("request_status").sees("ມາຮັບໄດ້ແລ້ວ", "23/11/2026")
    assert not walk.step.finished
    walk.press("x").at("request_status").sees("ບໍ່ຖືກຕ້ອງ")


def test_a_fee_is_shown_with_its_days() -> None:
    Walk().press("3", "1").at("fee").sees("50.000 ກີບ", "\n3 ")


# --- wrong answers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "notice"),
    [
        (("7",), "ບໍ່ຖືກຕ້ອງ"),
        (("9999",), "ລະຫັດສູນບໍ່ຖືກຕ້ອງ"),
        (("1", "12"), "ລະຫັດມີ 4 ຕົວເລກ"),
        (("1", "9999"), "ລະຫັດສູນບໍ່ຖືກຕ້ອງ"),
        (("1", "0103", "6"), "ໃຫ້ຄະແນນ 1 ຫາ 5"),
        (("1", "0103", "5", "99"), "ບໍ່ຖືກຕ້ອງ"),
        (("1", "0103", "5", "1", "ຫຼາຍ"), "ປ້ອນຈຳນວນເງິນ"),
        (("1", "0103", "5", "1", "1", "4"), "ບໍ່ຖືກຕ້ອງ"),
        (("2", "x"), "ເລກຄຳຮ້ອງບໍ່ຖືກຕ້ອງ"),
        (("2", "12345"), "ບໍ່ພົບເລກຄຳຮ້ອງນີ້"),
        (("4", "0103", "\t"), "ກະລຸນາຂຽນຂໍ້ຄວາມ"),
    ],
)
def test_a_wrong_answer_gets_its_sentence_and_the_question_again(
    keys: tuple[str, ...], notice: str
) -> None:
    walk = Walk().press(*keys[:-1])
    node, history = walk.state.node, walk.state.history
    walk.press(keys[-1]).at(node).sees(notice)
    assert (walk.effects, walk.state.history) == ([], history)


def test_what_began_the_conversation_may_mean_nothing_at_all() -> None:
    walk = Walk(medium="sms").press("ສະບາຍດີ", opening=True).at("home")
    assert walk.step.screen.notice == ""


# --- 0, 00 and 9 ------------------------------------------------------------------------------


def test_0_leads_back_question_by_question() -> None:
    walk = rating().press("1", "1").at("sex")
    for node in ("paid", "service", "score", "center_code", "home", "home"):
        walk.press("0").at(node)


def test_0_leads_back_into_the_part_that_was_called_and_out_again() -> None:
    rating().press("0", "0").at("center_code").press("0901").at("score").sees("ແປກ")


def test_00_leads_to_the_main_menu_and_forgets_the_way() -> None:
    walk = rating().press("00").at("home")
    assert (walk.state.history, walk.state.stack) == ((), ())
    walk.press("4").at("center_code").press("0103").at("problem_ask")


@pytest.mark.parametrize("typed", ["0", "໐", " 0 ", "0.", "#0", "０"])
def test_0_may_be_written_in_many_ways(typed: str) -> None:
    rating().press(typed).at("score")


def test_9_turns_the_page_and_0_turns_it_back_before_it_leads_back() -> None:
    walk = rating().at("service")
    first = walk.page
    walk.press("9").at("service")
    assert (walk.state.page, walk.page == first) == (1, False)
    walk.press("0").at("service")
    assert (walk.state.page, walk.page) == (0, first)
    walk.press("0").at("score")


def test_9_on_the_last_page_is_no_choice() -> None:
    walk = rating()
    while walk.state.page + 1 < walk.state.pages:
        walk.press("9")
    walk.press("9").at("service")
    assert walk.step.screen.notice == "error.choice"


def test_an_option_may_be_chosen_from_every_page() -> None:
    rating().press("9", "1").at("paid")
    rating().press("15").at("paid")


def test_the_numbers_of_options_leave_out_the_9() -> None:
    assert [number_of(index) for index in range(11)] == [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "10",
        "11",
        "12",
    ]
    walk = rating()
    shown = [number for number, _ in walk.step.screen.options]
    assert (len(shown), "9" in shown, shown[-1]) == (14, False, "15")


@pytest.mark.parametrize(("typed", "service"), [("8", "land_tax"), ("10", "business_registration")])
def test_the_option_after_8_is_10(typed: str, service: str) -> None:
    assert rating().press(typed).effects == [Saved("service", service)]


# --- words instead of numbers -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "node"),
    [
        (("ໃຫ້ຄະແນນ",), "center_code"),
        (("ແຈ້ງບັນຫາ",), "center_code"),
        (("ພາສາ",), "language"),
        (("1", "ບໍ່ຮູ້ລະຫັດ"), "province"),
        (("1", "1", "ແປກ"), "score"),
        (("1", "0103", "ຫ້າ"), "service"),
        (("1", "0103", "5", "ບັດປະຈຳຕົວ"), "paid"),
        (("1", "0103", "5", "ID card"), "paid"),
        (("1", "0103", "5", "1", "ຂ້າມ"), "sex"),
        (("1", "0103", "5", "1", "5 ພັນ"), "sex"),
        (("1", "0103", "5", "1", "1", "ຍິງ"), "thanks"),
    ],
)
def test_a_label_may_be_typed_in_words(keys: tuple[str, ...], node: str) -> None:
    Walk().press(*keys).at(node)


def test_labels_are_read_in_the_language_of_the_screen() -> None:
    Walk(language="en").press("Rate a service").at("center_code")
    Walk(language="lo").press("Rate a service").at("home")


def test_a_figure_that_opens_an_amount_is_no_option() -> None:
    walk = rating().press("1").at("paid").press("2 ພັນ").at("sex")
    assert walk.effects == [Saved("paid", "2000")]


# --- effects ----------------------------------------------------------------------------------


def test_every_answer_is_one_effect_in_its_stored_form() -> None:
    walk = Walk().press("1", "01-03", "ຂໍ້ 2", "ສຳມະໂນຄົວ", "ເງິນ", "50.000 ກີບ", "1")
    assert walk.effects == [
        Saved("odsc", "0103"),
        Saved("score", "2"),
        Saved("service", "family_book"),
        Saved("reason", "money"),
        Saved("paid", "50000"),
        Saved("sex", "F"),
    ]


def test_what_is_skipped_is_not_saved() -> None:
    walk = rating().press("1", "1", "3").ends("thanks")
    assert walk.effects == [Saved("service", "id_card")]


def test_nothing_paid_is_an_answer() -> None:
    assert rating().press("1").press("2").effects == [Saved("paid", "0")]


def test_a_language_is_remembered_and_not_an_answer() -> None:
    walk = Walk().press("5").sees("1 ລາວ", "2 English").press("2").at("home").sees("1 Rate")
    assert walk.effects == [Remembered("language", "en")]
    assert walk.state.answers == {}


# --- a whole answer in one message ------------------------------------------------------------


def test_one_line_is_a_whole_answer() -> None:
    walk = Walk(medium="sms").press("0103 5 ດີຫຼາຍ").ends("thanks")
    assert walk.effects == [Saved("score", "5"), Saved("comment", "ດີຫຼາຍ"), Saved("odsc", "0103")]


def test_one_line_without_a_comment_saves_none() -> None:
    walk = Walk(medium="sms").press("5 0901").ends("thanks")
    assert walk.effects == [Saved("score", "5"), Saved("odsc", "0901")]


def test_one_line_with_an_unknown_center_asks_for_the_center_alone() -> None:
    walk = Walk(medium="sms").press("9999 2 ຊ້າ").at("center_code").sees("ລະຫັດສູນບໍ່ຖືກຕ້ອງ")
    assert walk.effects == [Saved("score", "2"), Saved("comment", "ຊ້າ")]
    walk.press("0103").ends("thanks")
    assert walk.effects == [Saved("odsc", "0103")]


def test_one_line_begins_anew_wherever_the_conversation_was() -> None:
    walk = Walk(medium="sms").press("4", "0901").press("0103 5").ends("thanks")
    assert walk.state.answers == {"score": "5", "odsc": "0103"}


def test_one_line_is_for_sms_alone() -> None:
    Walk(medium="ussd").press("0103 5").at("home")


# --- the state --------------------------------------------------------------------------------


def test_the_history_forgets_its_oldest_steps() -> None:
    walk = rating().at("service")
    longest = (("main/home", ()), *[("main/score", ())] * (MAX_HISTORY - 1))
    walk.state = replace(walk.state, history=longest)
    walk.press("1").at("paid")
    assert walk.state.history == (*longest[1:], ("main/service", ()))
    walk.press(*["0"] * MAX_HISTORY).at("score").press("0").at("home")
    assert walk.state.history == ()


words = st.text(max_size=12)
plain_states = st.builds(
    State,
    node=words,
    wrong=st.integers(0, 9),
    notice=words,
    page=st.integers(0, 9),
    pages=st.integers(1, 9),
    stack=st.lists(words, max_size=3).map(tuple),
    history=st.lists(st.tuples(words, st.lists(words, max_size=2).map(tuple)), max_size=5).map(
        tuple
    ),
    answers=st.dictionaries(words, words, max_size=4),
    kept=st.dictionaries(words, words, max_size=4),
    labels=st.dictionaries(words, st.dictionaries(words, words, max_size=2), max_size=3),
)
states = st.one_of(
    plain_states,
    st.builds(lambda asking, left: replace(asking, suspended=left), plain_states, plain_states),
)


@given(states)
def test_a_state_comes_back_from_its_json(state: State) -> None:
    assert State.from_json(json.loads(json.dumps(state.as_json()))) == state


@pytest.mark.parametrize("version", [0, 1, STATE_VERSION + 1, str(STATE_VERSION), None])
def test_a_state_of_another_version_is_refused(version: object) -> None:
    with pytest.raises(ValueError, match="cannot be continued"):
        State.from_json({**State("home").as_json(), "v": version})


def test_a_state_that_lacks_its_node_is_refused() -> None:
    with pytest.raises(ValueError, match="node"):
        State.from_json({"v": STATE_VERSION})


# --- branches ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "bound", "answer", "target"),
    [
        ("given", "", "", "yes"),
        ("given", "", None, "no"),
        ("equals", "F", "F", "yes"),
        ("equals", "F", "M", "no"),
        ("equals", "F", None, "no"),
        ("not_equals", "F", "M", "yes"),
        ("not_equals", "F", "F", "no"),
        ("not_equals", "F", None, "yes"),
        ("at_most", "3", "3", "yes"),
        ("at_most", "3", "10", "no"),
        ("at_most", "3", None, "no"),
        ("at_least", "50000", "50000", "yes"),
        ("at_least", "50000", "9", "no"),
        ("at_most", "3", "two", "no"),
        ("at_most", "3", "²", "no"),
        ("at_most", "2026-06-30", "2026-02-01", "yes"),
        ("at_most", "2026-06-30", "2026-10-01", "no"),
    ],
)
def test_a_branch_compares_answers(
    operator: Operator, bound: str, answer: str | None, target: str
) -> None:
    case = Case((Condition("answer", "a", operator, bound),), "small/yes")
    screens = {name: Question(name, "home") for name in ("small/yes", "small/no")}
    fork = {"small/fork": Branch("small/fork", (case,), "small/no")}
    flow = Flow("small", "small/fork", {**fork, **screens})
    walk = Walk(flow=flow, book=book_of(flow))
    walk.state = State("small/no", answers={} if answer is None else {"a": answer})
    walk.press("00").at(target)


def test_a_flow_that_runs_in_a_circle_says_so_instead_of_running_for_ever() -> None:
    nodes = {
        "round/a": Branch("round/a", (), "round/b"),
        "round/b": Branch("round/b", (), "round/a"),
    }
    circle = Flow("round", "round/a", nodes)
    with pytest.raises(RuntimeError, match="the flow round runs in a circle"):
        Walk(flow=circle, book=book_of(circle))
