"""Some hours after collection one SMS asks how it was, and the answer counts for that request."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.conversation import sms
from app.delivery import sending
from app.requests import invitations
from app.requests.invitations import Patience
from app.storage import request_lists
from tests.counter import Counter
from tests.phones import Gateway, Phone, never

APPLICANT = "02055512345"


@pytest.fixture
def counter(gateway: Gateway) -> Counter:
    return Counter(gateway.office)


@pytest.fixture
def applicant(counter: Counter) -> Phone:
    return counter.phone(APPLICANT)


def responses(counter: Counter) -> list[tuple[object, ...]]:
    counter.gateway.work()
    return counter.rows(
        "SELECT odsc, service, score, reason, paid, overcharged, request_id IS NOT NULL, status "
        "FROM responses ORDER BY id"
    )


def states(counter: Counter) -> list[object]:
    return [row[0] for row in counter.rows("SELECT state FROM invitations ORDER BY request_id")]


def invited(counter: Counter, applicant: Phone) -> Phone:
    counter.collects()
    counter.waits(hours=3, minutes=1)
    return applicant.gets("ພໍໃຈບໍ່? ຕອບ 1-5")


# --- asking -----------------------------------------------------------------------------------


def test_one_sms_asks_some_hours_after_collection(counter: Counter, applicant: Phone) -> None:
    counter.collects()
    counter.waits(hours=2)
    applicant.gets_nothing()
    counter.waits(hours=1, minutes=1)
    applicant.gets("ບັດປະຈຳຕົວ ໄຊເສດຖາ: ພໍໃຈບໍ່? ຕອບ 1-5 (5=ດີຫຼາຍ)")
    counter.work()
    applicant.gets_nothing()


def test_in_english(counter: Counter, applicant: Phone) -> None:
    counter.speaks(APPLICANT, "en")
    counter.collects()
    counter.waits(hours=4)
    applicant.gets("ID card, Xaysetha center: how was it?")


def test_one_reminder_and_no_more(counter: Counter, applicant: Phone) -> None:
    invited(counter, applicant)
    counter.waits(hours=49)
    applicant.gets("ຍັງຢາກຟັງທ່ານ")
    for _ in range(10):
        counter.waits(days=1)
    applicant.gets_nothing()
    assert states(counter) == ["closed"]


def test_a_phone_that_has_stopped_is_not_asked(counter: Counter, applicant: Phone) -> None:
    applicant.sends("STOP").gets("START")
    counter.collects()
    counter.waits(hours=4)
    applicant.gets_nothing()
    assert states(counter) == ["closed"]


def test_who_stops_after_the_question_is_not_reminded(counter: Counter, applicant: Phone) -> None:
    invited(counter, applicant).sends("ຢຸດ").gets("START")
    counter.waits(hours=49).waits(hours=49)
    applicant.gets_nothing()
    assert states(counter) == ["closed"]


def test_a_phone_is_asked_about_one_request_at_a_time(counter: Counter, applicant: Phone) -> None:
    counter.collects()
    counter.collects(service="land_title")
    counter.waits(hours=4)
    applicant.gets("ບັດປະຈຳຕົວ").sends("5").gets("ຈ່າຍເທົ່າໃດ")
    counter.waits(hours=21)
    applicant.gets("ໃບຕາດິນ").sends("2").gets("ບັນຫາຫຼັກ")
    assert [row[:3] for row in responses(counter)] == [
        ("0103", "id_card", 5),
        ("0103", "land_title", 2),
    ]


def test_the_reminder_comes_two_days_after_the_question_went_out(
    counter: Counter, applicant: Phone
) -> None:
    """Holidays may keep the question for days; its reminder must not come with it."""
    counter.collects()
    counter.clock.at += timedelta(hours=4)
    office = counter.office
    invitations.look(office.engine, office.registrar, Patience(), counter.clock.at)
    counter.clock.at += timedelta(hours=60)
    assert invitations.look(office.engine, office.registrar, Patience(), counter.clock.at) == 0
    counter.gateway.work()
    applicant.gets("ພໍໃຈບໍ່?")
    counter.waits(hours=47)
    applicant.gets_nothing()
    counter.waits(hours=49)
    applicant.gets("ຍັງຢາກຟັງ")


def test_a_question_that_never_goes_out_is_given_up(counter: Counter) -> None:
    counter.collects()
    counter.clock.at += timedelta(hours=4)
    office = counter.office
    for _ in range(5):
        invitations.look(office.engine, office.registrar, Patience(), counter.clock.at)
        counter.clock.at += timedelta(hours=49)
    assert states(counter) == ["closed"]
    assert counter.rows("SELECT count(*) FROM outbox") == [(1,)]


def test_nobody_without_a_phone_is_asked(counter: Counter) -> None:
    counter.collects("")
    counter.waits(hours=4)
    assert states(counter) == []
    assert counter.rows("SELECT 1 FROM outbox") == []


def test_what_was_collected_long_ago_is_asked_after_once(
    counter: Counter, applicant: Phone
) -> None:
    """The clock process stood still for days: one question, then the reminder in its time."""
    counter.collects()
    counter.waits(days=5)
    applicant.gets("ພໍໃຈບໍ່?")
    counter.work()
    applicant.gets_nothing()


# --- answering --------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["5", "5 ດີ", "໕", "ຫ້າ", "5."])
def test_a_score_is_a_response_of_that_request(
    counter: Counter, applicant: Phone, answer: str
) -> None:
    invited(counter, applicant).sends(answer).gets("ຈ່າຍເທົ່າໃດ")
    assert responses(counter) == [("0103", "id_card", 5, None, None, False, True, "partial")]
    assert states(counter) == ["answered"]
    assert counter.rows("SELECT text FROM comments") == ([("ດີ",)] if "ດີ" in answer else [])
    tie = counter.rows(
        "SELECT i.request_id = c.request_id AND r.request_id = i.request_id FROM invitations i "
        "JOIN conversations c ON c.id = i.conversation_id "
        "JOIN responses r ON r.conversation_id = c.id"
    )
    assert tie == [(True,)]


def test_the_conversation_goes_on_to_its_end(counter: Counter, applicant: Phone) -> None:
    invited(counter, applicant).sends("1 ຊ້າ").gets("ບັນຫາຫຼັກ").sends("1").gets("ຈ່າຍ")
    applicant.sends("2").gets("ເພດ").sends("1").gets("ຂອບໃຈ")
    assert responses(counter) == [("0103", "id_card", 1, "waiting", 0, False, True, "complete")]
    tally = counter.gateway.tally()
    assert (tally["responses"], tally["complete"], tally["flagged"]) == (1, 1, 0)


def test_it_may_stop_after_the_score(counter: Counter, applicant: Phone) -> None:
    invited(counter, applicant).sends("4")
    counter.waits(hours=2)
    assert responses(counter) == [("0103", "id_card", 4, None, None, False, True, "partial")]
    counter.waits(hours=60)
    assert len(applicant.inbox) == 2


def test_an_answer_to_the_reminder_counts(counter: Counter, applicant: Phone) -> None:
    invited(counter, applicant)
    counter.waits(hours=49)
    applicant.gets("ຍັງຢາກຟັງ").sends("3").gets("ບັນຫາຫຼັກ")
    assert [row[2] for row in responses(counter)] == [3]


def test_a_second_score_changes_the_conversation_not_the_invitation(
    counter: Counter, applicant: Phone
) -> None:
    invited(counter, applicant).sends("5").gets("ຈ່າຍ").sends("00").gets("1 ໃຫ້ຄະແນນ")
    applicant.sends("0901 2").gets("ຂອບໃຈ")
    assert [row[:3] + row[6:7] for row in responses(counter)] == [
        ("0103", "id_card", 5, True),
        ("0901", None, 2, False),
    ]


def test_who_goes_on_to_rate_another_center_is_not_tied(counter: Counter, applicant: Phone) -> None:
    invited(counter, applicant).sends("5").sends("00").sends("0901").sends("2")
    ((odsc, _, score, *_, tied, _),) = responses(counter)
    assert (odsc, score, tied) == ("0901", 2, False)


def test_any_other_text_is_handled_as_ever(counter: Counter, applicant: Phone) -> None:
    invited(counter, applicant).sends("ສະບາຍດີ").gets("1 ໃຫ້ຄະແນນ")
    assert states(counter) == ["sent"]
    # Within the conversation that this has opened, 1 is the menu's.
    applicant.sends("1").gets("ສູນ")
    assert responses(counter) == []


def test_a_whole_rating_and_a_look_up_stand_for_themselves(
    counter: Counter, applicant: Phone
) -> None:
    number = counter.files("").number
    invited(counter, applicant).sends(f"2 {number}").gets("ບັດປະຈຳຕົວ", "ໄດ້ຮັບແລ້ວ")
    applicant.sends("5 0103").gets("ຂອບໃຈ")
    assert [row[6] for row in responses(counter)] == [False]
    assert states(counter) == ["sent"]


def test_a_conversation_of_before_does_not_take_the_answer(
    counter: Counter, applicant: Phone
) -> None:
    counter.collects()
    counter.waits(hours=2, minutes=55)
    applicant.sends("ສະບາຍດີ").gets("1 ໃຫ້ຄະແນນ")
    counter.waits(minutes=10)
    applicant.gets("ພໍໃຈບໍ່?").sends("4").gets("ຈ່າຍ")
    assert [(row[2], row[6]) for row in responses(counter)] == [(4, True)]


def test_after_the_last_day_a_score_is_an_ordinary_message(
    counter: Counter, applicant: Phone
) -> None:
    invited(counter, applicant)
    counter.waits(hours=49).waits(hours=169)
    applicant.gets("ຍັງຢາກຟັງ").sends("5").gets("ພາສາ")
    assert responses(counter) == []


def test_a_question_that_still_waits_for_the_day_has_no_answer(counter: Counter) -> None:
    """What is texted meanwhile means what it always means: 2 asks after a request."""
    counter.collects()
    counter.clock.at += timedelta(hours=4)
    office = counter.office
    assert invitations.look(office.engine, office.registrar, Patience(), counter.clock.at) == 1
    counter.gateway.takes_sms("+8562055512345", "2", "mo-night")
    sms.drain(counter.gateway.office.desk, never)
    assert counter.rows("SELECT state ->> 'node' FROM conversations") == [("main/request",)]
    assert states(counter) == ["sent"]


def test_what_was_written_before_the_question_is_no_answer_to_it(counter: Counter) -> None:
    counter.collects()
    counter.gateway.takes_sms("+8562055512345", "2", "mo-early")
    counter.clock.at += timedelta(hours=4)
    office = counter.gateway.office
    assert invitations.look(office.engine, office.registrar, Patience(), counter.clock.at) == 1
    sending.drain(office.post, never)
    sms.drain(office.desk, never)
    assert counter.rows("SELECT state ->> 'node' FROM conversations") == [("main/request",)]


def test_another_phone_answers_for_nobody(counter: Counter, applicant: Phone) -> None:
    invited(counter, applicant)
    counter.phone("02022233344").sends("5")
    assert responses(counter) == []
    assert states(counter) == ["sent"]


def test_the_same_answer_twice_from_the_gateway_is_one(counter: Counter, applicant: Phone) -> None:
    invited(counter, applicant)
    for _ in range(3):
        applicant.sends("5", message_id="mo-5")
    applicant.gets("ຈ່າຍ").gets_nothing()
    assert len(responses(counter)) == 1


# --- what was paid ----------------------------------------------------------------------------


@pytest.mark.parametrize(("paid", "overcharged"), [("35000", False), ("35001", True)])
def test_what_was_paid_is_compared_with_the_fee_at_filing(
    counter: Counter, applicant: Phone, paid: str, overcharged: bool
) -> None:
    invited(counter, applicant)
    with counter.office.engine.begin() as tx:
        tx.execute(text("UPDATE requests SET fee_kip = 30000, charge_kip = 5000"))
    applicant.sends("5").gets("ຈ່າຍ").sends(paid).gets("ເພດ")
    assert [row[4:6] for row in responses(counter)] == [(int(paid), overcharged)]
    assert counter.gateway.tally()["overcharged"] == int(overcharged)


# --- figures ----------------------------------------------------------------------------------


def test_the_rate_of_answers_is_told_by_center(counter: Counter) -> None:
    for last in range(4):
        counter.collects(f"0205550000{last}")
    counter.collects("02055500009", odsc="0901")
    counter.waits(hours=4)
    counter.phone("02055500000").sends("5")
    counter.phone("02055500001").sends("1")
    with counter.office.engine.connect() as tx:
        found = [(one.odsc, one.sent, one.answered, one.percent) for one in request_lists.rates(tx)]
    assert found == [("0103", 4, 2, 50.0), ("0901", 1, 0, 0.0)]


def test_a_round_of_the_clock_takes_all_that_is_due(counter: Counter) -> None:
    for last in range(3):
        counter.collects(f"0205550000{last}")
    counter.clock.at = counter.clock.at.replace(hour=7)
    office = counter.office
    assert invitations.look(office.engine, office.registrar, Patience(), counter.clock.at) == 3
    assert invitations.look(office.engine, office.registrar, Patience(), counter.clock.at) == 0
