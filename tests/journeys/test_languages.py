"""Citizens choose how they read: Lao, English, or Lao in Latin letters."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from app.conversation import keywords
from app.errors import FlowError
from app.flows import load
from app.settings import ROOT
from app.text.encoding import encoding_of, segment_count, units
from tests.phones import Gateway, Phone

LANGUAGES = ROOT / "config" / "languages"
LAO = ("1 ໃຫ້ຄະແນນ", "2 ກວດຄຳຮ້ອງ", "3 ຄ່າທຳນຽມ", "4 ແຈ້ງບັນຫາ", "5 ພາສາ")
LATIN = ("1 Hai khanaen", "2 Kuat kham hong", "3 Kha thamniam", "4 Chaeng banha", "5 Phasa")
ENGLISH = ("1 Rate a service", "5 Language")


# --- first contact ----------------------------------------------------------------------------


def test_a_new_phone_reads_abc_on_the_one_page_of_the_menu(phone: Phone) -> None:
    phone.dial().sees(*LAO, "6 ABC")
    assert "9 " not in phone.screen


def test_a_phone_without_lao_letters_finds_its_own_by_6(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("6").sees(*LATIN).press("1").sees("Pon lahat soun")
    phone.press("0103").sees("Xaysetha: than phaw chai pan dai?", "5 = dee lai")
    phone.press("2").sees("Than sai bolikan dai?", "1 ID card")
    phone.press("1").sees("1 Vela law tha").press("1").sees("(kip)").press("1").sees("Phu nying")
    phone.press("1").ends("Khop chai")
    assert encoding_of(phone.screen) == "GSM-7"
    assert gateway.tally()["complete"] == 1


def test_it_is_kept_for_the_next_time_and_changed_back_through_the_menu(phone: Phone) -> None:
    phone.dial().press("6").hangs_up()
    phone.dial().sees(*LATIN)
    assert "6 " not in phone.screen
    phone.press("5").sees("1 Lao (akson Lao)", "2 English", "3 Lao (ABC)").press("1").sees(*LAO)
    assert "6 ABC" not in phone.screen
    phone.dial().sees(*LAO)


def test_the_menu_lists_three_languages_in_their_order(phone: Phone) -> None:
    phone.dial().press("5")
    assert phone.screen.splitlines()[1:4] == ["1 ລາວ", "2 English", "3 Lao (ABC)"]
    phone.press("3").sees(*LATIN)
    phone.press("5", "2").sees(*ENGLISH)


def test_who_looked_and_hung_up_is_still_offered_abc(phone: Phone) -> None:
    phone.dial().hangs_up()
    phone.dial().sees("6 ABC").press("6").sees(*LATIN)


def test_abc_is_offered_as_long_as_the_first_conversation_lasts(phone: Phone) -> None:
    phone.dial().press("3", "00").sees(*LAO, "6 ABC").press("6").sees(*LATIN)


@pytest.mark.parametrize("keys", [("1",), ("3", "1"), ("5", "1"), ("x",)])
def test_any_other_use_of_the_menu_leaves_the_phone_in_lao(
    phone: Phone, keys: tuple[str, ...]
) -> None:
    phone.dial().press(*keys).hangs_up()
    phone.dial()
    if "ສືບຕໍ່" in phone.screen:
        phone.press("2")
    phone.sees(*LAO)
    assert "ABC" not in phone.screen
    phone.press("6").sees("ບໍ່ຖືກຕ້ອງ")


def test_choosing_lao_takes_abc_away_at_once(phone: Phone) -> None:
    phone.dial().press("5", "1").sees(*LAO)
    assert "ABC" not in phone.screen


def test_a_restarted_session_offers_nothing_that_it_would_not_take(phone: Phone) -> None:
    phone.dial().press("3").hangs_up()
    phone.dial().press("2").sees(*LAO)
    assert "ABC" not in phone.screen
    phone.press("6").sees("ບໍ່ຖືກຕ້ອງ")


def test_a_first_sms_offers_abc_too(phone: Phone) -> None:
    phone.sends("ສະບາຍດີ").gets("1 ໃຫ້ຄະແນນ", "6 ABC")
    phone.sends("6").gets(*LATIN)
    phone.sends("0103 5 dee lai").gets("Khop chai")


# --- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "menu"),
    [
        ("ABC", LATIN),
        ("abc.", LATIN),
        ("English please", ENGLISH),
        ("ENGLISH", ENGLISH),
        ("ພາສາອັງກິດ", ENGLISH),
        ("ພາສາລາວ", LAO),
        ("ລາວ", LAO),
    ],
)
def test_the_name_of_a_language_changes_it_and_shows_the_menu(
    phone: Phone, word: str, menu: tuple[str, ...]
) -> None:
    phone.sends(word).gets(*menu)
    phone.dial().sees(*menu)


def test_a_language_can_be_changed_in_the_middle(gateway: Gateway, phone: Phone) -> None:
    phone.sends("0103").gets("5=ດີຫຼາຍ").sends("3").gets("ບໍລິການ")
    phone.sends("abc").gets(*LATIN).sends("ລາວ").gets(*LAO)
    assert gateway.tally()["responses"] == 1


@pytest.mark.parametrize("word", ["HELP", "help", "ຊ່ວຍ", "ຊ່ວຍ ແດ່", "Help me?"])
def test_help_says_how_to_use_the_service(phone: Phone, word: str) -> None:
    phone.sends(word).gets("*1616#", "1616", "STOP")
    assert segment_count(phone.inbox[-1]) == 1


def test_help_comes_in_the_language_of_the_phone_and_leaves_everything_as_it_was(
    phone: Phone,
) -> None:
    phone.sends("English").gets().sends("0103").gets("how satisfied")
    phone.sends("help").gets("To rate a center")
    phone.sends("5").gets("Which service")


def test_a_story_that_begins_like_a_keyword_is_a_story(gateway: Gateway, phone: Phone) -> None:
    phone.sends("4").gets("ປ້ອນລະຫັດສູນ").sends("0103").gets("ຂຽນບັນຫາ")
    phone.sends("ຊ່ວຍ ແກ້ໄຂ ແດ່").gets("ໄດ້ຮັບຂໍ້ຄວາມ")
    gateway.work()
    assert gateway.rows("SELECT text FROM comments") == [("ຊ່ວຍ ແກ້ໄຂ ແດ່",)]


@pytest.mark.parametrize("more", ["ຊ່ວຍ ແກ້ໄຂບັນຫານີ້ໃຫ້ພວກເຮົາແດ່", "ລາວ ເອົາເງິນຂອງພວກເຮົາໄປ"])
def test_more_of_a_story_may_begin_with_the_word_for_help_or_for_her(
    gateway: Gateway, phone: Phone, more: str
) -> None:
    phone.sends("4").gets().sends("0103").gets().sends("ຄິວຍາວ").gets("ໄດ້ຮັບຂໍ້ຄວາມ")
    phone.sends(more).gets("ໄດ້ຮັບຂໍ້ຄວາມ")
    gateway.work()
    assert gateway.rows("SELECT text FROM comments") == [(f"ຄິວຍາວ\n{more}",)]
    phone.sends("English please").gets(*ENGLISH)


def test_a_bare_keyword_works_even_where_a_story_is_asked_for(phone: Phone) -> None:
    phone.sends("4").gets().sends("0103").gets("ຂຽນບັນຫາ").sends("HELP").gets("*1616#")


@pytest.mark.parametrize("word", ["yut", "Stop it now", "ຢຸດ ແດ່", "STOP!"])
@pytest.mark.parametrize("again", ["rerm", "leum mai", "ເລີ່ມ", "start"])
def test_stop_and_start_in_every_spelling(phone: Phone, word: str, again: str) -> None:
    phone.sends(word).gets("START").sends("ສະບາຍດີ").gets_nothing()
    phone.sends(again).gets("STOP").sends("ສະບາຍດີ").gets("1 ໃຫ້ຄະແນນ")


def test_a_long_text_that_begins_like_a_keyword_is_none(phone: Phone) -> None:
    phone.sends("stop making people wait for so long").gets("1 ໃຫ້ຄະແນນ")


# --- the files --------------------------------------------------------------------------------


def test_the_romanised_pack_is_gsm7_throughout() -> None:
    pack = yaml.safe_load((LANGUAGES / "lo-Latn" / "screens.yaml").read_text("utf-8"))
    digest = yaml.safe_load((LANGUAGES / "lo-Latn" / "digest.yaml").read_text("utf-8"))
    for text in (*pack.values(), *digest.values()):
        assert encoding_of(text) == "GSM-7", text
        assert units(text) <= 160, text


def test_a_pack_that_lacks_something_is_refused_by_its_name() -> None:
    names = ("flows/main.yaml", *(f"languages/{one}/screens.yaml" for one in ("lo", "lo-Latn")))
    sources = {name: (ROOT / "config" / name).read_text("utf-8") for name in names}
    lacking = sources["languages/lo-Latn/screens.yaml"]
    for line in ('pack.names: "en"\n', 'sex: "Phet?"\n'):
        assert line in lacking
        lacking = lacking.replace(line, "")
    with pytest.raises(FlowError) as refused:
        load.book(sources | {"languages/lo-Latn/screens.yaml": lacking})
    told = str(refused.value)
    assert "languages/lo-Latn/screens.yaml:1: the text 'pack.names' is missing" in told
    assert "languages/lo-Latn/screens.yaml:1: sex: this text is missing" in told


def test_names_in_a_language_that_nothing_has_are_refused() -> None:
    names = ("flows/main.yaml", "languages/lo-Latn/screens.yaml")
    sources = {name: (ROOT / "config" / name).read_text("utf-8") for name in names}
    wrong = sources[names[1]].replace('pack.names: "en"', 'pack.names: "th"')
    with pytest.raises(FlowError, match=r"pack\.names: there are names in lo and en only"):
        load.book(sources | {names[1]: wrong})


GOOD = 'stop: ["STOP"]\nstart: ["START"]\nhelp: ["HELP"]\n'
MISTAKES = {
    "no such doing": (GOOD + 'halp: ["HALP"]\n', 4, "halp: nothing is done at these words"),
    "no such pack": (GOOD + 'language.th: ["Thai"]\n', 4, "language.th: nothing is done"),
    "twice": (GOOD + 'help: ["AID"]\n', 4, "help: this key is there already"),
    "one word for two": (GOOD.replace("HELP", "stop."), 3, "help: 'stop.' stands at stop too"),
    "a figure": (GOOD.replace("HELP", "1"), 3, "help: this is no word"),
    "no list": (GOOD.replace('["HELP"]', "HELP"), 3, "help: this is no list of words"),
    "nothing": (GOOD.replace('["HELP"]', "[]"), 3, "help: this is no list of words"),
    "one missing": (GOOD.replace("start", "help", 1), 1, "start: its words are missing"),
    "no YAML": ("stop: [", 2, "Mend the file"),
    "no lines": ("- STOP", 1, "it must hold"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_keywords_is_named_with_its_line(tmp_path: Path, mistake: str) -> None:
    content, line, told = MISTAKES[mistake]
    tmp_path.joinpath(keywords.FILE).write_text(content, "utf-8")
    with pytest.raises(FlowError) as refused:
        keywords.load(tmp_path)
    assert any(told in str(one) and one.line == line for one in refused.value.problems), (
        refused.value
    )


def test_without_keywords_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=keywords.FILE):
        keywords.load(tmp_path)
