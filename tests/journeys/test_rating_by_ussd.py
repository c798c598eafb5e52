"""A citizen rates a center by USSD."""

from __future__ import annotations

import threading

import pytest

from tests.phones import Gateway, Phone

HOME = ("1 ໃຫ້ຄະແນນ", "2 ກວດຄຳຮ້ອງ", "3 ຄ່າທຳນຽມ", "4 ແຈ້ງບັນຫາ", "5 ພາສາ")


def rated(phone: Phone, score: str = "4") -> Phone:
    return phone.dial().press("1", "0103", score)


def test_the_main_menu_is_one_lao_screen(phone: Phone) -> None:
    phone.dial().sees(*HOME)
    assert phone.open


def test_a_happy_citizen_walks_the_whole_flow(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("1").sees("ປ້ອນລະຫັດສູນ")
    phone.press("0103").sees("ໄຊເສດຖາ", "1=ບໍ່ດີເລີຍ 5=ດີຫຼາຍ")
    phone.press("5").sees("ທ່ານໃຊ້ບໍລິການໃດ?", "1 ບັດປະຈຳຕົວ", "9 ຕໍ່ໄປ")
    phone.press("1").sees("ທ່ານຈ່າຍເທົ່າໃດ (ກີບ)?")
    phone.press("25.000").sees("ເພດ?", "1 ຍິງ")
    phone.press("1").ends("ຂອບໃຈ", "ສູນບໍ່ເຫັນເບີຂອງທ່ານ")
    assert gateway.tally() == {
        "odsc": "0103",
        "week": gateway.tally()["week"],
        "responses": 1,
        "complete": 1,
        "partial": 0,
        "women": 1,
        "satisfied": 1,
        "rate": 1.0,
        "interval": gateway.tally()["interval"],
        "mean": 5.0,
        "scores": {"1": 0, "2": 0, "3": 0, "4": 0, "5": 1},
        "reasons": {"waiting": 0, "staff": 0, "money": 0, "papers": 0, "other": 0},
        "services": {"id_card": 1},
        "overcharged": 0,
        "flagged": 0,
        "dimensions": {},
        "extra": {},
    }


def test_an_unhappy_citizen_is_asked_for_the_reason(gateway: Gateway, phone: Phone) -> None:
    rated(phone, "2").press("1").sees("1 ເວລາລໍຖ້າ", "2 ພະນັກງານ", "3 ເງິນ", "5 ອື່ນໆ")
    phone.press("3", "1", "3").ends("ຂອບໃຈ")
    tally = gateway.tally()
    assert tally["reasons"] == {"waiting": 0, "staff": 0, "money": 1, "papers": 0, "other": 0}
    assert (tally["rate"], tally["women"], tally["complete"]) == (0.0, 0, 1)


def test_whoever_hangs_up_after_the_score_has_been_counted(gateway: Gateway, phone: Phone) -> None:
    rated(phone, "4").hangs_up()
    tally = gateway.tally()
    assert (tally["responses"], tally["partial"], tally["complete"]) == (1, 1, 0)
    assert tally["scores"] == {"1": 0, "2": 0, "3": 0, "4": 1, "5": 0}


def test_who_hangs_up_before_the_score_is_not_counted(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("1", "0103").hangs_up()
    assert gateway.tally()["responses"] == 0


def test_a_partial_answer_that_goes_on_is_counted_once(gateway: Gateway, phone: Phone) -> None:
    rated(phone, "2")
    assert gateway.tally()["partial"] == 1
    phone.press("1", "1", "1", "2").ends("ຂອບໃຈ")
    tally = gateway.tally()
    assert (tally["responses"], tally["complete"], tally["partial"]) == (1, 1, 0)


def done(phone: Phone) -> Phone:
    return rated(phone, "5").press("1", "1", "3").ends("ຂອບໃຈ")


def test_the_center_of_last_time_is_offered_first(phone: Phone) -> None:
    done(phone)
    phone.dial().press("1").sees("1 ໄຊເສດຖາ")
    phone.press("1").sees("ໄຊເສດຖາ", "5=ດີຫຼາຍ")


def test_another_code_may_be_typed_instead_of_the_center_of_last_time(phone: Phone) -> None:
    done(phone)
    phone.dial().press("1", "0901").sees("ແປກ", "5=ດີຫຼາຍ")


def test_who_has_no_code_goes_by_province_and_district(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("1", "1").sees("ເລືອກແຂວງ", "1 ນະຄອນຫຼວງວຽງຈັນ", "2 ຊຽງຂວາງ")
    phone.press("1").sees("ໄຊເສດຖາ", "5=ດີຫຼາຍ")
    phone.press("5")
    assert gateway.tally("0103")["responses"] == 1


def test_the_code_in_what_was_dialled_leads_straight_to_the_score(phone: Phone) -> None:
    phone.dial("*1616*0103#").sees("ໄຊເສດຖາ", "5=ດີຫຼາຍ")
    phone.press("5").sees("ບັດປະຈຳຕົວ")


def test_the_code_at_the_main_menu_is_as_good_as_1_and_the_code(phone: Phone) -> None:
    phone.dial().press("0103").sees("ໄຊເສດຖາ", "5=ດີຫຼາຍ")


def test_everything_may_be_dialled_at_once(gateway: Gateway, phone: Phone) -> None:
    phone.dial("*1616*1*0103*5*1*1*3#").ends("ຂອບໃຈ")
    assert gateway.tally()["complete"] == 1


def test_an_unknown_code_gets_a_sentence_and_another_try(phone: Phone) -> None:
    phone.dial().press("1", "9999").sees("ລະຫັດສູນບໍ່ຖືກຕ້ອງ", "ປ້ອນລະຫັດສູນ")
    phone.press("0103").sees("5=ດີຫຼາຍ")


@pytest.mark.parametrize("typed", ["6", "9", "", "x", "ດີ", "*", "123456789"])
def test_a_wrong_score_gets_a_sentence_and_another_try(phone: Phone, typed: str) -> None:
    phone.dial("*1616*0103#").press(typed).sees("ໃຫ້ຄະແນນ 1 ຫາ 5")
    phone.press("5").sees("ບັດປະຈຳຕົວ")


@pytest.mark.parametrize("typed", ["໕", "5.", "5)", " 5 ", "ຂໍ້ 5", "ຫ້າ", "５"])
def test_a_score_may_be_written_in_many_ways(gateway: Gateway, phone: Phone, typed: str) -> None:
    phone.dial("*1616*0103#").press(typed)
    assert gateway.tally()["mean"] == 5.0


def test_0_goes_back_and_00_to_the_main_menu(phone: Phone) -> None:
    rated(phone).sees("ບັດປະຈຳຕົວ").press("0").sees("5=ດີຫຼາຍ")
    phone.press("0").sees("ປ້ອນລະຫັດສູນ").press("0").sees(*HOME)
    phone.press("1", "0103").press("00").sees(*HOME)


def test_a_score_changed_after_going_back_is_counted_once(gateway: Gateway, phone: Phone) -> None:
    rated(phone, "1")
    assert gateway.tally()["mean"] == 1.0
    phone.press("0", "5")
    tally = gateway.tally()
    assert (tally["responses"], tally["mean"]) == (1, 5.0)


def test_9_turns_the_pages_of_services_and_0_turns_back(phone: Phone) -> None:
    first = rated(phone).screen
    phone.press("9").sees("0 ກັບຄືນ")
    assert phone.screen != first
    phone.press("0")
    assert phone.screen == first


def test_every_page_of_services_can_be_reached_and_chosen(gateway: Gateway, phone: Phone) -> None:
    rated(phone)
    while "ອື່ນໆ" not in phone.screen:
        phone.press("9").sees()
    number = next(line for line in phone.screen.splitlines() if "ອື່ນໆ" in line).split()[0]
    phone.press(number)
    assert gateway.tally()["services"] == {"other": 1}


def test_english_is_kept_for_the_next_time(phone: Phone) -> None:
    phone.dial().press("5").sees("1 ລາວ", "2 English").press("2").sees("1 Rate a service")
    phone.dial().sees("1 Rate a service", "5 Language").press("1").sees("4-digit code")


# --- what networks do -------------------------------------------------------------------------


def test_the_same_post_gets_the_same_bytes_and_does_not_advance(
    gateway: Gateway, phone: Phone
) -> None:
    rated(phone, "5")
    again = [phone.post().screen for _ in range(3)]
    assert len({*again, phone.screen}) == 1
    assert gateway.tally()["responses"] == 1
    assert gateway.rows("SELECT count(*) FROM answers WHERE question = 'score'") == [(1,)]


def test_a_late_post_of_an_earlier_hop_gets_its_own_reply(phone: Phone) -> None:
    first = phone.dial().screen
    phone.press("1", "0103")
    assert phone.post(path="").screen == first
    phone.post(path="1").sees("ປ້ອນລະຫັດສູນ")
    phone.post(path="1*0103*5").sees("ບັດປະຈຳຕົວ")


def test_a_lost_hop_is_caught_up_from_the_accumulated_text(gateway: Gateway, phone: Phone) -> None:
    phone.dial().post(path="1*0103*4").sees("ບັດປະຈຳຕົວ")
    assert gateway.tally()["scores"] == {"1": 0, "2": 0, "3": 0, "4": 1, "5": 0}
    phone.post(path="1*0103").sees("5=ດີຫຼາຍ")


def test_a_session_that_ended_stays_ended(gateway: Gateway, phone: Phone) -> None:
    phone.dial("*1616*0103*5*1*1*3#").ends("ຂອບໃຈ")
    phone.post(path="0103*5*1*1*3*1").ends("ຂອບໃຈ")
    assert gateway.tally()["responses"] == 1


def test_another_phone_with_the_same_session_id_begins_its_own(
    gateway: Gateway, phone: Phone
) -> None:
    rated(phone)
    stranger = gateway.phone("+8562077712345")
    stranger.session = phone.session
    stranger.post(path="").sees(*HOME)


def test_a_session_with_a_code_replaces_a_dropped_one(gateway: Gateway, phone: Phone) -> None:
    rated(phone, "3").hangs_up()
    phone.dial("*1616*0103#").sees("5=ດີຫຼາຍ")
    assert gateway.tally()["partial"] == 1
    assert gateway.rows("SELECT status FROM conversations ORDER BY id") == [
        ("replaced",),
        ("open",),
    ]


def test_two_posts_at_once_advance_once(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("1", "0103")
    screens: list[str] = []

    def post() -> None:
        other = gateway.phone(phone.number)
        other.session = phone.session
        screens.append(other.post(path="1*0103*5").screen)

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(screens) == 6
    assert len(set(screens)) == 1
    assert gateway.tally()["responses"] == 1


def test_a_problem_may_hold_stars_and_hashes(gateway: Gateway, phone: Phone) -> None:
    written = "ເກັບ 1*2 ເທື່ອ #ຊ້າ*"
    phone.dial().press("4", "0103").sees("ຂຽນບັນຫາ").press(written).ends("ໄດ້ຮັບຂໍ້ຄວາມ")
    gateway.work()
    assert gateway.rows("SELECT odsc, kind, text FROM comments") == [("0103", "problem", written)]
    assert gateway.tally()["responses"] == 0


def test_fees_say_that_none_is_recorded(phone: Phone) -> None:
    phone.dial().press("3").sees("1 ບັດປະຈຳຕົວ").press("1")
    phone.sees("ບັດປະຈຳຕົວ", "ບໍ່ມີຂໍ້ມູນຄ່າທຳນຽມ")


def test_a_request_number_that_nobody_has_gets_a_sentence(phone: Phone) -> None:
    phone.dial().press("2").sees("ປ້ອນເລກຄຳຮ້ອງ").press("12345").sees("ບໍ່ພົບເລກຄຳຮ້ອງ")
