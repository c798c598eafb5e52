"""deploy/postgresql/partitions.sql: on the tables of today, with what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from app import open_office, settings
from app.registry import loading
from app.settings import ROOT
from app.storage.database import open_engine
from app.storage.migrating import migrate
from tests.phones import Gateway

SCRIPT = ROOT / "deploy" / "postgresql" / "partitions.sql"
PARTITIONED = "SELECT relname FROM pg_class WHERE relkind = 'p' ORDER BY 1"
# A partitioned table's key holds what it is divided by: of responses it is another one.
HELD_TO = """
    SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid::regclass::text IN ('answers', 'responses', 'tallies', 'turns')
    AND NOT (conrelid::regclass::text = 'responses' AND contype = 'p') ORDER BY 1, 2
"""


@pytest.fixture
def scratch(migrated: Engine) -> Iterator[str]:
    """The URL of a database of its own, gone afterwards."""
    name = f"{make_url(migrated.url).database}_partitions"
    with migrated.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
        server.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        server.execute(text(f'CREATE DATABASE "{name}"'))
        yield migrated.url.set(database=name).render_as_string(hide_password=False)
        server.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
def gateway(scratch: str, home: Path) -> Iterator[Gateway]:
    office = open_office(settings.load({"SIANG_HOME": str(home)}), scratch)
    migrate(office.engine)
    loading.load(office.engine, ROOT / "config" / "registry")
    office.desk.books.open(office.engine)
    yield Gateway(office)
    office.engine.dispose()


def test_a_gateway_goes_on_with_partitions_where_it_was(gateway: Gateway, scratch: str) -> None:
    gateway.phone("+8562055512345").dial().press("1", "0103", "5", "1").hangs_up()
    gateway.phone("+8562055512346").sends("0103 4")
    assert gateway.tally()["responses"] == 2
    counted = "SELECT * FROM tallies ORDER BY 1, 2, 3, 4, 5, 6"
    before = [gateway.rows(asked) for asked in (counted, HELD_TO)]
    partition(scratch)
    assert gateway.rows(PARTITIONED) == [("answers",), ("responses",), ("tallies",), ("turns",)]
    assert [gateway.rows(asked) for asked in (counted, HELD_TO)] == before
    # The same screen again, then somebody new.
    gateway.phone("+8562055512347").dial().press("1", "0103", "5", "1").hangs_up()
    gateway.phone("+8562055512348").sends("0103 4")
    assert gateway.tally()["responses"] == 4
    assert gateway.rows("SELECT count(DISTINCT id) FROM responses") == [(4,)]


def partition(url: str) -> None:
    engine = open_engine(url)
    connection = engine.raw_connection().driver_connection
    assert connection is not None
    connection.autocommit = True
    # Several statements at once, with a transaction of their own.
    connection.execute(SCRIPT.read_text())
    engine.dispose()
