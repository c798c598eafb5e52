"""Lao: what looks the same becomes the same, and nothing is cut where it cannot be read."""

from __future__ import annotations

import importlib.util
import sys
import unicodedata
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text import lao
from app.text.lao import breaks, canonical, clusters, digits, fold, is_lao

PREPOSED = "ເແໂໃໄ"
WATER = "\u0e99\u0ec9\u0eb3"

lao_noise = st.text(
    st.sampled_from(
        "ກຫນມລຣວຽຢາຳະເແໂໃໄ\u0eb1\u0eb4\u0eb5\u0eb7\u0eb8\u0eb9\u0eba\u0ebb\u0ebc\u0ecd"
        "\u0ec8\u0ec9\u0eca\u0ecb\u0ecc ໆ໑a\u0301\u0327\u0334\u200b\u200d😀👩\ufe0f\n"
    ),
    max_size=40,
)
any_text = lao_noise | st.text(max_size=40)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("\u0e99\u0ec9\u0eb3", WATER),
        ("\u0e99\u0ec9\u0ecd\u0eb2", WATER),
        ("\u0e99\u0ecd\u0ec9\u0eb2", WATER),
        ("\u0eaa\u0ecd\u0eb2", "\u0eaa\u0eb3"),
        ("\u0ec0\u0ec0\u0ea5\u0ec9\u0ea7", "\u0ec1\u0ea5\u0ec9\u0ea7"),
        ("\u0e81\u0ec8\u0eb5", "\u0e81\u0eb5\u0ec8"),
        ("\u0e81\u0ec8\u0eb8", "\u0e81\u0eb8\u0ec8"),
        ("\u0eab\u0ec9\u0eb1\u0ebc", "\u0eab\u0ebc\u0eb1\u0ec9"),
    ],
)
def test_every_way_of_typing_becomes_one(typed: str, expected: str) -> None:
    assert canonical(typed) == expected


@pytest.mark.parametrize("vowel", "\u0eb1\u0eb4\u0eb5\u0eb6\u0eb7\u0ebb\u0ecd")
@pytest.mark.parametrize("tone", "\u0ec8\u0ec9\u0eca\u0ecb")
def test_a_tone_follows_the_vowel_above(vowel: str, tone: str) -> None:
    assert canonical(f"ກ{tone}{vowel}") == f"ກ{vowel}{tone}"


@pytest.mark.parametrize(
    "invisible", ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u202a"]
)
def test_zero_width_characters_go(invisible: str) -> None:
    assert canonical(f"ສະບາຍ{invisible}ດີ{invisible}") == "ສະບາຍດີ"


def test_a_joined_emoji_stays_one() -> None:
    assert canonical("👩\u200d👧 ດີ") == "👩\u200d👧 ດີ"


def test_am_is_never_taken_apart() -> None:
    assert canonical("ສຳລັບ ໜ້າ ໝໍ") == "ສຳລັບ ໜ້າ ໝໍ"


