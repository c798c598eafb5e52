"""The database goes away, and comes back: nothing that was answered 200 is lost or out of order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event

from app import upkeep
from app.channels.base import Hook
from app.conversation import arrivals
from app.conversation.deadline import Patience
from app.spool import KEPT, SET_ASIDE, Spool
from app.web import leaving
from app.words import Arrived
from tests import wire
from tests.phones import Gateway, Phone, never
from tests.wire import Wire

NUMBER, OTHER = "+8562055512345", "+8562077712345"


@pytest.fixture
def away() -> Iterator[Engine]:
    """A database that does not answer."""
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    yield engine
    engine.dispose()


@pytest.fixture
def wired(gateway: Gateway) -> Gateway:
    return wire.on(gateway, Wire(wire.config()))


@pytest.fixture
def cut(wired: Gateway, away: Engine) -> Gateway:
    """The same gateway, spool and all, as it is while its database is away."""
    return cut_off(wired, away)


def cut_off(gateway: Gateway, away: Engine) -> Gateway:
    office = gateway.office
    desk, post = replace(office.desk, engine=away), replace(office.post, engine=away)
    return Gateway(replace(office, engine=away, desk=desk, post=post))


def with_spool(gateway: Gateway, spool: Spool) -> Gateway:
    return Gateway(replace(gateway.office, desk=replace(gateway.office.desk, spool=spool)))


def brings(gateway: Gateway, text: str, provider_id: str, **fields: object) -> int:
    said = {"sender": NUMBER, "text": text, "provider_id": provider_id} | fields
    return wire.brings(gateway, "sms", said)[0]


def flush(gateway: Gateway) -> int:
    return arrivals.flush_spool(gateway.office.desk, gateway.office.post, never)


def texts(gateway: Gateway) -> list[object]:
    return [text for (text,) in gateway.rows("SELECT text FROM inbound ORDER BY id")]


def spooled(gateway: Gateway, suffix: str = KEPT) -> list[Path]:
    return sorted((gateway.office.settings.home / "spool").glob(f"*{suffix}"))


def test_what_comes_while_it_is_away_is_worked_when_it_is_back(
    wired: Gateway, cut: Gateway
) -> None:
    assert brings(cut, "0103 5 ດີຫຼາຍ", "one") == 200
    assert wired.rows("SELECT count(*) FROM inbound") == [(0,)]
    assert flush(cut) == 0
    assert flush(wired) == 1
    assert spooled(wired) == []
    wired.work()
    Phone(wired, NUMBER).gets("ຂອບໃຈ")
    assert wired.tally()["complete"] == 1
    assert flush(wired) == 0


def test_everything_that_a_network_tells_is_kept(wired: Gateway, cut: Gateway) -> None:
    phone = Phone(wired, NUMBER)
    phone.dial().press("1", "0103", "4").hangs_up()
    told: list[tuple[Hook, dict[str, object]]] = [
        ("sms", {"sender": OTHER, "text": "0901 5", "part": ["7", 1, 1]}),
        ("optout", {"kind": "optout", "phone": OTHER}),
        ("receipt", {"kind": "receipt", "state": "delivered", "provider_ref": "unknown"}),
        ("event", {"kind": "beat", "device": "phone-1"}),
        ("event", {"kind": "ended", "session": phone.session, "sender": NUMBER}),
    ]
    with wired.office.engine.begin() as tx:
        tx.exec_driver_sql("UPDATE conversations SET channel = 'wire'")
    for hook, said in told:
        assert wire.brings(cut, hook, said) == (200, "OK")
    assert len(spooled(wired)) == 5
    assert flush(wired) == 5
    wired.work()
    assert wired.rows("SELECT text, state FROM inbound") == [("0901 5", "done")]
    assert wired.rows("SELECT device FROM heartbeats") == [("phone-1",)]
    assert wired.rows("SELECT status FROM conversations WHERE medium = 'ussd'") == [("abandoned",)]
    Phone(wired, OTHER).gets_nothing()


def test_a_screen_is_no_matter_of_the_spool(cut: Gateway) -> None:
    said = {"kind": "ussd", "sender": NUMBER, "session": "5", "begins": True}
    status, body = wire.brings(cut, "ussd", said)
    assert status == 200
    assert body.startswith("END ລະບົບຂັດຂ້ອງ")
    assert spooled(cut) == []


# --- order ------------------------------------------------------------------------------------


def test_who_has_something_waiting_waits_behind_it(wired: Gateway, cut: Gateway) -> None:
    brings(cut, "0103", "one")
    brings(cut, "4", "two")
    # It is back: this phone's next message must not be worked before those two.
    assert brings(wired, "1", "three") == 200
    assert brings(wired, "0901 5", "other", sender=OTHER) == 200
    assert texts(wired) == ["0901 5"]
    assert flush(wired) == 3
    assert brings(wired, "3", "four") == 200
    assert texts(wired) == ["0901 5", "0103", "4", "1", "3"]
    wired.work()
    assert wired.tally("0103")["services"] == {"id_card": 1}


def test_a_number_that_is_written_in_another_way_is_the_same_phone(
    wired: Gateway, cut: Gateway
) -> None:
    brings(cut, "first", "one", sender="020 5551 2345")
    wire.brings(wired, "optout", {"kind": "optout", "phone": "8562055512345"})
    brings(wired, "second", "two", sender="2055512345")
    assert texts(wired) == []
    flush(wired)
    assert texts(wired) == ["first", "second"]


def test_messages_of_many_phones_keep_their_order_while_it_comes_and_goes(
    wired: Gateway, cut: Gateway
) -> None:
    for number in range(120):
        now = cut if number % 30 < 20 else wired
        phone = f"+8562055512{number % 7:03d}"
        assert brings(now, f"{number}", f"m-{number}", sender=phone) == 200
        if number % 30 == 25:
            flush(wired)
    flush(wired)
    order = wired.rows("SELECT contact_id, text FROM inbound ORDER BY id")
    assert len(order) == 120
    for contact in {contact for contact, _ in order}:
        mine = [int(str(text)) for one, text in order if one == contact]
        assert mine == sorted(mine)


def test_what_is_flushed_while_more_comes_is_whole(wired: Gateway, cut: Gateway) -> None:
    for number in range(40):
        brings(cut, f"{number}", f"m-{number}")
    flushing = threading.Thread(target=lambda: flush(wired))
    flushing.start()
    for number in range(40, 80):
        assert brings(wired, f"{number}", f"m-{number}") == 200
    flushing.join()
    flush(wired)
    assert texts(wired) == [f"{number}" for number in range(80)]


# --- once -------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider_id", ["one", ""])
def test_a_kill_between_commit_and_removal_stores_nothing_twice(
    wired: Gateway, cut: Gateway, provider_id: str
) -> None:
    brings(cut, "0103 5", provider_id)
    desk, post = wired.office.desk, wired.office.post

    def killed(arrival: Arrived) -> bool:
        arrivals.take(desk, post, arrival)
        raise KeyboardInterrupt

    for _ in range(20):
        with pytest.raises(KeyboardInterrupt):
            desk.spool.flush(killed, lambda: None, never)
    assert len(spooled(wired)) == 1
    assert flush(wired) == 1
    assert texts(wired) == ["0103 5"]


def test_a_gateway_that_repeats_what_is_spooled_is_taken_once(wired: Gateway, cut: Gateway) -> None:
    for _ in range(3):
        assert brings(cut, "0103 5", "one") == 200
    assert brings(wired, "0103 5", "one") == 200
    flush(wired)
    wired.work()
    assert texts(wired) == ["0103 5"]
    assert wired.tally()["responses"] == 1


def test_a_contradiction_is_found_out_later_and_told_once(wired: Gateway, cut: Gateway) -> None:
    brings(cut, "0103 5", "one")
    brings(cut, "0103 1", "one")
    assert flush(wired) == 2
    assert texts(wired) == ["0103 5"]
    assert spooled(wired) == spooled(wired, SET_ASIDE) == []
    assert wired.rows("SELECT kind, times FROM alarms") == [("contradiction", 1)]


# --- a database that hangs --------------------------------------------------------------------


def hanging(gateway: Gateway, text: str, patience: Patience) -> bool:
    said = {"sender": NUMBER, "text": text, "provider_id": text}
    arrival = wire.arrival("wire", said, gateway.office.desk.now())
    return arrivals.keep(gateway.office.desk, gateway.office.post, arrival, patience)


def test_what_comes_while_it_hangs_is_kept_soon_and_stored_once(wired: Gateway) -> None:
    with wired.office.engine.begin() as tx:
        tx.exec_driver_sql("LOCK TABLE inbound IN ACCESS EXCLUSIVE MODE")
        assert hanging(wired, "0103 5", Patience(1, 0.2))
        assert len(spooled(wired)) == 1
    # What hung has gone on meanwhile, or goes on now: both do no harm.
    assert flush(wired) == 1
    assert texts(wired) == ["0103 5"]
    assert wired.rows("SELECT count(*) FROM alarms") == [(0,)]


def test_upkeep_waits_for_a_held_phone_no_longer_than_it_says(
    wired: Gateway, cut: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LOCK_SECONDS", 0.125)
    said: list[str] = []
    event.listen(wired.office.engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    brings(wired, "0103 5", "one")
    brings(cut, "0103 4", "two")
    with wired.office.engine.begin() as tx:
        tx.exec_driver_sql("SELECT FROM contacts FOR UPDATE")
        upkeep.DUTIES["spool"](wired.office, never)
        assert "SET LOCAL lock_timeout = 125" in said
        assert len(spooled(wired)) == 1
    upkeep.DUTIES["spool"](wired.office, never)
    assert texts(wired) == ["0103 5", "0103 4"]


def test_while_every_thread_hangs_nobody_waits_for_another(wired: Gateway) -> None:
    patience = Patience(2, 0.2)
    go_on = threading.Event()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            patience.wait(go_on.wait)
    assert hanging(wired, "0103 5", patience)
    assert (len(spooled(wired)), texts(wired)) == (1, [])
    go_on.set()
    flush(wired)
    assert texts(wired) == ["0103 5"]


def test_threads_that_hung_work_again_when_it_is_back() -> None:
    patience = Patience(1, 0.5)
    go_on = threading.Event()
    with pytest.raises(TimeoutError):
        patience.wait(go_on.wait)
    go_on.set()
    for _ in range(100):
        try:
            assert patience.wait(lambda: "done") == "done"
            break
        except TimeoutError:
            time.sleep(0.01)
    else:
        pytest.fail("the thread is stuck for good")


# --- when something is spoilt -----------------------------------------------------------------


def test_a_spoilt_file_holds_up_nobody_and_is_told(wired: Gateway, cut: Gateway) -> None:
    for number in range(3):
        brings(cut, f"{number}", f"m-{number}")
    spooled(wired)[1].write_bytes(b"spoilt")
    assert flush(wired) == 2
    assert texts(wired) == ["0", "2"]
    assert len(spooled(wired, SET_ASIDE)) == 1
    assert wired.rows("SELECT kind, subject, times FROM alarms") == [("spool", "corrupt", 1)]
    flush(wired)
    assert wired.rows("SELECT times, closed_at FROM alarms") == [(1, None)]


def test_the_alarm_is_over_when_somebody_has_looked(wired: Gateway, cut: Gateway) -> None:
    brings(cut, "0", "m-0")
    spooled(wired)[0].write_bytes(b"spoilt")
    flush(wired)
    spooled(wired, SET_ASIDE)[0].unlink()
    flush(wired)
    assert wired.rows("SELECT times, closed_at IS NOT NULL FROM alarms") == [(1, True)]


def test_a_spoilt_file_waits_while_nobody_can_be_told(wired: Gateway, cut: Gateway) -> None:
    brings(cut, "0", "m-0")
    spooled(wired)[0].write_bytes(b"spoilt")
    assert flush(cut) == 0
    assert len(spooled(wired)) == 1


def test_a_message_that_breaks_something_is_kept_for_somebody_to_look(wired: Gateway) -> None:
    # No adapter brings a NUL, which cannot be stored.
    said = {"sender": NUMBER, "text": "a\0b", "provider_id": "one"}
    arrival = wire.arrival("wire", said, wired.office.desk.now())
    assert arrivals.keep(wired.office.desk, wired.office.post, arrival, Patience(1, 60))
    assert len(spooled(wired)) == 1
    assert flush(wired) == 0
    assert len(spooled(wired, SET_ASIDE)) == 1
    assert brings(wired, "0103 5", "two") == 200
    assert texts(wired) == ["0103 5"]


# --- when the disk is full too ----------------------------------------------------------------


def test_with_a_full_disk_the_gateway_is_to_try_again(wired: Gateway, cut: Gateway) -> None:
    home, vault = wired.office.settings.home, wired.office.desk.vault
    full = with_spool(cut, Spool(home / "spool", vault, free=lambda path: 0))
    assert brings(full, "0103 5", "one") == 503
    assert wire.brings(full, "optout", {"kind": "optout", "phone": NUMBER})[0] == 503
    assert spooled(wired) == []
    assert full.client.get("/health/ready").status_code == 503


def test_of_several_messages_each_must_be_kept(wired: Gateway, cut: Gateway) -> None:
    home, vault = wired.office.settings.home, wired.office.desk.vault
    small = with_spool(cut, Spool(home / "spool", vault, most=1))
    several = [{"sender": NUMBER, "text": text, "provider_id": text} for text in ("a", "b")]
    assert wire.brings(small, "sms", *several)[0] == 503
    assert wire.brings(wired, "sms", *several)[0] == 200
    flush(wired)
    assert texts(wired) == ["a", "b"]


def test_a_full_spool_with_the_database_back_is_still_in_order(
    wired: Gateway, cut: Gateway
) -> None:
    brings(cut, "a", "a")
    home, vault = wired.office.settings.home, wired.office.desk.vault
    small = with_spool(wired, Spool(home / "spool", vault, most=1))
    assert brings(small, "b", "b") == 503
    flush(wired)
    assert brings(small, "b", "b") == 200
    assert texts(wired) == ["a", "b"]


# --- health -----------------------------------------------------------------------------------


def test_ready_tells_what_there_is(wired: Gateway, cut: Gateway) -> None:
    brings(cut, "0103 5", "one")
    ready = cut.client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json is not None
    assert ready.json["database"] is False
    assert ready.json["spool"]["usable"] is True
    assert ready.json["spool"]["waiting"] == 1
    flush(wired)
    ready = wired.client.get("/health/ready")
    spool = {"usable": True, "waiting": 0, "oldest_seconds": 0}
    assert (ready.status_code, ready.json) == (200, {"database": True, "spool": spool})


@pytest.mark.parametrize("spool_usable", [True, False])
@pytest.mark.parametrize("database_there", [True, False])
def test_one_of_both_is_enough(
    wired: Gateway, cut: Gateway, database_there: bool, spool_usable: bool
) -> None:
    gateway = wired if database_there else cut
    if not spool_usable:
        (wired.office.settings.home / "spool").touch()
    status = gateway.client.get("/health/ready").status_code
    assert status == (200 if database_there or spool_usable else 503)
    assert gateway.client.get("/health/live").status_code == 200


def test_who_was_told_to_stop_is_not_ready_and_still_serves(
    wired: Gateway, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(leaving.stopping.clear)
    leaving.stopping.set()
    ready = wired.client.get("/health/ready")
    assert (ready.status_code, ready.json) == (503, {"state": "stopping"})
    assert brings(wired, "0103 5", "late") == 200
