"""Signs of invented requests and answers: noticed, never refused, and counted apart."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from app.conversation import sms
from app.feedback import responses
from app.insight import recount
from app.requests import flags
from app.storage import request_flags
from tests.counter import Counter
from tests.phones import Gateway, never


@pytest.fixture
def counter(gateway: Gateway) -> Counter:
    return Counter(gateway.office)


def look(counter: Counter) -> int:
    return flags.look(counter.office.engine, counter.office.registrar, counter.clock.at)


def signs(counter: Counter) -> dict[str, int]:
    rows = counter.rows("SELECT kind, count(*) FROM request_flags GROUP BY kind")
    return {str(kind): int(str(n)) for kind, n in rows}


def phone(number: int) -> str:
    """Plain numbers that look like anybody's."""
    return f"0205{(number * 7_919_317 + 1_357_913) % 10_000_000:07}"


# --- one phone for many -----------------------------------------------------------------------


def test_one_phone_for_six_requests_of_a_center(counter: Counter) -> None:
    for _ in range(5):
        counter.files()
        counter.clock.at += timedelta(days=4)
    assert look(counter) == 0
    counter.files()
    assert look(counter) == 6
    assert signs(counter) == {"one_phone": 6}
    counter.files()
    assert look(counter) == 1


def test_the_same_over_a_longer_time_is_a_family(counter: Counter) -> None:
    for _ in range(8):
        counter.files()
        counter.clock.at += timedelta(days=7)
    look(counter)
    assert signs(counter) == {}


def test_the_same_at_several_centers_is_no_sign(counter: Counter) -> None:
    for odsc in ("0103", "0901"):
        for _ in range(5):
            counter.files(odsc=odsc)
    look(counter)
    assert signs(counter) == {}


def test_requests_without_a_phone_are_nobodys(counter: Counter) -> None:
    for _ in range(7):
        counter.files("")
    look(counter)
    assert signs(counter) == {}


# --- bursts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("by", "source"), [("staff 7", "sms"), ("token 3", "api")])
def test_twenty_within_ten_minutes_by_one_clerk(counter: Counter, by: str, source: str) -> None:
    counter.files(phone(0), by=by, source=source)
    counter.clock.at += timedelta(hours=1)
    for number in range(1, 21):
        counter.files(phone(number), by=by, source=source)
        counter.clock.at += timedelta(seconds=30)
    look(counter)
    assert signs(counter) == {"burst": 20}
    unflagged = "SELECT min(request_id) - (SELECT min(id) FROM requests) FROM request_flags"
    assert counter.rows(unflagged) == [(1,)]


def test_nineteen_are_busy(counter: Counter) -> None:
    for number in range(19):
        counter.files(phone(number))
    look(counter)
    assert signs(counter) == {}


def test_two_clerks_are_two(counter: Counter) -> None:
    for number in range(24):
        counter.files(phone(number), by=f"staff {number % 2}")
    look(counter)
    assert signs(counter) == {}


@pytest.mark.parametrize(("by", "source"), [("import", "import"), ("command", "command")])
def test_a_file_of_an_office_is_no_burst(counter: Counter, by: str, source: str) -> None:
    for number in range(25):
        counter.files(phone(number), by=by, source=source)
    look(counter)
    assert signs(counter) == {}


# --- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", ["02055555555", "02023456789", "02098765432", "02045512345", "0305555555"]
)
def test_a_number_that_looks_made_up(counter: Counter, number: str) -> None:
    counter.files(number)
    counter.files()
    assert look(counter) == 1
    assert signs(counter) == {"number": 1}


@pytest.mark.parametrize("number", ["02055512345", "021212345", "+66812345678", "0301234568"])
def test_a_number_that_anybody_may_have(counter: Counter, number: str) -> None:
    counter.files(number)
    assert look(counter) == 0


# --- one handset rates for many ---------------------------------------------------------------


def test_one_handset_that_rates_for_four(counter: Counter) -> None:
    handset = counter.phone()
    for day in range(4):
        counter.collects(odsc=("0103", "0901")[day % 2])
        counter.waits(hours=4)
        handset.sends("5")
        counter.waits(hours=20)
    assert signs(counter) == {"one_handset": 4}
    tally = counter.gateway.rows("SELECT answer, sum(n) FROM tallies WHERE n > 0 GROUP BY answer")
    assert tally == [("flagged", 4)]


def test_three_in_a_week_are_no_sign(counter: Counter) -> None:
    for _ in range(5):
        counter.collects()
        counter.waits(hours=4)
        counter.phone().sends("5")
        counter.waits(days=3)
    assert signs(counter) == {}


# --- counted apart ----------------------------------------------------------------------------


def tallies(counter: Counter) -> dict[tuple[object, object], int]:
    rows = counter.rows("SELECT question, answer, sum(n) FROM tallies WHERE n > 0 GROUP BY 1, 2")
    return {(question, answer): int(str(n)) for question, answer, n in rows}


