"""Citizens who do not know a center's code type the name of its place."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from app.registry import loading
from app.settings import ROOT
from tests.phones import Gateway, Phone


def asked(phone: Phone) -> Phone:
    """A phone that is asked for the center."""
    return phone.dial().press("1").sees("ປ້ອນລະຫັດສູນ", "ຊື່ເມືອງ")


def test_a_name_in_lao_is_confirmed_and_rated(gateway: Gateway, phone: Phone) -> None:
    asked(phone).press("ແປກ").sees("ແມ່ນບ່ອນໃດ?", "1 ແປກ, ຊຽງຂວາງ")
    phone.press("1").sees("ແປກ", "5=ດີຫຼາຍ").press("4")
    assert gateway.tally("0901")["responses"] == 1


def test_a_name_in_two_provinces_asks_which(phone: Phone) -> None:
    asked(phone).press("ໄຊເສດຖາ").sees("1 ໄຊເສດຖາ, ນະຄອນຫຼວງ", "2 ໄຊເສດຖາ, ອັດຕະປື")
    phone.press("1").sees("ໄຊເສດຖາ", "5=ດີຫຼາຍ")


@pytest.mark.parametrize(
    "typed", ["Saysettha", "xaysetha", "XAYSETTHA", "Muang Xaisetha", "Xaysehta", "ໄຊເສຖາ"]
)
def test_spellings_and_typing_mistakes_are_understood(phone: Phone, typed: str) -> None:
    asked(phone).press(typed).sees("1 ໄຊເສດຖາ, ນະຄອນຫຼວງ", "2 ໄຊເສດຖາ, ອັດຕະປື")


@pytest.mark.parametrize(
    "typed", ["ໄຊເສດຖາ", "Viengkham", "ວຽງຄຳ", "phonthong", "Viengthong", "ສາລະວັນ", "Luang Prabang"]
)
def test_a_name_that_two_places_bear_is_never_guessed(phone: Phone, typed: str) -> None:
    asked(phone).press(typed).sees("ແມ່ນບ່ອນໃດ?", "1 ", "2 ")


def test_a_whole_province_offers_its_centers(phone: Phone) -> None:
    asked(phone).press("Xieng Khouang").sees("1 ແຂວງຊຽງຂວາງ").press("1").sees("ແປກ", "5=ດີຫຼາຍ")


def test_who_was_not_meant_goes_back_and_tries_again(phone: Phone) -> None:
    asked(phone).press("Pek").sees("1 ແປກ").press("0").sees("ປ້ອນລະຫັດສູນ").press("0103")
    phone.sees("ໄຊເສດຖາ", "5=ດີຫຼາຍ")


def test_a_place_without_a_center_says_so_and_leads_on(phone: Phone) -> None:
    asked(phone).press("ວັງວຽງ").sees("1 ວັງວຽງ, ວຽງຈັນ").press("1")
    phone.sees("ວັງວຽງ, ວຽງຈັນ: ຂໍອະໄພ ຍັງບໍ່ມີສູນ")
    while "1 ເລືອກແຂວງ" not in phone.screen:
        phone.press("9").sees()
    phone.press("ແປກ").sees("1 ແປກ, ຊຽງຂວາງ").press("1").sees("5=ດີຫຼາຍ")


def test_from_a_place_without_a_center_to_the_list_of_provinces(phone: Phone) -> None:
    asked(phone).press("vang vieng", "1", "1").sees("ເລືອກແຂວງ", "1 ນະຄອນຫຼວງວຽງຈັນ")


@pytest.mark.parametrize("typed", ["qwerty", "ສະບາຍດີ", "ບ້ານ", "x", "ເມືອງ", "district"])
def test_what_is_no_place_gets_a_sentence_and_another_try(phone: Phone, typed: str) -> None:
    asked(phone).press(typed).sees("ບໍ່ພົບຊື່ນີ້", "ປ້ອນລະຫັດສູນ").press("0103").sees("5=ດີຫຼາຍ")


@pytest.mark.parametrize(
    ("typed", "told"), [("9999", "ລະຫັດສູນບໍ່ຖືກຕ້ອງ"), ("12345", "ລະຫັດມີ 4 ຕົວເລກ"), ("*", "ລະຫັດມີ 4")]
)
def test_figures_are_still_codes(phone: Phone, typed: str, told: str) -> None:
    asked(phone).press(typed).sees(told).press("໐໑໐໓").sees("5=ດີຫຼາຍ")


def test_a_name_may_replace_the_center_of_last_time(phone: Phone) -> None:
    phone.dial("*1616*0103*5*1*1*3#").ends("ຂອບໃຈ")
    phone.dial().press("1").sees("1 ໄຊເສດຖາ").press("pek").sees("1 ແປກ, ຊຽງຂວາງ")
    phone.press("1").sees("ແປກ", "5=ດີຫຼາຍ")


def test_a_problem_may_be_told_of_a_named_place(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("4", "ໂຂງ", "1").sees("ຂຽນບັນຫາ").press("ຊ້າ").ends("ໄດ້ຮັບ")
    gateway.work()
    assert gateway.rows("SELECT odsc, text FROM comments") == [("1610", "ຊ້າ")]


def test_names_are_typed_by_sms_too_and_read_in_the_phones_own_letters(phone: Phone) -> None:
    phone.sends("abc").gets("1 Hai khanaen").sends("1").gets("Pon lahat soun")
    phone.sends("saysetta").gets("1 Xaysetha, Vientiane Capital", "2 Xaysetha, Attapeu")
    phone.sends("1").gets("Xaysetha: than phaw chai")


def test_a_name_after_an_unknown_code_in_one_line(gateway: Gateway, phone: Phone) -> None:
    phone.sends("9999 2 ຊ້າ").gets("ປ້ອນລະຫັດສູນ").sends("ແປກ").gets("1 ແປກ, ຊຽງຂວາງ")
    phone.sends("1").gets("ຂອບໃຈ")
    assert gateway.tally("0901")["complete"] == 1


def test_a_reload_of_the_registry_is_seen_at_once(
    gateway: Gateway, phone: Phone, engine: Engine
) -> None:
    loading.load(engine, ROOT / "config" / "registry")
    asked(phone).press("Newtown").sees("ບໍ່ພົບຊື່ນີ້")
    try:
        with engine.begin() as tx:
            tx.execute(text("UPDATE districts SET name_en = 'Newtown' WHERE code = '0901'"))
            tx.execute(text("UPDATE runs SET at = now() + interval '1 second'"))
        phone.press("Newtown").sees("1 ແປກ, ຊຽງຂວາງ")
    finally:
        loading.load(engine, ROOT / "config" / "registry")
