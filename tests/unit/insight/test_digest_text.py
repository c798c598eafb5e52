"""A digest has a line a figure, tells what is worth doing, and stays within its limit."""

from __future__ import annotations

import csv
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.feedback.cells import REASONS
from app.insight import digest_text
from app.insight.digest_text import Report
from app.insight.figures import Figures, Part
from app.insight.statistics import percent
from app.settings import ROOT
from app.text.encoding import encoding_of, units
from app.text.lao import canonical
from tests.unit.insight.reports import BEFORE, WORDS, figures, named, report

LIMITS = {"GSM-7": 160, "UCS-2": 134}
WORSE = figures(60, 28, week=BEFORE)
BUSY: dict[str, Any] = {
    "main_reason": "waiting",
    "overcharged": 6,
    "running": 12,
    "overdue": 3,
}


def told(one: Report, language: str = "en") -> list[str]:
    return digest_text.text(one, WORDS[language]).split("\n")


def line(one: Report, number: int, language: str = "en") -> str | None:
    """What stands behind a number, None where the line is not there."""
    lines = dict(line.split(" ", 1) for line in told(one, language)[1:])
    return lines.get(str(number))


# --- the lines --------------------------------------------------------------------------------


def test_a_digest_tells_everything() -> None:
    assert told(report(figures(**BUSY), WORSE)) == [
        "Xaysetha 47/2026",
        "1 Answers 57 (women 31)",
        "2 Satisfied 74% up 27",
        "3 Problem: waiting",
        "4 Overcharged 6",
        "5 Requests 12, late 3",
        "6 First: late requests",
    ]
    assert told(report(figures(**BUSY), WORSE, name="ໄຊເສດຖາ"), "lo") == [
        "ໄຊເສດຖາ 47/2026",
        "1 ຄຳຕອບ 57 (ຍິງ 31)",
        "2 ພໍໃຈ 74% ↑27",
        "3 ບັນຫາ: ເວລາລໍຖ້າ",
        "4 ເກັບເກີນ 6",
        "5 ຄ້າງ 12 ກາຍ 3",
        "6 ກ່ອນ: ເລື່ອງກາຍກຳນົດ",
    ]


def test_without_answers_only_requests_are_told() -> None:
    quiet = figures(0, 0, sexes={"F": Part(0, 0), "M": Part(0, 0)}, running=4)
    assert told(report(quiet, WORSE)) == [
        "Xaysetha 47/2026",
        "1 No answers",
        "5 Requests 4, late 0",
        "6 First: put up poster",
    ]


@pytest.mark.parametrize("answers", [1, 4])
def test_of_too_few_answers_only_their_number_is_told(answers: int) -> None:
    few = figures(answers, None, sexes={"F": Part(None, None), "M": Part(None, None)})
    assert told(report(few))[1:] == [
        f"1 Answers {answers}: too few answers",
        "6 First: put up poster",
    ]
    assert "ຄຳຕອບໜ້ອຍເກີນໄປ" in told(report(few), "lo")[1]


def test_what_is_hidden_is_never_a_number() -> None:
    hidden = figures(57, None, sexes={"F": Part(None, None)}, overcharged=None)
    assert told(report(hidden, WORSE))[1:] == [
        "1 Answers 57 (women too few)",
        "2 Satisfied: too few answers",
        "4 Overcharged: too few",
    ]


def test_a_line_that_is_left_out_leaves_its_number_out() -> None:
    assert [one[0] for one in told(report(figures()))[1:]] == ["1", "2", "4"]


def test_that_nobody_was_overcharged_is_told() -> None:
    assert line(report(figures()), 4) == "Overcharged 0"


# --- the change -------------------------------------------------------------------------------


def test_an_arrow_stands_only_where_the_change_is_real() -> None:
    assert line(report(figures(57, 42), figures(60, 28)), 2) == "Satisfied 74% up 27"
    assert line(report(figures(57, 42), figures(60, 40)), 2) == "Satisfied 74%"
    # The same rates on fewer answers than anything can be told from.
    assert line(report(figures(19, 14), figures(60, 28)), 2) == "Satisfied 74%"