def agrees(counter: Counter) -> bool:
    return recount.run(counter.office.engine).difference is None


def test_the_answer_of_a_flagged_request_is_counted_apart(counter: Counter) -> None:
    counter.collects("02055555555")
    counter.waits(hours=4)
    counter.phone("02055555555").sends("2").sends("1").sends("900000").sends("1")
    counter.work()
    assert tallies(counter) == {("status", "flagged"): 1}
    assert agrees(counter)
    week = json.loads(json.dumps(counter.gateway.tally()))
    assert (week["flagged"], week["responses"], week["women"], week["mean"]) == (1, 0, 0, None)
    assert counter.rows("SELECT flagged, score FROM responses") == [(True, 2)]


def test_an_answer_moves_when_its_request_is_flagged_later(counter: Counter) -> None:
    counter.collects()
    counter.waits(hours=4)
    counter.phone().sends("5").sends("2").sends("1")
    counter.phone("02022233344").sends("0103 3")
    before = tallies(counter)
    assert before[("score", "5")] == before[("score", "3")] == 1
    for _ in range(5):
        counter.files()
    counter.work()
    assert tallies(counter) == {
        ("status", "flagged"): 1,
        ("status", "complete"): 1,
        ("score", "3"): 1,
    }
    assert agrees(counter)
    week = counter.gateway.tally()
    assert (week["flagged"], week["responses"], week["mean"]) == (1, 1, 3.0)


def test_a_sign_that_comes_while_the_answer_is_being_stored_is_not_lost(counter: Counter) -> None:
    """The sign waits for the lock on the conversation, and makes it due once more."""
    request = counter.collects()
    counter.waits(hours=4)
    counter.gateway.takes_sms(counter.phone().number, "5", "mo-race")
    sms.drain(counter.gateway.office.desk, never)
    engine, now, flagged = counter.office.engine, counter.clock.at, threading.Event()

    def flag() -> None:
        with engine.begin() as tx:
            row = {"id": request.id, "now": now}
            sign = "INSERT INTO request_flags (request_id, kind, at) VALUES (:id, 'number', :now)"
            tx.execute(text(sign), row)
            request_flags.count_anew(tx, [request.id], now)
        flagged.set()

    meanwhile = threading.Thread(target=flag)

    def interleave(*args: object) -> None:
        if "AS flagged" in str(args[2]):
            meanwhile.start()
            assert not flagged.wait(0.3)

    event.listen(engine, "after_cursor_execute", interleave)
    responses.drain(engine, now, never)
    event.remove(engine, "after_cursor_execute", interleave)
    meanwhile.join()
    assert ("score", "5") in tallies(counter)
    responses.drain(engine, now, never)
    assert tallies(counter) == {("status", "flagged"): 1}
    assert agrees(counter)


def test_a_rating_that_nobody_asked_for_is_tied_to_nothing(counter: Counter) -> None:
    counter.files("02055555555")
    counter.work()
    counter.phone("02055555555").sends("0103 5")
    assert counter.gateway.tally()["flagged"] == 0


# --- looking ----------------------------------------------------------------------------------


def test_looking_again_finds_nothing_new(counter: Counter) -> None:
    counter.files("02055555555")
    assert [look(counter), look(counter)] == [1, 0]
    counter.clock.at += timedelta(minutes=1)
    assert look(counter) == 0
    assert signs(counter) == {"number": 1}


def test_what_was_committed_late_is_looked_at_once_more(counter: Counter) -> None:
    """An office's file takes a while: what is filed meanwhile gets later numbers and is earlier."""
    counter.files()
    look(counter)
    with counter.office.engine.begin() as tx:
        tx.exec_driver_sql(
            "INSERT INTO requests (id, number, odsc, service, contact_id, status) "
            "OVERRIDING SYSTEM VALUE SELECT min(r.id) - 1, '1', '0103', 'id_card', "
            "min(contact_id), 'received' FROM requests r"
        )
        late = counter.office.desk.vault.seal("+8562055555555")
        tx.exec_driver_sql(
            "UPDATE contacts SET phone_hash = %s, phone_cipher = %s", (late.hash, late.cipher)
        )
    counter.clock.at += timedelta(minutes=1)
    assert look(counter) == 2


def test_in_the_end_it_is_settled(counter: Counter) -> None:
    counter.files()
    look(counter)
    counter.clock.at += timedelta(minutes=11)
    counter.files("02022233344")
    for _ in range(3):
        look(counter)
        counter.clock.at += timedelta(minutes=11)
    before = counter.rows("SELECT name, slot FROM runs ORDER BY 1, 2")
    counter.clock.at += timedelta(minutes=1)
    assert look(counter) == 0
    assert counter.rows("SELECT name, slot FROM runs ORDER BY 1, 2") == before
    assert len(before) <= 4
