"""Everything that the check finds, each provoked by one mistake in a tiny flow."""

from __future__ import annotations

import inspect

import pytest

from app.conversation import lookups
from app.flows import telling
from app.flows.check import Bench, check
from app.flows.lookups import OFFERS
from app.flows.measure import Worst
from app.words import REQUEST_STATUSES, Limits
from tests.unit.flow_tools.tiny import FLOW, found, only, shipped_sources, sources

LONG = "a very long text " * 12
LOOPING = """\
  help: {call: ask, then: help}
  ask: {question: help, options: [{text: help, to: return}]}
"""
SILENT = """\
  help: {call: note, then: help}
  note: {record: {help: asked}, to: return}
"""


def test_nothing_is_wrong_with_the_tiny_flow() -> None:
    assert found() == []


def test_what_cannot_be_loaded_is_told_with_its_place() -> None:
    book, problems = check(sources(("to: thanks}", "to: thank}")), Bench())
    assert book is None
    assert [one.severity for one in problems] == ["error"]
    assert (problems[0].file, problems[0].line) == ("flows/main.yaml", 14)
    assert "there is no node 'thank'" in problems[0].message


def test_a_node_that_nothing_leads_to() -> None:
    one = only(("  help: {say: help}", "  help: {say: help}\n  lost: {end: thanks}"))
    assert (one.severity, one.node) == ("warning", "main/lost")
    assert (one.file, one.line) == ("flows/main.yaml", FLOW.count("\n") + 1)
    assert "no conversation ever comes here" in one.message


def test_questions_that_lead_to_one_another_only() -> None:
    every = found(("  help: {say: help}\n", LOOPING))
    assert {(one.severity, one.node) for one in every} == {
        ("error", "main/help"),
        ("error", "main/ask"),
    }
    assert all("nothing leads from here" in one.message for one in every)


def test_a_question_without_a_way_out() -> None:
    ask = "  help: {question: help, options: [{text: help, to: help}]}"
    one = only(("  help: {say: help}", ask))
    assert (one.severity, one.node) == ("error", "main/help")
    assert "nothing leads from here to an end or home" in one.message


def test_a_circle_through_a_call_that_never_waits() -> None:
    every = found(("  help: {say: help}\n", SILENT))
    circles = {one.node for one in every if "circle that never waits" in one.message}
    assert circles == {"main/help", "main/note"}
    assert {one.severity for one in every} == {"error"}


def test_a_list_that_may_be_empty_and_leads_back_to_itself() -> None:
    listed = "{choose: services, text: help, to: thanks, none: help}"
    one = only(("{say: help}", listed))
    assert one.severity == "warning"
    assert "nothing or one thing to choose" in one.message


def test_an_unknown_lookup_is_told_by_the_loader() -> None:
    _, problems = check(sources(("lookup: odsc", "lookup: offices")), Bench())
    assert any("lookup" in str(one) and one.severity == "error" for one in problems)


def test_a_lookup_without_what_it_needs() -> None:
    listed = "{choose: districts, text: help, to: thanks, none: thanks}"
    one = only(("{say: help}", listed))
    assert one.severity == "error"
    assert "needs 'province'" in one.message


def test_a_lookup_with_what_nothing_saves() -> None:
    listed = "{choose: districts, args: {province: where}, text: help, to: thanks, none: thanks}"
    one = only(("{say: help}", listed))
    assert one.severity == "warning"
    assert "nothing saves or keeps 'where'" in one.message


def test_a_lookup_with_what_it_does_not_know() -> None:
    listed = "{choose: services, args: {place: odsc}, text: help, to: thanks, none: thanks}"
    one = only(("{say: help}", listed))
    assert "knows no 'place'" in one.message


def test_a_typed_answer_given_to_a_lookup_that_wants_another_thing() -> None:
    one = only(("lookup: odsc", "lookup: districts"))
    assert one.severity == "error"
    assert "wants province" in one.message


def test_the_texts_of_a_lookup_must_be_there() -> None:
    every = found(
        ("to: thanks}", "keep: number, to: status}"),
        ("save: score,", ""),
        (
            "  thanks: {end: thanks}",
            "  status: {say: thanks, lookup: request, args: {value: number}}",
        ),
    )
    missing = {one.message.split(":")[0] for one in every}
    assert missing == OFFERS["request"].phrases.keys() | OFFERS["request"].untold
    assert {one.severity for one in every} == {"error"}


def test_a_number_that_is_asked_for_needs_the_texts_that_say_why_nothing_is_told() -> None:
    asked = "ask: {kind: reference, lookup: request, keep: number, to: thanks}"
    listed = f"help: {{choose: services, text: help, to: thanks, none: thanks, {asked}}}"
    every = found(("help: {say: help}", listed))
    assert {one.message.split(":")[0] for one in every} == OFFERS["request"].untold
    assert {(one.severity, one.language) for one in every} == {("error", "en")}


def test_what_may_be_left_out_must_be_given_by_something() -> None:
    one = only(("{say: help}", "{say: help, spare: [since]}"))
    assert (one.severity, one.node) == ("warning", "main/help")
    assert "nothing gives a 'since'" in one.message


