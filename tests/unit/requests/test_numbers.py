"""Reference numbers: what a slip of the finger makes of one is never another one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.requests import numbers

ODSCS = st.integers(0, 9999).map(lambda code: f"{code:04d}")
SERIALS = st.integers(0, numbers.SERIALS - 1)
NUMBERS = st.builds(numbers.new, ODSCS, SERIALS)
LAO = str.maketrans("0123456789", "໐໑໒໓໔໕໖໗໘໙")


@given(ODSCS, SERIALS)
def test_a_number_is_twelve_digits_and_tells_its_odsc(odsc: str, serial: int) -> None:
    number = numbers.new(odsc, serial)
    assert (len(number), number[:4], number[4:11]) == (12, odsc, f"{serial:07d}")
    assert numbers.is_ours(number)
    assert numbers.checks(number)


@given(NUMBERS)
def test_every_single_wrong_digit_is_caught(number: str) -> None:
    for place, right in enumerate(number):
        for wrong in "0123456789":
            typed = number[:place] + wrong + number[place + 1 :]
            assert numbers.checks(typed) == (wrong == right), typed


@given(NUMBERS)
def test_every_two_neighbours_that_changed_places_are_caught(number: str) -> None:
    for place in range(len(number) - 1):
        first, second = number[place], number[place + 1]
        typed = number[:place] + second + first + number[place + 2 :]
        assert numbers.checks(typed) == (first == second), typed


@given(NUMBERS, st.data())
def test_a_number_is_read_however_it_is_typed(number: str, data: st.DataObject) -> None:
    typed = number.translate(LAO) if data.draw(st.booleans()) else number
    cuts = data.draw(st.sets(st.integers(1, 11)))
    between = st.sampled_from([" ", "  ", "-", "–", ".", "/", "\u00a0", "\u200b", "\t"])
    pieces = [(data.draw(between) if place in cuts else "") + typed[place] for place in range(12)]
    assert numbers.read(f" {''.join(pieces)}\n") == number


@given(NUMBERS)
def test_what_is_shown_is_read_again(number: str) -> None:
    shown = numbers.shown(number)
    assert [len(group) for group in shown.split()] == [4, 7, 1]
    assert numbers.read(shown) == number


@given(st.text(max_size=40))
def test_what_was_read_is_read_as_itself(typed: str) -> None:
    once = numbers.read(typed)
    assert numbers.read(once) == once


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("ks-123/2026", "KS1232026"),
        ("ຄຮ ໑໒໓", "ຄຮ123"),
        ("ｋｓ　１２３", "ＫＳ123"),
        ("", ""),
        (" - ", ""),
    ],
)
def test_an_office_s_number_is_one_however_it_is_spelt(typed: str, number: str) -> None:
    assert numbers.read(typed) == number
    assert numbers.shown(number) == number


@pytest.mark.parametrize(
    ("alias", "may_be"),
    [
        ("KS1", True),
        ("ຄຳຮ້ອງ12", True),
        ("1" * 11, True),
        ("1" * 13, True),
        ("1" * 12, False),
        ("K" * 30, True),
        ("K" * 31, False),
        ("K1", False),
        ("", False),
        ("KS#1", False),
        ("KS\x001", False),
    ],
)
def test_an_office_s_number_never_looks_like_one_of_ours(alias: str, may_be: bool) -> None:
    assert numbers.may_be_alias(alias) == may_be


def test_arabic_digits_are_no_number_of_ours() -> None:
    assert not numbers.is_ours("٠١٠٣١٢٣٤٥٦٧٨")
