"""A citizen asks what became of a request: by USSD and SMS, in Lao and English."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.requests import numbers
from tests.counter import Counter
from tests.phones import Gateway, Phone

APPLICANT, STRANGER = "02055512345", "02022233344"


@pytest.fixture
def counter(gateway: Gateway) -> Counter:
    return Counter(gateway.office)


@pytest.fixture
def applicant(counter: Counter) -> Phone:
    return counter.phone(APPLICANT)


@pytest.fixture
def stranger(counter: Counter) -> Phone:
    return counter.phone(STRANGER)


def due(counter: Counter, days: int = 3) -> str:
    """Identity cards take so long; the sample registry does not know."""
    with counter.office.engine.begin() as tx:
        day = counter.clock.at + timedelta(days=days)
        tx.execute(text("UPDATE requests SET due_on = :day"), {"day": day.date()})
    return f"{day:%d/%m/%Y}"


# --- one's own --------------------------------------------------------------------------------


def test_a_phone_that_filed_sees_it_without_typing(counter: Counter, applicant: Phone) -> None:
    counter.files()
    applicant.dial().press("2").sees("1 ບັດປະຈຳຕົວ: ຮັບແລ້ວ", "ປ້ອນເລກ")
    applicant.press("1").sees("ບັດປະຈຳຕົວ", "ໄດ້ຮັບແລ້ວ ແຕ່ 18/11/2026", "ກະລຸນາລໍຖ້າ")
    assert applicant.screen.count("\n") == 3


def test_in_english(counter: Counter, applicant: Phone) -> None:
    counter.moves(counter.files(), "ready")
    counter.speaks(APPLICANT, "en")
    applicant.dial("*1616*2#").sees("Your requests", "1 ID card: ready")
    applicant.press("1").sees("ID card", "Ready: you can collect it", "Since 18/11/2026")
    applicant.sees("Come to the center Xaysetha.")


def test_everything_about_it_fits_one_lao_screen(counter: Counter, applicant: Phone) -> None:
    counter.moves(counter.files(), "in_process")
    day = due(counter)
    applicant.dial("*1616*2*1#").sees(
        "ບັດປະຈຳຕົວ", "ກຳລັງດຳເນີນການ ແຕ່ 18/11/2026", f"ລໍຖ້າຮອດ {day}", "0 ກັບຄືນ"
    )


def test_the_newest_stands_first_and_eight_are_shown(counter: Counter, applicant: Phone) -> None:
    for _ in range(9):
        counter.files()
        counter.clock.at += timedelta(minutes=1)
    counter.moves(counter.files(service="land_title"), "ready")
    counter.speaks(APPLICANT, "en")
    applicant.dial("*1616*2#").sees("1 Land title: ready", "2 ID card: received")
    applicant.press("9").sees("8 ID card").press("11")
    applicant.sees("This is no request number.")


def test_which_papers_and_why_it_was_rejected(counter: Counter, applicant: Phone) -> None:
    counter.moves(counter.files(), "need_documents", "ຮູບ 2 ໃບ")
    counter.clock.at += timedelta(minutes=1)
    counter.moves(counter.files(service="land_title"), "rejected", "ບໍ່ຄົບ")
    applicant.dial("*1616*2*1#").sees("ໃບຕາດິນ", "ຖືກປະຕິເສດ: ບໍ່ຄົບ")
    applicant.dial("*1616*2*2#").sees("ບັດປະຈຳຕົວ", "ຕ້ອງການ ຮູບ 2 ໃບ")


def test_what_is_late_is_said_plainly(counter: Counter, applicant: Phone) -> None:
    counter.files()
    day = due(counter, days=-2)
    applicant.dial("*1616*2*1#").sees(f"ເກີນກຳນົດ {day}")
    counter.speaks(APPLICANT, "en")
    applicant.dial("*1616*2*1#").sees(f"Overdue: it was due {day}")


def test_old_news_tell_their_age(counter: Counter, applicant: Phone) -> None:
    request = counter.files()
    counter.clock.at += timedelta(days=7)
    assert "ຂ່າວ" not in applicant.dial("*1616*2*1#").screen
    counter.clock.at += timedelta(days=5, minutes=1)
    applicant.dial("*1616*2*1#").sees("ຂ່າວ 12 ມື້ກ່ອນ")
    counter.speaks(STRANGER, "en")
    counter.phone(STRANGER).dial(f"*1616*2*{request.number}#").sees("Last news 12 days ago")
    # The same again is news.
    counter.moves(request, "received")
    assert "ຂ່າວ" not in applicant.dial("*1616*2*1#").screen


def test_another_number_may_be_typed_at_the_list(counter: Counter, applicant: Phone) -> None:
    counter.files()
    other = counter.files(STRANGER, service="land_title")
    applicant.dial("*1616*2#").press(numbers.shown(other.number)).sees("ໃບຕາດິນ", "ໄດ້ຮັບແລ້ວ")
    assert applicant.press("0").sees("1 ບັດປະຈຳຕົວ").open


# --- by number alone --------------------------------------------------------------------------


@pytest.mark.parametrize("between", ["", " ", "-"])
def test_a_stranger_reads_service_and_status_alone(
    counter: Counter, stranger: Phone, between: str
) -> None:
    request = counter.moves(counter.files(), "need_documents", "ຮູບ 2 ໃບ")
    due(counter)
    number = numbers.shown(request.number).replace(" ", between)
    stranger.dial(f"*1616*2*{number}#").sees("ບັດປະຈຳຕົວ")
    assert stranger.screen.splitlines()[1:] == [
        "ຕ້ອງການເອກະສານເພີ່ມ ແຕ່ 18/11/2026",
        "0 ກັບຄືນ 00 ເມນູ",
    ]


def test_lao_digits_are_digits(counter: Counter, stranger: Phone) -> None:
    lao = counter.files().number.translate({ord("0") + n: 0x0ED0 + n for n in range(10)})
    stranger.dial("*1616*2#").press(lao).sees("ບັດປະຈຳຕົວ")


def test_an_offices_own_number(counter: Counter, stranger: Phone) -> None:
    counter.files(alias="KS/123-26")
    stranger.dial("*1616*2#").press("ks 123 26").sees("ບັດປະຈຳຕົວ")


def test_a_sensitive_service_is_named_to_the_applicant_alone(
    counter: Counter, applicant: Phone, stranger: Phone
) -> None:
    request = counter.files(service="divorce_registration")
    stranger.dial(f"*1616*2*{request.number}#").sees("ຄຳຮ້ອງ\nໄດ້ຮັບແລ້ວ")
    assert "ຢ່າຮ້າງ" not in stranger.screen
    applicant.dial("*1616*2*1#").sees("ຈົດທະບຽນຢ່າຮ້າງ")
    # An SMS stays on the phone, for others to read.
    applicant.sends(f"2 {request.number}").gets("ຄຳຮ້ອງ\nໄດ້ຮັບແລ້ວ")
    assert not any("ຢ່າຮ້າງ" in message for message in applicant.inbox)


# --- slips and guesses ------------------------------------------------------------------------


def test_a_wrong_digit_is_told_and_is_no_miss(counter: Counter, stranger: Phone) -> None:
    number = counter.files().number
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    for _ in range(6):
        stranger.dial(f"*1616*2*{wrong}#").sees("ກະລຸນາກວດເລກຄືນ", "ປ້ອນເລກຄຳຮ້ອງ")
    assert counter.rows("SELECT count(*) FROM lookup_tries") == [(0,)]
    stranger.press(number).sees("ບັດປະຈຳຕົວ")


def test_five_misses_in_an_hour_and_look_ups_pause(counter: Counter, stranger: Phone) -> None:
    number = counter.files().number
    for serial in range(5):
        stranger.dial(f"*1616*2*{numbers.new('0103', serial)}#").sees("ບໍ່ພົບເລກຄຳຮ້ອງນີ້")
    stranger.dial(f"*1616*2*{number}#").sees("ຂໍອະໄພ", "1 ຊົ່ວໂມງ")
    assert stranger.open
    counter.speaks(STRANGER, "en")
    stranger.dial(f"*1616*2*{number}#").sees("Please try again in an hour.")
    stranger.sends(f"2 {number}").gets("Please try again in an hour.")
    counter.clock.at += timedelta(hours=1, minutes=1)
    stranger.dial(f"*1616*2*{number}#").sees("ID card", "Received")


def test_ones_own_are_seen_even_then(counter: Counter, applicant: Phone) -> None:
    counter.files()
    for serial in range(6):
        applicant.dial(f"*1616*2*{numbers.new('0103', serial)}#")
    applicant.dial("*1616*2*1#").sees("ບັດປະຈຳຕົວ", "ໄດ້ຮັບແລ້ວ")


# --- by SMS -----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["2 ", "ສະຖານະ ", "ສະຖານະ", "status ", "Sathana: "])
def test_one_sms_with_the_number(counter: Counter, stranger: Phone, word: str) -> None:
    shown = numbers.shown(counter.files().number)
    stranger.sends(f"{word}{shown}").gets("ບັດປະຈຳຕົວ", "ໄດ້ຮັບແລ້ວ ແຕ່ 18/11/2026")
    assert len(stranger.inbox[-1]) <= 70


def test_an_applicant_reads_more_by_sms_too(counter: Counter, applicant: Phone) -> None:
    number = counter.moves(counter.files(), "ready").number
    applicant.sends(f"2 {number}").gets("ມາຮັບໄດ້ແລ້ວ", "ມາຮັບທີ່ສູນ ໄຊເສດຖາ")
    applicant.sends("00").gets("1 ໃຫ້ຄະແນນ").sends("2").gets("1 ບັດປະຈຳຕົວ: ມາຮັບໄດ້")


def test_within_a_conversation_that_goes_on(counter: Counter, stranger: Phone) -> None:
    shown = numbers.shown(counter.files().number)
    stranger.sends("0103").gets("5=ດີຫຼາຍ")
    stranger.sends(f"2 {shown}").gets("ບັດປະຈຳຕົວ", "ໄດ້ຮັບແລ້ວ")
    stranger.sends("0").gets("ປ້ອນເລກຄຳຮ້ອງ").sends("0").gets("5=ດີຫຼາຍ")
    stranger.sends("4").gets("ບັດປະຈຳຕົວ")
    assert counter.gateway.tally()["scores"] == {"1": 0, "2": 0, "3": 0, "4": 1, "5": 0}


def test_a_number_is_no_more_of_a_story(counter: Counter, stranger: Phone) -> None:
    counter.files(alias="KAYSONE20261118")
    stranger.dial("*1616*4*0103#").press("1")
    stranger.sends("ສະຖານະ KAYSONE20261118").gets("ບັດປະຈຳຕົວ")
    assert counter.rows("SELECT count(*) FROM comments") == [(0,)]


def test_a_mistyped_number_by_sms(counter: Counter, stranger: Phone) -> None:
    number = counter.files().number
    swapped = number[:5] + number[6] + number[5] + number[7:]
    if swapped == number:
        swapped = number[:-1] + str((int(number[-1]) + 1) % 10)
    stranger.sends(f"2 {swapped}").gets("ກະລຸນາກວດເລກຄືນ").sends(number).gets("ບັດປະຈຳຕົວ")


# --- fees -------------------------------------------------------------------------------------


def test_a_fee_is_told_with_its_ordinance_and_day(counter: Counter, stranger: Phone) -> None:
    with counter.office.engine.begin() as tx:
        tx.execute(
            text(
                "INSERT INTO fees (service, fee_kip, charge_kip, valid_from, legal_ref, source) "
                "VALUES ('land_tax', 30000, 20000, '2022-01-01', '003/NA', 'a test')"
            )
        )
    try:
        stranger.sends("3").sends("8")
        whole = " ".join(stranger.inbox[-1].splitlines())
        assert "ຄ່າທຳນຽມ 30.000 + ຄ່າບໍລິການ 20.000 ກີບ" in whole
        counter.speaks(STRANGER, "en")
        stranger.sends("00").sends("3").sends("8")
        assert (
            "Fee 30,000 + service charge 20,000 kip\n003/NA, since 01/01/2022" in stranger.inbox[-1]
        )
    finally:
        with counter.office.engine.begin() as tx:
            tx.execute(text("DELETE FROM fees WHERE source = 'a test'"))
