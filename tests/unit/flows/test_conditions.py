"""What is hidden from whom, and how what is left is numbered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.flows.model import Saved
from app.words import Medium
from tests.unit.flows.walks import Walk, book_from

HIDING = """\
flow: hiding
start: menu
nodes:
  menu:
    question: menu
    save: chosen
    options:
      - {text: always, value: always, to: menu}
      - {text: hidden, value: hidden, to: menu, when: CONDITION}
      - {text: last, value: last, to: menu}
"""


def menu(condition: str, walk: Walk | None = None) -> Walk:
    """A walk whose second option is shown on a condition."""
    book = book_from(HIDING.replace("CONDITION", condition))
    given = walk or Walk()
    return replace(given, book=book, flow=book.flows["hiding"], pages=[], effects=[])


def shown(walk: Walk) -> list[str]:
    return walk.page.splitlines()[1:4]


@pytest.mark.parametrize(
    ("condition", "walk", "seen"),
    [
        ("{language: en}", Walk(language="en"), True),
        ("{language: en}", Walk(language="lo"), False),
        ("{script: latin}", Walk(language="en"), True),
        ("{script: lao}", Walk(language="en"), False),
        ("{script: lao}", Walk(language="lo"), True),
        ("{medium: sms}", Walk(medium="sms"), True),
        ("{medium: sms}", Walk(medium="ussd"), False),
        ("{channel: kannel}", Walk(channel="kannel"), True),
        ("{channel: kannel}", Walk(channel="phone"), False),
        ("{contact: new}", Walk(new=True), True),
        ("{contact: new}", Walk(new=False), False),
        ("{contact: known}", Walk(new=False), True),
        ("{contact: known}", Walk(new=True), False),
        ("[{medium: ussd}, {language: lo}]", Walk(), True),
        ("[{medium: ussd}, {language: en}]", Walk(), False),
        ("[{medium: sms}, {language: lo}]", Walk(), False),
        ("[]", Walk(), True),
    ],
)
def test_an_option_is_seen_by_whom_its_condition_means(
    condition: str, walk: Walk, seen: bool
) -> None:
    here = menu(condition, walk)
    if seen:
        assert shown(here) == ["1 always", "2 hidden", "3 last"]
    else:
        assert shown(here) == ["1 always", "2 last"]


@pytest.mark.parametrize(
    ("condition", "answer", "seen"),
    [
        ("{answer: chosen, equals: last}", "last", True),
        ("{answer: chosen, equals: last}", "always", False),
        ("{answer: chosen, equals: last}", None, False),
        ("{answer: chosen, not_equals: last}", "always", True),
        ("{answer: chosen, not_equals: last}", "last", False),
        ("{answer: chosen, not_equals: last}", None, True),
        ("{answer: chosen, given: true}", "last", True),
        ("{answer: chosen, given: true}", None, False),
    ],
)
def test_an_option_is_seen_after_the_answer_that_its_condition_means(
    condition: str, answer: str | None, seen: bool
) -> None:
    walk = menu(condition)
    if answer is not None:
        walk.press(answer)
        assert walk.effects == [Saved("chosen", answer)]
    assert ("2 hidden" in walk.page) is seen


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("{answer: n, at_most: 10}", {"2": True, "10": True, "11": False, "x": False}),
        ("{answer: n, at_least: 10}", {"2": False, "10": True, "11": True, "x": False}),
        (
            '{answer: n, at_least: "2026-01-10"}',
            {"2026-01-09": False, "2026-01-10": True, "2026-11-01": True, "20260110": False},
        ),
    ],
)
def test_figures_and_days_are_compared_by_size(condition: str, numbers: dict[str, bool]) -> None:
    for given, seen in numbers.items():
        walk = menu(condition)
        walk.state = replace(walk.state, answers={"n": given})
        assert ("2 hidden" in walk.press("00").page) is seen, given


def test_what_is_hidden_can_be_chosen_neither_by_number_nor_by_name() -> None:
    walk = menu("{medium: sms}")
    walk.press("2")
    assert walk.effects == [Saved("chosen", "last")]
    walk.press("3").sees("ບໍ່ຖືກຕ້ອງ")
    walk.press("hidden").sees("ບໍ່ຖືກຕ້ອງ")
    assert walk.effects == []


@pytest.mark.parametrize(("medium", "shown_to"), [("ussd", True), ("sms", False)])
def test_the_shipped_problem_can_be_sent_by_sms_from_a_call(medium: Medium, shown_to: bool) -> None:
    walk = Walk(language="en", medium=medium).press("4", "0103").at("problem_ask")
    assert ("1 By SMS instead" in walk.page) is shown_to
    walk.press("1").ends("problem_by_sms" if shown_to else "problem_thanks")


def test_a_branch_goes_by_several_conditions_at_once() -> None:
    flow = """\
flow: fork
start: which
nodes:
  which:
    branch:
      - {when: [{medium: sms}, {contact: new}], to: both}
      - {medium: sms, when: {language: en}, to: english}
      - {channel: kannel, to: kannel}
    else: neither
  both: {end: both}
  english: {end: english}
  kannel: {end: kannel}
  neither: {end: neither}
"""
    book = book_from(flow)

    def where(language: str = "lo", medium: Medium = "ussd", **given: bool) -> str:
        channel = "kannel" if given.get("kannel") else "phone"
        new = given.get("new", False)
        return Walk(
            language=language,
            medium=medium,
            channel=channel,
            new=new,
            flow=book.flows["fork"],
            book=book,
        ).state.node.removeprefix("fork/")

    assert where(medium="sms", new=True) == "both"
    assert where(medium="sms", language="en") == "english"
    assert where(medium="sms", kannel=True) == "kannel"
    assert where(new=True) == "neither"
