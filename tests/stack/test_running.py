"""Starting, stopping and restarting Siang's processes: nobody who dials notices."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests.stack.balancer import Balancer, balancing
from tests.stack.processes import Machine, machine, post, until, waits_for_lock

pytestmark = pytest.mark.slow

STOPS_WITHIN = 10.0
SESSIONS, WALKERS = 200, 4
STEPS = ("", "1", "1*0103", "1*0103*4")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One machine for all tests, on which nothing runs at first."""
    with machine(tmp_path_factory.mktemp("machine")) as made:
        yield made


def dial(port: int, session: str, typed: str) -> str:
    """One USSD turn: what the phone shows."""
    number = f"+85620{int(session):08d}"
    form = {"sessionId": f"s{session}", "serviceCode": "*1616#", "phoneNumber": number}
    return post(port, "/channels/africastalking/ussd", form | {"text": typed})


def sms(port: int, number: str, written: str) -> None:
    fields = {"id": number, "from": "+8562055512345", "to": "1616", "text": written}
    post(port, "/channels/simulator/sms", fields)


def done(here: Machine) -> object:
    return here.rows("SELECT count(*) FROM inbound WHERE state = 'done'")[0][0]


def living(here: Machine) -> list[object]:
    return [row[0] for row in here.rows("SELECT name FROM processes ORDER BY name")]


def test_whatever_starts_first_waits_for_what_it_needs(here: Machine) -> None:
    everybody = [here.first, here.turns, here.upkeep]
    for one in (*everybody, here.second):
        one.start()
    for one in (*everybody, here.second):
        one.until_says("Waiting for PostgreSQL: ")
    assert here.second.stop() == 0, "who waits can be stopped"
    here.start_postgres()
    for one in everybody:
        one.until_says("Waiting for the tables: ")
    here.make_tables()
    here.first.until_ready()
    here.upkeep.until_says("upkeep_ready")
    here.turns.until_says("redis_away")
    here.start_redis()
    here.turns.until_says("worker_ready")
    sms(here.first.port, "a", "0103 5")
    until("answered", lambda: done(here) == 1)
    until("living", lambda: living(here) == ["turns", "upkeep", "web"])
    assert {one.log.count("Waiting for the tables") for one in everybody} == {1}
    assert here.upkeep.stop() == 0
    assert living(here) == ["turns", "web"]


def test_a_worker_ends_after_the_row_in_hand(here: Machine) -> None:
    web = here.whole().first.start().until_ready()
    here.turns.start().until_says("worker_ready")
    before = done(here)
    assert isinstance(before, int)
    with here.engine.begin() as busy:
        busy.execute(text("LOCK TABLE outbox IN SHARE MODE"))
        sms(web.port, "b", "0103 4")
        until("in hand", lambda: waits_for_lock(here.engine))
        begun = time.monotonic()
        here.turns.tell()
    assert here.turns.ended() == 0
    assert time.monotonic() - begun < STOPS_WITHIN
    assert done(here) == before + 1
    assert "turns" not in living(here)


def test_a_turn_that_takes_long_is_answered_by_a_process_that_was_told_to_stop(
    here: Machine,
) -> None:
    web = here.whole().first.start().until_ready()
    until("living", lambda: "web" in living(here))
    dial(web.port, "55000001", "")
    with ThreadPoolExecutor() as pool, here.engine.begin() as busy:
        busy.execute(text("SELECT * FROM contacts FOR UPDATE"))
        answer = pool.submit(dial, web.port, "55000001", "1")
        until("under way", lambda: waits_for_lock(here.engine))
        begun = time.monotonic()
        web.tell()
        until("closed", lambda: not web.answers())
        # Only now, when nobody new is let in any more, can the turn go on.
        busy.rollback()
        assert answer.result().startswith("CON ")
        assert web.ended() == 0
    assert time.monotonic() - begun < STOPS_WITHIN
    assert "web" not in living(here)


def test_a_rolling_restart_loses_no_turn(here: Machine) -> None:
    here.whole()
    webs = [here.first.start(), here.second.start()]
    for one in webs:
        one.until_ready()
    expected = walk(webs[0].port, "56000000")
    with balancing([one.port for one in webs]) as balancer, ThreadPoolExecutor() as pool:
        over = threading.Event()
        walkers = [pool.submit(walk_on, balancer, number, over) for number in range(WALKERS)]
        try:
            for one in webs:
                assert one.stop() == 0
                one.start().until_ready()
        finally:
            over.set()
        walked = [screens for walker in walkers for screens in walker.result()]
    sys.stderr.write(f"{len(walked)} sessions, {balancer.elsewhere} connections went elsewhere\n")
    assert len(walked) >= SESSIONS
    assert {tuple(screens) for screens in walked} == {tuple(expected)}
    assert balancer.elsewhere > 0
    assert balancer.lost == 0
    every = len(walked) + 1
    assert stored(here) == {("odsc", "0103"): every, ("score", "4"): every}
    assert here.rows("SELECT count(*) FROM turns WHERE session LIKE 's56%'") == [(4 * every,)]


def walk(port: int, session: str) -> list[str]:
    return [dial(port, session, typed) for typed in STEPS]


def walk_on(balancer: Balancer, number: int, over: threading.Event) -> list[list[str]]:
    """Session after session, until all is over and this walker's share is done."""
    walked: list[list[str]] = []
    while not over.is_set() or len(walked) < SESSIONS / WALKERS:
        walked.append(walk(balancer.port, f"56{number + 1:02d}{len(walked):04d}"))
    return walked


def stored(here: Machine) -> dict[tuple[object, object], object]:
    """How often each answer of these sessions was stored."""
    found = here.rows(
        "SELECT question, value, count(*) FROM answers JOIN conversations ON id = conversation_id "
        "WHERE session LIKE 's56%' GROUP BY 1, 2"
    )
    return {(question, value): number for question, value, number in found}
