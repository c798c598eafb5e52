"""Pages: whatever the text and the phone, every page fits, nothing is lost or unreadable."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.encoding import encoding_of, units
from app.text.lao import clusters
from app.text.screens import Nav, Option, lay_out, split_text
from app.words import Limits

LAO_WORDS = [
    "ສູນບໍລິການຜ່ານປະຕູດຽວ",
    "ຫ້ອງວ່າການເມືອງ",
    "ເຈົ້າແຂວງ",
    "ນາຍບ້ານ",
    "ກະຊວງພາຍໃນ",
    "ປະຊາຊົນ",
    "ພະນັກງານ",
    "ເຈົ້າໜ້າທີ່",
    "ແຂວງ",
    "ເມືອງ",
    "ບ້ານ",
    "ນະຄອນຫຼວງ",
    "ກະລຸນາເລືອກເມືອງ",
    "ຍິນດີຕ້ອນຮັບ",
    "ສະບາຍດີ",
    "ເມນູຫຼັກ",
    "ເລືອກ",
    "ພາສາລາວ",
    "ພາສາອັງກິດ",
    "ໃຫ້ຄະແນນບໍລິການ",
    "ກວດສະຖານະຄຳຮ້ອງ",
    "ແຈ້ງບັນຫາ",
    "ຄ່າທຳນຽມທາງການ",
    "ເອກະສານປະກອບ",
    "ເວລາເປີດບໍລິການ",
    "ຕິດຕໍ່ພວກເຮົາ",
    "ຊ່ວຍເຫຼືອ",
    "ຕອບເປັນຕົວເລກ",
    "ແມ່ນ",
    "ບໍ່ແມ່ນ",
    "ເຫັນດີ",
    "ຕົກລົງ",
    "ຂ້າມ",
    "ສິ້ນສຸດ",
    "ທັງໝົດ",
    "ອື່ນໆ",
    "ສຳມະໂນຄົວ",
    "ໃບອະນຸຍາດດຳເນີນທຸລະກິດ",
    "ໜັງສືຜ່ານແດນ",
    "ຂໍ້ມູນຊັດເຈນບໍ່?",
    "ວັນປີໃໝ່ສາກົນ",
    "ໂຮງໝໍ",
    "ໄຟຟ້າ",
    "ນ້ຳປະປາ",
]
LATIN_WORDS = [
    "a",
    "the",
    "fee",
    "office",
    "waiting",
    "{braces}",
    "€5",
    "~",
    "certificate",
    "counter-signed",
    "www.example.la/x",
]
EMOJI = ["😀", "🇱🇦", "👩\u200d👧\u200d👦", "👍🏽", "❤\ufe0f", "₭", "e\u0301"]
LAO_NAV = Nav("9 ຕໍ່ໄປ", "0 ກັບຄືນ", "00 ເມນູ")
ENGLISH_NAV = Nav("9 Next", "0 Back", "00 Menu")
USUAL = Limits()
MARK = "@"


def texts(words: Sequence[str], size: int) -> st.SearchStrategy[str]:
    glued = st.lists(st.sampled_from(words), max_size=3).map("".join)
    pieces = st.lists(st.tuples(glued, st.sampled_from([" ", "\n", "  ", ""])), max_size=size)
    return pieces.map(lambda pairs: "".join(word + gap for word, gap in pairs))


def any_texts(size: int) -> st.SearchStrategy[str]:
    mixed = [*LAO_WORDS, *LATIN_WORDS, *EMOJI]
    return st.one_of(texts(LAO_WORDS, size), texts(LATIN_WORDS, size), texts(mixed, size))


labels = any_texts(4).map(lambda text: f"{MARK}{' '.join(text.split())}")
option_lists = st.lists(labels, max_size=12).map(
    lambda found: [Option(str(number), label) for number, label in enumerate(found, 1)]
)
navs = st.builds(
    lambda nav, back, home: Nav(nav.next, nav.back, nav.home, back, home),
    st.sampled_from([LAO_NAV, ENGLISH_NAV]),
    st.booleans(),
    st.booleans(),
)
# A page in GSM-7 holds at least what one in UCS-2 does, as on every phone there is.
phone_limits = st.integers(60, 140).flatmap(
    lambda ucs2: st.builds(Limits, st.integers(2 * ucs2, 320), st.just(ucs2))
)
odd_limits = st.builds(Limits, st.integers(20, 200), st.integers(20, 200))


def fits(page: str, limits: Limits) -> bool:
    room = limits.gsm7 if encoding_of(page) == "GSM-7" else limits.ucs2
    return units(page) <= room


def seen(text: str) -> list[str]:
    return [sign for sign in clusters(text) if sign.strip()]


def content(page: str, nav: Nav) -> str:
    """The page without its hints line, if it has one."""
    *above, last = page.split("\n")
    hinted = last.startswith((nav.next, nav.back)) or last == nav.home
    return "\n".join(above) if hinted else page


def option_lines(pages: Sequence[str]) -> list[str]:
    lines = [line for page in pages for line in page.split("\n")]
    return [line for line in lines if line.partition(" ")[2].startswith(MARK)]


def options_of(*found: str) -> list[Option]:
    return [Option(str(number), label) for number, label in enumerate(found, 1)]


def test_what_fits_is_one_page_without_a_next_hint() -> None:
    assert lay_out("ເລືອກ", options_of("ແມ່ນ", "ບໍ່ແມ່ນ"), LAO_NAV, USUAL) == [
        "ເລືອກ\n1 ແມ່ນ\n2 ບໍ່ແມ່ນ\n0 ກັບຄືນ 00 ເມນູ"
    ]


def test_first_page_without_back_and_home() -> None:
    nav = Nav("9 Next", "0 Back", "00 Menu", can_back=False, can_home=False)
    assert lay_out("Pick", options_of("Yes"), nav, USUAL) == ["Pick\n1 Yes"]


def test_nothing_to_show_is_still_a_page() -> None:
    assert lay_out("", [], Nav("", "", ""), USUAL) == [""]
    assert lay_out(" \n ", [], ENGLISH_NAV, USUAL) == ["0 Back 00 Menu"]


def test_later_pages_open_with_the_short_prompt() -> None:
    options = options_of("a" * 40, "b" * 40, "c" * 40)
    assert lay_out("Which office?", options, ENGLISH_NAV, Limits(110, 55), "Office") == [
        f"Which office?\n1 {'a' * 40}\n9 Next 0 Back 00 Menu",
        f"Office\n2 {'b' * 40}\n3 {'c' * 40}\n0 Back 00 Menu",
    ]


def test_a_short_prompt_that_would_push_an_option_away_is_left_out() -> None:
    pages = lay_out("Pick", options_of("a" * 40, "b" * 40), ENGLISH_NAV, Limits(61, 30), "c" * 12)
    assert pages == [
        f"Pick\n1 {'a' * 40}\n9 Next 0 Back",
        f"2 {'b' * 40}\n0 Back 00 Menu",
    ]


def test_home_gives_way_to_an_option() -> None:
    options = options_of("a" * 40, "b" * 40)
    assert lay_out("Pick", options, ENGLISH_NAV, Limits(100, 50)) == [
        f"Pick\n1 {'a' * 40}\n2 {'b' * 40}\n0 Back"
    ]


def test_one_lao_letter_makes_the_page_ucs2() -> None:
    options = options_of("a" * 30, "ກ" * 30)
    pages = lay_out("Pick", options, ENGLISH_NAV, USUAL)
    assert [encoding_of(page) for page in pages] == ["GSM-7", "UCS-2"]


def test_a_long_prompt_flows_and_the_options_come_after_it() -> None:
    prompt = "ກະລຸນາເລືອກບໍລິການທີ່ທ່ານຕ້ອງການ ແລະ ຕອບກັບດ້ວຍຕົວເລກ " * 3
    pages = lay_out(prompt, options_of("ແມ່ນ", "ບໍ່ແມ່ນ"), LAO_NAV, USUAL)
    assert "1 ແມ່ນ\n2 ບໍ່ແມ່ນ" in pages[-1]
    assert not any("1 ແມ່ນ" in page for page in pages[:-1])


def test_an_option_too_long_for_a_page_is_shortened_at_a_word() -> None:
    lao = lay_out("", options_of("ໃບອະນຸຍາດດຳເນີນທຸລະກິດ " * 4), LAO_NAV, USUAL)
    latin = lay_out("", options_of("certificate " * 20), ENGLISH_NAV, USUAL)
    assert lao == ["1 ໃບອະນຸຍາດດຳເນີນທຸລະກິດ ໃບອະນຸຍາດດຳເນີນທຸລະກິດ ໃບອະນຸຍາດ…\n0 ກັບຄືນ"]
    assert latin == ["1 " + " ".join(["certificate"] * 12) + "...\n0 Back"]


def test_hints_that_would_fill_the_page_shrink_to_their_keys() -> None:
    nav = Nav("9 " + "ຕໍ່ໄປ" * 5, "0 " + "ກັບຄືນ" * 5, "00 ເມນູ")
    pages = lay_out("ກະລຸນາເລືອກ " * 10, [], nav, USUAL)
    assert [page.split("\n")[-1][:3] for page in pages] == ["9 0", "0 0"]


def test_an_option_of_several_lines_is_one_line() -> None:
    assert lay_out("", [Option("1", "a\n b ")], Nav("", "", ""), USUAL) == ["1 a b"]


def test_limits_without_room_are_refused() -> None:
    with pytest.raises(ValueError, match="room for 20 units"):
        lay_out("a", [], ENGLISH_NAV, Limits(160, 19))


@pytest.mark.parametrize(("limit", "lengths"), [(67, [65, 64, 32]), (80, [79, 79, 3])])
def test_text_is_split_between_words(limit: int, lengths: list[int]) -> None:
    sentence = "ກະລຸນາເລືອກບໍລິການທີ່ທ່ານຕ້ອງການ ແລະ ຕອບກັບດ້ວຍຕົວເລກ "
    assert [units(piece) for piece in split_text(sentence * 3, 160, limit)] == lengths


def test_a_word_without_breaks_fills_the_page_it_starts_on() -> None:
    assert split_text("ab " + "x" * 20, 10, 10) == ["ab xxxxxxx", "x" * 10, "xxx"]


def test_what_cannot_be_made_smaller_stands_alone() -> None:
    assert split_text("😀😀", 1, 1) == ["😀", "😀"]


@given(any_texts(30), st.integers(10, 160), st.integers(10, 80))
def test_pieces_fit_and_keep_every_cluster(text: str, gsm7: int, ucs2: int) -> None:
    pieces = split_text(text, gsm7, ucs2)
    assert all(fits(piece, Limits(gsm7, ucs2)) for piece in pieces)
    assert [sign for piece in pieces for sign in seen(piece)] == seen(text)


@given(any_texts(20), option_lists, navs, phone_limits, any_texts(2))
def test_every_option_is_shown_once_and_in_order(
    prompt: str, options: list[Option], nav: Nav, limits: Limits, short: str
) -> None:
    pages = lay_out(prompt, options, nav, limits, short)
    numbers = [line.partition(" ")[0] for line in option_lines(pages)]
    assert numbers == [option.number for option in options]


@given(any_texts(20), option_lists, navs, phone_limits)
def test_an_option_is_whole_or_ends_in_dots(
    prompt: str, options: list[Option], nav: Nav, limits: Limits
) -> None:
    for line, option in zip(
        option_lines(lay_out(prompt, options, nav, limits)), options, strict=True
    ):
        whole = f"{option.number} {option.label}"
        shown = seen(line.removesuffix("...").removesuffix("…"))
        assert line == whole or (line.endswith(("...", "…")) and shown == seen(whole)[: len(shown)])


@given(any_texts(20), option_lists, navs, phone_limits, any_texts(2))
def test_hints_are_where_they_belong(
    prompt: str, options: list[Option], nav: Nav, limits: Limits, short: str
) -> None:
    pages = lay_out(prompt, options, nav, limits, short)
    hints = [page.split("\n")[-1] for page in pages]
    assert all(line.startswith(nav.next) for line in hints[:-1])
    assert not any(nav.next in page for page in pages[-1:])
    assert all(nav.back in line for line in hints[1:])
    assert nav.can_back or nav.back not in pages[0]
    assert nav.can_home or not any(nav.home in page for page in pages)


@given(any_texts(40), navs, phone_limits)
def test_a_prompt_keeps_every_cluster(prompt: str, nav: Nav, limits: Limits) -> None:
    pages = lay_out(prompt, [], nav, limits)
    shown = [sign for page in pages for sign in seen(content(page, nav))]
    assert shown == seen(prompt)


@given(any_texts(6), option_lists, navs, phone_limits, any_texts(2))
def test_home_moves_nothing(
    prompt: str, options: list[Option], nav: Nav, limits: Limits, short: str
) -> None:
    homeless = Nav(nav.next, nav.back, nav.home, nav.can_back, can_home=False)
    with_home = [content(page, nav) for page in lay_out(prompt, options, nav, limits, short)]
    without = [content(page, nav) for page in lay_out(prompt, options, homeless, limits, short)]
    assert with_home == without


@given(st.lists(st.sampled_from(LAO_WORDS + LATIN_WORDS), max_size=7), phone_limits)
def test_no_other_way_to_group_options_needs_fewer_pages(found: list[str], limits: Limits) -> None:
    options = options_of(*found)
    pages = lay_out("", options, LAO_NAV, limits)
    lines = [f"{option.number} {option.label}" for option in options]
    for cuts in combinations(range(1, len(lines)), max(len(pages) - 2, 0)):
        bounds = [0, *cuts, len(lines)]
        groups = [lines[one:two] for one, two in zip(bounds, bounds[1:], strict=False)]
        fitting = [
            fits("\n".join([*group, f"{LAO_NAV.next} {LAO_NAV.back}"]), limits)
            for group in groups[:-1]
        ] + [fits("\n".join([*groups[-1], LAO_NAV.back]), limits)]
        assert len(pages) == 1 or not all(fitting)


anything = (
    st.text(max_size=120) | any_texts(20) | st.text("ເ\u0ec8\u0301€ກ \n😀\ud800a", max_size=90)
)


@given(
    anything,
    st.lists(st.builds(Option, st.text(max_size=30), anything), max_size=6),
    st.builds(Nav, anything, anything, anything, st.booleans(), st.booleans()) | navs,
    odd_limits,
    anything,
)
def test_every_page_fits_whatever_comes(
    prompt: str, options: list[Option], nav: Nav, limits: Limits, short: str
) -> None:
    pages = lay_out(prompt, options, nav, limits, short)
    assert pages
    assert all(fits(page, limits) for page in pages)
    assert all(page == page.rstrip() for page in pages)
