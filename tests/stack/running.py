"""A whole gateway as `siang run` starts it, with a home and a port of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
from redis import Redis
from sqlalchemy import text

from app.settings import ROOT
from app.storage.database import open_engine

SIANG = [sys.executable, "-c", "from app.cli import main; main()"]
PATIENCE = 60.0
# What the gateway promises with Redis flushed or gone, and a little for this machine's load.
PROMISE = 10.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Stack:
    """One `siang run` with a home and a port of its own."""

    home: Path
    port: int = field(default_factory=free_port)
    extra: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        ours = {"SIANG_HOME": str(self.home), "PORT": str(self.port)}
        return {**inherited, **ours, **self.extra}

    @property
    def log(self) -> str:
        return (self.home / "run.log").read_text(encoding="utf-8")

    def start(self) -> Stack:
        self.home.mkdir(exist_ok=True)
        with (self.home / "run.log").open("ab") as log:
            said_before = len(self.log)
            self.process = self._spawn([*SIANG, "run"], log)
        self.until("ready", lambda: "Siang is running" in self.log[said_before:])
        return self

    def _spawn(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def stop(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(with_signal)
        return self.process.wait(20)

    def siang(self, *arguments: str) -> str:
        done = subprocess.run(
            [*SIANG, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tally(self) -> dict[str, Any]:
        found = json.loads(self.siang("tally", "--odsc", "0103", "--json"))
        assert isinstance(found, dict)
        return found

    def url(self, kind: str, hook: str) -> str:
        listed = json.loads(self.siang("channels", "--json"))
        return str(next(one["urls"][hook] for one in listed if one["kind"] == kind))

    def until(self, what: str, true: Callable[[], bool], seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"not {what} after {seconds} s:\n{self.log}"
            time.sleep(0.1)

    def redis_processes(self) -> list[psutil.Process]:
        return [one for one in self.children() if "redis" in one.name()]

    def children(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def worker(self) -> psutil.Process:
        return next(one for one in self.children() if "worker.py" in one.cmdline())

    def redis(self) -> Redis:
        return Redis.from_url(self.worker().environ()["REDIS_URL"])

    def value(self, query: str) -> object:
        """One value, asked of the gateway's own database."""
        engine = open_engine(self.worker().environ()["DATABASE_URL"], pool=1)
        try:
            with engine.connect() as connection:
                return connection.execute(text(query)).scalar()
        finally:
            engine.dispose()
