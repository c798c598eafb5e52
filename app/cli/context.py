"""What every command needs: an engine on the gateway's database, running or not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from app import embedded
from app.registry import loading
from app.settings import Settings
from app.storage import registry_loading
from app.storage.database import open_engine
from app.storage.migrating import migrate


@contextmanager
def database(settings: Settings) -> Iterator[Engine]:
    """The database named by DATABASE_URL, else the embedded one: joined, or started for a while."""
    with embedded.connect_database_url(settings.home, os.environ) as url:
        engine = open_engine(url)
        try:
            migrate(engine)
            _fill(engine, settings)
            yield engine
        finally:
            engine.dispose()


def _fill(engine: Engine, settings: Settings) -> None:
    """A command may be the first thing that anybody runs: it too finds the centers."""
    with engine.connect() as connection:
        loaded = registry_loading.mark(connection) is not None
    if not loaded:
        loading.load(engine, settings.config / "registry")
