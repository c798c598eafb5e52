"""Every process says every few seconds that it lives, until it ends; `siang doctor` reads it.

What is said is not needed by any other process: while the database is away nothing is said, and
no process fails for it.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from types import TracebackType

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from app import clock
from app.storage import operations

EVERY_SECONDS = 10.0
# Who was not heard for so long is dead, or cannot reach the database.
SILENT_SECONDS = 30.0
# A process that was killed and never came back is told of for so long.
KEPT = timedelta(days=1)
LOOK_SECONDS = 0.3

POSTGRESQL = "Waiting for PostgreSQL: {reason}"
TABLES = "Waiting for the tables: `siang prepare` or `siang run` makes them"


class Living:
    """This process, under its name, from `start` or `with` on."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._name = engine, name
        self._host, self._pid, self._started_at = socket.gethostname(), os.getpid(), clock.now()
        self._over = threading.Event()
        # A beat that is under way when the process leaves must not put it back.
        self._saying = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._beat, name="living", daemon=True).start()

    def stop(self) -> None:
        """Leave; from now on nothing is said."""
        self._over.set()
        with self._saying:
            self._say(lambda tx: operations.leave(tx, self._host, self._pid))

    def __enter__(self) -> None:
        self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _beat(self) -> None:
        self._say(lambda tx: operations.replace_dead(tx, self._host, self._name, SILENT_SECONDS))
        while not self._over.is_set():
            with self._saying:
                if not self._over.is_set():
                    self._say(self._here)
            self._over.wait(EVERY_SECONDS)

    def _here(self, tx: Connection) -> None:
        operations.beat(tx, self._host, self._pid, self._name, self._started_at)

    def _say(self, sentence: Callable[[Connection], None]) -> None:
        with suppress(SQLAlchemyError), self._engine.begin() as tx:
            sentence(tx)


def wait_for_tables(
    engine: Engine, tell: Callable[[str], object], stop: Callable[[], bool] = lambda: False
) -> bool:
    """Return once the database answers and has the tables of this code; False if told to stop.

    What is waited for is told once, in one line.
    """
    told = ""
    while not stop():
        missing = _missing(engine)
        if not missing:
            return True
        if missing != told:
            tell(missing)
            told = missing
        time.sleep(LOOK_SECONDS)
    return False


def _missing(engine: Engine) -> str:
    try:
        with engine.connect() as tx:
            ready = operations.revision(tx) >= operations.newest_revision()
    except OperationalError as error:
        return POSTGRESQL.format(reason=operations.why_away(error))
    return "" if ready else TABLES
