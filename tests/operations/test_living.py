"""Processes that say that they live, and wait for what they need."""

from __future__ import annotations

from datetime import timedelta

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from app import clock
from app.living import Living, wait_for_tables
from app.storage import operations
from app.storage.database import open_engine
from app.storage.migrating import MIGRATIONS
from tests.stack.processes import until

NOWHERE = "postgresql://siang:hunter2@127.0.0.1:1/siang"


def names(engine: Engine) -> list[str]:
    with engine.connect() as tx:
        return [one.name for one in operations.living(tx)]


def test_a_process_is_there_until_it_leaves(engine: Engine) -> None:
    with Living(engine, "turns"):
        until("there", lambda: names(engine) == ["turns"])
    assert names(engine) == []


def test_with_the_database_away_a_process_goes_on() -> None:
    nowhere = open_engine(NOWHERE)
    with Living(nowhere, "turns"):
        worked = True
    nowhere.dispose()
    assert worked


def test_a_process_that_starts_takes_the_place_of_a_dead_one(engine: Engine) -> None:
    with engine.begin() as tx:
        for pid, name in ((1, "web"), (2, "web"), (3, "turns")):
            operations.beat(tx, "one", pid, name, clock.now())
        tx.execute(text("UPDATE processes SET seen_at = now() - interval '1 h' WHERE pid <> 2"))
        operations.replace_dead(tx, "one", "web", 30.0)
        assert [(one.name, one.pid) for one in operations.living(tx)] == [("turns", 3), ("web", 2)]


def test_after_a_day_a_dead_process_is_forgotten(engine: Engine) -> None:
    with engine.begin() as tx:
        operations.beat(tx, "one", 1, "web", clock.now())
        operations.forget_processes(tx, clock.now() - timedelta(days=1))
        assert len(operations.living(tx)) == 1
        operations.forget_processes(tx, clock.now() + timedelta(minutes=1))
        assert operations.living(tx) == []


def test_the_newest_revision_is_the_one_that_migrations_lead_to() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    assert operations.newest_revision() == head


def test_who_has_the_tables_waits_for_nothing(engine: Engine) -> None:
    told: list[str] = []
    assert wait_for_tables(engine, told.append)
    assert told == []


@pytest.mark.parametrize("looks", [1, 3])
def test_who_waits_says_it_once_and_ends_when_told_to(looks: int) -> None:
    nowhere, left = open_engine(NOWHERE), [False] * looks + [True]
    told: list[str] = []
    assert not wait_for_tables(nowhere, told.append, lambda: left.pop(0))
    assert told == ["Waiting for PostgreSQL: Connection refused"]
    nowhere.dispose()
