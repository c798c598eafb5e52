"""However often a gateway brings a message, it is stored once, answered once and never mixed up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.conversation.intake import SAME_TEXT_LIMIT, SAME_TEXT_WITHIN
from app.storage import people
from tests import wire
from tests.phones import Gateway, Phone
from tests.wire import Wire

NUMBER = "+8562055512345"


@pytest.fixture
def wired(gateway: Gateway) -> Gateway:
    """A gateway with a network that gives ids or none, as a test likes."""
    return wire.on(gateway, Wire(wire.config()))


def brings(gateway: Gateway, text: str, **fields: object) -> int:
    said = {"sender": NUMBER, "text": text} | fields
    return wire.brings(gateway, "sms", said)[0]


def stored(gateway: Gateway) -> list[tuple[object, ...]]:
    return gateway.rows("SELECT text, state FROM inbound ORDER BY id")


def at_once(jobs: list[Callable[[], None]], threads: int = 8) -> None:
    """Work them off in so many threads."""
    left = list(jobs)

    def work() -> None:
        while left:
            try:
                job = left.pop()
            except IndexError:
                return
            job()

    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


# --- repeats with an id -----------------------------------------------------------------------


def test_every_message_three_times_by_eight_threads_is_stored_once(wired: Gateway) -> None:
    statuses: list[int] = []

    def job(number: int) -> Callable[[], None]:
        def bring() -> None:
            phone = f"+85620555{number:05d}"
            status = brings(wired, "0103 5 ດີຫຼາຍ", sender=phone, provider_id=f"m-{number}")
            statuses.append(status)

        return bring

    at_once([job(number % 40) for number in range(120)])
    assert statuses == [200] * 120
    wired.work()
    assert wired.rows("SELECT count(*) FROM inbound") == [(40,)]
    assert wired.rows("SELECT count(*) FROM outbox") == [(40,)]
    assert wired.tally()["responses"] == 40


def test_one_message_by_eight_threads_is_stored_once(wired: Gateway) -> None:
    at_once([lambda: assert_taken(brings(wired, "0103 4", provider_id="one"))] * 16)
    wired.phone(NUMBER)
    wired.work()
    assert stored(wired) == [("0103 4", "done")]
    assert wired.tally()["responses"] == 1


def assert_taken(status: int) -> None:
    assert status == 200


def test_an_id_that_comes_with_another_text_is_refused_and_told(wired: Gateway) -> None:
    assert brings(wired, "0103 5", provider_id="one") == 200
    assert brings(wired, "0103 1", provider_id="one") == 409
    assert brings(wired, "0103 5", provider_id="one", sender="+8562077712345") == 409
    assert brings(wired, "0103 5", provider_id="one") == 200
    assert wired.rows("SELECT text FROM inbound") == [("0103 5",)]
    assert wired.rows("SELECT count(*) FROM contacts") == [(1,)]
    alarms = wired.rows("SELECT kind, subject, times, detail FROM alarms")
    assert [alarm[:3] for alarm in alarms] == [("contradiction", "wire", 2)]
    assert "0103" not in str(alarms)


def test_the_number_may_be_written_in_another_way_the_second_time(wired: Gateway) -> None:
    assert brings(wired, "0103 5", provider_id="one", sender="020 5551 2345") == 200
    assert brings(wired, "0103 5", provider_id="one", sender="8562055512345") == 200
    assert wired.rows("SELECT count(*) FROM alarms") == [(0,)]


def test_a_message_of_before_its_content_was_compared_is_known(wired: Gateway) -> None:
    brings(wired, "0103 5", provider_id="one")
    with wired.office.engine.begin() as tx:
        tx.exec_driver_sql("UPDATE inbound SET body_hash = NULL")
    assert brings(wired, "0103 1", provider_id="one") == 200
    assert stored(wired) == [("0103 5", "new")]


def test_one_refused_message_of_several_does_not_hold_up_the_others(wired: Gateway) -> None:
    brings(wired, "0103 5", provider_id="one")
    several = [
        {"sender": NUMBER, "text": "0103 1", "provider_id": "one"},
        {"sender": NUMBER, "text": "0103 4", "provider_id": "two"},
    ]
    assert wire.brings(wired, "sms", *several)[0] == 409
    assert stored(wired) == [("0103 5", "new"), ("0103 4", "new")]


def test_several_in_one_request_are_all_stored(wired: Gateway) -> None:
    several = [{"sender": NUMBER, "text": f"text {number}"} for number in range(5)]
    assert wire.brings(wired, "sms", *several) == (200, "OK")
    assert [text for text, _ in stored(wired)] == [f"text {number}" for number in range(5)]


@pytest.mark.parametrize("sender", ["1616", "LaoTelecom", "+1"])
def test_who_is_no_phone_is_stored_once_too(wired: Gateway, sender: str) -> None:
    for provider_id in ("one", "one", "two"):
        assert brings(wired, "hello", sender=sender, provider_id=provider_id) == 200
    assert brings(wired, "other", sender=sender, provider_id="one") == 409
    assert stored(wired) == [("hello", "ignored"), ("hello", "ignored")]


# --- repeats without one ----------------------------------------------------------------------


def test_without_an_id_the_same_text_soon_after_is_a_repeat(wired: Gateway) -> None:
    assert brings(wired, "0103 5", provider_id="", ago=9) == 200
    assert brings(wired, "0103 5", provider_id="") == 200
    assert stored(wired) == [("0103 5", "new")]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("0103 4", {}),
        ("0103 5", {"ago": 30}),
        ("0103 5", {"sender": "+8562077712345"}),
        ("0103 5", {"provider_id": "one"}),
    ],
)
def test_without_an_id_anything_else_is_another_message(
    wired: Gateway, text: str, other: dict[str, object]
) -> None:
    brings(wired, "0103 5", provider_id="")
    brings(wired, text, **({"provider_id": ""} | other))
    assert wired.rows("SELECT count(*), count(DISTINCT provider_id) FROM inbound") == [(2, 2)]


def test_without_an_id_eight_threads_at_once_store_one(wired: Gateway) -> None:
    at_once([lambda: assert_taken(brings(wired, "0103 5", provider_id=""))] * 16)
    wired.work()
    assert stored(wired) == [("0103 5", "done")]
    assert wired.rows("SELECT count(*) FROM outbox") == [(1,)]


def test_without_an_id_and_without_a_window_every_message_counts(gateway: Gateway) -> None:
    wired = wire.on(gateway, Wire(wire.config(repeat_seconds=0)))
    for ago in (3, 2, 1):
        brings(wired, "0103 5", provider_id="", ago=ago)
    assert wired.rows("SELECT count(*) FROM inbound") == [(3,)]


# --- a machine --------------------------------------------------------------------------------


def test_the_same_text_again_and_again_is_heard_no_more(gateway: Gateway, phone: Phone) -> None:
    for _ in range(SAME_TEXT_LIMIT + 5):
        phone.sends("I am out of office")
    assert len(phone.inbox) == SAME_TEXT_LIMIT - 1
    assert gateway.rows("SELECT state, reason, count(*) FROM inbound GROUP BY 1, 2 ORDER BY 1") == [
        ("done", "", SAME_TEXT_LIMIT - 1),
        ("ignored", "the same text too often", 6),
    ]
    phone.sends("0103 5").sends("STOP")
    assert len(phone.inbox) == SAME_TEXT_LIMIT + 1


def test_a_text_that_many_send_is_no_machine(gateway: Gateway) -> None:
    for number in range(SAME_TEXT_LIMIT + 5):
        gateway.phone(f"+85620555{number:05d}").sends("0103 5")
    assert gateway.tally()["responses"] == SAME_TEXT_LIMIT + 5


def test_who_says_the_same_slowly_is_heard(wired: Gateway) -> None:
    apart = SAME_TEXT_WITHIN / (SAME_TEXT_LIMIT - 2)
    for number in range(SAME_TEXT_LIMIT + 10):
        ago = timedelta(hours=5) - number * apart
        brings(wired, "0103 5", ago=ago.total_seconds())
    assert wired.rows("SELECT DISTINCT state FROM inbound") == [("new",)]


def test_stop_is_heard_however_often_it_is_said(gateway: Gateway, phone: Phone) -> None:
    for _ in range(SAME_TEXT_LIMIT + 2):
        phone.sends("STOP").sends("START")
    assert gateway.rows("SELECT count(*) FROM inbound WHERE state = 'ignored'") == [(3,)]
    assert gateway.rows("SELECT stopped_at IS NOT NULL FROM contacts") == [(True,)]


def test_a_canary_that_comes_back_is_nobodys_message(gateway: Gateway) -> None:
    office = gateway.office
    content = "Siang canary simulator 2026-11-22"
    with office.engine.begin() as tx:
        sealed = office.desk.seal("+8562055599999")
        office.post.mail.queue(
            tx,
            contact_id=people.ensure(tx, sealed.hash, sealed.cipher),
            purpose="canary",
            text=content,
            now=office.desk.now(),
            channel="simulator",
        )
    gateway.takes_sms("1616", content, "mo-canary")
    gateway.phone().sends("Siang canary nobody 2020-01-01")
    found = gateway.rows("SELECT state, reason FROM outbox WHERE purpose = 'canary'")
    assert found == [("delivered", "it came back")]
    stored = gateway.rows("SELECT state, reason FROM inbound ORDER BY id")
    assert stored == [("ignored", "a canary that came back"), ("done", "")]
