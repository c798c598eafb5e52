"""What is behind a line fits two parts, most important first, and tells nothing that is hidden."""

from __future__ import annotations

from datetime import date

import pytest

from app.feedback.cells import REASONS
from app.insight import digest_details
from app.insight.digest_details import Behind, Goal
from app.insight.digest_text import LINES, Report
from app.insight.figures import Figures, Part
from app.text.encoding import segment_count
from tests.unit.insight.reports import BEFORE, WORDS, figures, named, report

SERVICES = {"id_card": "ID card", "family_book": "Family book", "land_tax": "Land tax"}
NOTHING = Behind(SERVICES, None)


def told(number: int, one: Report, behind: Behind = NOTHING, language: str = "en") -> list[str]:
    """The lines below the head."""
    head, *lines = digest_details.text(number, one, behind, WORDS[language]).split("\n")
    assert head == f"{one.name} 47/2026"
    return lines


def week(number: int, satisfied: int | None = 30, overcharged: int | None = 0) -> Figures:
    return figures(60, satisfied, week=f"2026-W{number}", overcharged=overcharged)


def over(*weeks: Figures) -> Report:
    return Report("Xaysetha", weeks[-1], None, weeks)


def test_behind_the_answers_are_who_answered_and_for_what() -> None:
    services = {
        "id_card": Part(20, 15),
        "family_book": Part(30, None),
        "land_tax": Part(None, None),
    }
    assert told(1, report(figures(services=services))) == [
        "1 Answers 57",
        "Women 31, men 20, not known 6",
        "Family book 30, ID card 20",
    ]


def test_of_a_hidden_sex_nothing_is_worked_out() -> None:
    sexes = {"F": Part(31, None), "M": Part(None, None)}
    assert told(1, report(figures(sexes=sexes)))[1] == "Women 31, men too few, not known too few"


def test_behind_satisfaction_is_what_it_rests_on() -> None:
    now = figures(57, 42, scores={1: 5, 2: 5, 3: 5, 4: 20, 5: 22})
    goal = Goal(target=80, baseline=60, reach_by=date(2027, 12, 31))
    assert told(2, report(now, figures(60, 28, week=BEFORE)), Behind({}, goal)) == [
        "2 Satisfied 74% of 57 (between 61 and 84%)",
        "Mean score 3.9 of 5",
        "Week: 46 47%, 47 74%",
        "Target 80% by 31/12/2027",
        "Before 60%",
    ]
    assert told(2, report(now), Behind({}, Goal(80, None, None)), "lo")[-1] == "ຄາດໝາຍ 80%"


def test_a_week_that_is_hidden_keeps_its_place() -> None:
    weeks = over(week(44), week(45, None), figures(0, 0, week="2026-W46"), week(47))
    assert told(2, weeks)[1] == "Week: 44 50%, 45 too few, 46 -, 47 50%"


def test_the_least_satisfied_areas_come_first() -> None:
    below = [named("Pek", 300, 240), named("Khong", 9, 0), named("Kham", 200, 100)]
    assert told(2, report(figures(), below=below))[-1] == (
        "4 weeks, lowest first: Khong 0% of 9, Kham 50% of 200, Pek 80% of 300"
    )


def test_what_does_not_fit_is_counted() -> None:
    below = [named(f"ບາຈຽງ {number}", 100, 50) for number in range(18)]
    listed = told(2, report(figures(), below=below, name="ປາກເຊ"), language="lo")[-1]
    names, _, more = listed.rpartition(", +")
    assert names.count("ບາຈຽງ") + int(more) == 18


def test_behind_the_reason_are_all_reasons() -> None:
    reasons = {**dict.fromkeys(REASONS, 0), "money": 12, "waiting": None, "papers": 30}
    assert told(3, report(figures(reasons=reasons))) == [
        "3 Problem: papers 30, cost 12, staff 0, other 0, waiting too few"
    ]


def test_behind_the_overcharges_are_four_weeks() -> None:
    weeks = over(week(44, overcharged=7), week(45, overcharged=None), week(46), week(47))
    assert told(4, weeks) == ["4 Overcharged 0", "Week: 44 7, 45 too few, 46 0, 47 0"]


def test_behind_the_requests_are_the_areas_that_are_late() -> None:
    below = [
        named("Pek", running=9),
        named("Khong", running=5, overdue=2),
        named("Kham"),
    ]
    assert told(5, report(figures(running=14, overdue=2), below=below)) == [
        "5 Requests 14, late 2",
        "Khong 5, late 2, Pek 9, late 0",
    ]


def test_the_advice_is_told_at_length() -> None:
    assert told(6, report(figures(running=4, overdue=3)))[0].startswith("6 3 requests are late.")
    below = [named("Pek", 300, 240), named("Khong", 100, 52)]
    assert "Khong: 52% of 100 answers in 4 weeks" in told(6, report(figures(), below=below))[0]
    assert told(6, report(figures())) == ["6 Nothing presses. Keep it up."]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_of_too_few_answers_no_details_are_told(number: int) -> None:
    few = figures(3, None, sexes={"F": Part(None, None), "M": Part(None, None)}, overcharged=None)
    assert told(number, report(few))[0] == f"{number} Answers 3: too few answers"


@pytest.mark.parametrize("language", sorted(WORDS))
@pytest.mark.parametrize("number", LINES)
def test_details_have_at_most_two_parts(number: int, language: str) -> None:
    most = figures(
        57_123,
        42_000,
        scores=dict.fromkeys(range(1, 6), 11_000),
        sexes={"F": Part(31_123, None), "M": Part(20_000, None)},
        services={key: Part(12_345, None) for key in SERVICES},
        reasons=dict.fromkeys(REASONS, None),
        running=99_999,
        overdue=88_888,
    )
    weeks = [figures(57_123, 42_000, week=f"2026-W{one}", overcharged=None) for one in (44, 45, 46)]
    below = [named("ນະຄອນຫຼວງວຽງຈັນ", 9_999, 5_000, running=999, overdue=99)] * 18
    for name in ("ນະຄອນຫຼວງວຽງຈັນ", "ກຳ" * 120):
        one = Report(name, most, weeks[-1], [*weeks, most], below)
        goal = Goal(80, 60, date(2027, 12, 31))
        written = digest_details.text(number, one, Behind(SERVICES, goal), WORDS[language])
        assert segment_count(written) <= 2
        assert f"\n{number} " in written
