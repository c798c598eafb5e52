"""Targets and groups of districts in the database, and which area lies within which place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import Connection, Engine

from app.errors import RegistryError
from app.registry import files, loading
from app.settings import ROOT
from app.storage import api_tokens, people, registry, registry_loading
from app.storage.levels import Level
from app.storage.registry import Group, GroupDistrict, Registry, Target
from app.storage.registry_loading import Changes, Count

SAMPLE = ROOT / "config" / "registry"
MORNING = datetime(2026, 11, 18, 3, tzinfo=UTC)


@pytest.fixture
def sample() -> Registry:
    return files.read(SAMPLE)


@pytest.fixture
def tx(engine: Engine) -> Iterator[Connection]:
    """A transaction that is never committed: the sample stays as it is."""
    with engine.connect() as connection:
        yield connection


def changed(changes: Changes) -> dict[str, Count]:
    return {table: count for table, count in changes.tables.items() if count != Count()}


def with_plans(sample: Registry) -> Registry:
    """Two targets, and two groups: of one province's districts, and of two provinces'."""
    return replace(
        sample,
        targets=(
            Target("0103", 61, 85, date(2027, 12, 31), "a plan"),
            Target("0901", 40, None, None, "a survey"),
        ),
        groups=(Group("north", "ພາກເໜືອ", "The North"), Group("both", "ທັງສອງ", "Both")),
        group_districts=(
            GroupDistrict("north", "0902"),
            GroupDistrict("both", "0901"),
            GroupDistrict("both", "0103"),
        ),
    )


def test_targets_are_found_by_odsc(tx: Connection, sample: Registry) -> None:
    assert registry.targets(tx) == {}
    wanted = with_plans(sample)
    registry_loading.replace(tx, wanted)
    assert registry.targets(tx) == {"0103": wanted.targets[0], "0901": wanted.targets[1]}


def test_groups_have_their_districts_in_order(tx: Connection, sample: Registry) -> None:
    assert registry.groups(tx) == []
    registry_loading.replace(tx, with_plans(sample))
    both, north = registry.groups(tx)
    assert (both.code, both.names, both.districts) == (
        "both",
        {"lo": "ທັງສອງ", "en": "Both"},
        ("0103", "0901"),
    )
    assert (north.code, north.districts) == ("north", ("0902",))


AREAS: list[tuple[Level | Literal["group"], str]] = [
    ("odsc", "0901"),
    ("district", "0901"),
    ("district", "0902"),
    ("province", "09"),
    ("country", "LA"),
    ("group", "north"),
    ("group", "both"),
    ("odsc", "1610"),
    ("district", "1610"),
    ("province", "16"),
]


@pytest.mark.parametrize(
    ("level", "place", "within"),
    [
        ("odsc", "0901", [("odsc", "0901")]),
        ("district", "0901", [("odsc", "0901"), ("district", "0901")]),
        ("district", "0902", [("district", "0902"), ("group", "north")]),
        (
            "province",
            "09",
            [
                ("odsc", "0901"),
                ("district", "0901"),
                ("district", "0902"),
                ("province", "09"),
                ("group", "north"),
            ],
        ),
        ("country", "LA", AREAS),
    ],
)
def test_a_place_covers_itself_and_what_is_below_it(
    tx: Connection, sample: Registry, level: Level, place: str, within: list[tuple[str, str]]
) -> None:
    registry_loading.replace(tx, with_plans(sample))
    found = [area for area in AREAS if registry.covers(tx, level, place, *area)]
    assert found == within


@pytest.mark.parametrize("area", ["9999", "", "LA", "'; --"])
def test_nobody_covers_what_is_not_there(tx: Connection, area: str) -> None:
    levels: list[Level | Literal["group"]] = ["odsc", "district", "province", "group"]
    assert not [one for one in levels if registry.covers(tx, "country", "LA", one, area)]


# --- replacing and loading ---------------------------------------------------------------------


def test_targets_and_groups_come_change_and_go(tx: Connection, sample: Registry) -> None:
    wanted = with_plans(sample)
    assert changed(registry_loading.replace(tx, wanted)) == {
        "targets": Count(2, 0, 0),
        "groups": Count(2, 0, 0),
        "group_districts": Count(3, 0, 0),
    }
    assert registry_loading.replace(tx, wanted).nothing
    raised = (replace(wanted.targets[0], target=90), wanted.targets[1])
    renamed = (replace(wanted.groups[0], name_en="Up there"), wanted.groups[1])
    less = replace(
        wanted, targets=raised, groups=renamed, group_districts=wanted.group_districts[1:]
    )
    assert changed(registry_loading.replace(tx, less)) == {
        "targets": Count(0, 1, 0),
        "groups": Count(0, 1, 0),
        "group_districts": Count(0, 0, 1),
    }
    assert changed(registry_loading.replace(tx, sample)) == {
        "targets": Count(0, 0, 2),
        "groups": Count(0, 0, 2),
        "group_districts": Count(0, 0, 2),
    }


def test_an_odsc_may_go_with_its_target_and_a_district_with_its_group(
    tx: Connection, sample: Registry
) -> None:
    registry_loading.replace(tx, with_plans(sample))
    counts = registry_loading.replace(tx, Registry()).tables
    assert (counts["odscs"].removed, counts["targets"].removed) == (3, 2)
    assert (counts["districts"].removed, counts["group_districts"].removed) == (148, 3)


def test_a_province_with_staff_and_a_district_with_a_token_must_stay(
    tx: Connection, sample: Registry
) -> None:
    contact = people.ensure(tx, b"hash", b"cipher")
    people.add_staff(tx, contact, "province", "17", "lo")
    api_tokens.add(tx, b"hash", "district", "1701", "", MORNING, results=False)
    wanted = replace(
        sample,
        provinces=tuple(one for one in sample.provinces if one.code != "17"),
        districts=tuple(one for one in sample.districts if one.province != "17"),
        place_aliases=(),
    )
    with pytest.raises(RegistryError) as caught:
        registry_loading.replace(tx, wanted)
    told = [str(problem) for problem in caught.value.problems]
    assert [one for one in told if "row 1701 " in one and "api_tokens" in one]
    assert [one for one in told if "row 17 " in one and "staff" in one]


def test_a_folder_without_their_files_takes_them_away(engine: Engine, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SAMPLE, tmp_path / "registry"))
    for name, rows in (
        ("targets", "0103,61,85,2027-12-31,a plan,\n"),
        ("groups", "pilot,ນຳຮ່ອງ,Pilot,\n"),
        ("group_districts", "pilot,0103,\npilot,0901,\n"),
    ):
        with (folder / f"{name}.csv").open("a", encoding="utf-8") as file:
            file.write(rows)
    assert changed(loading.load(engine, folder)) == {
        "targets": Count(1, 0, 0),
        "groups": Count(1, 0, 0),
        "group_districts": Count(2, 0, 0),
    }
    assert loading.load(engine, folder).nothing
    for name in ("targets", "groups", "group_districts"):
        (folder / f"{name}.csv").unlink()
    assert changed(loading.load(engine, folder)) == {
        "targets": Count(0, 0, 1),
        "groups": Count(0, 0, 1),
        "group_districts": Count(0, 0, 2),
    }


def test_a_load_with_one_bad_target_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SAMPLE, tmp_path / "registry"))
    with (folder / "targets.csv").open("a", encoding="utf-8") as file:
        file.write("0103,61,85,,a plan,\n0901,,,,a plan,\n")
    with pytest.raises(RegistryError, match="neither a baseline nor a target"):
        loading.load(engine, folder)
    with engine.connect() as tx:
        assert registry.targets(tx) == {}
