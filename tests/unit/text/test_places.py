"""Names of places as people type them."""

from __future__ import annotations

import csv
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings import ROOT
from app.text.encoding import units
from app.text.places import MOST, Gazetteer, one_apart, short, sound

REGISTRY = ROOT / "config" / "registry"
SPELT = [
    ("01", "ນະຄອນຫຼວງວຽງຈັນ"),
    ("01", "Vientiane Capital"),
    ("0103", "ໄຊເສດຖາ"),
    ("0103", "Xaysetha"),
    ("0103", "Saxe"),
    ("0202", "ໃໝ່"),
    ("0202", "May"),
    ("0901", "ແປກ"),
    ("0901", "Pek"),
    ("1701", "ໄຊເສດຖາ"),
    ("1701", "Xaysetha"),
]


def rows(table: str) -> list[dict[str, str]]:
    with (REGISTRY / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def shipped() -> Gazetteer:
    named = [
        (row["code"], row[column])
        for row in rows("provinces") + rows("districts")
        for column in ("name_lo", "name_en")
    ]
    return Gazetteer(named + [(row["code"], row["alias"]) for row in rows("place_aliases")])


def found(typed: str) -> list[str]:
    return list(Gazetteer(SPELT).find(typed))


@pytest.mark.parametrize(
    "typed",
    [
        "ໄຊເສດຖາ",
        " ໄຊເສດຖາ. ",
        "ໄຊ ເສດຖາ",
        "ໃຊເສດຖາ",
        "ເມືອງໄຊເສດຖາ",
        "ເມືອງ ໄຊເສດຖາ",
        "ມ. ໄຊເສດຖາ",
        "Xaysetha",
        "xaysettha",
        "SAISETA",
        "Xay-setha",
        "Muang Saysettha",
        "Xaysetha district",
    ],
)
def test_one_name_in_many_spellings(typed: str) -> None:
    assert found(typed) == ["0103", "1701"]


@pytest.mark.parametrize(
    "typed", ["Xaysethe", "Xasyetha", "Xysetha", "Xayesetha", "ໄຊເສຖາ", "ໄຊເສດຖ"]
)
def test_one_letter_wrong_is_forgiven(typed: str) -> None:
    assert found(typed) == ["0103", "1701"]


@pytest.mark.parametrize(
    "typed", ["Xyzsethe", "Pex", "Mey", "ແປ", "", "...", "1", "ເມືອງ", "district"]
)
def test_too_little_or_too_wrong_is_nothing(typed: str) -> None:
    assert found(typed) == []


def test_short_names_are_found_as_they_are() -> None:
    assert (found("pek"), found("ໃໝ່"), found("may")) == (["0901"], ["0202"], ["0202"])


def test_another_name_of_one_finds_its_namesake_too() -> None:
    assert found("Saxe") == ["0103", "1701"]


def test_what_sounds_the_same_goes_before_what_is_nearly_so() -> None:
    assert list(Gazetteer([("0101", "Long"), ("0102", "Nong")]).find("nong")) == ["0102"]


def test_never_more_than_fit_a_screen() -> None:
    crowd = Gazetteer((f"{code:04}", f"Bantai{letter}") for code, letter in enumerate("bcdfgkmps"))
    assert list(crowd.find("bantai")) == [f"{code:04}" for code in range(MOST)]


def test_every_shipped_spelling_finds_its_place() -> None:
    for row in rows("provinces") + rows("districts"):
        for column in ("name_lo", "name_en"):
            assert row["code"] in shipped().find(row[column]), row
    for row in rows("place_aliases"):
        assert row["code"] in shipped().find(row["alias"]), row


def test_districts_of_one_name_are_always_found_together() -> None:
    codes: dict[str, set[str]] = {}
    for row in rows("districts"):
        codes.setdefault(row["name_lo"], set()).add(row["code"])
    twins = [twin for twin in codes.values() if len(twin) > 1]
    assert len(twins) == 3
    for row in rows("districts") + rows("place_aliases"):
        for twin in twins:
            if row["code"] in twin:
                spelling = row.get("alias") or row["name_en"]
                assert twin <= set(shipped().find(spelling)), spelling


def test_different_shipped_names_do_not_sound_the_same() -> None:
    """But for a province and its capital, twins, and old names."""
    for row in rows("districts"):
        assert len(shipped().find(row["name_lo"])) <= 2, row


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("", "", True),
        ("a", "", True),
        ("ab", "ba", True),
        ("abcd", "abdc", True),
        ("abcd", "abxd", True),
        ("abcd", "abd", True),
        ("abcd", "abccd", True),
        ("aab", "ab", True),
        ("abcd", "badc", False),
        ("abcd", "axxd", False),
        ("abc", "cba", False),
        ("abcd", "ab", False),
    ],
)
def test_one_apart(one: str, other: str, near: bool) -> None:
    assert one_apart(one, other) is near
    assert one_apart(other, one) is near


WORDS = st.text("abc", max_size=5)


@given(WORDS, WORDS)
def test_one_apart_agrees_with_trying_every_change(one: str, other: str) -> None:
    changed = {one}
    for at in range(len(one) + 1):
        changed |= {one[:at] + letter + one[at:] for letter in "abc"}
        changed |= {one[:at] + letter + one[at + 1 :] for letter in "abc"}
        changed |= {one[:at] + one[at + 1 :], one[:at] + one[at : at + 2][::-1] + one[at + 2 :]}
    assert one_apart(one, other) is (other in changed)


@given(st.text(max_size=80))
def test_whatever_is_typed_is_looked_for(typed: str) -> None:
    assert len(shipped().find(typed)) <= MOST
    sound(typed)


@pytest.mark.parametrize(
    ("name", "aliases", "shown"),
    [
        ("ນະຄອນຫຼວງວຽງຈັນ", ["ນະຄອນຫຼວງ", "Viangchan", "ກຳແພງນະຄອນ"], "ນະຄອນຫຼວງ"),
        ("ນະຄອນຫຼວງວຽງຈັນ", [], "ນະຄອນຫຼວງວຽງຈັນ"),
        ("ຊຽງຂວາງ", ["ຊຽງ"], "ຊຽງຂວາງ"),
        ("Vientiane Province", ["Vientiane"], "Vientiane Province"),
    ],
)
def test_long_lao_names_are_shortened_to_what_people_say(
    name: str, aliases: list[str], shown: str
) -> None:
    assert short(name, aliases) == shown


def test_a_district_with_its_province_leaves_room_on_a_screen() -> None:
    aliases: dict[str, list[str]] = {}
    for row in rows("place_aliases"):
        aliases.setdefault(row["code"], []).append(row["alias"])
    provinces = {
        row["code"]: short(row["name_lo"], aliases.get(row["code"], ()))
        for row in rows("provinces")
    }
    for row in rows("districts"):
        assert units(f"1 {row['name_lo']}, {provinces[row['province']]}") <= 40
