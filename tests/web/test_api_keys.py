"""Idempotency keys: the same request again has the effect of once, and the same answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from app import clock
from app.office import Office
from app.requests import once
from app.requests.once import Answer, Once, Work
from app.storage import api_answers
from app.web.api_problems import refused
from tests.web.system import PHONE, REQUESTS, System, filed, read, refusal, restart


def count(office: Office, table: str) -> int:
    with office.engine.connect() as tx:
        return int(tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_the_same_request_again_gets_the_first_answer(xaysetha: System, office: Office) -> None:
    first = xaysetha.files(key="a", phone=PHONE)
    read(xaysetha.moves(filed(first)["number"], "ready"))
    again = xaysetha.files(key="a", phone=PHONE)
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert (count(office, "requests"), count(office, "request_history")) == (1, 2)


def test_another_order_and_other_blanks_are_the_same_request(xaysetha: System) -> None:
    bodies = ('{"service":"id_card","note":"ກ"}', '{ "note": "\\u0e81",\n "service": "id_card" }')
    first, again = (
        xaysetha.calls(
            "POST", REQUESTS, {"Idempotency-Key": "a"}, data=body, content_type="application/json"
        )
        for body in bodies
    )
    assert filed(first) == filed(again)


@pytest.mark.parametrize("change", [{"phone": "020 9123 4568"}, {"note": "x"}, {"texts": False}])
def test_a_key_that_came_with_something_else_is_refused(
    xaysetha: System, office: Office, change: dict[str, object]
) -> None:
    filed(xaysetha.files(key="a", phone=PHONE))
    again = xaysetha.files({"phone": PHONE} | change, key="a")
    assert refusal(again, 422) == ("Idempotency-Key", "key_reused")
    assert count(office, "requests") == 1


def test_a_key_is_for_one_request_of_one_kind(xaysetha: System) -> None:
    one, other = (filed(xaysetha.files(key=key))["number"] for key in ("1", "2"))
    read(xaysetha.moves(one, "ready", key="3"))
    for key in ("1", "3"):
        assert refusal(xaysetha.moves(other, "ready", key=key), 422)[1] == "key_reused"


def test_a_move_is_made_once(xaysetha: System) -> None:
    number = filed(xaysetha.files())["number"]
    first = xaysetha.moves(number, "in_process", key="m")
    read(xaysetha.moves(number, "ready"))
    again = xaysetha.moves(number, "in_process", key="m")
    assert (again.status_code, again.data) == (200, first.data)
    now = read(xaysetha.sees(number))
    assert [one["status"] for one in now["history"]] == ["received", "in_process", "ready"]


def test_a_refusal_is_stored_like_any_answer(xaysetha: System, office: Office) -> None:
    number = filed(xaysetha.files(status="in_process"))["number"]
    first = xaysetha.moves(number, "received", key="m")
    assert refusal(first, 409) == ("status", "not_allowed")
    with office.engine.begin() as tx:
        tx.execute(text("UPDATE requests SET status = 'received'"))
    again = xaysetha.moves(number, "received", key="m")
    assert (again.status_code, again.data) == (409, first.data)
    assert again.content_type == "application/problem+json"


def test_what_was_refused_leaves_nothing_but_its_answer(xaysetha: System, office: Office) -> None:
    filed(xaysetha.files(own_number="A-17"))
    assert refusal(xaysetha.files(key="a", phone=PHONE, own_number="A-17"), 409)[1] == "taken"
    assert (count(office, "contacts"), count(office, "api_answers")) == (0, 1)


def test_what_is_not_understood_spends_no_key(xaysetha: System, office: Office) -> None:
    assert xaysetha.files(key="a", service="nothing").status_code == 422
    assert count(office, "api_answers") == 0
    filed(xaysetha.files(key="a"))


def test_keys_of_two_offices_are_strangers(xaysetha: System, pek: System) -> None:
    assert filed(xaysetha.files(key="a"))["odsc"] == "0103"
    assert filed(pek.files(key="a"))["odsc"] == "0901"


@pytest.mark.parametrize("key", ["", "ກ".encode().decode("latin-1"), "x" * 201, "\x7f"])
def test_a_key_is_printable_and_not_too_long(xaysetha: System, office: Office, key: str) -> None:
    assert refusal(xaysetha.files(key=key), 422) == ("Idempotency-Key", "bad_form")
    assert count(office, "requests") == 0


@pytest.mark.parametrize("key", ["!", "~" * 200, "8e03978e-40d5-43dd-bc93-6894a57f9324", '"a b"'])
def test_any_other_key_is_good(xaysetha: System, key: str) -> None:
    assert filed(xaysetha.files(key=key)) == filed(xaysetha.files(key=key))


def test_eight_at_once_make_one_request(xaysetha: System, office: Office) -> None:
    def file(_: int) -> tuple[int, bytes]:
        answer = xaysetha.files(key="once", phone=PHONE, own_number="A-17", texts=True)
        return answer.status_code, answer.data

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(file, range(48)))
    assert count(office, "requests") == count(office, "request_history") == 1
    made = {data for status, data in answers if status == 201}
    assert len(made) == 1
    # Who came too early was told so, and may try again.
    assert {status for status, _ in answers} <= {201, 409}
    assert all(b"key_in_use" in data for status, data in answers if status == 409)
    assert filed(xaysetha.files(key="once", phone=PHONE, own_number="A-17", texts=True))


def test_eight_at_once_without_a_key_still_share_an_own_number(
    xaysetha: System, office: Office
) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: xaysetha.files(own_number="A-17"), range(24)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 23
    assert count(office, "requests") == 1


def test_a_key_that_is_being_worked_on_is_a_conflict(xaysetha: System, office: Office) -> None:
    with office.engine.begin() as tx:
        token = tx.execute(text("SELECT id FROM api_tokens")).scalar_one()
        assert api_answers.claim(tx, token, "a")
        assert refusal(xaysetha.files(key="a"), 409) == ("Idempotency-Key", "key_in_use")
    assert filed(xaysetha.files(key="a"))
    assert count(office, "requests") == 1


def test_under_a_key_a_dead_connection_is_tried_again(
    xaysetha: System, office: Office, engine: Engine
) -> None:
    filed(xaysetha.files(key="a"))
    with office.engine.connect() as tx:
        token = tx.execute(text("SELECT id FROM api_tokens")).scalar_one()
    restart(engine)
    engine.dispose()
    work = Work(lambda tx: Answer(200, tx.execute(text("SELECT 'done'")).scalar_one()), refused)
    answer = once.act_once(
        office.engine, office.registrar.vault, Once(token, "b", ""), work, clock.now()
    )
    assert answer == Answer(200, "done")


def test_keys_are_forgotten_after_a_day(xaysetha: System, office: Office) -> None:
    first = filed(xaysetha.files(key="a"))
    assert once.forget(office.engine, clock.now() + timedelta(hours=23)) == 0
    assert filed(xaysetha.files(key="a")) == first
    assert once.forget(office.engine, clock.now() + timedelta(hours=25)) == 1
    assert filed(xaysetha.files(key="a"))["number"] != first["number"]


def test_no_number_can_be_guessed_from_what_is_kept(xaysetha: System, office: Office) -> None:
    """The hash of what was asked is keyed: ten million phones are soon tried."""
    filed(xaysetha.files(key="a", phone=PHONE))
    filed(xaysetha.files(key="b", phone=PHONE))
    with office.engine.connect() as tx:
        hashes = tx.execute(text("SELECT request_hash FROM api_answers ORDER BY key")).scalars()
        one, other = hashes
    content = f'POST {REQUESTS}\n{{"service":"id_card","phone":"{PHONE}"}}'
    assert one == other == office.registrar.vault.hash(content)
