"""A response counts once in each of its cells, and moves only what changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from app.feedback.cells import Cell, Response, cells, movement

DAY = date(2026, 11, 16)
BARE = Response(
    conversation_id=1,
    odsc="0103",
    status="partial",
    at=datetime(2026, 11, 16, 3, tzinfo=UTC),
    day=DAY,
    channel="simulator",
    language="lo",
    score=2,
)


def cell(question: str, answer: str, service: str = "", sex: str = "") -> Cell:
    return Cell(DAY, "0103", service, question, answer, sex)


def test_a_bare_response_counts_in_status_and_score() -> None:
    assert cells(BARE) == {cell("status", "partial"), cell("score", "2")}


def test_a_whole_response_counts_in_everything() -> None:
    whole = replace(
        BARE,
        status="complete",
        service="id_card",
        reason="money",
        paid=9,
        overcharged=True,
        sex="F",
    )
    answers = ("status", "complete"), ("score", "2"), ("service", "id_card")
    more = ("reason", "money"), ("overcharged", "yes")
    assert cells(whole) == {cell(*one, "id_card", "F") for one in (*answers, *more)}


def test_extra_answers_count_beside_the_core_ones() -> None:
    asked = replace(BARE, sex="M", extra={"again": "no"})
    core = {cell("status", "partial", sex="M"), cell("score", "2", sex="M")}
    assert cells(asked) == core | {cell("again", "no", sex="M")}
    assert cells(replace(asked, flagged=True)) == {cell("status", "flagged", sex="M")}
    assert movement([(asked, replace(asked, extra={"again": "yes"}))]) == {
        cell("again", "no", sex="M"): -1,
        cell("again", "yes", sex="M"): 1,
    }


def test_a_flagged_response_counts_in_a_cell_of_its_own() -> None:
    said = replace(BARE, service="id_card", reason="money", paid=9, overcharged=True, sex="F")
    flagged = replace(said, flagged=True)
    assert cells(flagged) == {cell("status", "flagged", "id_card", "F")}
    moved = movement([(said, flagged)])
    assert moved[cell("status", "flagged", "id_card", "F")] == 1
    assert {key for key, n in moved.items() if n == -1} == cells(said)


def test_movement_is_the_difference() -> None:
    assert movement([(None, BARE)]) == {cell("status", "partial"): 1, cell("score", "2"): 1}
    assert movement([(BARE, BARE)]) == {}
    assert movement([(BARE, replace(BARE, score=5))]) == {
        cell("score", "2"): -1,
        cell("score", "5"): 1,
    }
    assert movement([(BARE, None), (None, BARE)]) == {}
