"""Past its limits the door turns away at once, and in words, what it cannot take."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from flask import Blueprint, Flask
from structlog.testing import capture_logs

from app.conversation import arrivals
from app.conversation.deadline import Busy, Deadline, Patience, Promise
from app.spool import Spool
from app.text.encoding import units
from app.web import load
from app.web.load import Gate, limit_pages
from app.words import Reply
from tests.channels.door import NEW
from tests.phones import Gateway, Phone, never

ONE, OTHER = ("kannel", "127.0.0.2"), ("kannel", "127.0.0.3")
SMS = {"id": "m-1", "from": "+8562055512345", "to": "1616", "text": "0103 5"}
BUSY = "ມີຄົນໂທຫຼາຍ ກະລຸນາກົດໃໝ່ໃນ 1 ນາທີ"


def limited(gateway: Gateway, **limits: int) -> Gateway:
    """The gateway with other limits; 0 is nobody at all."""
    settings = gateway.office.settings
    changed = settings.limits.model_copy(update=limits)
    return Gateway(replace(gateway.office, settings=replace(settings, limits=changed)))


# --- gates --------------------------------------------------------------------------------------


def test_a_source_leaves_room_for_the_others() -> None:
    gate = Gate("turns", 4, 75)
    assert [gate.enter(ONE) for _ in range(4)] == [True, True, True, False]
    assert [gate.enter(OTHER) for _ in range(2)] == [True, False]
    gate.leave(ONE)
    assert [gate.enter(OTHER), gate.enter(ONE)] == [True, False]


def test_who_failed_inside_has_left() -> None:
    gate = Gate("turns", 1, 100)
    for _ in range(3):
        with suppress(LookupError), gate.admit(ONE) as admitted:
            assert admitted
            raise LookupError


def test_a_flood_is_one_line_in_the_log() -> None:
    now = [0.0]
    gate = Gate("turns", 0, 75, clock=lambda: now[0])
    with capture_logs() as logged:
        for _ in range(1000):
            gate.enter(ONE)
        now[0] = 6.0
        gate.enter(ONE)
    assert [one["refused"] for one in logged] == [1, 1000]


def test_pages_leave_threads_to_the_hooks() -> None:
    app, seen = Flask(__name__), []
    pages = Blueprint("pages", __name__)

    @pages.get("/page")
    def page() -> str:
        seen.append(app.test_client().get("/page"))
        return "shown"

    app.register_blueprint(pages)
    limit_pages(app, Gate("pages", 1, 100))
    assert [app.test_client().get("/page").text for _ in range(2)] == ["shown", "shown"]
    assert [one.status_code for one in seen] == [503, 503]
    assert int(seen[0].headers["Retry-After"]) > 0


def test_whoever_watches_sees_a_crowded_gateway(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "MOST_PAGES", 0)
    crowded = Gateway(gateway.office).client
    asked = ("/phone", "/metrics", "/health/ready")
    assert [crowded.get(path).status_code for path in asked] == [503, 200, 200]


# --- turns --------------------------------------------------------------------------------------


def test_a_turn_that_no_thread_takes_up_in_time_is_never_taken() -> None:
    deadline, begun, released = Deadline(1, 0.05), threading.Event(), threading.Event()
    taken: list[str] = []

    def hang(_promise: Promise) -> Reply:
        begun.set()
        released.wait(30)
        return Reply("late", ends=True)

    def turn(_promise: Promise) -> Reply:
        taken.append("turn")
        return Reply("taken", ends=True)

    with ThreadPoolExecutor(1) as caller:
        hanging = caller.submit(deadline.within, 30.0, hang)
        assert begun.wait(30)
        with pytest.raises(Busy):
            deadline.within(30.0, turn)
        released.set()
        assert hanging.result() == Reply("late", ends=True)
    assert deadline.within(30.0, turn) == Reply("taken", ends=True)
    assert taken == ["turn"]


def test_a_try_that_failed_while_it_was_written_lets_nobody_wait_for_the_next_one() -> None:
    deadline, released = Deadline(1, 1.0), threading.Event()
    late: list[bool] = []

    def turn(promise: Promise) -> Reply:
        promise.begin()
        assert promise.keep()
        # The connection broke: once more, and now the database takes its time.
        promise.begin()
        released.wait(30)
        late.append(not promise.keep())
        return Reply("screen", ends=False)

    assert deadline.within(0.2, turn) is None
    released.set()
    deadline.within(30.0, lambda _promise: Reply("after it, in the one thread", ends=False))
    assert late == [True]


def test_who_dials_when_too_many_do_reads_that_at_once(gateway: Gateway) -> None:
    crowded = limited(gateway, turns=0)
    crowded.phone().dial().ends(BUSY)
    assert units(BUSY) <= 70
    assert crowded.rows("SELECT count(*) FROM contacts") == [(0,)]
    Phone(gateway, SMS["from"]).dial().sees("1 ")


# --- messages -----------------------------------------------------------------------------------


def test_work_past_the_limit_is_not_begun() -> None:
    patience = Patience(1, 60, most=1)
    with pytest.raises(Busy):
        patience.wait(lambda: patience.wait(lambda: None))
    assert patience.wait(lambda: "done") == "done"


def test_an_sms_that_cannot_be_taken_now_is_spooled(gateway: Gateway) -> None:
    crowded = limited(gateway, messages=0)
    answer = crowded.client.post(f"/channels/kannel/sms?token={NEW}", data=SMS)
    assert answer.status_code == 200
    assert crowded.office.desk.spool.pending().count == 1
    assert crowded.rows("SELECT count(*) FROM inbound") == [(0,)]
    arrivals.flush_spool(crowded.office.desk, crowded.office.post, never)
    assert crowded.rows("SELECT count(*) FROM inbound") == [(1,)]


def test_with_the_spool_full_too_it_shall_come_again_later(gateway: Gateway) -> None:
    office = gateway.office
    full = Spool(office.settings.home / "spool", office.desk.vault, most=0)
    crowded = limited(Gateway(replace(office, desk=replace(office.desk, spool=full))), messages=0)
    answer = crowded.client.post(f"/channels/kannel/sms?token={NEW}", data=SMS)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


# --- bodies -------------------------------------------------------------------------------------


class Unread:
    """A body that must not be waited for."""

    def read(self, _size: int = -1) -> bytes:
        raise AssertionError("somebody waits for the body")

    readline = readinto = read


@pytest.mark.parametrize("kind", ["africastalking", "kannel", "simulator", "http"])
def test_a_strangers_body_is_not_waited_for(gateway: Gateway, kind: str) -> None:
    answer = gateway.client.post(
        f"/channels/{kind}/sms?token=wrong",
        environ_overrides={"wsgi.input": Unread(), "CONTENT_LENGTH": "100"},
    )
    assert answer.status_code == 403


def test_no_request_is_sent_on_to_another_address(gateway: Gateway) -> None:
    answer = gateway.client.post(f"//channels//kannel//sms?token={NEW}", data=SMS)
    assert (answer.status_code, NEW in answer.text) == (404, False)
