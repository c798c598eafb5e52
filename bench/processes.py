"""Child processes: with an environment of their own, and never left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from app.embedded import end_with_parent
from app.settings import ROOT
from bench.errors import BenchError

HOST = "127.0.0.1"
READY = "/health/ready"
SIANG = (sys.executable, "-c", "from app.cli import main; main()")
START_SECONDS = 60.0
STOP_SECONDS = 20.0


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Ours, without whatever the user has set for a Siang of their own."""
    foreign = ("SIANG_", "DATABASE_URL", "REDIS_URL", "PORT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    # Lines as in production.
    ours = {"SIANG_HOME": str(home), "SIANG_HOST": HOST, "SIANG_LOG": "json"}
    return kept | ours | variables


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], variables: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is stopped, with all its own, when we leave."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask, wait, then insist; its group holds what it started in turn."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def troubles(log: Path) -> str:
    """The last lines of a program's log that are no mere information."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([line for line in lines if "[info " not in line][-10:]) or "nothing"


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return once /health/ready answers 200."""
    deadline = time.monotonic() + START_SECONDS
    while not _ready(port):
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise BenchError(f"A server did not become ready. It said:\n{said}")
        time.sleep(0.02)


def _ready(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=1.0)
    try:
        connection.request("GET", READY)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
