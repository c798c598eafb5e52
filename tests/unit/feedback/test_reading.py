"""What stored answers say: invalid ones are left out and named, the first day stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.feedback.cells import Response
from app.feedback.reading import QUESTIONS, Reading, Registry, choices, fee_in_force, read
from app.storage.responses import Answer, DueConversation, Fee, Filed

# Ten in the evening in Vientiane.
AT = datetime(2026, 11, 16, 15, tzinfo=UTC)
FEES = [
    Fee("id_card", None, 20_000, date(2026, 1, 1), None),
    Fee("id_card", "0901", 5_000, date(2026, 1, 1), date(2026, 11, 16)),
    Fee("id_card", "1610", None, date(2026, 1, 1), None),
    Fee("family_book", None, 1_000, date(2025, 1, 1), None),
    Fee("family_book", None, 3_000, date(2026, 6, 1), None),
]
FILED = {
    1: Filed("0103", "id_card", 35_000, flagged=False),
    2: Filed("0103", "id_card", None, flagged=False),
    3: Filed("0103", "id_card", 0, flagged=True),
}
OFFERED = choices({"0103", "0901", "1610"}, {"id_card", "family_book"}, {})
REGISTRY = Registry(OFFERED, FEES, FILED)


def heard(status: str = "finished", **values: str) -> Reading:
    due = DueConversation(7, "simulator", "lo", status, AT)
    return read(due, {name: Answer(value, AT) for name, value in values.items()}, REGISTRY, None)


def told_of(request_id: int | None, **values: str) -> Response:
    """The response of a conversation about a request."""
    due = DueConversation(7, "simulator", "lo", "finished", AT, request_id)
    given = {name: Answer(value, AT) for name, value in values.items()}
    response = read(due, given, REGISTRY, None).response
    assert response is not None
    return response


def test_declared_questions_are_kept_and_others_are_not() -> None:
    extra = {"again": ("yes", "no"), "rated": ("1", "2")}
    registry = Registry(choices({"0103"}, set(), extra), [], extra=tuple(extra))
    due = DueConversation(7, "simulator", "lo", "finished", AT)
    given = {"odsc": "0103", "score": "5", "again": "no", "rated": "3"}
    found = read(due, {name: Answer(value, AT) for name, value in given.items()}, registry, None)
    assert found.response is not None
    assert (found.response.extra, found.left_out) == ({"again": "no"}, ("rated",))


def test_without_a_center_or_a_score_there_is_no_response() -> None:
    assert heard(score="5").response is None
    assert heard(odsc="0103").response is None
    assert heard(odsc="9999", score="5") == Reading(None, (), ("odsc",))


@pytest.mark.parametrize(
    ("status", "stored"),
    [
        ("open", "partial"),
        ("abandoned", "partial"),
        ("replaced", "partial"),
        ("finished", "complete"),
    ],
)
def test_only_a_finished_conversation_is_complete(status: str, stored: str) -> None:
    response = heard(status, odsc="0103", score="4").response
    assert response is not None
    assert response.status == stored


def test_the_first_moment_is_kept() -> None:
    before = heard(odsc="0103", score="4").response
    due = DueConversation(7, "simulator", "lo", "finished", AT)
    later = Answer("1", AT + timedelta(hours=3))
    after = read(due, {"odsc": Answer("0103", AT), "score": later}, REGISTRY, before).response
    assert after is not None
    assert (after.score, after.at, after.day) == (1, AT, date(2026, 11, 16))


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("service", "teleport"),
        ("reason", "rain"),
        ("sex", "X"),
        ("paid", "-5"),
        ("paid", "໑໐"),
        ("paid", "1" * 30),
        ("paid", "0" * 30 + "1" * 30),
        ("comment", "  "),
    ],
)
def test_an_invalid_answer_is_left_out_and_named(question: str, value: str) -> None:
    found = heard(odsc="0103", score="4", **{question: value})
    assert found == Reading(heard(odsc="0103", score="4").response, (), (question,))


def test_comments_need_a_center_but_no_score() -> None:
    found = heard(odsc="0103", problem="ຖ້າດົນ")
    assert [(c.kind, c.odsc, c.text) for c in found.comments] == [("problem", "0103", "ຖ້າດົນ")]
    assert heard(problem="ຖ້າດົນ").comments == ()
    assert "ຖ້າດົນ" not in repr(found)


@pytest.mark.parametrize(
    ("odsc", "service", "paid", "overcharged"),
    [
        ("0103", "id_card", "20000", False),
        ("0103", "id_card", "20001", True),
        ("0901", "id_card", "5001", True),
        ("1610", "id_card", "999999", False),
        ("0103", "family_book", "2000", False),
        ("0103", "family_book", "3001", True),
    ],
)
def test_overcharged_is_above_the_fee_in_force(
    odsc: str, service: str, paid: str, overcharged: bool
) -> None:
    response = heard(odsc=odsc, score="3", service=service, paid=paid).response
    assert response is not None
    assert response.overcharged is overcharged


def test_nothing_paid_or_no_service_is_never_overcharged() -> None:
    for values in ({"service": "id_card"}, {"paid": "999999"}):
        response = heard(odsc="0103", score="3", **values).response
        assert response is not None
        assert not response.overcharged


def test_a_fee_holds_on_its_last_day_and_not_before_its_first() -> None:
    assert fee_in_force(FEES, "id_card", "0901", date(2026, 11, 16)) == 5_000
    assert fee_in_force(FEES, "id_card", "0901", date(2026, 11, 17)) == 20_000
    assert fee_in_force(FEES, "id_card", "0103", date(2025, 12, 31)) is None


@pytest.mark.parametrize(
    ("request_id", "service", "paid", "overcharged"),
    [
        # What was official when it was filed; what is official now does not matter.
        (1, "id_card", "35000", False),
        (1, "id_card", "35001", True),
        # Nothing was recorded then: as for anybody else.
        (2, "id_card", "20001", True),
        # A fee of nothing is one.
        (3, "id_card", "1", True),
        # Another service than the one that was asked about.
        (1, "family_book", "3001", True),
        (None, "id_card", "20001", True),
    ],
)
def test_what_an_applicant_paid_is_compared_with_the_fee_at_filing(
    request_id: int | None, service: str, paid: str, overcharged: bool
) -> None:
    found = told_of(request_id, odsc="0103", score="3", service=service, paid=paid)
    assert found.overcharged is overcharged


@pytest.mark.parametrize(
    ("request_id", "odsc", "tied", "flagged"),
    [
        (1, "0103", 1, False),
        (3, "0103", 3, True),
        (3, "0901", None, False),
        (None, "0103", None, False),
        (99, "0103", None, False),
    ],
)
def test_a_response_is_tied_to_its_request_at_its_center_alone(
    request_id: int | None, odsc: str, tied: int | None, flagged: bool
) -> None:
    response = told_of(request_id, odsc=odsc, score="3")
    assert (response.request_id, response.flagged) == (tied, flagged)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(QUESTIONS), st.text()))
def test_no_stored_text_is_an_exception(values: dict[str, str]) -> None:
    found = heard(**values)
    assert set(found.left_out) <= values.keys()
