"""A citizen texts 1616."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from app import clock, upkeep
from app.conversation import sms
from app.text.encoding import segment_count
from tests.phones import Gateway, Phone, never


def test_one_line_is_one_complete_answer(gateway: Gateway, phone: Phone) -> None:
    phone.sends("0103 5 ດີຫຼາຍ").gets("ຂອບໃຈ")
    tally = gateway.tally()
    assert (tally["responses"], tally["complete"], tally["mean"]) == (1, 1, 5.0)
    assert gateway.rows("SELECT kind, odsc, text FROM comments") == [("rating", "0103", "ດີຫຼາຍ")]


@pytest.mark.parametrize(
    "written",
    ["໐໑໐໓ ໕ ດີຫຼາຍ", " 0103   5  ດີຫຼາຍ ", "0103\n5\nດີຫຼາຍ", "0103 5", "0103,5,ດີ", "໐໑໐໓  5"],
)
def test_spaces_and_lao_digits_do_not_matter(gateway: Gateway, phone: Phone, written: str) -> None:
    phone.sends(written).gets("ຂອບໃຈ")
    assert gateway.tally()["complete"] == 1


def test_an_unknown_code_in_one_line_asks_only_for_the_center(
    gateway: Gateway, phone: Phone
) -> None:
    phone.sends("9999 2 ຊ້າຫຼາຍ").gets("ລະຫັດສູນບໍ່ຖືກຕ້ອງ", "ປ້ອນລະຫັດສູນ")
    phone.sends("0103").gets("ຂອບໃຈ")
    tally = gateway.tally()
    assert (tally["complete"], tally["mean"]) == (1, 2.0)
    assert gateway.rows("SELECT text FROM comments") == [("ຊ້າຫຼາຍ",)]


def test_anything_else_opens_the_conversation(gateway: Gateway, phone: Phone) -> None:
    phone.sends("ສະບາຍດີ").gets("1 ໃຫ້ຄະແນນ")
    phone.sends("1").gets("ປ້ອນລະຫັດສູນ")
    phone.sends("໐໑໐໓").gets("ໄຊເສດຖາ", "5=ດີຫຼາຍ")
    phone.sends("2").gets("ບັດປະຈຳຕົວ")
    phone.sends("1").gets("ເວລາລໍຖ້າ")
    phone.sends("1").gets("ຈ່າຍເທົ່າໃດ")
    phone.sends("ຂ້າມ").gets("ເພດ")
    phone.sends("ຍິງ").gets("ຂອບໃຈ")
    tally = gateway.tally()
    assert (tally["complete"], tally["women"]) == (1, 1)
    assert all(segment_count(message) == 1 for message in phone.inbox)


def test_a_first_message_that_is_an_answer_counts_as_one(phone: Phone) -> None:
    phone.sends("0103").gets("ໄຊເສດຖາ", "5=ດີຫຼາຍ")


def test_the_same_message_delivered_three_times_is_answered_once(
    gateway: Gateway, phone: Phone
) -> None:
    for _ in range(3):
        phone.sends("0103 4 ດີ", message_id="kannel-1")
    phone.gets("ຂອບໃຈ").gets_nothing()
    assert gateway.tally()["responses"] == 1


def test_two_answers_of_one_phone_are_two_responses(gateway: Gateway, phone: Phone) -> None:
    phone.sends("0103 4").sends("0103 2")
    assert gateway.tally()["responses"] == 2


def test_a_whole_answer_leaves_the_conversation_that_was_going_on(
    gateway: Gateway, phone: Phone
) -> None:
    phone.sends("0901").sends("1").sends("0103 5")
    assert gateway.tally("0901")["partial"] == 1
    assert gateway.tally("0103")["complete"] == 1


@pytest.mark.parametrize("word", ["STOP", "stop", "ຢຸດ", " Stop. ", "STOP please"])
def test_stop_stops_everything_and_start_resumes(gateway: Gateway, phone: Phone, word: str) -> None:
    phone.sends(word).gets("START")
    phone.sends("0103 5").sends("ສະບາຍດີ").sends(word).gets_nothing()
    assert gateway.tally()["responses"] == 1
    phone.sends("START").gets("STOP")
    phone.sends("ສະບາຍດີ").gets()


def test_stop_works_in_the_middle_of_a_conversation(phone: Phone) -> None:
    phone.sends("ສະບາຍດີ").gets().sends("ຢຸດ").gets("ບໍ່ໄດ້ຮັບຂໍ້ຄວາມອີກ")


@pytest.mark.parametrize("sender", ["1616", "156", "LaoTelecom", "", "+", "8561"])
def test_who_is_no_phone_is_stored_and_never_answered(gateway: Gateway, sender: str) -> None:
    gateway.phone(sender).sends("0103 5 ok") if sender else None
    assert gateway.rows("SELECT count(*) FROM outbox") == [(0,)]
    assert gateway.tally()["responses"] == 0


def test_machines_that_answer_each_other_are_not_answered_for_ever(
    gateway: Gateway, phone: Phone
) -> None:
    most = gateway.office.desk.replies_per_hour
    for number in range(most + 5):
        phone.sends(f"automatic reply {number}")
    assert gateway.rows("SELECT count(*) FROM outbox") == [(most,)]


def test_a_silent_conversation_is_abandoned_and_counted_as_partial(
    gateway: Gateway, phone: Phone
) -> None:
    phone.sends("0103").sends("3")
    with gateway.office.engine.begin() as tx:
        tx.exec_driver_sql("UPDATE conversations SET turned_at = turned_at - interval '31 minutes'")
    upkeep.look_after(gateway.office, never)
    assert gateway.rows("SELECT status FROM conversations") == [("abandoned",)]
    assert gateway.tally()["partial"] == 1
    phone.sends("1")
    assert "ປ້ອນລະຫັດສູນ" in phone.inbox[-1] or "ໄຊເສດຖາ" in phone.inbox[-1]


def test_a_poisonous_message_is_put_aside_and_the_next_one_worked(
    gateway: Gateway, phone: Phone
) -> None:
    phone.sends("ສະບາຍດີ").gets()
    with gateway.office.engine.begin() as tx:
        tx.exec_driver_sql('UPDATE conversations SET state = state || \'{"node": "main/gone"}\'')
    phone.sends("1")
    for _ in range(3):
        with gateway.office.engine.begin() as tx:
            tx.exec_driver_sql("UPDATE inbound SET next_at = now() - interval '1 second'")
        gateway.work()
    phone.sends("0103 5").gets("ຂອບໃຈ")
    assert gateway.rows("SELECT state, reason, attempts FROM inbound ORDER BY id") == [
        ("done", "", 0),
        ("aside", "KeyError", 3),
        ("done", "", 0),
    ]


def test_a_message_is_not_put_aside_because_the_database_went_away(
    gateway: Gateway, phone: Phone
) -> None:
    def crash(tx: Connection, _contact: int, _text: str, _now: datetime) -> None:
        tx.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    gateway.takes_sms(phone.number, "0103 5", "m1")
    shaken = replace(gateway.office.desk, commands=(crash,))
    for _ in range(3):
        with pytest.raises(OperationalError):
            sms.drain(shaken, never)
    assert gateway.rows("SELECT state, attempts FROM inbound") == [("new", 0)]
    assert gateway.tally()["complete"] == 1


def test_messages_of_one_phone_are_worked_in_the_order_received(gateway: Gateway) -> None:
    phones = [gateway.phone(f"+85620555123{index:02d}") for index in range(5)]
    for index, content in enumerate(["0103", "5", "1"]):
        for phone in phones:
            gateway.takes_sms(phone.number, content, f"{phone.number}-{index}")
    gateway.work()
    assert gateway.tally()["services"] == {"id_card": 5}


def test_what_was_written_before_midnight_counts_for_that_day(
    gateway: Gateway, phone: Phone
) -> None:
    yesterday = clock.now() - timedelta(days=1)
    written_at = str(int(yesterday.timestamp()))
    gateway.takes_sms(phone.number, "0103 5", "late", ts=written_at)
    gateway.work()
    assert gateway.rows("SELECT day FROM responses") == [(clock.local_day(yesterday),)]


def test_words_after_numbers_are_kept_as_one_comment(gateway: Gateway, phone: Phone) -> None:
    long = "ຊ້າຫຼາຍ " * 40
    phone.sends("0103").sends(f"2 {long}").sends("1").sends("1").sends("1").sends("3")
    gateway.work()
    ((comment,),) = gateway.rows("SELECT text FROM comments WHERE kind = 'rating'")
    assert isinstance(comment, str)
    assert comment.startswith(long.strip())
    assert gateway.tally()["complete"] == 1


def test_a_second_comment_follows_the_whole_first_one(gateway: Gateway) -> None:
    phone = gateway.phone("+8562077712345")
    long = "ຊ້າຫຼາຍ " * 40
    phone.sends("0103").sends(f"2 {long}").sends("0").sends("3 ບໍ່ມີໃບຮັບເງິນ")
    gateway.work()
    ((comment,),) = gateway.rows("SELECT text FROM comments WHERE kind = 'rating'")
    assert comment == f"{long.strip()}\nບໍ່ມີໃບຮັບເງິນ"
