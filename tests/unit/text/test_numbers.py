"""What is a phone number, however it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import NotAPhoneNumber
from app.text.numbers import e164

SENTENCES = {
    "this is no phone number; write it like 020 55 512 345",
    "an alphanumeric sender is no phone number",
}


@pytest.mark.parametrize(
    "written",
    [
        "02055512345",
        "020 55 512 345",
        "020-5551-2345",
        "(020) 55 512 345",
        "020.55.512.345",
        "2055512345",
        "20 55512345",
        "55512345",
        "55 512 345",
        "8562055512345",
        "+8562055512345",
        "+856 20 55 512 345",
        "+856 020 55512345",
        "+856 (0)20 55512345",
        "00856 20 5551 2345",
        "  +856-20-5551-2345  ",
        "໐໒໐ ໕໕ ໕໑໒ ໓໔໕",
        "０２０５５５１２３４５",
        "\u200b+856 20 55512345",
    ],
)
def test_one_mobile_in_every_dress(written: str) -> None:
    assert e164(written) == "+8562055512345"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("030 55 51 234", "+856305551234"),
        ("0305551234", "+856305551234"),
        ("021 212 345", "+85621212345"),
        ("02077123456", "+8562077123456"),
        ("02099123456", "+8562099123456"),
        ("02022123456", "+8562022123456"),
        ("020 4123 4567", "+8562041234567"),
        ("020 6123 4567", "+8562061234567"),
        ("020 8123 4567", "+8562081234567"),
        ("22123456", "+8562022123456"),
        ("98765432", "+8562098765432"),
        ("+66 81 234 5678", "+66812345678"),
        ("0066 81 234 5678", "+66812345678"),
    ],
)
def test_other_numbers(written: str, number: str) -> None:
    assert e164(written) == number


@pytest.mark.parametrize(
    "written",
    [
        "",
        "+",
        " ",
        "156",
        "1212",
        "1616",
        "191",
        "Unitel",
        "MoHA-LA",
        "ຫ້ອງການ",
        "020",
        "02055512",
        "02012345678",
        "+85620555123456",
        "+8563055512345",
        "030 5551 2345",
        "12345678",
        "00000000",
        "99999999999999999999",
        "+1",
        "\0",
        "😀",
    ],
)
def test_what_is_no_phone_number(written: str) -> None:
    with pytest.raises(NotAPhoneNumber) as caught:
        e164(written)
    assert str(caught.value) in SENTENCES


@given(st.one_of(st.text(max_size=40), st.text("0123456789+ -()", max_size=20)))
def test_anything_is_a_number_or_refused_in_a_fixed_sentence(written: str) -> None:
    read = number_or_sentence(written)
    if read not in SENTENCES:
        assert read.startswith("+")
        assert read[1:].isascii()
        assert read[1:].isdigit()
        assert e164(read) == read


def number_or_sentence(written: str) -> str:
    try:
        return e164(written)
    except NotAPhoneNumber as error:
        # What it was raised from holds the number; a traceback must not print that.
        hidden = error.__suppress_context__ or error.__context__ is None
        return str(error) if hidden else "it shows what it was raised from"


@given(st.sampled_from("23579"), st.integers(0, 9_999_999), st.sampled_from("- ."))
def test_every_lao_mobile_reads_the_same_in_every_dress(
    operator: str, rest: int, mark: str
) -> None:
    local = f"{operator}{rest:07}"
    number = f"+85620{local}"
    grouped = f"{local[:4]}{mark}{local[4:]}"
    dresses = (f"020{local}", f"20{local}", local, f"00856 20 {grouped}", f"020 {grouped}")
    assert {e164(written) for written in dresses} == {number}
