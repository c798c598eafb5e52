"""Thousands of texts: parts are billed as the published rule says, and Lao is cut where it may be.

The rule is written here a second time and differently: on bits and octets, not on characters.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from itertools import islice

import pytest

from app.text import lao, screens
from app.text.encoding import encoding_of, segment_count, segments, units
from app.text.lao import breaks, canonical, clusters, fold
from app.text.screens import Nav, Option, lay_out, split_text
from app.words import Limits

TEXTS = 10_000

# 3GPP TS 23.038 §6.2.1, in the order of the codes; code 1B is the escape.
ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPE = 0x1B
# §6.2.1.1: what follows the escape.
EXTENSION = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F,
    "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65,
}  # fmt: skip
USER_DATA_BITS = 140 * 8
HEADER_BITS = 6 * 8

LAO_LETTERS = [chr(code) for code in range(0x0E80, 0x0EE0) if unicodedata.name(chr(code), "")]
SYMBOLS = ["😀", "👩\u200d👧", "🇱🇦", "👍🏽", "❤\ufe0f", "₭", "’"]
BASIC = [sign for sign in ALPHABET if sign != "\x1b"]
FAMILIES = (
    BASIC,
    list(EXTENSION),
    [*BASIC, *EXTENSION, *EXTENSION, *EXTENSION],
    LAO_LETTERS,
    SYMBOLS,
    [*LAO_LETTERS, *SYMBOLS],
    [*LAO_LETTERS, *BASIC],
    [*BASIC, *LAO_LETTERS, *SYMBOLS, *EXTENSION],
)

GLOSSARY = """
ການບໍລິການຜ່ານປະຕູດຽວ ພະແນກ ລັດຖະບານ ເມືອງ ບ້ານ ປ້ອນລະຫັດສູນ ຕົວເມືອງ ຍິນດີຕ້ອນຮັບ
ພາສາ ພາສາມົ້ງ ພາສາກຶມມຸ ໃຫ້ຄະແນນບໍລິການ ເວລາເປີດບໍລິການ ຕິດຕໍ່ພວກເຮົາ ກັບຄືນ ທັງໝົດ
ຈຳເປັນ ເລກບໍ່ຖືກຕ້ອງ ລອງໃໝ່ອີກຄັ້ງ ບໍ່ມີເລກເອກະສານນີ້ ກະລຸນາລໍຖ້າ ປ້ອນເລກຄຳຮ້ອງ
ບໍ່ຄົບຖ້ວນ ຄະແນນ ໃຫ້ຄະແນນ ພໍໃຈ ຄວາມພໍໃຈ ດີ ຂອບໃຈທີ່ໃຫ້ຄະແນນການບໍລິການຂອງພວກເຮົາ
ເວລາລໍຖ້າ ທ່າທີຂອງພະນັກງານ ຄ່າໃຊ້ຈ່າຍ ຂໍ້ມູນ ເພດ ກຸ່ມອາຍຸ ປີ ຊົນເຜົ່າ
ການບໍລິການສາທາລະນະ ຂັ້ນຕອນ ມາດຕະຖານ ບັດປະຈຳຕົວ ໃບແຈ້ງເກີດ ຈົດທະບຽນການເສຍຊີວິດ
ຈົດທະບຽນແຕ່ງງານ ໃບອະນຸຍາດດຳເນີນທຸລະກິດ ໃບຕາດິນ ໃບກຳມະສິດທີ່ດິນ ພາສີທີ່ດິນ
ຄ່າທຳນຽມທາງ ການສຶກສາ ກະສິກຳ ປະເພດເອກະສານ ຮູບພາບ ຈຳນວນເງິນ ໃບຮັບເງິນ ຄ່າປັບໃໝ
ໄດ້ຮັບແລ້ວ ອະນຸມັດແລ້ວ ຖືກປະຕິເສດ ກຳລັງລໍຖ້າ ສົ່ງຕໍ່ແລ້ວ ຮ່າງ ຄຳຕິຊົມ ຄວາມຄິດເຫັນ
ຄຳປຶກສາ ເລກທີເລື່ອງ ເປີດຄືນໃໝ່ ສົ່ງຕໍ່ຂັ້ນເທິງ ຄວາມເປັນສ່ວນຕົວ ປະຈຳອາທິດ ປະຈຳເດືອນ
ຄຳຕອບ ຈຳນວນ ທຽບໃສ່ອາທິດແລ້ວ ເພີ່ມຂຶ້ນ ຄຳຕອບໜ້ອຍເກີນໄປ ບໍ່ມີຂໍ້ມູນ ສະຖິຕິ ຊື່ຜູ້ໃຊ້
ການຕັ້ງຄ່າ ອັບໂຫຼດ ດ່ວນ ເປີດໃຊ້ງານ ສ່ວນຕົວ ສະແດງທັງໝົດ ຕອນບ່າຍ ພັກທ່ຽງ ພຶດສະພາ ກັນຍາ
ວັນແມ່ຍິງສາກົນ ເຈົ້າໜ້າທີ່ ນະຄອນຫຼວງ ໂຮງໝໍ ໄລຍະເວລາ ໝວດໝູ່ ອື່ນໆ ແກ້ໄຂແລ້ວ
ການເຂົ້າເຖິງຖືກປະຕິເສດ ສຳນັກງານນາຍົກລັດຖະມົນຕີ
"""
WORDS = GLOSSARY.split()
PREPOSED = tuple("ເແໂໃໄ")
NO_HINTS = Nav("", "", "", can_back=False, can_home=False)
HINTS = Nav("9 ຕໍ່ໄປ", "0 ກັບຄືນ", "00 ເມນູ")


# --- what networks bill -----------------------------------------------------------------------


def septets(text: str) -> list[int] | None:
    """The text's codes, an escape being one of its own; None if the alphabet lacks a letter."""
    codes: list[int] = []
    for sign in text:
        if sign in EXTENSION:
            codes += [ESCAPE, EXTENSION[sign]]
        elif sign in BASIC:
            codes.append(ALPHABET.index(sign))
        else:
            return None
    return codes


