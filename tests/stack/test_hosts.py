"""One gateway on six machines, whose network cables are pulled out one after another.

Two web machines with an upkeep each (the spool is theirs), two machines of workers, one with
PostgreSQL and Redis, and one on which citizens' phones and the gateway are.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import pytest
from sqlalchemy import Engine, TextClause, text
from sqlalchemy.exc import OperationalError

from app import clock
from app.insight import recount
from app.storage import upkeep
from app.storage.database import open_engine
from tests.stack.hosts import Host, Network, Store, store, why_not

REASON = why_not()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(REASON), reason=REASON)]

WEBS, WORKERS = ("web-1", "web-2"), ("worker-1", "worker-2")
PORT = 8000
TOKEN = "made-up-token-0123456789"
KEYS = {f"SIANG_{name}_KEY": "A" * 43 for name in ("PHONE", "HASH")}
CHANNELS = ("SIMULATOR", "AFRICASTALKING", "KANNEL")
# Machines that have much else to do start slowly.
START_SECONDS, PATIENCE = 180.0, 40.0
CALLERS, THINKING = 4, 0.4
# What a screen asks, and what is pressed.
ANSWERS: Final[Mapping[str, str]] = {
    "1 ສືບຕໍ່": "1",
    "1 ໃຫ້ຄະແນນ": "1",
    "ລະຫັດສູນ": "0103",
    "5=ດີຫຼາຍ": "5",
    "ບັດປະຈຳຕົວ": "1",
    "2 ບໍ່ເສຍຄ່າ": "2",
    "1 ຍິງ": "1",
    "1 ເວລາລໍຖ້າ": "1",
}
THANKS = "ຂອບໃຈ"


@dataclass
class Feed:
    """The gateway and the phones behind it: who gets no answer from one web tries the other."""

    addresses: Sequence[str]
    over: threading.Event = field(default_factory=threading.Event)
    first: Iterator[int] = field(default_factory=lambda: itertools.count())
    sms: list[str] = field(default_factory=list)
    shown: list[tuple[str, str]] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    # When each request began and how long its caller waited, the second web included.
    waits: list[tuple[float, float]] = field(default_factory=list)

    def post(self, path: str, fields: Mapping[str, str], first: int | None = None) -> str | None:
        turn = next(self.first) if first is None else first
        begun = time.monotonic()
        try:
            for address in (self.addresses[turn % 2], self.addresses[1 - turn % 2]):
                url = f"http://{address}:{PORT}/channels/{path}?token={TOKEN}"
                try:
                    limits = httpx.Timeout(9.0, connect=1.0)
                    answer = httpx.post(url, data=dict(fields), timeout=limits)
                except httpx.TransportError:
                    continue
                if answer.status_code == 200:
                    return answer.text
            return None
        finally:
            self.waits.append((begun, time.monotonic() - begun))

    def text(self, number: int, first: int | None = None) -> bool:
        """One SMS with a rating; whether it was acknowledged."""
        sms = {"id": f"sms-{number}", "from": f"+8562055{number:06d}", "to": "1616"}
        told = self.post("simulator/sms", sms | {"text": "0103 5"}, first)
        if told is not None:
            self.sms.append(sms["id"])
        return told is not None

    def text_until_over(self) -> None:
        for number in itertools.count(100_000):
            if self.over.is_set():
                return
            # As a gateway does: the same message again until somebody has it.
            while not self.text(number):
                time.sleep(THINKING)
            time.sleep(THINKING)

    def call_until_over(self, caller: int) -> None:
        for number in itertools.count(caller * 1000):
            if self.over.is_set():
                return
            self.call(f"+8562077{number:06d}")

    def call(self, phone: str) -> None:
        """Dial until the rating is finished, going on where the last session broke off."""
        for attempt in itertools.count():
            session = f"{phone[-6:]}-{attempt}"
            typed: list[str] = []
            screen = self._screen(session, phone, typed)
            while screen is not None and screen.startswith("CON "):
                typed.append(next(key for asked, key in ANSWERS.items() if asked in screen))
                time.sleep(THINKING)
                screen = self._screen(session, phone, typed)
            if screen is not None and THANKS in screen:
                self.finished.append(phone)
                return
            self.excused.append(phone)
            time.sleep(THINKING)

    def _screen(self, session: str, phone: str, typed: Sequence[str]) -> str | None:
        form = {"sessionId": session, "serviceCode": "*1616#", "phoneNumber": phone}
        screen = self.post("africastalking/ussd", form | {"text": "*".join(typed)})
        # Any other end is an excuse, of which nothing is stored.
        if screen is not None and (screen.startswith("CON ") or THANKS in screen):
            self.shown.append((session, screen[4:]))
        return screen


@dataclass
class Trial:
    """The machines, what was fed, and how long it took to recover."""

    network: Network
    hosts: Mapping[str, Host]
    feed: Feed
    engine: Engine
    report: list[str] = field(default_factory=list)
    # Whether what was cut in the middle of its transaction was stored with the cable still out.
    freed_in: float | None = None
    gave_up_in: float | None = None

    def until(self, what: str, true: Callable[[], bool], seconds: float = PATIENCE) -> float:
        begun = time.monotonic()
        while not true():
            waited = time.monotonic() - begun
            logs = "".join(f"== {one.name}\n{one.log[-1500:]}" for one in self.hosts.values())
            assert waited < seconds, f"not {what} after {waited:.0f} s\n{logs}"
            time.sleep(0.05)
        return time.monotonic() - begun

    def value(self, query: TextClause, **given: object) -> object:
        with self.engine.connect() as tx:
            return tx.execute(query, given).scalar_one()

    def worked(self, ids: Sequence[str]) -> bool:
        """Whether these SMS are stored and answered, and nothing that is due has waited long."""
        with self.engine.connect() as tx:
            done = tx.execute(_DONE, {"ids": list(ids)}).scalar_one()
            due = upkeep.oldest_due(tx, clock.now())
        return done == len(set(ids)) and all(waited < 1 for waited in due.values())

    def without(self, name: str, seconds: float) -> None:
        """Its cable is out for so long; then until everything acknowledged before is worked."""
        begun = time.monotonic()
        self.network.cut(name)
        time.sleep(seconds)
        self.network.restore(name)
        self.note(name, begun)

    def note(self, name: str, begun: float) -> None:
        lasted = time.monotonic() - begun
        known = list(self.feed.sms)
        caught_up = self.until(f"caught up after {name}", lambda: self.worked(known))
        waits = [waited for at, waited in self.feed.waits if at >= begun] or [0.0]
        self.report.append(
            f"{name:<9} out for {lasted:4.1f} s; caught up {caught_up:4.1f} s after it was back; "
            f"slowest answer {max(waits):4.1f} s"
        )


_DONE = text("SELECT count(*) FROM inbound WHERE state = 'done' AND provider_id = ANY(:ids)")
_DUE = text(
    "SELECT (SELECT count(*) FROM conversations WHERE due_at IS NOT NULL)"
    " + (SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending'))"
)
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE client_addr = CAST(:address AS inet) "
    "AND wait_event_type = 'Lock'"
)


def cut_in_the_middle(trial: Trial, gateway: ThreadPoolExecutor) -> None:
    """web-1 vanishes while its transaction is open; what it held must come free without it."""
    address, number = trial.network.address("web-1"), 900_000
    with trial.engine.connect() as holder:
        holder.execute(text("LOCK TABLE inbound IN SHARE ROW EXCLUSIVE MODE"))
        sent = gateway.submit(lambda: trial.feed.text(number, first=0))
        trial.until(
            "web-1 is in the middle of a transaction",
            lambda: bool(trial.value(_WAITING, address=address)),
        )
        sleeper = asleep(trial)
        begun = time.monotonic()
        trial.network.cut("web-1")
        holder.rollback()
    assert sent.result(PATIENCE), "web-2 did not take what web-1 never answered"
    trial.freed_in = trial.until("stored by web-2", lambda: trial.worked([f"sms-{number}"]))
    trial.gave_up_in = sleeper.result(PATIENCE)
    trial.network.restore("web-1")
    trial.note("web-1", begun)


def asleep(trial: Trial) -> Future[float]:
    """How long web-1 waits for an answer of the database before it knows that none will come."""
    engine = open_engine(trial.hosts["web-1"].environment["DATABASE_URL"], pool=1)
    threads = trial.network.threads("web-1", 1)

    def sleep() -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_sleep(28)"))

    def wait() -> float:
        begun = time.monotonic()
        with pytest.raises(OperationalError):
            sleep()
        return time.monotonic() - begun

    waiting = threads.submit(wait)
    asks = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    trial.until("asleep", lambda: bool(trial.value(asks)))
    return waiting


@contextmanager
def machines(network: Network, folder: Path, found: Store) -> Iterator[dict[str, Host]]:
    tokens = {f"SIANG_CHANNEL_{name}_TOKEN": TOKEN for name in CHANNELS}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIANG_")}
    servers = {"DATABASE_URL": found.database_url, "REDIS_URL": found.redis_url}
    environment = {**kept, **KEYS, **tokens, **servers, "SIANG_HOST": "::"}
    hosts = {
        name: Host(network, name, folder / name, environment | {"PORT": str(PORT)})
        for name in (*WEBS, *WORKERS)
    }
    siang = ("-c", "from app.cli import main; main()")
    try:
        hosts["worker-1"].start(*siang, "prepare")
        hosts["worker-1"].finish()
        for name in WEBS:
            hosts[name].start(*siang, "serve")
            hosts[name].start("worker.py", "upkeep")
        for name in WORKERS:
            for process in ("turns", "responses", "outbox", "upkeep"):
                hosts[name].start("worker.py", process)
        yield hosts
    finally:
        for host in hosts.values():
            host.stop()


def ready(network: Network) -> bool:
    def answers() -> bool:
        try:
            for name in WEBS:
                url = f"http://{network.address(name)}:{PORT}/health/ready"
                if httpx.get(url, timeout=1).status_code != 200:
                    return False
        except httpx.TransportError:
            return False
        return True

    return network.on("gateway", answers)


def carry_out(trial: Trial) -> None:
    trial.until("ready", lambda: ready(trial.network), START_SECONDS)
    gateway = trial.network.threads("gateway", CALLERS + 2)
    fed = [gateway.submit(trial.feed.call_until_over, caller) for caller in range(CALLERS)]
    fed.append(gateway.submit(trial.feed.text_until_over))
    try:
        cut_in_the_middle(trial, gateway)
        trial.without("worker-1", 3)
        trial.without("web-2", 3)
        trial.without("worker-2", 3)
        trial.without("database", 6)
    finally:
        trial.feed.over.set()
    for one in fed:
        one.result(PATIENCE)
    gateway.shutdown()
    trial.until("everything worked", lambda: trial.worked(trial.feed.sms) and not trial.value(_DUE))


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    folder = tmp_path_factory.mktemp("hosts")
    with ExitStack() as stack:
        network = stack.enter_context(Network((*WEBS, *WORKERS, "database", "gateway")).up())
        found = stack.enter_context(store(network, "database", folder / "database"))
        engine = open_engine(found.inside_url, pool=4)
        stack.callback(engine.dispose)
        hosts = stack.enter_context(machines(network, folder, found))
        feed = Feed([network.address(name) for name in WEBS])
        running = Trial(network, hosts, feed, engine)
        begun = time.monotonic()
        carry_out(running)
        lasted = time.monotonic() - begun
        running.report.append(f"{len(feed.finished)} calls, {len(feed.sms)} SMS, {lasted:.0f} s")
        sys.stdout.write("\n".join(["", *running.report, ""]))
        yield running


def rows(trial: Trial, query: str) -> list[tuple[object, ...]]:
    with trial.engine.connect() as tx:
        return [tuple(row) for row in tx.execute(text(query))]


def test_every_sms_that_was_acknowledged_is_stored_and_counted_once(trial: Trial) -> None:
    stored = Counter(str(one) for (one,) in rows(trial, "SELECT provider_id FROM inbound"))
    assert set(trial.feed.sms) <= set(stored)
    assert set(stored.values()) == {1}
    counted = rows(trial, "SELECT count(*) FROM responses WHERE channel = 'simulator'")
    assert counted == [(len(set(trial.feed.sms)),)]


def test_every_screen_that_a_phone_was_shown_is_the_one_that_is_stored(trial: Trial) -> None:
    stored = set(rows(trial, "SELECT session, reply FROM turns"))
    assert len(trial.feed.shown) > len(trial.feed.finished)
    assert set(trial.feed.shown) <= stored


def test_every_call_came_to_its_end_and_is_counted(trial: Trial) -> None:
    assert len(trial.feed.finished) >= CALLERS
    ((complete,),) = rows(
        trial,
        "SELECT count(*) FROM responses WHERE channel = 'africastalking' AND status = 'complete'",
    )
    # Who was told of a problem although it was stored may have done it twice.
    least = len(trial.feed.finished)
    assert isinstance(complete, int)
    assert least <= complete <= least + len(trial.feed.excused)


def test_every_sms_is_answered_once_and_nothing_is_left_to_send(trial: Trial) -> None:
    answered = rows(
        trial,
        "SELECT o.contact_id FROM outbox o JOIN inbound i USING (contact_id) "
        "WHERE o.purpose = 'reply' AND i.channel = 'simulator'",
    )
    assert len(answered) == len(set(answered)) == len(set(trial.feed.sms))
    assert rows(trial, "SELECT DISTINCT state FROM outbox") == [("delivered",)]


def test_the_tallies_are_what_a_recount_finds(trial: Trial) -> None:
    with trial.engine.begin() as tx:
        ((tallied,),) = tx.execute(text("SELECT sum(n) FROM tallies WHERE question = 'score'"))
    assert tallied
    assert recount.run(trial.engine).difference is None


def test_what_a_vanished_machine_held_in_the_database_came_free_without_it(trial: Trial) -> None:
    assert trial.freed_in is not None


def test_who_waits_for_an_answer_that_cannot_come_is_told(trial: Trial) -> None:
    # Else pg_sleep's own end, or the database's timeout, would have been what ended the wait.
    assert trial.gave_up_in is not None
    assert trial.gave_up_in < 25
