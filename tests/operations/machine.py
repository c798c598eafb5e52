"""A machine that Siang runs on: a home, a database, and the commands that are typed there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex, token_urlsafe

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.engine import make_url

from app import open_office, settings
from app.cli import main
from app.storage.database import open_engine
from tests import wire
from tests.phones import Gateway
from tests.wire import Wire


@dataclass
class Machine:
    """A home and a database, and the commands that are typed there."""

    home: Path
    url: str
    environment: dict[str, str]

    def siang(self, *arguments: str, **changed: str) -> Result:
        given = {"SIANG_HOME": str(self.home), "DATABASE_URL": self.url}
        return CliRunner().invoke(main, arguments, env=given | self.environment | changed)

    def does(self, *arguments: str, **changed: str) -> str:
        done = self.siang(*arguments, **changed)
        assert done.exit_code == 0, done.output
        return done.output

    def refuses(self, *arguments: str, **changed: str) -> str:
        done = self.siang(*arguments, **changed)
        assert done.exit_code == 2, done.output
        assert "Traceback" not in done.output
        return done.output

    def counts(self) -> list[tuple[object, ...]]:
        engine = open_engine(self.url)
        try:
            with engine.connect() as tx:
                query = "SELECT text, state, count(*) FROM inbound GROUP BY 1, 2 ORDER BY 1"
                return [tuple(row) for row in tx.execute(text(query))]
        finally:
            engine.dispose()

    def opened(self) -> Gateway:
        office = open_office(
            settings.load({"SIANG_HOME": str(self.home), **self.environment}), self.url
        )
        office.desk.books.open(office.engine)
        return wire.on(Gateway(office), Wire(wire.config()))


NAMES = ("SIANG_PHONE_KEY", "SIANG_HASH_KEY", "SIANG_BACKUP_KEY")
KEYS = {name: token_urlsafe(32) for name in NAMES}


@pytest.fixture
def another(database_url: str, tmp_path: Path) -> Iterator[Machine]:
    """A machine with nothing but the keys: an empty home, and a database without a table."""
    name = f"siang_other_{token_hex(4)}"
    empty = make_url(database_url).set(database=name).render_as_string(hide_password=False)
    server = open_engine(database_url).execution_options(isolation_level="AUTOCOMMIT")
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield Machine(tmp_path / "another", empty, KEYS)
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        server.dispose()
