"""A new version is served by every process; who is under way finishes on the old one."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, event, text
from structlog.testing import capture_logs

from app.conversation import publishing
from app.conversation.books import Books
from app.flows.nodes import Book
from app.storage import flows
from tests.versions import (
    KEYS,
    NEW_FLOW,
    OLD_FLOW,
    OLD_SCREENS,
    UNREADABLE,
    Clock,
    Folder,
    Opens,
    at_once,
    publish_unreadable,
    published,
)

# --- conversations under way ------------------------------------------------------------------


def test_ten_sessions_finish_on_the_version_on_which_they_began(
    process: Opens, config: Folder, engine: Engine, clock: Clock
) -> None:
    gateway = process()
    phones = [gateway.phone(f"+85620555123{number:02}") for number in range(10)]
    for number, phone in enumerate(phones):
        phone.dial().sees("Old menu").press(*KEYS[: number % 3])
    config.write("New", NEW_FLOW)
    config.publish(engine)
    clock.seconds += 2
    gateway.phone("+8562055599999").dial().sees("New menu").press("1").sees("New score")
    elsewhere = process()
    for number, phone in enumerate(phones):
        phone.gateway = elsewhere if number % 2 else gateway
        phone.sees(OLD_SCREENS[number % 3])
        for index in range(number % 3, 3):
            phone.press(KEYS[index]).sees(OLD_SCREENS[index + 1])
        phone.ends("Old thanks")
    assert gateway.rows("SELECT count(*) FROM answers WHERE value = 'staff'") == [(10,)]
    for phone in phones:
        phone.dial().sees("New menu").press("1", "5").ends("New thanks")
    assert gateway.rows("SELECT count(DISTINCT flow) FROM conversations") == [(2,)]


def test_a_dropped_session_resumes_on_its_own_version(
    process: Opens, config: Folder, engine: Engine, clock: Clock
) -> None:
    resume = "  resume:\n    question: home\n    options:\n      - {text: go, to: continue}\n"
    config.write("Old", OLD_FLOW.replace("nodes:", "resume: resume\nnodes:") + resume)
    gateway = process()
    phone = gateway.phone().dial().press("1", "4").sees("Old reason").hangs_up()
    config.write("New", NEW_FLOW)
    config.publish(engine)
    clock.seconds += 2
    phone.dial().sees("Old menu").press("1").sees("Old reason").press("1").ends("Old thanks")


def test_an_sms_conversation_finishes_on_its_version(
    process: Opens, config: Folder, engine: Engine, clock: Clock
) -> None:
    gateway = process()
    phone = gateway.phone()
    phone.sends("hello").gets("Old menu").sends("1").gets("Old score").sends("4").gets("Old reason")
    config.write("New", NEW_FLOW)
    config.publish(engine)
    clock.seconds += 2
    phone.sends("1").gets("Old thanks").sends("hello").gets("New menu")


# --- every process ----------------------------------------------------------------------------


def test_two_processes_serve_a_publication_within_two_seconds(
    process: Opens, config: Folder, engine: Engine, clock: Clock
) -> None:
    gateways = [process(), process()]
    for gateway in gateways:
        gateway.phone().dial().sees("Old menu")
    config.write("New", NEW_FLOW)
    config.publish(engine)
    clock.seconds += 1.9
    for gateway in gateways:
        gateway.phone().dial().sees("New menu")


def test_going_back_is_seen_like_any_publication(
    process: Opens, config: Folder, engine: Engine, clock: Clock
) -> None:
    gateway = process()
    config.write("New", NEW_FLOW)
    config.publish(engine)
    clock.seconds += 1
    gateway.phone().dial().sees("New menu")
    publishing.roll_back(engine, config.settings)
    clock.seconds += 1
    gateway.phone().dial().sees("Old menu")


def test_the_database_is_asked_once_a_second_and_by_nobody_under_way(
    process: Opens, clock: Clock
) -> None:
    gateway = process()
    asked: list[str] = []

    @event.listens_for(gateway.office.engine, "before_cursor_execute")
    def note(*given: object) -> None:
        asked.extend(word for word in [str(given[2])] if "flow_" in word)

    gateway.phone().dial()
    assert len(asked) == 1
    phones = [gateway.phone(f"+85620555123{number:02}").dial() for number in range(10)]
    assert len(asked) == 1
    clock.seconds += 5
    for phone in phones:
        phone.press(*KEYS).ends("Old thanks")
    assert len(asked) == 1
    gateway.phone().dial()
    assert len(asked) == 2


def test_eight_threads_look_once_and_all_go_on(
    process: Opens, config: Folder, engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = process().office.desk.books
    config.write("New", NEW_FLOW)
    new = config.publish(engine)
    looks: list[int] = []
    current = flows.current

    def looked(tx: Connection) -> flows.Current | None:
        looks.append(1)
        return current(tx)

    monkeypatch.setattr(flows, "current", looked)
    clock.seconds += 1

    def turn() -> None:
        with engine.connect() as tx:
            books.current(tx)

    at_once(8, turn)
    assert len(looks) == 1
    assert books.last.hash == new


def test_a_slow_look_does_not_bring_back_the_older_version(
    process: Opens, config: Folder, engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = process().office.desk.books
    config.write("New", NEW_FLOW)
    config.publish(engine)
    version = Books.version

    def slowly(self: Books, tx: Connection, flow_hash: str) -> Book | None:
        """While the first look compiles, a second one finds a newer version and is quicker."""
        monkeypatch.setattr(Books, "version", version)
        config.write("Newest", NEW_FLOW)
        config.publish(engine)
        clock.seconds += 1
        with engine.connect() as other:
            assert books.current(other).packs["lo"]["home"] == "Newest menu"
        return version(self, tx, flow_hash)

    monkeypatch.setattr(Books, "version", slowly)
    clock.seconds += 1
    with engine.connect() as tx:
        assert books.current(tx).packs["lo"]["home"] == "Newest menu"


# --- versions that this code cannot read ------------------------------------------------------


def test_an_unreadable_version_leaves_the_one_before_and_is_told_once(
    process: Opens, config: Folder, engine: Engine, clock: Clock
) -> None:
    gateway = process()
    publish_unreadable(engine)
    with capture_logs() as logs:
        for _ in range(3):
            clock.seconds += 2
            gateway.phone().dial().sees("Old menu").press(*KEYS).ends("Old thanks")
    told = [entry["event"] for entry in logs if entry["event"] != "turn_taken"]
    assert told == ["flow_unreadable"]
    config.write("New", NEW_FLOW)
    config.publish(engine)
    clock.seconds += 2
    gateway.phone().dial().sees("New menu")


def test_a_start_on_an_unreadable_version_serves_the_newest_readable_one(
    process: Opens, config: Folder, engine: Engine
) -> None:
    process()
    publish_unreadable(engine)
    config.write("New", NEW_FLOW)
    process().phone().dial().sees("Old menu")


def test_where_no_version_can_be_read_config_is_served_and_kept(
    process: Opens, config: Folder, engine: Engine
) -> None:
    publish_unreadable(engine)
    phone = process().phone().dial().sees("Old menu")
    config.write("New", NEW_FLOW)
    phone.gateway = process()
    phone.press(*KEYS).ends("Old thanks")
    assert [row[0] for row in published(engine)] == [UNREADABLE]


@pytest.mark.parametrize("medium", ["ussd", "sms"])
def test_who_is_on_an_unreadable_version_begins_anew(
    process: Opens, engine: Engine, medium: str
) -> None:
    gateway = process()
    phone = gateway.phone()
    if medium == "ussd":
        phone.dial().press("1")
    else:
        phone.sends("hello").gets("Old menu")
    publish_unreadable(engine)
    with engine.begin() as tx:
        tx.execute(text("UPDATE conversations SET flow = :hash"), {"hash": UNREADABLE})
    if medium == "ussd":
        phone.press("4").sees("Old menu").press(*KEYS).ends("Old thanks")
    else:
        phone.sends("hello").gets("Old menu").sends("1").gets("Old score")
    statuses = gateway.rows("SELECT status FROM conversations ORDER BY id")
    assert statuses[0] == ("replaced",)
    assert len(statuses) == 2