def packed_parts(codes: list[int]) -> list[int]:
    """Septets of each part: they begin at the first septet boundary after the header's bits."""
    if 7 * len(codes) <= USER_DATA_BITS:
        return [len(codes)]
    fill = -HEADER_BITS % 7
    room = (USER_DATA_BITS - HEADER_BITS - fill) // 7
    sizes, start = [], 0
    while start < len(codes):
        end = min(start + room, len(codes))
        end -= codes[end - 1] == ESCAPE
        sizes.append(end - start)
        start = end
    return sizes


def wide_parts(octets: bytes) -> list[int]:
    """Code units of each part of big-endian UTF-16, the halves of a pair together."""
    if 8 * len(octets) <= USER_DATA_BITS:
        return [len(octets) // 2]
    room = (USER_DATA_BITS - HEADER_BITS) // 16 * 2
    sizes, start = [], 0
    while start < len(octets):
        end = min(start + room, len(octets))
        # The high half of a pair is 110110xx xxxxxxxx.
        end -= 2 * (octets[end - 2] >> 2 == 0b110110)
        sizes.append((end - start) // 2)
        start = end
    return sizes


def billed(text: str) -> tuple[str, list[int]]:
    codes = septets(text)
    if codes is None:
        return "UCS-2", wide_parts(text.encode("utf-16-be"))
    return "GSM-7", packed_parts(codes)


def random_texts() -> Iterator[str]:
    chance = random.Random(20261123)
    sizes = ((0, 40), (60, 80), (125, 165), (165, 500))
    for number in range(TEXTS):
        count = chance.randint(*chance.choice(sizes))
        yield "".join(chance.choices(FAMILIES[number % len(FAMILIES)], k=count))


@pytest.mark.slow
def test_every_text_is_billed_as_the_bits_say() -> None:
    for text in random_texts():
        encoding, sizes = billed(text)
        assert encoding_of(text) == encoding
        assert [units(part, encoding_of(text)) for part in segments(text)] == sizes
        assert (units(text), segment_count(text)) == (sum(sizes), len(sizes))


@pytest.mark.parametrize(
    ("text", "encoding", "sizes"),
    [
        ("a" * 160, "GSM-7", [160]),
        ("a" * 161, "GSM-7", [153, 8]),
        ("a" * 307, "GSM-7", [153, 153, 1]),
        ("€" * 80, "GSM-7", [160]),
        ("€" * 81, "GSM-7", [152, 10]),
        ("a" * 152 + "€" + "a" * 20, "GSM-7", [152, 22]),
        ("ກ" * 70, "UCS-2", [70]),
        ("ກ" * 71, "UCS-2", [67, 4]),
        ("ກ" * 135, "UCS-2", [67, 67, 1]),
        ("ກ" * 66 + "ກ້" + "ກ" * 20, "UCS-2", [67, 21]),
        ("😀" * 36, "UCS-2", [66, 6]),
        ("😜" + "1" * 133, "UCS-2", [67, 67, 1]),
        ("🇮🇹" + "1" * 67, "UCS-2", [67, 4]),
        ("Á" * 71, "UCS-2", [67, 4]),
        ("it’s", "UCS-2", [4]),
    ],
)
def test_the_bits_say_what_is_published(text: str, encoding: str, sizes: list[int]) -> None:
    assert billed(text) == (encoding, sizes)
    assert segment_count(text) == len(sizes)


# --- where Lao is cut -------------------------------------------------------------------------


def lao_texts() -> Iterator[str]:
    """With and without spaces between words, as people write them; some much longer than a page."""
    chance = random.Random(11_23)
    for _ in range(TEXTS):
        gaps = chance.choice((("",), (" ",), ("", "", "", " ", "\n")))
        count = chance.choice((4, 8, 12, 20))
        yield "".join(chance.choice(WORDS) + chance.choice(gaps) for _ in range(count))


def assert_readable(text: str, pieces: list[str], limit: int) -> None:
    assert all(len(piece) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert not any(piece.endswith(PREPOSED) for piece in pieces)
    for piece in pieces[1:]:
        # ຳ is a letter to Unicode, but stands on the consonant before it.
        assert not unicodedata.category(piece[0]).startswith("M")
        assert piece[0] != "ຳ"


@pytest.mark.slow
@pytest.mark.parametrize("limit", [40, 67, 70, 80])
def test_no_piece_of_a_text_begins_or_ends_inside_a_syllable_sign(limit: int) -> None:
    for text in lao_texts():
        assert_readable(text, split_text(text, 160, limit), limit)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [40, 67, 70, 80])
def test_no_page_begins_or_ends_inside_a_syllable_sign(limit: int) -> None:
    for number, text in enumerate(lao_texts()):
        nav = HINTS if number % 2 else NO_HINTS
        pages = lay_out(text, (), nav, Limits(160, limit))
        assert all(len(page) <= limit for page in pages)
        shown = [page.rpartition("\n")[0] for page in pages] if nav is HINTS else pages
        assert_readable(text, shown, limit)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [40, 67, 70, 80])
def test_nor_does_a_word_that_no_dictionary_knows(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lao, "_line_pieces", lambda text: [text])
    for text in islice(lao_texts(), TEXTS // 10):
        assert_readable(text, split_text(text, 160, limit), limit)
        assert_readable(text, lay_out(text, (), NO_HINTS, Limits(160, limit)), limit)


# --- texts made to take long ------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["ກະລຸນາເລືອກບໍລິການ ", "ກ", "a", "fee ", "🇱", "a\u0301\u0316"])
def test_a_long_prompt_is_measured_once_not_once_a_page(
    unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []

    def counting(text: str) -> list[str]:
        looked_at.append(len(text))
        return breaks(text)

    monkeypatch.setattr(screens, "breaks", counting)
    pages = lay_out((unit * 10_000)[:10_000], [Option("1", unit * 2_000)], HINTS, Limits())
    assert len(pages) > 60
    assert max(looked_at) < 400


def test_only_the_options_of_one_page_are_measured_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []

    def counting(number: str, label: str) -> str:
        measured.append(1)
        return line(number, label)

    line = screens._line
    monkeypatch.setattr(screens, "_line", counting)
    options = [Option(str(number), "ແຂວງ") for number in range(2_000)]
    pages = lay_out("", options, NO_HINTS, Limits())
    assert len(measured) < 200 * len(pages)


@pytest.mark.parametrize(
    "marks", ["\u0301\u0316", "\u0f71\u0f72\u0f74", "\u0ec8\u0eb8\u0eb4\u0ebc"]
)
def test_of_a_crowd_of_marks_the_first_hundred_are_kept(marks: str) -> None:
    crowd = "ກ" + marks * 2_000 + "ຂ"
    kept = canonical(crowd)
    assert (kept[0], kept[-1], len(kept)) == ("ກ", "ຂ", 102)
    assert canonical(kept) == kept
    assert fold(fold(crowd)) == fold(crowd)


def test_a_crowd_no_larger_than_that_is_left_alone() -> None:
    assert len(canonical("ກ" + "\u0301\u0316" * 50)) == 101


def test_flags_stay_pairs() -> None:
    assert clusters("🇱🇦🇮🇹🇱") == ["🇱🇦", "🇮🇹", "🇱"]
    assert clusters("🇱🇦\u0301\u200d🇮🇹a") == ["🇱🇦\u0301\u200d", "🇮🇹", "a"]
