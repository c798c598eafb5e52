"""One id a conversation, from the first turn through the worker and the provider to the receipt."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app import logs
from app.cli import main
from app.conversation import ussd
from app.conversation.deadline import Promise
from app.errors import NotAPhoneNumber
from app.words import Inbound
from tests.phones import Gateway

NUMBER = "+8562055512345"
OTHER = "+8562055512346"

Line = Mapping[str, object]
Lines = Callable[[], list[Line]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What was logged since the last call, as SIANG_LOG=json writes it."""
    root, written = logging.getLogger(), StringIO()
    before = root.handlers[:], root.level
    logs.set_up("json", for_good=False)
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)

    def since() -> list[Line]:
        told = written.getvalue().splitlines()
        written.seek(0)
        written.truncate()
        return [json.loads(line) for line in told]

    yield since
    root.handlers, root.level = before


def conversation_of(gateway: Gateway, number: str = NUMBER) -> int:
    """The contact's newest conversation."""
    ((found,),) = gateway.rows(
        "SELECT v.id FROM conversations v JOIN contacts c ON c.id = v.contact_id "
        f"WHERE c.phone_hash = '\\x{gateway.office.desk.seal(number).hash.hex()}' "
        "ORDER BY v.id DESC LIMIT 1"
    )
    assert isinstance(found, int)
    return found


@contextmanager
def broken_answers(gateway: Gateway) -> Iterator[None]:
    """No answer can be stored meanwhile."""
    with gateway.office.engine.begin() as tx:
        tx.execute(text("ALTER TABLE answers ADD CONSTRAINT broken CHECK (value = '') NOT VALID"))
    try:
        yield
    finally:
        with gateway.office.engine.begin() as tx:
            tx.execute(text("ALTER TABLE answers DROP CONSTRAINT broken"))


def events(lines: list[Line], conversation: int) -> list[str]:
    return [str(line["event"]) for line in lines if line.get("conversation") == conversation]


def test_a_conversation_by_sms_is_followed_by_its_id(gateway: Gateway, lines: Lines) -> None:
    phone = gateway.phone(NUMBER)
    phone.sends("ສະບາຍດີ")
    first = lines()
    mine = conversation_of(gateway)
    assert events(first, mine) == ["message_queued", "turn_taken", "message_sent"]
    turn = next(line for line in first if line["event"] == "turn_taken")
    assert (turn["channel"], turn["medium"]) == ("simulator", "sms")
    assert str(turn["screen"]).startswith("main/")
    assert isinstance(turn["ms"], float)

    # A whole answer is a conversation of its own.
    phone.sends("0103 5")
    second = conversation_of(gateway)
    assert second != mine
    told = events(lines(), second)
    assert told[:3] == ["message_queued", "turn_taken", "response_stored"]
    assert "message_sent" in told


def test_a_receipt_is_of_the_conversation_that_was_answered(gateway: Gateway, lines: Lines) -> None:
    gateway.phone(NUMBER).sends("0103 5")
    mine = conversation_of(gateway)
    ((message, stored),) = gateway.rows("SELECT id::text, conversation_id FROM outbox")
    assert stored == mine
    lines()
    url = gateway.url("kannel", "receipt")
    with gateway.office.engine.begin() as tx:
        tx.execute(text("UPDATE outbox SET channel = 'kannel', state = 'sent'"))
    assert gateway.client.get(f"{url}&id={message}&status=1&to={NUMBER}").status_code < 300
    (noted,) = (line for line in lines() if line["event"] == "receipt_noted")
    assert (noted["conversation"], noted["message"]) == (mine, message)
    assert noted["state"] == "delivered"


def test_every_turn_by_ussd_is_one_line(gateway: Gateway, lines: Lines) -> None:
    phone = gateway.phone(NUMBER)
    phone.dial().press("1", "0103", "2")
    mine = conversation_of(gateway)
    taken = [line for line in lines() if line["event"] == "turn_taken"]
    assert [line["conversation"] for line in taken] == [mine] * 4
    assert len({line["screen"] for line in taken}) == 4
    keys = {"channel", "medium", "conversation", "screen", "late", "ms"}
    assert all(set(line) == keys | {"event", "level", "timestamp"} for line in taken)

    phone.post()
    (again,) = (line for line in lines() if str(line["event"]).startswith("turn_"))
    assert (again["event"], again["conversation"]) == ("turn_repeated", mine)


def test_no_line_is_about_the_conversation_before(gateway: Gateway, lines: Lines) -> None:
    gateway.phone(NUMBER).dial("*1616*0103*5#")
    gateway.takes_sms(OTHER, "0103 4", "mo-ids-1")
    gateway.takes_sms("+8562055512347", "STOP", "mo-ids-2")
    gateway.work()
    mine, others = conversation_of(gateway), conversation_of(gateway, OTHER)
    gateway.client.post("/channels/kannel/sms?token=wrong", data={"id": "1"})
    told = lines()
    assert {line.get("conversation") for line in told} == {mine, others, None}
    stop = next(line for line in told if line["event"] == "turn_taken" and not line["screen"])
    assert "conversation" not in stop
    refused = next(line for line in told if line["event"] == "request_refused")
    assert "conversation" not in refused
    assert structlog.contextvars.get_contextvars() == {}


def test_a_thread_forgets_the_turn_that_it_took(gateway: Gateway) -> None:
    desk = gateway.office.desk
    dialled = Inbound(
        channel="africastalking",
        medium="ussd",
        sender=NUMBER,
        text="1",
        provider_id="",
        received_at=desk.now(),
        session="s",
        accumulates=True,
    )

    def take(inbound: Inbound) -> dict[str, object]:
        with suppress(NotAPhoneNumber, IntegrityError):
            ussd.take_turn(desk, inbound, Promise())
        return structlog.contextvars.get_contextvars()

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(take, dialled).result() == {}
        assert conversation_of(gateway)
        with broken_answers(gateway):
            named = replace(dialled, text="1*0103")
            assert thread.submit(take, named).result() == {}
        nobody = replace(dialled, sender="nobody")
        assert thread.submit(take, nobody).result() == {}


def test_a_turn_that_fails_names_its_conversation(gateway: Gateway, lines: Lines) -> None:
    phone = gateway.phone(NUMBER)
    phone.dial().press("1")
    mine = conversation_of(gateway)
    lines()
    with broken_answers(gateway):
        phone.press("0103")
    (failed,) = (line for line in lines() if line["event"] == "turn_failed")
    assert failed["conversation"] == mine
    assert "IntegrityError" in str(failed["cause"])


def test_the_operator_is_told_whose_answer_a_message_is(
    gateway: Gateway, database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.phone(NUMBER).sends("0103 5")
    mine = conversation_of(gateway)
    ((message,),) = gateway.rows("SELECT id::text FROM outbox")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SIANG_HOME", str(home))
    shown = CliRunner().invoke(main, ["messages", "show", str(message)])
    assert f"\nconversation {mine}\n" in shown.output
    as_data = CliRunner().invoke(main, ["messages", "show", str(message), "--json"])
    assert json.loads(as_data.output)["conversation"] == mine