@pytest.mark.parametrize("key", ["home", "thanks"])
def test_a_placeholder_that_nothing_fills(key: str) -> None:
    text = {"home": '"Siang"', "thanks": '"Thank you"'}[key]
    one = only((f"{key}: {text}", f'{key}: "Hello {{name}}"'))
    assert (one.severity, one.language) == ("error", "en")
    assert (one.file, one.line) == ("languages/en/screens.yaml", 15 if key == "home" else 21)
    assert f"nothing fills {{name}} at the node main/{key}" in one.message


def test_a_placeholder_that_is_filled_on_one_of_two_ways() -> None:
    assert (
        found(("{text: help, to: help}", "{text: help, to: score}"), ("  help: {say: help}", ""))
        == []
    )


def test_a_placeholder_in_a_system_text() -> None:
    one = only(('error.choice: "No."', 'error.choice: "No {answer}."'))
    assert one.severity == "error"
    assert "error.choice: nothing fills {answer}" in one.message


def test_an_end_over_one_page_is_an_error_with_counts() -> None:
    one = only(('"Thank you"', f'"{LONG}"'))
    assert (one.severity, one.node, one.language) == ("error", "main/thanks", "en")
    assert "by USSD and SMS the end 'thanks' needs 2 pages (203 units of GSM-7" in one.message
    assert "a page holds 160" in one.message


def test_a_question_over_one_page_is_a_warning() -> None:
    one = only(('"Which center?"', f'"{LONG}"'))
    assert (one.severity, one.node) == ("warning", "main/center")
    assert "the text 'center' alone needs 2 pages (203 units" in one.message


def test_the_longest_name_counts() -> None:
    bench = Bench(Worst(centers={"en": "Muang " * 30}))
    one = only(bench=bench)
    assert (one.severity, one.node) == ("warning", "main/score")


def test_media_are_measured_apart() -> None:
    bench = Bench(limits={"ussd": Limits(), "sms": Limits(480, 210)})
    assert only(('"Which center?"', f'"{LONG}"'), bench=bench).message.startswith("by USSD the")


def test_an_option_that_is_cut() -> None:
    every = found(('rate: "Rate"', f'rate: "{LONG}"'))
    cut = [one for one in every if "an option is cut" in one.message]
    assert [one.severity for one in cut] == ["error"]


def test_a_main_menu_over_one_page() -> None:
    options = "".join(f"\n      - {{text: unknown, to: help, value: {one}}}" for one in range(7))
    long = ('"No such center."', '"A long option of the main menu"')
    one = only(("      - {text: help, to: help}", options.lstrip("\n")), long)
    assert (one.severity, one.node) == ("error", "main/home")
    assert "the main menu needs 2 pages" in one.message


def test_more_than_nine_options() -> None:
    options = "".join(f"\n      - {{text: help, to: help, value: {one}}}" for one in range(9))
    one = only(("      - {text: help, to: help}", options.lstrip("\n")))
    assert one.severity == "warning"
    assert "10 options are more than 9" in one.message


def test_an_option_hidden_from_a_medium_does_not_count_there() -> None:
    hidden = "{text: rate, to: center, when: {medium: sms}}"
    every = found(("{text: rate, to: center}", hidden), ('rate: "Rate"', f'rate: "{LONG}"'))
    assert every
    assert all(one.message.startswith("by SMS") for one in every)


def test_a_sign_that_is_not_gsm7_is_named() -> None:
    one = only(('"Thank you"', '"Thank you, 5 ₭"'))
    assert (one.severity, one.language, one.line) == ("warning", "en", 21)
    assert "'₭' (U+20AD) is not GSM-7" in one.message


def test_a_text_that_nothing_shows() -> None:
    one = only(('thanks: "Thank you"', 'thanks: "Thank you"\nbye: "Bye"'))
    assert (one.severity, one.message) == ("warning", "bye: nothing shows this text")


def test_a_page_that_ends_a_broken_session_is_one() -> None:
    one = only(('"Later."', f'"{LONG}"'))
    assert one.severity == "error"
    assert "203 units; a page that ends a session holds 160" in one.message


def test_errors_stand_before_warnings() -> None:
    every = found(('"Which center?"', f'"{LONG}"'), ('"Thank you"', f'"{LONG}"'))
    assert [one.severity for one in every] == ["error", "warning"]


def test_the_shipped_flow_has_no_errors() -> None:
    _, every = check(shipped_sources(), Bench())
    assert not [str(one) for one in every if one.severity == "error"]


def test_every_lookup_is_known_with_its_texts() -> None:
    """What the check believes of lookups is what they do."""
    assert set(lookups._ANSWERS) == set(OFFERS)
    code = inspect.getsource(lookups) + inspect.getsource(telling)
    composed = {f"request.{status}" for status in telling.NOTED}
    composed |= {f"{kind}.{status}" for kind in ("status", "brief") for status in REQUEST_STATUSES}
    for offer in OFFERS.values():
        for key in {*offer.phrases, *offer.untold} - composed:
            assert key in code, key