def test_a_fall_points_down() -> None:
    assert line(report(figures(60, 28), figures(57, 42)), 2, "lo") == "ພໍໃຈ 47% ↓27"


def test_without_a_week_before_nothing_is_compared() -> None:
    assert line(report(figures(57, 42), None), 2) == "Satisfied 74%"
    assert line(report(figures(57, 42), figures(60, None)), 2) == "Satisfied 74%"


@given(st.integers(20, 2000), st.integers(20, 2000), st.data())
def test_the_points_add_up_with_what_both_digests_showed(
    n: int, before: int, data: st.DataObject
) -> None:
    satisfied, were = data.draw(st.integers(0, n)), data.draw(st.integers(0, before))
    shown = line(report(figures(n, satisfied), figures(before, were, week=BEFORE)), 2)
    assert shown is not None
    words = shown.split()
    points = {"up": 1, "down": -1}[words[2]] * int(words[3]) if len(words) > 2 else None
    assert words[1] == f"{percent(satisfied, n)}%"
    assert points in (None, percent(satisfied, n) - percent(were, before))


# --- what to do first -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "first"),
    [
        ({**BUSY}, "late requests"),
        ({**BUSY, "overdue": 0}, "check fees"),
        ({**BUSY, "overdue": 0, "overcharged": None}, "more hands"),
        ({"main_reason": "staff"}, "talk to staff"),
        ({"main_reason": "money"}, "show the fees"),
        ({"main_reason": "papers"}, "list of papers"),
        ({"main_reason": "other"}, "read comments"),
        ({"answers": 19, "satisfied": 12}, "put up poster"),
        ({"answers": 20, "satisfied": 12}, None),
    ],
)
def test_the_most_pressing_comes_first(more: dict[str, Any], first: str | None) -> None:
    assert line(report(figures(**more)), 6) == (first and f"First: {first}")


def test_above_a_center_the_area_with_most_late_requests_is_named() -> None:
    below = [named("Pek", overdue=3), named("Khong", overdue=8), named("Kham", overdue=8)]
    assert line(report(figures(**BUSY), below=below), 6) == "First: Khong 8 late"


def test_else_the_clearly_least_satisfied_is_named() -> None:
    below = [
        named("Pek", answers=300, satisfied=240),
        named("Khong", answers=100, satisfied=52),
        named("Kham", answers=200, satisfied=164),
    ]
    assert line(report(figures(**BUSY), below=below), 6) == "First: Khong 52%"


def test_an_area_with_few_answers_is_never_the_worst() -> None:
    below = [
        named("Pek", answers=300, satisfied=240),
        named("Khong", answers=9, satisfied=0),
    ]
    assert line(report(figures(overcharged=7), below=below), 6) == "First: check fees"


def test_being_the_lowest_of_many_by_chance_is_not_enough() -> None:
    """The same two shares: clear between two areas, ordinary as the lowest of eighteen."""
    lowest, other = named("Khong", answers=50, satisfied=33), (40, 32)
    many = [lowest, *(named(f"Pek {number}", *other) for number in range(17))]
    two = [lowest, named("Pek", answers=680, satisfied=544)]
    assert line(report(figures(overcharged=7), below=two), 6) == "First: Khong 66%"
    assert line(report(figures(overcharged=7), below=many), 6) == "First: check fees"


def test_a_hidden_share_ranks_nobody() -> None:
    below = [named("Pek", answers=300, satisfied=240), named("Khong", satisfied=None)]
    assert digest_text.clearly_lowest(below) is None


def test_the_only_area_below_is_no_name_worth_telling() -> None:
    alone = [named("Xaysetha", overdue=3)]
    assert line(report(figures(**BUSY), below=alone), 6) == "First: late requests"


# --- the limit --------------------------------------------------------------------------------


def names(column: str) -> list[str]:
    found = []
    for file in ("districts", "provinces", "odscs"):
        with (ROOT / "config" / "registry" / f"{file}.csv").open(encoding="utf-8") as rows:
            found += [row[column] for row in csv.DictReader(rows)]
    return found


