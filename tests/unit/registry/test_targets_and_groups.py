"""Files of targets and of groups of districts: what they say, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest

from app.registry import files
from app.storage.registry import Group, Target
from tests.unit.registry.folders import Folder, Table, only, problems

TARGET = {
    "odsc": "0901",
    "baseline": "61",
    "target": "85",
    "reach_by": "2027-12-31",
    "source": "a plan",
}
GROUP = {"key": "north", "name_lo": "ພາກເໜືອ", "name_en": "The North"}
MEMBERS: Table = [
    {"group": "north", "district": "0901"},
    {"group": "north", "district": "0103"},
]


def test_a_folder_without_targets_and_groups_has_none(folder: Folder) -> None:
    registry = files.read(folder())
    assert (registry.targets, registry.groups, registry.group_districts) == ((), (), ())


def test_targets_and_groups_are_read(folder: Folder) -> None:
    registry = files.read(folder(targets=[TARGET], groups=[GROUP], group_districts=MEMBERS))
    assert registry.targets == (Target("0901", 61, 85, date(2027, 12, 31), "a plan"),)
    assert registry.groups == (Group("north", "ພາກເໜືອ", "The North"),)
    assert [one.district for one in registry.group_districts] == ["0901", "0103"]


@pytest.mark.parametrize("half", [{"baseline": ""}, {"target": "", "reach_by": ""}])
def test_a_target_may_lack_its_baseline_or_be_a_baseline_alone(
    folder: Folder, half: dict[str, str]
) -> None:
    (target,) = files.read(folder(targets=[TARGET | half])).targets
    assert [target.baseline, target.target].count(None) == 1


def test_nought_percent_is_a_figure(folder: Folder) -> None:
    (target,) = files.read(folder(targets=[TARGET | {"baseline": "0", "target": "100"}])).targets
    assert (target.baseline, target.target) == (0, 100)


@pytest.mark.parametrize(
    ("cells", "where", "message"),
    [
        ({"odsc": "901"}, "odsc", "no code of 4 digits"),
        ({"odsc": "0103"}, "odsc", "0103 is not in odscs.csv"),
        ({"baseline": "101"}, "baseline", "101 is out of range"),
        ({"target": "85%"}, "target", "no whole number up to 100"),
        ({"target": "0.85"}, "target", "no whole number up to 100"),
        ({"reach_by": "2027"}, "reach_by", "no date"),
        ({"baseline": "", "target": ""}, "target", "neither a baseline nor a target"),
        ({"target": ""}, "target", "nothing is to be reached by 2027-12-31"),
        ({"source": ""}, "source", "the cell is empty"),
    ],
)
def test_a_target_that_says_nothing_clear_is_refused(
    folder: Folder, cells: dict[str, str], where: str, message: str
) -> None:
    problem = only(folder(targets=[TARGET | cells]))
    assert (problem.file, problem.line) == ("targets.csv", 2)
    assert problem.where == f"row 2, column {where}"
    assert message in problem.message
    assert problem.remedy


def test_a_second_target_of_an_odsc_is_refused(folder: Folder) -> None:
    problem = only(folder(targets=[TARGET, TARGET | {"target": "90"}]))
    assert (problem.where, problem.message) == (
        "row 3, column odsc",
        "0901 stands in row 2 already",
    )


@pytest.mark.parametrize(
    ("groups", "members", "file", "where", "message"),
    [
        ([GROUP | {"key": "North"}], MEMBERS, "groups", "row 2, column key", "'North' is no key"),
        ([GROUP, GROUP], MEMBERS, "groups", "row 3, column key", "stands in row 2 already"),
        ([GROUP | {"name_lo": "N"}], MEMBERS, "groups", "row 2, column name_lo", "no Lao letter"),
        (
            [GROUP, GROUP | {"key": "south"}],
            MEMBERS,
            "groups",
            "row 3, column key",
            "the group south has no district",
        ),
        (
            [GROUP],
            [*MEMBERS, {"group": "north", "district": "0901"}],
            "group_districts",
            "row 4, column group, district",
            "north, 0901 stands in row 2 already",
        ),
        (
            [GROUP],
            [*MEMBERS, {"group": "south", "district": "0901"}],
            "group_districts",
            "row 4, column group",
            "south is not in groups.csv",
        ),
        (
            [GROUP],
            [*MEMBERS, {"group": "north", "district": "0999"}],
            "group_districts",
            "row 4, column district",
            "0999 is not in districts.csv",
        ),
    ],
)
def test_a_group_that_is_not_clear_is_refused(
    folder: Folder, groups: Table, members: Table, file: str, where: str, message: str
) -> None:
    problem = problems(folder(groups=groups, group_districts=members))[0]
    assert (problem.file, problem.where) == (f"{file}.csv", where)
    assert message in problem.message
    assert problem.remedy


def test_a_group_needs_both_of_its_files(folder: Folder) -> None:
    assert only(folder(groups=[GROUP])).message == "the group north has no district"


def test_districts_need_the_file_of_their_groups(folder: Folder) -> None:
    found = problems(folder(group_districts=MEMBERS))
    assert {problem.message for problem in found} == {"north is not in groups.csv"}


def test_a_group_is_not_empty_because_its_districts_cannot_be_read(folder: Folder) -> None:
    problem = only(folder(groups=[GROUP], group_districts=b"group\xff,district\n"))
    assert problem.message == "this is not UTF-8 text"
