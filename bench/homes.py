"""A temporary home with an embedded PostgreSQL that is ready to serve, gone when we leave."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from app import embedded, logs, settings
from app.cli.prepare import prepare
from app.errors import OperatorError
from app.settings import Settings
from app.storage.database import open_engine
from bench import processes
from bench.errors import BenchError

POOL = 4


@dataclass(frozen=True, slots=True)
class Home:
    """A folder of its own and the database in it."""

    folder: Path
    settings: Settings
    url: str
    engine: Engine


@contextmanager
def folder() -> Iterator[Path]:
    """An empty home; whatever is put in it is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="siang-") as name:
        home = Path(name) / "home"
        home.mkdir()
        yield home


@contextmanager
def opened() -> Iterator[Home]:
    """One with its database."""
    with folder() as home, embedded.database(home) as url:
        loaded = settings.load(processes.environment(home))
        engine = open_engine(url, POOL)
        try:
            prepare(loaded, engine)
            yield Home(home, loaded, url, engine)
        finally:
            engine.dispose()


@contextmanager
def ended_well() -> Iterator[None]:
    """Around a whole program: a failure is a sentence, and SIGTERM unwinds as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with logs.warnings_to_stderr():
            yield
    except (BenchError, OperatorError) as error:
        sys.exit(str(error))
