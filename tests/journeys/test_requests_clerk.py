"""A clerk files and moves requests from a phone; nobody else can."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from app.requests import numbers
from app.storage.levels import StaffLevel
from app.text.encoding import units
from tests.counter import Counter
from tests.phones import Gateway, Phone

CLERK, APPLICANT, CITIZEN = "02055500001", "02055512345", "02022233344"


@pytest.fixture
def counter(gateway: Gateway) -> Counter:
    return Counter(gateway.office)


@pytest.fixture
def clerk(counter: Counter) -> Phone:
    return counter.staff(CLERK)


def stored(counter: Counter) -> list[tuple[object, ...]]:
    return counter.rows(
        "SELECT odsc, service, status, note, texts, contact_id IS NOT NULL FROM requests "
        "ORDER BY id"
    )


def number_in(message: str) -> str:
    found = re.search(r"\d{12}", message)
    assert found is not None, message
    return found.group()


def test_a_clerk_files_a_request_and_gets_its_number(counter: Counter, clerk: Phone) -> None:
    clerk.sends("R 0103 idcard 02055512345").gets("ເລກຄຳຮ້ອງ 0103", "ບັດປະຈຳຕົວ")
    assert units(clerk.inbox[-1]) <= 70
    assert stored(counter) == [("0103", "id_card", "received", "", True, True)]
    number = numbers.read(number_in(clerk.inbox[-1]))
    assert numbers.checks(number)
    assert counter.rows("SELECT number, source FROM requests") == [(number, "sms")]
    ((by, source),) = counter.rows("SELECT by, source FROM request_history")
    assert (str(by).split()[0], source) == ("staff", "sms")
    assert counter.phone(APPLICANT).dial("*1616*2#").sees("1 ບັດປະຈຳຕົວ: ຮັບແລ້ວ")


@pytest.mark.parametrize(
    ("written", "service", "texts", "phone"),
    [
        ("r 0103 idcard", "id_card", False, False),
        ("R0103 ID_CARD 020 55 512 345", "id_card", True, True),
        ("R 0103 id card 02055512345 nosms", "id_card", False, True),
        ("R ໐໑໐໓ ບັດປະຈຳຕົວ ໐໒໐໕໕໕໑໒໓໔໕", "id_card", True, True),
        ("R 0103 ໃບຕາດິນ +8562055512345", "land_title", True, True),
        ("R 0103 birth", "birth_registration", False, False),
    ],
)
def test_however_it_is_written(
    counter: Counter, clerk: Phone, written: str, service: str, texts: bool, phone: bool
) -> None:
    clerk.sends(written).gets("ເລກຄຳຮ້ອງ")
    assert stored(counter) == [("0103", service, "received", "", texts, phone)]


def test_a_clerk_moves_it_on_to_the_end(counter: Counter, clerk: Phone) -> None:
    shown = number_in(clerk.sends("R 0103 idcard 02055512345").inbox[-1])
    number = numbers.read(shown)
    clerk.gets().sends(f"R {shown} process").gets(f"{shown}: ກຳລັງດຳເນີນການ")
    clerk.sends(f"R {number} ຂາດເອກະສານ ຮູບ 2 ໃບ").gets("ຕ້ອງການເອກະສານເພີ່ມ")
    clerk.sends(f"R {number[:4]}-{number[4:11]}-{number[11]} Ready").gets("ມາຮັບໄດ້ແລ້ວ")
    clerk.sends(f"R {shown}").gets(shown, "ບັດປະຈຳຕົວ: ມາຮັບໄດ້ແລ້ວ 18/11/2026")
    clerk.sends(f"R {shown} done").gets("ຮັບໄປແລ້ວ")
    history = counter.rows("SELECT status, note FROM request_history ORDER BY id")
    assert history == [
        ("received", ""),
        ("in_process", ""),
        ("need_documents", "ຮູບ 2 ໃບ"),
        ("ready", ""),
        ("collected", ""),
    ]


def test_an_offices_own_number(counter: Counter, clerk: Phone) -> None:
    counter.files(alias="1234567890")
    counter.files(alias="KS123")
    clerk.sends("R 1234567890 ready").gets("ມາຮັບໄດ້ແລ້ວ").sends("R ks-123 ready").gets("ມາຮັບ")
    assert [row[2] for row in stored(counter)] == ["ready", "ready"]


def test_in_english(counter: Counter, clerk: Phone) -> None:
    with counter.office.engine.begin() as tx:
        tx.exec_driver_sql("UPDATE staff SET language = 'en'")
    shown = number_in(clerk.sends("R 0103 marriage").gets("Request number", "due").inbox[-1])
    clerk.sends(f"R {shown} docs").gets("please write behind it what the citizen must know")
    clerk.sends(f"R {shown} done").gets("collected")
    clerk.sends(f"R {shown} ready").gets(f"{shown}: collected. It cannot change like that.")
    assert all(units(message, "GSM-7") <= 160 for message in clerk.inbox)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("R", "R 0103 idcard"),
        ("R 0103 teleport", "ບໍ່ຮູ້ຈັກບໍລິການນີ້"),
        ("R 0103 idcard 12345", "ເບີໂທບໍ່ຖືກຕ້ອງ"),
        ("R KS999 ready", "ບໍ່ພົບເລກຄຳຮ້ອງນີ້"),
        ("R 0103 0000000 7 ready", "ກະລຸນາກວດເລກຄືນ"),
        ("R 0901 idcard", "ເບີນີ້ບໍ່ໄດ້ລົງທະບຽນກັບສູນ 0901"),
    ],
)
def test_what_cannot_be_is_told_in_one_sms(
    counter: Counter, clerk: Phone, written: str, told: str
) -> None:
    clerk.sends(written).gets(told)
    assert units(clerk.inbox[-1]) <= 70
    assert stored(counter) == []


def test_a_status_that_cannot_follow(counter: Counter, clerk: Phone) -> None:
    number = counter.files().number
    clerk.sends(f"R {number} flying").gets("ບໍ່ຮູ້ຈັກສະຖານະນີ້")
    clerk.sends(f"R {number} no").gets("ຖືກປະຕິເສດ: ກະລຸນາຂຽນຕໍ່ທ້າຍວ່າຫຍັງ")
    clerk.sends(f"R {number} withdrawn").gets("ຍົກເລີກແລ້ວ")
    clerk.sends(f"R {number} ready").gets("ປ່ຽນແບບນີ້ບໍ່ໄດ້")
    assert [row[2] for row in stored(counter)] == ["withdrawn"]


# --- others -----------------------------------------------------------------------------------


def test_a_citizen_cannot_file_and_reads_why(counter: Counter) -> None:
    citizen = counter.phone(CITIZEN)
    citizen.sends("R 0103 idcard 02055512345").gets("ບໍ່ໄດ້ລົງທະບຽນກັບສູນ 0103")
    assert stored(counter) == []


def test_a_stranger_never_learns_which_numbers_there_are(counter: Counter) -> None:
    live, free = counter.files().number, numbers.new("0103", 1)
    strangers = [counter.phone(CITIZEN), counter.staff("02055500009", place="0901")]
    for phone in strangers:
        phone.sends(f"R {live} ready").sends(f"R {free} ready")
        assert len(set(phone.inbox)) == 1
        assert "0103" in phone.inbox[0]
    assert counter.rows("SELECT status FROM requests") == [("received",)]


@pytest.mark.parametrize(
    ("level", "place"),
    [("odsc", "0901"), ("district", "0103"), ("province", "01"), ("country", "LA")],
)
def test_staff_of_elsewhere_are_refused(counter: Counter, level: StaffLevel, place: str) -> None:
    reader = counter.staff(CITIZEN, level=level, place=place)
    number = counter.files().number
    reader.sends("R 0103 idcard").gets("ບໍ່ໄດ້ລົງທະບຽນກັບສູນ 0103")
    reader.sends(f"R {number} ready").gets("ບໍ່ໄດ້ລົງທະບຽນກັບສູນ 0103")
    reader.sends(f"R {number}").gets("ບໍ່ໄດ້ລົງທະບຽນກັບສູນ 0103")
    assert [row[2] for row in stored(counter)] == ["received"]


def test_whoever_left_the_staff_is_a_citizen(counter: Counter, clerk: Phone) -> None:
    with counter.office.engine.begin() as tx:
        tx.exec_driver_sql("UPDATE staff SET removed_at = now()")
    clerk.sends("R 0103 idcard").gets("ບໍ່ໄດ້ລົງທະບຽນ")
    assert stored(counter) == []


@pytest.mark.parametrize("written", ["R", "r u open?", "R 5", "rate", "ຣ 0103"])
def test_a_citizens_r_means_nothing(counter: Counter, written: str) -> None:
    counter.phone(CITIZEN).sends(written).gets("1 ໃຫ້ຄະແນນ")


# --- once -------------------------------------------------------------------------------------


def test_the_gateways_repeats_file_once(counter: Counter, clerk: Phone) -> None:
    for _ in range(3):
        clerk.sends("R 0103 idcard 02055512345", message_id="mo-77")
    clerk.gets("ເລກຄຳຮ້ອງ").gets_nothing()
    assert len(stored(counter)) == 1


def test_a_clerks_conversation_goes_on_beside(counter: Counter, clerk: Phone) -> None:
    clerk.sends("0103").gets("5=ດີຫຼາຍ")
    clerk.sends("R 0103 idcard").gets("ເລກຄຳຮ້ອງ")
    clerk.sends("5").gets("ບັດປະຈຳຕົວ")
    assert counter.gateway.tally()["mean"] == 5.0


def test_every_number_is_told_however_many_an_hour(gateway: Gateway) -> None:
    stingy = replace(gateway.office.desk, replies_per_hour=2)
    counter = Counter(replace(gateway.office, desk=stingy))
    clerk = counter.staff(CLERK)
    for serial in range(4):
        clerk.sends(f"R 0103 idcard 0205550000{serial}").gets("ເລກຄຳຮ້ອງ")
    clerk.sends("0103").gets_nothing()
