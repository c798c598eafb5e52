"""What tests share: a real PostgreSQL, migrated, with the sample registry, empty of citizens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app import embedded
from app.registry import loading
from app.settings import ROOT
from app.storage.database import normalised_url, open_engine
from app.storage.migrating import migrate
from app.storage.schema import metadata

REGISTRY_TABLES = {"provinces", "districts", "place_aliases", "odscs", "services", "fees"}
REGISTRY_TABLES |= {"closed_days"}


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """A database of this test process alone, on DATABASE_URL's server or the embedded one."""
    given = os.environ.get("DATABASE_URL")
    if given is None:
        # One embedded server for the whole run, shared by the xdist workers.
        base = tmp_path_factory.getbasetemp()
        home = base if worker_id == "master" else base.parent
        with embedded.database(home / "pg-home") as url:
            yield _own_database(url, worker_id)
        return
    yield _own_database(given, worker_id)


def _own_database(url: str, worker: str) -> str:
    name = f"siang_test_{worker}_{os.getpid()}"
    server = open_engine(url)
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    parsed = server.url.set(database=name)
    server.dispose()
    return normalised_url(parsed.render_as_string(hide_password=False))


@pytest.fixture(scope="session")
def migrated(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url, pool=8)
    migrate(engine)
    loading.load(engine, ROOT / "config" / "registry")
    yield engine
    engine.dispose()


@pytest.fixture
def engine(migrated: Engine) -> Engine:
    """The database with the sample registry and nobody in it."""
    # Not TRUNCATE, which makes new files for every table: deleting a few rows is quicker, and all
    # of it in one go.
    tables = [one.name for one in reversed(metadata.sorted_tables)]
    emptied = (f"DELETE FROM {name}" for name in tables if name not in REGISTRY_TABLES)
    with migrated.begin() as tx:
        tx.execute(text("; ".join(emptied)))
    return migrated


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A SIANG_HOME of its own."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
