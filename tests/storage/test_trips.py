"""Several statements in one trip: as safe as one by one through SQLAlchemy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from app.storage.database import open_engine, with_fresh_connection
from app.storage.trips import Statement, last_trip, trip

KEEP = Statement("keep_note", "INSERT INTO trip_notes (n, note) VALUES (:n, :note)")
READ = Statement("read_note", "SELECT n, note FROM trip_notes WHERE n >= :n ORDER BY n")
HALF = Statement("half", "SELECT 1 / CAST(:n AS integer)")
SLEEP = Statement("sleep", "SELECT pg_sleep(CAST(:seconds AS float))")
KINDS = Statement(
    "kinds",
    "SELECT CAST(:whole AS bigint), CAST(:said AS text), CAST(:raw AS bytea), "
    "CAST(:at AS timestamptz), CAST(:yes AS boolean), CAST(:tree AS jsonb), CAST(:none AS text)",
)


@pytest.fixture
def notes(engine: Engine) -> Iterator[Engine]:
    """An engine of one connection, so that every transaction meets what others left there."""
    alone = open_engine(engine.url.render_as_string(hide_password=False), pool=1)
    with alone.begin() as tx:
        tx.execute(text("CREATE TABLE trip_notes (n integer PRIMARY KEY, note text)"))
    yield alone
    alone.dispose()
    with engine.begin() as tx:
        tx.execute(text("DROP TABLE trip_notes"))


def kept(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as tx:
        return [tuple(row) for row in tx.execute(text("SELECT n, note FROM trip_notes ORDER BY n"))]


def backend(tx: Connection) -> int:
    return int(tx.execute(text("SELECT pg_backend_pid()")).scalar_one())


def end_backend(engine: Engine, pid: int) -> None:
    with engine.begin() as tx:
        tx.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def test_each_statement_has_its_rows(notes: Engine) -> None:
    with notes.begin() as tx:
        written, read = trip(tx, (KEEP, {"n": 1, "note": "ດີ"}), (READ, {"n": 0}))
    assert (list(written), list(read)) == ([], [(1, "ດີ")])
    assert kept(notes) == [(1, "ດີ")]


def test_values_come_back_as_they_went(notes: Engine) -> None:
    now = datetime.now(UTC)
    sent = {"whole": 2**40, "said": "it's \\ ຫຼາຍ", "raw": b"\0\xff'", "at": now, "yes": False}
    with notes.begin() as tx:
        ((found,),) = trip(tx, (KINDS, sent | {"tree": '{"a": [1, null]}', "none": None}))
    assert found == (*sent.values(), {"a": [1, None]}, None)


def test_a_statement_sees_what_others_did_while_the_one_before_it_waited(notes: Engine) -> None:
    """Each has a snapshot of its own: behind a lock nothing old is read."""
    lock = Statement("lock_note", "SELECT n FROM trip_notes WHERE n = :n FOR UPDATE")
    other = open_engine(notes.url.render_as_string(hide_password=False), pool=1)
    with notes.begin() as tx:
        trip(tx, (KEEP, {"n": 1, "note": "old"}))
    found: list[Any] = []

    def wait_for_it() -> None:
        with notes.begin() as tx:
            found.extend(trip(tx, (lock, {"n": 1}), (READ, {"n": 0})))

    with other.begin() as tx:
        tx.execute(text("UPDATE trip_notes SET note = 'new' WHERE n = 1"))
        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while not tx.execute(text(query)).scalar():
            tx.execute(text("SELECT pg_stat_clear_snapshot()"))
    waiting.join()
    other.dispose()
    assert found == [[(1,)], [(1, "new")]]


def test_what_fails_is_undone_and_told_as_sqlalchemy_tells_it(notes: Engine) -> None:
    with pytest.raises(IntegrityError) as told, notes.begin() as tx:
        trip(tx, (KEEP, {"n": 1, "note": "secret"}), (KEEP, {"n": 1, "note": "secret"}))
    assert not told.value.connection_invalidated
    assert kept(notes) == []
    with pytest.raises(DBAPIError), notes.begin() as tx:
        last_trip(tx, (KEEP, {"n": 2, "note": "b"}), (HALF, {"n": 0}))
    assert kept(notes) == []


def test_the_last_trip_commits(notes: Engine, engine: Engine) -> None:
    connection = notes.connect()
    connection.begin()
    last_trip(connection, (KEEP, {"n": 1, "note": "a"}))
    end_backend(engine, backend_of(connection))
    connection.invalidate()
    connection.close()
    assert kept(notes) == [(1, "a")]


def backend_of(connection: Connection) -> int:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver.info.backend_pid


def test_a_rolled_back_transaction_of_others_takes_no_statement_away(notes: Engine) -> None:
    """psycopg lets all prepared statements of a connection go then."""
    with notes.begin() as tx:
        trip(tx, (KEEP, {"n": 1, "note": "a"}))
    for within in (False, True):
        with notes.connect() as tx:
            for _ in range(4):
                tx.execute(text("SELECT n FROM trip_notes WHERE n = :n"), {"n": 1})
            tx.rollback()
        with notes.begin() as tx:
            if within:
                tx.execute(text("SELECT 1"))
            assert trip(tx, (READ, {"n": 0})) == [[(1, "a")]]
            assert trip(tx, (READ, {"n": 2}), (READ, {"n": 1})) == [(), [(1, "a")]]


def test_statements_that_others_took_away_are_missed_before_they_are_needed(notes: Engine) -> None:
    with notes.begin() as tx:
        trip(tx, (KEEP, {"n": 1, "note": "a"}))
    with notes.connect() as tx:
        for _ in range(4):
            tx.execute(text("SELECT n FROM trip_notes WHERE n = :n"), {"n": 1})
        tx.rollback()
    with notes.begin() as tx:
        # Nothing of this trip was ever prepared here, so that it cannot tell.
        trip(tx, (READ, {"n": 1}))
        last_trip(tx, (KEEP, {"n": 2, "note": "b"}))
    assert kept(notes) == [(1, "a"), (2, "b")]


def test_a_value_that_cannot_be_sent_leaves_the_connection_as_it_was(notes: Engine) -> None:
    with notes.begin() as tx:
        with pytest.raises(DBAPIError):
            trip(tx, (KEEP, {"n": object(), "note": ""}))
        trip(tx, (KEEP, {"n": 1, "note": "after"}))
    assert kept(notes) == [(1, "after")]


def test_a_server_that_went_away_is_noticed_and_the_next_try_has_a_fresh_connection(
    notes: Engine, engine: Engine
) -> None:
    with notes.begin() as tx:
        gone = backend(tx)
    end_backend(engine, gone)
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        with notes.begin() as tx:
            last_trip(tx, (KEEP, {"n": 1, "note": "again"}))

    with_fresh_connection(work)
    assert len(tries) == 2
    assert kept(notes) == [(1, "again")]


def test_a_server_that_goes_in_the_middle_of_a_trip_is_told_as_lost(
    notes: Engine, engine: Engine
) -> None:
    with notes.begin() as tx:
        pid = backend(tx)
    ending = threading.Timer(0.3, end_backend, (engine, pid))
    ending.start()
    with pytest.raises(OperationalError) as told, notes.begin() as tx:
        trip(tx, (SLEEP, {"seconds": 20}), (READ, {"n": 0}))
    ending.join()
    assert told.value.connection_invalidated
    assert kept(notes) == []


def test_more_than_a_socket_holds_goes_in_one_trip(notes: Engine) -> None:
    note = "ກ" * 1_000_000
    calls = [(KEEP, {"n": n, "note": note}) for n in range(8)]
    with notes.begin() as tx:
        *_, read = trip(tx, *calls, (READ, {"n": 0}))
    assert [len(written) for _, written in read] == [len(note)] * 8


def test_the_same_name_in_a_statement_is_one_parameter_and_a_cast_is_none() -> None:
    twice = Statement("twice", "SELECT :a::text, :b, :a")
    assert twice.parameters == ("a", "b")
    assert twice.numbered == b"SELECT $1::text, $2, $1"
