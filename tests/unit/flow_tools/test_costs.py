"""The cost table: walked, plausible and stable."""

from __future__ import annotations

import pytest

from app.flows.costs import Cost, Prices, costs
from app.flows.paper import SMALL
from app.words import Limits, Medium
from tests.unit.flow_tools.tiny import book, shipped

LIMITS: dict[Medium, Limits] = {"ussd": Limits(), "sms": Limits()}


def paths(found: list[Cost]) -> dict[tuple[str, str, str], Cost]:
    return {(one.language, one.medium, one.path): one for one in found}


def test_the_tiny_flow_by_hand() -> None:
    found = paths(costs(book(), SMALL, Prices(200, 30), LIMITS))
    ussd, sms = found["en", "ussd", "usual"], found["en", "sms", "usual"]
    # The menu, the center, the score, the thanks.
    assert (ussd.screens, ussd.segments_out, ussd.segments_in, ussd.kip) == (4, 0, 0, 30)
    assert (sms.screens, sms.segments_out, sms.segments_in, sms.kip) == (4, 4, 4, 800)
    assert found["en", "sms", "shortest"].screens == 4


def test_one_line_is_the_shortest_by_sms() -> None:
    line = "start: home\none_line: {code: odsc, score: score, comment: comment, "
    line += "to: thanks, unknown: center}"
    found = paths(costs(book(("start: home", line)), SMALL, Prices(), LIMITS))
    short = found["en", "sms", "shortest"]
    assert (short.screens, short.segments_out, short.segments_in, short.kip) == (1, 1, 1, 200)
    assert found["en", "ussd", "shortest"].screens == 4


def test_a_text_sent_on_the_way_is_paid() -> None:
    sent = (("  thanks: {end: thanks}", "  thanks: {send: thanks, to: bye}\n  bye: {end: thanks}"),)
    found = paths(costs(book(*sent), SMALL, Prices(150, 0), LIMITS))
    assert (found["en", "ussd", "usual"].segments_out, found["en", "ussd", "usual"].kip) == (1, 150)


def test_a_long_text_by_sms_costs_its_pages_only_when_turned() -> None:
    found = paths(costs(book(('"Which center?"', f'"{"long " * 60}"')), SMALL, Prices(), LIMITS))
    assert found["en", "sms", "usual"].segments_out == 4


def test_the_usual_path_answers_what_a_branch_asks_more() -> None:
    branch = """\
  more:
    branch:
      - {answer: score, at_most: 2, to: why}
    else: thanks
  why:
    question: help
    ask: {kind: text, save: why, to: thanks}
  thanks: {end: thanks}"""
    flow = book(
        ("save: score, to: thanks", "save: score, to: more"), ("  thanks: {end: thanks}", branch)
    )
    found = paths(costs(flow, SMALL, Prices(), LIMITS))
    assert found["en", "ussd", "usual"].screens == 5
    assert found["en", "ussd", "shortest"].screens == 4


def test_a_flow_without_an_end_has_no_row() -> None:
    assert (
        costs(book(("thanks: {end: thanks}", "thanks: {say: thanks}")), SMALL, Prices(), LIMITS)
        == []
    )


def test_a_rule_that_refuses_the_samples_is_met_by_its_own_bound() -> None:
    ruled = "{kind: number, save: score, to: thanks, rules: [{at_least: 5000, text: unknown}]}"
    found = costs(book(("{kind: rating, save: score, to: thanks}", ruled)), SMALL, Prices(), LIMITS)
    assert found


@pytest.mark.parametrize("medium", ["ussd", "sms"])
def test_the_shipped_flow_costs_what_is_plausible(medium: str) -> None:
    first = costs(shipped(), SMALL, Prices(), LIMITS)
    assert first == costs(shipped(), SMALL, Prices(), LIMITS)
    found = paths(first)
    for language in shipped().packs:
        shortest, usual = found[language, medium, "shortest"], found[language, medium, "usual"]
        assert shortest.end == usual.end == "main/thanks"
        assert shortest.screens <= usual.screens <= 10
        assert usual.kip <= 200 * 12
        if medium == "sms":
            assert (shortest.segments_out, shortest.segments_in) == (1, 1)
            assert usual.segments_out >= usual.screens
