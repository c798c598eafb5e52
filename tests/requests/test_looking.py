"""Looking a request up: one's own at once, others' at a pace that makes guessing hopeless."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, text

from app.requests import numbers
from app.requests.looking import Looked, Pace, look_up
from app.storage import lookup_tries
from app.storage.people import Contact
from tests.requests.desk import PHONE, Desk

STRANGER = "+8562077123456"
PACE = Pace()


def looks(desk: Desk, contact: Contact, typed: str) -> Looked:
    return look_up(desk.tx, desk.registrar.vault, PACE, contact, typed, desk.now)


def free_numbers() -> Iterator[str]:
    """Right numbers under which nothing is filed."""
    return (numbers.new("0999", serial) for serial in itertools.count())


def misses(desk: Desk, contact: Contact, count: int) -> list[str]:
    return [looks(desk, contact, number).outcome for number in itertools.islice(FREE, count)]


FREE = free_numbers()


def tries(desk: Desk) -> int:
    return int(desk.tx.execute(text("SELECT count(*) FROM lookup_tries")).scalar_one())


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """Every statement that is sent meanwhile."""
    sent: list[str] = []

    def remember(*given: object) -> None:
        sent.append(str(given[2]))

    event.listen(engine, "before_cursor_execute", remember)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", remember)


# --- what was typed -----------------------------------------------------------------------------


def test_a_slip_of_the_finger_is_told_before_the_database_is_asked(
    desk: Desk, engine: Engine
) -> None:
    number, contact = desk.file(phone=PHONE).number, desk.contact()
    wrong = f"{number[:-1]}{(int(number[-1]) + 1) % 10}"
    impossible = (wrong, numbers.shown(wrong), "", "  ", "K1", "K" * 31, "KS#12", "🙂🙂🙂")
    with counted(engine) as sent:
        found = {looks(desk, contact, typed).outcome for typed in impossible}
    assert (found, sent) == ({"mistyped"}, [])
    assert tries(desk) == 0, "a slip is no miss"


def test_a_number_is_found_however_it_is_typed(desk: Desk) -> None:
    request = desk.file(phone=PHONE)
    lao = request.number.translate(str.maketrans("0123456789", "໐໑໒໓໔໕໖໗໘໙"))
    for typed in (request.number, numbers.shown(request.number), lao, f" {lao[:4]}-{lao[4:]} "):
        assert looks(desk, desk.contact(), typed) == Looked("found", request, own=True)


# --- one's own ----------------------------------------------------------------------------------


def test_one_s_own_requests_are_always_shown_and_never_counted(desk: Desk) -> None:
    request, contact = desk.file(phone=PHONE, alias="KS1"), desk.contact()
    misses(desk, contact, 30)
    before = tries(desk)
    for typed in (request.number, "ks 1") * 20:
        assert looks(desk, contact, typed) == Looked("found", request, own=True)
    assert tries(desk) == before


# --- others' ------------------------------------------------------------------------------------


def test_a_stranger_finds_a_request_by_its_number_and_that_is_recorded(desk: Desk) -> None:
    request, stranger = desk.file(phone=PHONE), desk.contact(STRANGER)
    assert looks(desk, stranger, request.number) == Looked("found", request, own=False)
    (row,) = lookup_tries.of_phones(desk.tx, desk.now - timedelta(days=1), 0)
    assert (row.contact_id, row.tries, row.misses, row.numbers) == (stranger.id, 1, 0, 1)


def test_five_misses_in_an_hour_and_the_phone_waits_for_the_hour_to_end(desk: Desk) -> None:
    request, stranger = desk.file(phone=PHONE), desk.contact(STRANGER)
    assert misses(desk, stranger, 7) == ["unknown"] * 5 + ["paused"] * 2
    assert looks(desk, stranger, request.number) == Looked("paused"), "nothing is told"
    desk.now += timedelta(minutes=59)
    assert looks(desk, stranger, request.number).outcome == "paused"
    desk.now += timedelta(minutes=2)
    assert looks(desk, stranger, request.number).outcome == "found"
    assert misses(desk, stranger, 6) == ["unknown"] * 5 + ["paused"]


def test_who_is_patient_waits_for_the_day_to_end(desk: Desk) -> None:
    stranger = desk.contact(STRANGER)
    outcomes = []
    for _ in range(6):
        outcomes += misses(desk, stranger, 5)
        desk.now += timedelta(minutes=61)
    assert outcomes == ["unknown"] * 15 + ["paused"] * 15
    desk.now += timedelta(hours=24)
    assert misses(desk, stranger, 1) == ["unknown"]


def test_the_same_wrong_number_again_is_a_miss_again(desk: Desk) -> None:
    stranger, number = desk.contact(STRANGER), next(FREE)
    outcomes = [looks(desk, stranger, number).outcome for _ in range(6)]
    assert outcomes == ["unknown"] * 5 + ["paused"]


def test_who_finds_many_requests_of_others_waits_too(desk: Desk) -> None:
    stranger = desk.contact(STRANGER)
    others = [desk.file(alias=f"KS{serial:03d}") for serial in range(11)]
    for _ in range(5):
        assert looks(desk, stranger, "KS000").outcome == "found", "one number is one"
    found = [looks(desk, stranger, one.alias).outcome for one in others]
    assert found == ["found"] * 10 + ["paused"]
    desk.now += timedelta(hours=25)
    assert looks(desk, stranger, others[-1].number).outcome == "found"


def test_a_burst_from_one_block_of_numbers_makes_the_block_wait(desk: Desk) -> None:
    block = [desk.contact(f"+856205551{serial:04d}") for serial in range(6)]
    request = desk.file()
    for phone in block[:5]:
        assert misses(desk, phone, 4) == ["unknown"] * 4
    assert looks(desk, block[5], request.number).outcome == "paused", "it never tried before"
    assert looks(desk, desk.contact("+8562055520000"), request.number).outcome == "found"
    row = desk.tx.execute(text("SELECT kind, subject, detail FROM alarms")).one()
    assert (row.kind, row.subject) == ("guessing", "2026-11-23")
    assert "siang requests tries" in row.detail
    desk.now += timedelta(minutes=11)
    assert looks(desk, block[5], request.number).outcome == "found"


def test_what_is_recorded_tells_no_number(desk: Desk) -> None:
    number = next(FREE)
    looks(desk, desk.contact(STRANGER), number)
    row = desk.tx.execute(text("SELECT t::text AS shown FROM lookup_tries t")).one()
    assert number not in row.shown
    assert "77123456" not in row.shown
    assert number.encode().hex() not in row.shown


# --- an office's own numbers --------------------------------------------------------------------


def test_where_offices_number_alike_the_caller_s_own_is_meant(desk: Desk) -> None:
    desk.file(odsc="0901", alias="KS1")
    own = desk.file(phone=PHONE, alias="KS1")
    near = replace(desk.contact(), last_odsc="0901")
    assert looks(desk, near, "KS1") == Looked("found", own, own=True)


def test_where_offices_number_alike_the_one_that_was_rated_last_is_meant(desk: Desk) -> None:
    desk.file(alias="KS1")
    there = desk.file(odsc="0901", alias="KS1")
    near = replace(desk.contact(STRANGER), last_odsc="0901")
    assert looks(desk, near, "KS1") == Looked("found", there, own=False)


@pytest.mark.parametrize("last_odsc", [None, "1610"])
def test_which_of_two_is_meant_is_not_guessed(desk: Desk, last_odsc: str | None) -> None:
    desk.file(alias="KS1")
    desk.file(odsc="0901", alias="KS1")
    stranger = replace(desk.contact(STRANGER), last_odsc=last_odsc)
    assert looks(desk, stranger, "KS1") == Looked("unknown")


def test_of_two_of_one_s_own_the_one_that_was_rated_last_is_meant(desk: Desk) -> None:
    desk.file(phone=PHONE, alias="KS1")
    there = desk.file(phone=PHONE, odsc="0901", alias="KS1")
    desk.file(odsc="1610", alias="KS1")
    assert looks(desk, desk.contact(), "KS1") == Looked("unknown")
    near = replace(desk.contact(), last_odsc="0901")
    assert looks(desk, near, "KS1") == Looked("found", there, own=True)


def test_a_request_without_an_office_s_number_is_not_found_by_none(desk: Desk) -> None:
    desk.file()
    assert looks(desk, desk.contact(), "").outcome == "mistyped"
