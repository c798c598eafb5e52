"""Siang's processes one by one, as a service manager starts them, with servers of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import Engine, text

from app.embedded import Postgres, Redis
from app.registry import loading
from app.settings import ROOT
from app.storage.database import open_engine
from app.storage.migrating import migrate
from tests.stack.running import SIANG, free_port

TOKEN = "running-token-0123456789"
# For this machine's load; what is promised is asserted apart.
PATIENCE = 60.0
OWN = {
    "SIANG_CHANNEL_AFRICASTALKING_TOKEN": TOKEN,
    "SIANG_CHANNEL_SIMULATOR_TOKEN": TOKEN,
}


def until(what: str, true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not {what} after {seconds} s"
        time.sleep(0.02)


def post(port: int, path: str, fields: Mapping[str, str]) -> str:
    """What a process of this machine answers over a connection of its own; OSError if it is cut."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Connection": "close"}
    try:
        connection.request("POST", f"{path}?token={TOKEN}", urlencode(fields), headers)
        response = connection.getresponse()
        assert response.status == 200, response.status
        return response.read().decode()
    finally:
        connection.close()


@dataclass
class Program:
    """One process; `port` is of use to a web process alone."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    log_file: Path
    port: int
    running: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def start(self) -> Program:
        if self.running is None:
            with self.log_file.open("ab") as log:
                self.running = subprocess.Popen(
                    self.command,
                    cwd=ROOT,
                    env=dict(self.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        return self

    def tell(self) -> None:
        """Ask it to stop."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Its exit status, once it has stopped."""
        assert self.running is not None
        status = self.running.wait(PATIENCE)
        self.running = None
        return status

    def stop(self) -> int:
        self.tell()
        return self.ended()

    def until_says(self, what: str) -> None:
        until(what, lambda: self._says(what))

    def _says(self, what: str) -> bool:
        assert self.running is not None
        assert self.running.poll() is None, self.log
        return what in self.log

    def answers(self) -> str:
        """What /health/ready says; "" where nobody answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/health/ready", headers={"Connection": "close"})
            return connection.getresponse().read().decode()
        except (OSError, HTTPException):
            return ""
        finally:
            connection.close()

    def until_ready(self) -> Program:
        until("ready", lambda: "database" in self.answers())
        return self


class Machine:
    """A SIANG_HOME; its database and its doorbell are not started yet."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.postgres, self.redis = Postgres(home), Redis(home)
        self.postgres.sockets = home / "run"
        self.engine = open_engine(self.postgres.url, pool=2)
        self.first, self.second = self._program("web", *SIANG, "serve"), self._web()
        self.turns, self.upkeep = self._worker("turns"), self._worker("upkeep")
        self._joined = self._filled = False
        self._doorbell: subprocess.Popen[bytes] | None = None

    def _web(self) -> Program:
        return self._program("web2", *SIANG, "serve")

    def _worker(self, name: str) -> Program:
        return self._program(name, sys.executable, "worker.py", name)

    def _program(self, name: str, *command: str) -> Program:
        port = free_port()
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SIANG_")}
        ours = {"SIANG_HOME": str(self.home), "PORT": str(port), "PYTHONUNBUFFERED": "1"}
        ours |= {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url}
        return Program(command, inherited | OWN | ours, self.home / f"{name}.log", port)

    # --- what processes need ------------------------------------------------------------------

    def start_postgres(self) -> None:
        if not self._joined:
            self.postgres.join()
            self._joined = True

    def make_tables(self) -> None:
        if not self._filled:
            migrate(self.engine)
            loading.load(self.engine, ROOT / "config" / "registry")
            self._filled = True

    def start_redis(self) -> None:
        if self._doorbell is None:
            self._doorbell = self.redis.start()

    def whole(self) -> Machine:
        """Everything that processes need is there."""
        self.start_postgres()
        self.make_tables()
        self.start_redis()
        return self

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.engine.connect() as tx:
            return [tuple(row) for row in tx.execute(text(query))]

    def close(self) -> None:
        running = [self.first, self.second, self.turns, self.upkeep]
        running = [one for one in running if one.running is not None]
        for one in running:
            one.tell()
        for one in running:
            one.ended()
        self.engine.dispose()
        if self._doorbell is not None:
            self._doorbell.kill()
            self._doorbell.wait()
        if self._joined:
            self.postgres.leave()


@contextmanager
def machine(home: Path) -> Iterator[Machine]:
    """Whatever was started on it is ended when we leave."""
    made = Machine(home)
    try:
        yield made
    finally:
        made.close()


def waits_for_lock(engine: Engine) -> bool:
    """Whether some process waits for what another holds."""
    with engine.connect() as tx:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool(tx.execute(text(query)).scalar())
