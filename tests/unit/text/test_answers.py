"""What people type, and what it means; what it does not mean is None and never an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.answers import (
    Choice,
    OneLine,
    amount,
    choice,
    clean,
    code,
    keyword,
    matches,
    normalise,
    one_line,
)

ALIASES = {"stop": ["STOP", "ຢຸດ", "opt out"], "start": ["START", "ເລີ່ມ"]}

typed = st.text(max_size=60) | st.text(
    st.sampled_from("0123459໐໑໕๑１ ,.;:/-–*#()«»\"'\u200b\u00a0\n\tກີບພັນໝື່ລ້າkKm₭stop\ud800\x00😀"),
    max_size=40,
)


def test_clean_keeps_what_was_typed() -> None:
    assert clean("  ດີຫຼາຍ, “ຂອບໃຈ”\n😀 ໕  ") == "ດີຫຼາຍ, “ຂອບໃຈ”\n😀 ໕"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x00b", "ab"),
        ("a\tb", "a b"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\x1b[0m\x85b", "a[0mb"),
        ("a\ud83db", "ab"),
        ("x" * 1001, "x" * 1000),
        (" \n ", ""),
    ],
)
def test_clean_drops_what_cannot_be_stored(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(typed)
def test_clean_is_idempotent_and_storable(text: str) -> None:
    kept = clean(text)
    assert clean(kept) == kept
    assert "\x00" not in kept
    assert kept.encode().decode() == kept


@pytest.mark.parametrize("text", ["1", '"1."', "(1)", "«1»", "#1", " 1 ", "໑", "[1]", "1!", "<1>"])
def test_wrapping_goes(text: str) -> None:
    assert normalise(text) == "1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", ""),
        ("", ""),
        ("...!?", ""),
        ("ສະບາຍ\u200bດີ", "ສະບາຍດີ"),
        ("a \u00a0\n b", "a b"),
        ("ນໍ້າ", "ນ້ຳ"),
        ("ອື່ນໆ", "ອື່ນໆ"),
        ("don't", "don't"),
        ("+8562055", "+8562055"),
    ],
)
def test_normalise_makes_texts_comparable(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(typed)
def test_normalise_is_idempotent(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    "text",
    ["1", "1.", "1)", "1-", "(1)", "#1", "ຂໍ້ 1", "ຂໍ້1", "ຂໍ້ທີ 1", "ข้อ 1", "໑", "１", "No. 1"]
    + ["ໜຶ່ງ", "ຫນຶ່ງ", "ນຶ່ງ", "ໜຶງ", "ຂໍ້ ໜຶ່ງ", "one", "ONE."],
)
def test_every_way_to_choose_one(text: str) -> None:
    assert choice(text) == Choice("1", "")


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("ສູນ zero", "0"),
        ("ສອງ two", "2"),
        ("ສາມ three", "3"),
        ("ສີ່ four", "4"),
        ("ຫ້າ five", "5"),
        ("ຫົກ six", "6"),
        ("ເຈັດ seven", "7"),
        ("ແປດ eight", "8"),
        ("ເກົ້າ nine", "9"),
        ("ສິບ ten", "10"),
    ],
)
def test_number_words(words: str, number: str) -> None:
    assert [choice(word) for word in words.split()] == [Choice(number, "")] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 then text", Choice("1", "then text")),
        ("1ດີ", Choice("1", "ດີ")),
        ("1. ດີ", Choice("1", "ດີ")),
        ("1 2", Choice("1", "2")),
        ("ໜຶ່ງ ດີ", Choice("1", "ດີ")),
        ("00", Choice("00", "")),
        ("0103", Choice("0103", "")),
    ],
)
def test_a_choice_keeps_its_digits_and_what_follows(text: str, expected: Choice) -> None:
    assert choice(text) == expected


@pytest.mark.parametrize("text", ["", "*", "ດີ", "good 1", "No one helped", "ສອງແຖວ", "ຫາ ໝໍ"])
def test_no_leading_number_is_no_choice(text: str) -> None:
    assert choice(text) is None


@pytest.mark.parametrize("text", ["0103", "01 03", "01-03", "01.03", "໐໑໐໓", "(0103)", "0 1 0 3."])
def test_a_code_in_every_dress(text: str) -> None:
    assert code(text) == "0103"


@pytest.mark.parametrize("text", ["", "010", "01033", "0103x", "01,03", "ດີ"])
def test_no_code(text: str) -> None:
    assert code(text) is None


def test_a_code_may_have_another_length() -> None:
    assert code("12-34 56", 6) == "123456"


@pytest.mark.parametrize(
    "text",
    ["50000", "50.000", "50,000", "50 000 ກີບ", "50.000 kip", "50,000 LAK", "50.000₭", "₭50.000"]
    + ["50ພັນ", "50 ພັນ ກີບ", "5ໝື່ນ", "5 ຫມື່ນ", "50k", "50K kip", "໕໐.໐໐໐", "50\u00a0000"]
    + ["50,000.00", "(50000)", "0.5 ແສນ"],
)
def test_fifty_thousand_kip(text: str) -> None:
    assert amount(text) == 50_000


@pytest.mark.parametrize(
    ("text", "kip"),
    [
        ("0", 0),
        ("1 ແສນ", 100_000),
        ("2 ລ້ານ", 2_000_000),
        ("1.5 ລ້ານ", 1_500_000),
        ("1,5ລ້ານກີບ", 1_500_000),
        ("1.500.000", 1_500_000),
        ("1 ລ້ານ 5 ແສນ", 1_500_000),
        ("1 000 000 000", 1_000_000_000),
        ("1 ຕື້", 1_000_000_000),
    ],
)
def test_amounts(text: str, kip: int) -> None:
    assert amount(text) == kip


@pytest.mark.parametrize(
    "text",
    ["", "ບໍ່ຈ່າຍ", "kip", "-5", "- 5.000", "−5", "1.5", "50.00", "1.50.000", "50 00", "5 ແສນ 1 ລ້ານ"]
    + ["1000000001", "1,5 ຕື້", "1.0005 ພັນ", "50000-60000", "5 dollars", "9" * 6000],
)
def test_no_amount(text: str) -> None:
    assert amount(text) is None


@given(st.integers(0, 1_000_000_000))
def test_a_grouped_amount_reads_back(kip: int) -> None:
    grouped = f"{kip:,}"
    assert amount(grouped) == amount(grouped.replace(",", ".")) == amount(f"{kip} ກີບ") == kip


@pytest.mark.parametrize(
    "text",
    ["0103 5 ດີຫຼາຍ", "0103 5ດີຫຼາຍ", "0103,5,ດີຫຼາຍ", "0103\n5\nດີຫຼາຍ", "0103;5 - ດີຫຼາຍ"]
    + ["໐໑໐໓ ໕ ດີຫຼາຍ", "0103\u200b5\u00a0ດີຫຼາຍ", " 0103/5:ດີຫຼາຍ ", "5 0103 ດີຫຼາຍ", "#0103 5 ດີຫຼາຍ"],
)
def test_one_line_in_every_dress(text: str) -> None:
    assert one_line(text) == OneLine("0103", 5, "ດີຫຼາຍ")


@pytest.mark.parametrize("text", ["0103 5", "5 0103", "0103.5.", "«0103 5»", "0103 5 !!!"])
def test_a_line_without_comment(text: str) -> None:
    assert one_line(text) == OneLine("0103", 5, "")


def test_the_comment_stays_as_typed() -> None:
    found = one_line("0103 1 ນໍ້າ ໓ ມື້\u0000\n(ບໍ່ໄຫຼ)")
    assert found == OneLine("0103", 1, "ນໍ້າ ໓ ມື້\n(ບໍ່ໄຫຼ)")


@pytest.mark.parametrize(
    "text",
    ["", "0103", "0103 55 x", "0103 7", "0103 0", "01035", "01035 5", "0103 4.5", "55 0103"]
    + ["5 01033", "6 0103", "1.5000", "5 0103 4", "ດີ 0103 5"],
)
def test_what_could_mean_two_things_means_none(text: str) -> None:
    assert one_line(text) is None


@pytest.mark.parametrize(
    ("text", "label"),
    [("ໜັງສືຜ່ານແດນ", "ຫນັງສືຜ່ານແດນ"), ("family BOOK.", "Family book"), ("ນໍ້າ", "ນ້ຳ"), ("(ບໍ)", "ບໍ່")],
)
def test_a_label_may_be_typed(text: str, label: str) -> None:
    assert matches(text, label)


@pytest.mark.parametrize(("text", "label"), [("", ""), ("***", "!"), ("ແມ່ນ", "ບໍ່ແມ່ນ")])
def test_another_text_is_not_the_label(text: str, label: str) -> None:
    assert not matches(text, label)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("STOP", "stop"),
        ("stop.", "stop"),
        ("Stop, please", "stop"),
        ("STOP it now", "stop"),
        ("opt  out", "stop"),
        ("ຢຸດ", "stop"),
        ("ຢຸດ\u200b", "stop"),
        ("ເລີມ", "start"),
        ("stop asking me for money", None),
        ("please stop", None),
        ("", None),
        ("***", None),
    ],
)
def test_keywords(text: str, expected: str | None) -> None:
    assert keyword(text, ALIASES) == expected


@given(typed)
def test_nothing_typed_is_ever_an_error(text: str) -> None:
    choice(text)
    one_line(text)
    keyword(text, ALIASES)
    matches(text, text)
    kip, digits = amount(text), code(text)
    assert kip is None or 0 <= kip <= 1_000_000_000
    assert digits is None or (len(digits) == 4 and digits.isascii())


@given(st.from_regex(r"[0-9]{4}", fullmatch=True), st.integers(1, 5), st.sampled_from("ກx!😀"))
def test_a_plain_line_reads_back(center: str, score: int, comment: str) -> None:
    expected = OneLine(center, score, "" if comment == "!" else comment)
    assert one_line(f"{center} {score} {comment}") == expected
