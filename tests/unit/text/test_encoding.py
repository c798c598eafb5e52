"""What a text costs: the public vectors of a gateway's segment calculator, and what must hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.encoding import Encoding, encoding_of, segment_count, segments, units

GSM7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = "\f^{}\\[~]|€"
GRIN = "\U0001f61c"
FLAG = "\U0001f1ee\U0001f1f9"

mixed_texts = st.text(
    st.sampled_from("ab 0\n€^{~ກ້ຳເ₭\U0001f600\U0001f1f1\u0301"), max_size=400
) | st.text(max_size=400)


@pytest.mark.parametrize("character", GSM7_BASIC)
def test_a_basic_character_is_one_septet(character: str) -> None:
    assert (encoding_of(character), units(character)) == ("GSM-7", 1)


@pytest.mark.parametrize("character", GSM7_EXTENSION)
def test_an_extension_character_is_two_septets(character: str) -> None:
    assert (encoding_of(character), units(character)) == ("GSM-7", 2)


@pytest.mark.parametrize("character", ["₭", "ກ", "’", "“", "ç", "Á", "`", "\t", "\x1b", "…", "😀"])
def test_everything_else_makes_the_text_ucs2(character: str) -> None:
    assert encoding_of(f"Price {character} 15.000") == "UCS-2"


def test_a_character_beyond_the_basic_plane_is_two_units() -> None:
    assert units("ກ😀") == 3


def test_a_text_can_be_measured_in_a_given_encoding() -> None:
    assert units("5 €", "GSM-7") == 4
    assert units("5 €", "UCS-2") == 3


def test_what_gsm7_lacks_is_one_question_mark_there() -> None:
    assert units("₭500", "GSM-7") == 4


@pytest.mark.parametrize(
    ("text", "encoding", "lengths"),
    [
        ("", "GSM-7", [0]),
        ("a" * 160, "GSM-7", [160]),
        ("a" * 161, "GSM-7", [153, 8]),
        ("a" * 306, "GSM-7", [153, 153]),
        ("a" * 307, "GSM-7", [153, 153, 1]),
        ("€" * 80, "GSM-7", [80]),
        ("€" * 81, "GSM-7", [76, 5]),
        ("a" * 152 + "€" + "a" * 20, "GSM-7", [152, 21]),
        ("ກ" * 70, "UCS-2", [70]),
        ("ກ" * 71, "UCS-2", [67, 4]),
        ("ກ" * 134, "UCS-2", [67, 67]),
        ("ກ" * 135, "UCS-2", [67, 67, 1]),
        ("ກ" * 66 + "ກ້" + "ກ" * 20, "UCS-2", [67, 21]),
        ("😀" * 35, "UCS-2", [35]),
        ("😀" * 36, "UCS-2", [33, 3]),
        ("ກ" * 66 + "😀" + "ກ" * 5, "UCS-2", [66, 6]),
        (GRIN + "1" * 68, "UCS-2", [69]),
        (GRIN + "1" * 69, "UCS-2", [66, 4]),
        (GRIN + "1" * 133, "UCS-2", [66, 67, 1]),
        (FLAG + "1" * 66, "UCS-2", [68]),
        (FLAG + "1" * 67, "UCS-2", [65, 4]),
        ("it’s", "UCS-2", [4]),
    ],
)
def test_parts_are_what_networks_bill(text: str, encoding: Encoding, lengths: list[int]) -> None:
    assert encoding_of(text) == encoding
    assert [len(part) for part in segments(text)] == lengths
    assert segment_count(text) == len(lengths)


@pytest.mark.parametrize("letter", "ÁÚúçíÍóÓ")
def test_accents_outside_gsm7_bill_as_ucs2(letter: str) -> None:
    assert segment_count(letter * 70) == 1
    assert segment_count(letter * 71) == 2


@pytest.mark.parametrize(
    ("text", "bits"), [(GRIN + "1" * 68, 1120), (GRIN + "1" * 69, 1232), (GRIN + "1" * 133, 2304)]
)
def test_bits_on_the_air_add_up(text: str, bits: int) -> None:
    headers = 48 * segment_count(text) if segment_count(text) > 1 else 0
    assert 16 * units(text) + headers == bits


@given(mixed_texts)
def test_parts_joined_are_the_text(text: str) -> None:
    assert "".join(segments(text)) == text


@given(mixed_texts)
def test_every_part_is_within_its_room(text: str) -> None:
    encoding = encoding_of(text)
    whole, part = (160, 153) if encoding == "GSM-7" else (70, 67)
    parts = segments(text)
    room = whole if len(parts) == 1 else part
    assert all(units(piece, encoding) <= room for piece in parts)


@given(mixed_texts)
def test_at_most_one_unit_of_a_full_part_stays_empty(text: str) -> None:
    encoding = encoding_of(text)
    part = 153 if encoding == "GSM-7" else 67
    assert all(units(piece, encoding) >= part - 1 for piece in segments(text)[:-1])