NAMES = {"lo": names("name_lo"), "en": names("name_en"), "lo-Latn": names("name_en")}


def large(times: int, reason: str, overdue: int = 0) -> Figures:
    """Figures of three digits, or as many times that."""
    return figures(
        571 * times,
        422 * times,
        sexes={"F": Part(311 * times, None)},
        main_reason=reason,
        overcharged=60 * times,
        running=120 * times,
        overdue=overdue * times,
    )


@pytest.mark.parametrize("language", NAMES)
def test_every_place_of_today_reads_all_its_lines(language: str) -> None:
    before = figures(571, 310)
    for name, reason, overdue in product(NAMES[language], REASONS, (0, 15)):
        lines = told(report(large(1, reason, overdue), before, name=name), language)
        assert [one[0] for one in lines[1:]] == ["1", "2", "3", "4", "5", "6"]
        assert lines[0] == f"{name} 47/2026"
        assert units("\n".join(lines)) <= LIMITS["UCS-2" if language == "lo" else "GSM-7"]


@pytest.mark.parametrize("language", NAMES)
def test_figures_of_five_digits_cost_no_name_and_no_overcharges(language: str) -> None:
    before = figures(57100, 31000)
    longest = max(NAMES[language], key=len)
    below = [named(longest, overdue=99), named("-")]
    for name, reason in product(NAMES[language], REASONS):
        lines = told(report(large(100, reason), before, name=name, below=below), language)
        assert lines[0] == f"{name} 47/2026"
        assert {"1", "2", "4", "5"} <= {one[0] for one in lines[1:]}
        assert any("6000" in one for one in lines)
        assert units("\n".join(lines)) <= LIMITS["UCS-2" if language == "lo" else "GSM-7"]


def test_the_least_important_goes_first() -> None:
    def numbers(length: int) -> str:
        lines = told(report(large(1, "papers", 15), WORSE, name="ພ" * length), "lo")
        return "".join(one[0] for one in lines[1:]) + ("w" if "ຍິງ" in lines[1] else "")

    seen = list(dict.fromkeys(numbers(length) for length in range(10, 120)))
    assert seen == ["123456w", "123456", "12345", "1245", "124", "12"]


def test_at_the_very_end_the_name_is_cut_between_letters() -> None:
    head = told(report(figures(), name="ກຳ" * 200), "lo")[0]
    assert head.endswith("ກຳ 47/2026")
    assert 80 < len(head) < 134


@st.composite
def any_figures(draw: st.DrawFn) -> Figures:
    counts = st.one_of(st.none(), st.integers(0, 3), st.integers(0, 99_999))
    answers = draw(st.integers(0, 99_999))
    satisfied = draw(st.one_of(st.none(), st.integers(0, answers)))
    running = draw(st.integers(0, 99_999))
    return figures(
        answers,
        satisfied,
        sexes={"F": Part(draw(counts), None)},
        main_reason=draw(st.sampled_from([None, *REASONS])),
        overcharged=draw(counts),
        running=running,
        overdue=draw(st.integers(0, running)),
    )


@settings(deadline=None)
@given(
    any_figures(),
    st.one_of(st.none(), any_figures()),
    st.one_of(
        st.text("ກຂຄງຈສຊຍດຕາີູໍເແໂ ", max_size=24),
        st.text("abcXYZ {}€é", max_size=200),
        st.text("ກຂຄ😀{}", max_size=200),
    ),
    st.sampled_from(sorted(WORDS)),
)
def test_a_digest_is_never_above_its_limit(
    now: Figures, before: Figures | None, name: str, language: str
) -> None:
    written = digest_text.text(report(now, before, name=name), WORDS[language])
    assert units(written) <= LIMITS[encoding_of(written)]
    if len(name) <= 24 and now.answers >= 5:
        assert written.startswith(name)
        assert f"1 {WORDS[language]['answers'].format(n=now.answers)}" in written


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_sentence_is_canonical_and_of_its_script(language: str) -> None:
    for sentence in WORDS[language].values():
        assert canonical(sentence) == sentence
        assert (encoding_of(sentence) == "GSM-7") or language == "lo"
