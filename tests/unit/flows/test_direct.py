"""What comes in another way: a request's number in one SMS, a score for an invitation."""

from __future__ import annotations

import pytest

from app.flows import engine
from app.flows.model import Found, Saved, State
from app.text import answers
from tests.unit.flows.walks import Paper, Walk, main_flow, shipped, walk_of

NUMBER = "010312345678"
ODSC = Found("0103", {"lo": "ໄຊເສດຖາ", "en": "Xaysetha"})
ID_CARD = Found("id_card", {"lo": "ບັດປະຈຳຕົວ", "en": "ID card"})


def paper() -> Paper:
    return Paper(
        requests={NUMBER: {"lo": "ໃບ", "en": "Permit"}, "KS123": {"lo": "ບັດ", "en": "Card"}}
    )


def by_sms(language: str = "lo") -> Walk:
    return Walk(paper(), language, "sms")


@pytest.mark.parametrize(
    "text",
    [
        "2 010312345678",
        "2 0103 1234567 8",
        "2 0103-1234567-8",
        "໒ ໐໑໐໓ ໑໒໓໔໕໖໗ ໘",
        "ສະຖານະ 010312345678",
        "ສະຖານະ010312345678",
        "ສະຖານະ: 0103 1234567 8",
        "Status 0103.1234567.8",
        "SATHANA 010312345678",
    ],
)
def test_a_number_in_one_sms_is_answered_at_once(text: str) -> None:
    by_sms().press(text, opening=True).at("request_status").sees("ໃບ", "ມາຮັບໄດ້ແລ້ວ")


@pytest.mark.parametrize("text", ["2 KS123", "2 ks 123", "status ks-123", "ສະຖານະ KS/123"])
def test_an_offices_own_number_too(text: str) -> None:
    found = Paper(requests={key: {"lo": "ບັດ", "en": "Card"} for key in ("KS123", "ks123")})
    Walk(found, "en", "sms").press(text, opening=True).at("request_status").sees("Card")


@pytest.mark.parametrize(
    "text", ["2", "status", "2 ຊ້າ", "status of my papers", "2 years I wait for 3 papers", "20103"]
)
def test_what_names_no_number_is_no_look_up(text: str) -> None:
    assert engine.direct(shipped(), main_flow(), None, text) is None


def test_the_word_alone_is_the_menus() -> None:
    by_sms().press("2", opening=True).at("request_number")


def test_0_leads_back_to_where_the_conversation_stood() -> None:
    walk = by_sms().press("1", "0103").at("score").press("status KS123").at("request_status")
    walk.press("0").at("request_number").press("0").at("score")
    assert walk.state.answers["odsc"] == "0103"


@pytest.mark.parametrize(
    ("text", "node"),
    [
        # A score and words, however many figures are among them.
        ("2 KS123", "service"),
        ("2 ລໍ 3 ຊົ່ວໂມງ", "service"),
        # No score is followed by twelve digits.
        ("2 0103 1234567 8", "request_status"),
        ("ສະຖານະ KS123", "request_status"),
    ],
)
def test_within_a_conversation_a_figure_is_an_answer(text: str, node: str) -> None:
    by_sms().press("1", "0103").at("score").press(text).at(node)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("status KS123 was told three times", "problem_thanks"),
        ("ສະຖານະ KS123", "problem_thanks"),
        ("ສະຖານະ 0103 1234567 8", "request_status"),
    ],
)
def test_a_story_may_begin_with_the_word(text: str, node: str) -> None:
    by_sms().press("4", "0103").at("problem_ask").press(text).at(node)


def test_by_ussd_nothing_is_typed_at_once() -> None:
    Walk(paper(), "lo").press("2 010312345678").at("home")


def test_an_unknown_number_asks_again() -> None:
    walk = by_sms("en").press("2 019912345678", opening=True).at("request_number")
    walk.sees("No such request number", "Enter the request number").press(NUMBER)
    walk.at("request_status")


def test_a_rating_in_one_line_is_no_look_up() -> None:
    walk = by_sms().press("2 0103 ຊ້າ", opening=True).ends("thanks")
    assert walk.state.answers == {"odsc": "0103", "score": "2", "comment": "ຊ້າ"}


# --- invitations ------------------------------------------------------------------------------


def invited(walk: Walk) -> Walk:
    walk.effects = []
    begun = engine.begin_invited(walk.book, walk.flow, walk.context, ODSC, ID_CARD)
    walk._shown(begun)
    return walk.at("invited")


def test_an_invitation_begins_with_center_and_service_known() -> None:
    walk = invited(by_sms()).sees("ໄຊເສດຖາ")
    assert walk.effects == [Saved("odsc", "0103"), Saved("service", "id_card")]


def test_who_was_content_is_asked_on_without_the_service() -> None:
    walk = invited(by_sms()).press("5 ດີ").at("paid")
    assert walk.state.answers["comment"] == "ດີ"
    walk.press("2", "1").ends("thanks")


def test_who_was_not_is_asked_why() -> None:
    invited(by_sms()).press("2").at("reason")


def test_0_has_only_the_menu_behind_it() -> None:
    invited(by_sms()).press("0").at("home")


@pytest.mark.parametrize("text", ["5", "໕", "5 ດີ", "ຫ້າ", "4.", "1 ຊ້າ 3 ຊົ່ວໂມງ", "2 KS123", "(3)"])
def test_a_score_answers_an_invitation(text: str) -> None:
    assert engine.accepts(shipped(), main_flow(), text)


@pytest.mark.parametrize(
    "text",
    ["6", "0", "ສະບາຍດີ", "", "50000", "0103", "0103 5", "5 0103", "2 010312345678", "status KS123"],
)
def test_anything_else_does_not(text: str) -> None:
    assert not engine.accepts(shipped(), main_flow(), text)


def test_a_flow_without_an_invitation_takes_none() -> None:
    other = walk_of("flow: other\nstart: one\nnodes:\n  one: {end: one}\n")
    assert not engine.accepts(other.book, other.flow, "5")


# --- what stands behind a word ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "word", "rest"),
    [
        ("2 123", "2", "123"),
        ("(2) 123", "2", "123"),
        ("2.123", "2", "123"),
        ("ສະຖານະ123", "ສະຖານະ", "123"),
        ("STATUS:\nKS-123.", "STATUS", "KS-123"),
    ],
)
def test_a_word_and_what_is_behind_it(text: str, word: str, rest: str) -> None:
    found = answers.behind(text, ("2", "ສະຖານະ", "status"))
    assert found is not None
    assert (found.word, found.rest) == (word, rest)


@pytest.mark.parametrize("text", ["", "22 1", "statuses 1", "1 2", "ສະຖານ 1", "\0", "?"])
def test_another_word(text: str) -> None:
    assert answers.behind(text, ("2", "ສະຖານະ", "status")) is None


def test_the_state_of_nothing_is_the_menus() -> None:
    start = State(main_flow().start)
    asked = [engine.direct(shipped(), main_flow(), one, "2 KS123") for one in (None, start)]
    assert asked[0] == asked[1] is not None
