"""config/insight.yaml: which questions are counted, and what the dimensions are told from."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import FlowError
from app.insight import rules
from app.insight.dimensions import NAMES, Dimension
from app.settings import ROOT

DIMENSIONS = """dimensions:
  access: {reasons: [waiting, papers]}
  quality: {reasons: [staff, other]}
  transparency: {reasons: [money]}
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A folder whose file is still to be written."""
    return tmp_path / rules.FILE


def test_the_shipped_file_counts_the_core_questions_alone() -> None:
    shipped = rules.load(ROOT / "config")
    assert shipped.questions == {}
    assert shipped.dimensions == {
        "access": Dimension(reasons=("waiting", "papers")),
        "quality": Dimension(reasons=("staff", "other")),
        "transparency": Dimension(reasons=("money",)),
    }


def test_the_example_in_the_shipped_file_works(written: Path) -> None:
    lines = (ROOT / "config" / rules.FILE).read_text("utf-8").splitlines()
    example = [one.removeprefix("#   ") for one in lines if one.startswith(("#   q", "#     sufs"))]
    changed = DIMENSIONS.replace("{reasons: [waiting, papers]}", "{satisfied: sufs_access}")
    written.write_text("\n".join([*example, changed]), "utf-8")
    loaded = rules.load(written.parent)
    assert list(loaded.questions) == [f"sufs_{name}" for name in NAMES]
    assert set(loaded.questions.values()) == {("1", "2", "3", "4", "5")}
    assert loaded.dimensions["access"] == Dimension(satisfied="sufs_access")


def test_answers_are_the_words_that_were_written(written: Path) -> None:
    written.write_text(f"questions: {{again: [yes, no, 07]}}\n{DIMENSIONS}", "utf-8")
    assert rules.load(written.parent).questions == {"again": ("yes", "no", "07")}


@pytest.mark.parametrize(
    ("questions", "told"),
    [
        ("{score: [1, 2]}", "1: questions.score: Siang counts or keeps this question itself"),
        ("{comment: [a, b]}", "Siang counts or keeps this question itself"),
        ("{status: [a, b]}", "Siang counts or keeps this question itself"),
        ("{Again: [a, b]}", "this is no question's name"),
        ("{again: [a, a]}", "something stands here twice"),
        ("{again: []}", "this is no list. Write it as [one, two]"),
        ("{again: text}", "this is no list"),
        ("{again: [{a: b}]}", "this is no list"),
        ("{again: [a b]}", "'a b' is no answer"),
        ("{again: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}", "11 answers are too many. At most 10"),
        ("{again: [a], again: [b]}", "questions.again: it stands here twice"),
        ("[again]", "questions: it must hold `key: …` lines"),
    ],
)
def test_a_question_that_cannot_be_counted_is_refused(
    written: Path, questions: str, told: str
) -> None:
    written.write_text(f"questions: {questions}\n{DIMENSIONS}", "utf-8")
    with pytest.raises(FlowError) as refused:
        rules.load(written.parent)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("  access: {}", "3: dimensions.access: it is told from one thing"),
        ("  access: {reasons: [money], satisfied: rated}", "it is told from one thing"),
        ("  access: waiting", "it is told from one thing"),
        ("  access: {reasons: [rain]}", "there is no reason 'rain'. Use some of waiting, staff"),
        ("  access: {satisfied: again}", "'again' is no question rated from 1 to 5"),
        ("  access: {satisfied: [again]}", "is no question rated from 1 to 5"),
        ("  speed: {reasons: [waiting]}", "there is no such dimension"),
        ("", "2: dimensions.access: it is missing"),
    ],
)
def test_a_dimension_that_cannot_be_told_is_refused(written: Path, line: str, told: str) -> None:
    changed = DIMENSIONS.replace("  access: {reasons: [waiting, papers]}", line)
    written.write_text(f"questions: {{again: [yes, no]}}\n{changed}", "utf-8")
    with pytest.raises(FlowError) as refused:
        rules.load(written.parent)
    assert told in str(refused.value)


def test_every_problem_is_told_at_once(written: Path) -> None:
    written.write_text("question: {}\n", "utf-8")
    with pytest.raises(FlowError) as refused:
        rules.load(written.parent)
    assert {one.where for one in refused.value.problems} == {"questions", "dimensions", "question"}


def test_every_language_calls_every_dimension_something() -> None:
    found = rules.labels(ROOT / "config" / "languages")
    assert found["en"]["access"] == "Access"
    assert "SDG 16.6.2" in found["en"]["sdg1662"]
    assert {"lo", "en"} <= found.keys()
