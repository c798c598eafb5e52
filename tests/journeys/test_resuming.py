"""What networks do to a session, and how a person goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app import open_office, settings, upkeep
from tests.phones import Gateway, Phone, never

ASKED = ("1 ສືບຕໍ່", "2 ເລີ່ມໃໝ່")


def pass_time(gateway: Gateway, by: timedelta) -> None:
    """As if everything so far had happened that much earlier."""
    with gateway.office.engine.begin() as tx:
        tx.execute(
            text("UPDATE conversations SET turned_at = turned_at - :by"),
            {"by": by},
        )
    upkeep.look_after(gateway.office, never)


def dropped(phone: Phone) -> Phone:
    return phone.dial().press("1", "0103", "2").sees("ບັດປະຈຳຕົວ").hangs_up()


def test_who_redials_may_go_on_where_the_session_was_dropped(
    gateway: Gateway, phone: Phone
) -> None:
    dropped(phone).dial().sees(*ASKED).press("1").sees("ບັດປະຈຳຕົວ")
    phone.press("1", "1", "1", "1").ends("ຂອບໃຈ")
    tally = gateway.tally()
    assert (tally["responses"], tally["complete"], tally["mean"]) == (1, 1, 2.0)


def test_the_question_tells_nothing_of_what_was_answered(phone: Phone) -> None:
    dropped(phone).dial().sees(*ASKED)
    assert "ໄຊເສດຖາ" not in phone.screen
    assert "2 ເລີ່ມໃໝ່" in phone.screen


def test_who_starts_over_leaves_the_first_answers_counted(gateway: Gateway, phone: Phone) -> None:
    dropped(phone).dial().press("2").sees("1 ໃຫ້ຄະແນນ")
    phone.press("1", "0901", "5", "1", "1", "3").ends("ຂອບໃຈ")
    assert gateway.tally("0103")["partial"] == 1
    assert gateway.tally("0901")["complete"] == 1


def test_hours_later_one_may_still_go_on(gateway: Gateway, phone: Phone) -> None:
    dropped(phone)
    pass_time(gateway, timedelta(hours=23))
    assert gateway.tally()["partial"] == 1
    phone.dial().sees(*ASKED).press("1").sees("ບັດປະຈຳຕົວ").press("1", "1", "1", "3")
    tally = gateway.tally()
    assert (tally["responses"], tally["complete"], tally["partial"]) == (1, 1, 0)


def test_the_next_day_a_call_begins_anew(gateway: Gateway, phone: Phone) -> None:
    dropped(phone)
    pass_time(gateway, timedelta(hours=25))
    phone.dial().sees("1 ໃຫ້ຄະແນນ")


def test_who_had_only_seen_the_menu_is_not_asked(phone: Phone) -> None:
    phone.dial().hangs_up().dial().sees("1 ໃຫ້ຄະແນນ")


def test_who_dials_a_center_is_not_asked_either(phone: Phone) -> None:
    dropped(phone).dial("*1616*0901#").sees("ແປກ", "5=ດີຫຼາຍ")


def test_a_finished_call_is_over(phone: Phone) -> None:
    phone.dial("*1616*0103*5*1*1*3#").ends("ຂອບໃຈ")
    phone.dial().sees("1 ໃຫ້ຄະແນນ")


def test_a_session_dropped_at_the_question_itself_is_asked_again(phone: Phone) -> None:
    dropped(phone).dial().sees(*ASKED).hangs_up()
    phone.dial().sees(*ASKED).press("1").sees("ບັດປະຈຳຕົວ")


@pytest.mark.parametrize("hops", range(1, 7))
def test_a_session_may_be_dropped_at_any_step(gateway: Gateway, phone: Phone, hops: int) -> None:
    keys = ["1", "0103", "2", "1", "3", "1", "3"]
    phone.dial().press(*keys[:hops]).hangs_up()
    at = phone.screen
    phone.dial().sees(*ASKED).press("1")
    assert phone.screen == at
    phone.press(*keys[hops:]).ends("ຂອບໃຈ")
    tally = gateway.tally()
    assert (tally["responses"], tally["complete"]) == (1, 1)


def test_three_wrong_answers_and_then_what_to_do_instead(phone: Phone) -> None:
    phone.dial("*1616*0103#")
    for _ in range(4):
        phone.press("x").sees("5")
    phone.press("x").ends("1616")


def test_a_state_that_nobody_can_read_any_more_begins_anew(gateway: Gateway, phone: Phone) -> None:
    dropped(phone)
    texter = gateway.phone("+8562077712345").sends("0103").gets()
    with gateway.office.engine.begin() as tx:
        tx.execute(text("UPDATE conversations SET state = '{\"v\": 0}'"))
    phone.post(f"{phone.path}*1").sees("1 ໃຫ້ຄະແນນ")
    phone.dial().sees("1 ໃຫ້ຄະແນນ")
    texter.sends("x").gets("1 ໃຫ້ຄະແນນ")


# --- a story by SMS ---------------------------------------------------------------------------

STORY = "ພະນັກງານໃຫ້ລໍຖ້າສາມມື້ ແລ້ວຂໍເງິນເພີ່ມ"


def test_a_problem_may_be_told_by_sms(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("4", "0103").sees("1 ສົ່ງ SMS").press("1").ends("1616")
    phone.sends(STORY).gets("ໄດ້ຮັບຂໍ້ຄວາມແລ້ວ")
    assert gateway.rows("SELECT odsc, kind, text FROM comments") == [("0103", "problem", STORY)]


def test_texts_of_two_days_join_what_was_typed(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("4", "0103", "ຊ້າ").ends("ໄດ້ຮັບ")
    phone.sends(STORY).sends(STORY + " 2")
    assert gateway.rows("SELECT text FROM comments") == [(f"ຊ້າ\n{STORY}\n{STORY} 2",)]


def test_after_two_days_a_text_begins_a_conversation(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("4", "0103", "ຊ້າ")
    with gateway.office.engine.begin() as tx:
        tx.execute(text("UPDATE cases SET open_until = now() - interval '1 minute'"))
    phone.sends(STORY).gets("1 ໃຫ້ຄະແນນ")


def test_a_score_in_one_line_is_no_part_of_the_story(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("4", "0103", "ຊ້າ")
    phone.sends("0103 5 ດີຫຼາຍ ຂອບໃຈພະນັກງານ").gets("ຂອບໃຈ")
    assert gateway.tally()["complete"] == 1


# --- a slow answer ----------------------------------------------------------------------------


@pytest.fixture
def hurried(engine: Engine, database_url: str, home: Path) -> Iterator[Gateway]:
    """A gateway whose USSD network waits 0.3 seconds."""
    environment = {
        "SIANG_HOME": str(home),
        "SIANG_CHANNEL_AFRICASTALKING_DEADLINE_SECONDS": "0.3",
    }
    office = open_office(settings.load(environment), database_url, pool=8)
    office.desk.books.open(office.engine)
    yield Gateway(office)
    office.engine.dispose()


@contextmanager
def locked_phone(gateway: Gateway) -> Iterator[None]:
    with gateway.office.engine.begin() as tx:
        tx.execute(text("SELECT 1 FROM contacts FOR UPDATE"))
        yield


def followed(gateway: Gateway, phone: Phone) -> Phone:
    """Wait for the SMS that was promised."""
    until = time.monotonic() + 10
    while not phone.inbox and time.monotonic() < until:
        gateway.work()
        time.sleep(0.05)
    return phone


def test_a_slow_answer_is_promised_by_sms_and_follows(hurried: Gateway) -> None:
    phone = hurried.phone().dial("*1616*0103*5#")
    with locked_phone(hurried):
        phone.press("1").ends("SMS")
    followed(hurried, phone).gets("ຈ່າຍເທົ່າໃດ")
    assert hurried.tally()["services"] == {"id_card": 1}


def test_others_are_answered_meanwhile(hurried: Gateway) -> None:
    slow, quick = hurried.phone().dial(), hurried.phone("+8562077712345")
    with locked_phone(hurried):
        thread = threading.Thread(target=lambda: slow.press("1"))
        thread.start()
        quick.dial("*1616*0103#").sees("5=ດີຫຼາຍ")
        thread.join()
    assert not slow.open
    followed(hurried, slow).gets("ປ້ອນລະຫັດສູນ")
