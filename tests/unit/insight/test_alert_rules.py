"""config/alerts.yaml: what is wrong with it is told with line, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import FlowError
from app.insight import alert_rules
from app.insight.alert_signs import BadScores
from app.settings import ROOT

SHIPPED = (ROOT / "config" / alert_rules.FILE).read_text("utf-8")
GOOD = """\
many_bad:
  kind: bad_scores
  days: 14
  min_answers: 10
  raise_at: 50
  clear_at: 25
  escalate_after_hours: 24
"""


def refused(folder: Path, content: str) -> str:
    (folder / alert_rules.FILE).write_text(content, "utf-8")
    with pytest.raises(FlowError) as error:
        alert_rules.load(folder)
    return str(error.value)


def test_the_shipped_rules_are_of_every_kind() -> None:
    rules = alert_rules.load(ROOT / "config")
    kinds = sorted(rule.kind for rule in rules.values())
    assert kinds == ["bad_scores", "overcharges", "reason_jump", "silent"]


def test_an_office_may_have_rules_of_its_own_or_none(tmp_path: Path) -> None:
    (tmp_path / alert_rules.FILE).write_text(GOOD, "utf-8")
    assert alert_rules.load(tmp_path) == {"many_bad": BadScores(14, 10, 50, 25, 24)}
    (tmp_path / alert_rules.FILE).write_text("{}", "utf-8")
    assert alert_rules.load(tmp_path) == {}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("many_bad:", "Many bad:", "1: Many bad: this is no name of a rule. Use small letters"),
        (
            "kind: bad_scores",
            "kind: bad",
            "2: many_bad.kind: there is no such kind. Use one of bad_",
        ),
        ("  kind: bad_scores\n", "", "1: many_bad.kind: there is no such kind"),
        (
            "days: 14",
            "weeks: 2",
            "3: many_bad.weeks: this kind of rule has no such key. It has days",
        ),
        ("  days: 14\n", "", "1: many_bad.days: it is missing. Add it"),
        (
            "days: 14",
            "days: 0",
            "3: many_bad.days: this value cannot be. Write a whole number from 1",
        ),
        ("days: 14", "days: 14.0", "3: many_bad.days: this value cannot be"),
        ("days: 14", 'days: "14"', "3: many_bad.days: this value cannot be"),
        ("days: 14", "days: 0x1F", "3: many_bad.days: this value cannot be"),
        ("days: 14", "days: [14]", "3: many_bad.days: this value cannot be"),
        ("days: 14", "days: true", "3: many_bad.days: this value cannot be"),
        ("days: 14", "days: 14\n  days: 15", "4: many_bad.days: this key stands above already"),
        (
            "min_answers: 10",
            "min_answers: 4",
            "4: many_bad.min_answers: this value cannot be. Write",
        ),
        (
            "min_answers: 10",
            "min_answers: 9",
            "1: many_bad: fewer than five bad answers would raise",
        ),
        (
            "clear_at: 25",
            "clear_at: 50",
            "1: many_bad: it would clear where it is raised. Set clear",
        ),
        (GOOD, f"{GOOD}{GOOD}", "8: many_bad: a rule of this name stands above"),
        (GOOD, "many_bad: 5", "1: many_bad: this is no rule. Write keys below it"),
        (GOOD, "- many_bad", "1: it must hold `NAME: {kind: KIND"),
        (GOOD, "", "1: it must hold"),
        (GOOD, "a: [", "Mend the file"),
    ],
)
def test_what_cannot_be_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    said = refused(tmp_path, GOOD.replace(old, new, 1))
    assert f"{tmp_path / alert_rules.FILE}:" in said
    assert told in said


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("at_least: 5", "at_least: 4", "overcharged.at_least: this value cannot be"),
        ("clear_at: 2\n", "clear_at: 5\n", "overcharged: it would clear where it is raised"),
        ("raise_p: 0.001", "raise_p: 1e-3", "Write a number such as 0.001 from 0.0 to 0.05"),
        ("raise_p: 0.001", "raise_p: .inf", "reason_jump.raise_p: this value cannot be"),
        ("clear_p: 0.05", "clear_p: 0.0005", "reason_jump: it would clear where it is raised"),
        ("working_days: 10", "working_days: 1", "silent.working_days: this value cannot be"),
        ("escalate_after_hours: 72", "escalate_after_hours: 0", "this value cannot be"),
    ],
)
def test_the_bounds_of_the_other_kinds(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in refused(tmp_path, SHIPPED.replace(old, new, 1))


@pytest.mark.parametrize("kind", ["bad_scores", "overcharges", "silent", "reason_jump"])
def test_no_rule_of_any_kind_speaks_of_fewer_than_five(tmp_path: Path, kind: str) -> None:
    begin = SHIPPED.index(f"  kind: {kind}")
    content = SHIPPED[:begin] + SHIPPED[begin:].replace("min_answers: ", "min_answers: 4 # ", 1)
    assert "min_answers: this value cannot be" in refused(tmp_path, content)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    said = refused(tmp_path, GOOD.replace("days: 14", "days: 0").replace("raise_at: 50", "x: 1"))
    assert [line.split(":")[1] for line in said.splitlines()] == ["1", "3", "5"]


def test_a_missing_file_is_the_operators(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"alerts\.yaml:1: No such file"):
        alert_rules.load(tmp_path)