@given(any_text)
def test_canonical_is_idempotent(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


@given(any_text)
def test_canonical_text_is_nfc(text: str) -> None:
    assert unicodedata.is_normalized("NFC", canonical(text))


@given(any_text)
def test_canonical_undoes_what_transport_may_decompose(text: str) -> None:
    assert canonical(unicodedata.normalize("NFD", text)) == canonical(text)


@pytest.mark.parametrize("typed", ["໐໑໒໓໔໕໖໗໘໙", "๐๑๒๓๔๕๖๗๘๙", "０１２３４５６７８９"])
def test_digits_of_every_script_become_ascii(typed: str) -> None:
    assert digits(typed) == "0123456789"


@given(any_text)
def test_digits_keep_the_length(text: str) -> None:
    assert len(digits(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ເພື່ອ", ["ເພື່", "ອ"]),
        ("ນ້ຳ", ["ນ້ຳ"]),
        ("ໄປ", ["ໄປ"]),
        ("ກເ", ["ກ", "ເ"]),
        ("ເ ກ", ["ເ", " ", "ກ"]),
        ("🇱🇦👩\u200d👧", ["🇱🇦", "👩\u200d👧"]),
        ("", []),
    ],
)
def test_clusters_are_what_a_reader_sees(text: str, expected: list[str]) -> None:
    assert clusters(text) == expected


@given(any_text)
def test_clusters_joined_are_the_text(text: str) -> None:
    assert "".join(clusters(text)) == text


@given(any_text)
def test_no_cluster_but_the_last_of_a_word_ends_in_a_preposed_vowel(text: str) -> None:
    found = clusters(text)
    cut_after = [after for one, after in zip(found, found[1:], strict=False) if one[-1] in PREPOSED]
    assert all(after.isspace() for after in cut_after)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ກະລຸນາເລືອກບໍລິການ", "ກະລຸນາ|ເລືອກ|ບໍລິການ"),
        ("ນ້ຳປະປາບໍ່ໄຫຼມາສາມມື້ແລ້ວ", "ນ້ຳ|ປະປາ|ບໍ່|ໄຫຼ|ມາ|ສາມ|ມື້|ແລ້ວ"),
        ("ຂອບໃຈສຳລັບຄວາມຄິດເຫັນຂອງທ່ານ", "ຂອບໃຈ|ສຳລັບ|ຄວາມຄິດເຫັນ|ຂອງ|ທ່ານ"),
        ("one two\nthree", "one |two\n|three"),
        ("", ""),
    ],
)
def test_lines_break_between_words(text: str, expected: str) -> None:
    assert breaks(text) == [piece for piece in expected.split("|") if piece]


def test_a_lone_surrogate_does_no_harm() -> None:
    assert breaks("ດີ \ud800 ດີ") == ["ດີ ", "\ud800 ", "ດີ"]


@given(any_text)
def test_breaks_joined_are_the_text(text: str) -> None:
    assert "".join(breaks(text)) == text


@given(any_text)
def test_no_break_falls_inside_a_cluster(text: str) -> None:
    assert [sign for piece in breaks(text) for sign in clusters(piece)] == clusters(text)


def lao_without_icu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    spec = importlib.util.spec_from_file_location("lao_without_icu", lao.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_a_dictionary_lines_break_between_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = lao_without_icu(monkeypatch)
    assert plain.breaks("ເພື່ອ ໄປ") == ["ເພື່", "ອ ", "ໄປ"]


def test_without_a_dictionary_latin_words_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = lao_without_icu(monkeypatch)
    assert plain.breaks("one two  ດີ3 x") == ["one ", "two  ", "ດີ3 ", "x"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ໜັງສື", "ຫນັງສື"),
        ("ໝໍ", "ຫມໍ"),
        ("ຫຼວງ", "ຫລວງ"),
        ("ຣັດຖະບານ", "ລັດຖະບານ"),
        ("ຢຸດ", "ຢຸດ\u200b"),
        ("ບໍ່", "ບໍ"),
        ("ນ້ຳ", "ນໍາ"),
        ("Stop", "STOP"),
        ("Ｓｔｏｐ", "stop"),
        ("CAFÉ", "cafe\u0301"),
        ("ເ່ເກ", "ແກ"),
    ],
)
def test_folded_spellings_meet(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("ດີ", "ດິ"), ("ແກ", "ເກ"), ("ໃຈ", "ໄຈ"), ("1", "2")])
def test_other_words_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(any_text)
def test_fold_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(any_text)
def test_fold_does_not_see_spelling(text: str) -> None:
    assert fold(canonical(text)) == fold(text)


@pytest.mark.parametrize("text", ["ກ", "hello ດີ", "ໜ", "ເ"])
def test_a_lao_letter_makes_a_text_lao(text: str) -> None:
    assert is_lao(text)


@pytest.mark.parametrize("text", ["", "hello", "๑ ข้อ", "໑໒", "\u0ec8", "₭"])
def test_digits_marks_and_thai_do_not(text: str) -> None:
    assert not is_lao(text)
