"""A web process that is told to stop takes leave first, whatever it is told with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import Engine, text

from app.cli import serve
from app.web import leaving
from tests.stack.running import SIANG, free_port

STOPS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture
def undisturbed() -> Iterator[None]:
    """The signals of this process are as they were afterwards."""
    before = {number: signal.getsignal(number) for number in (*STOPS, leaving.ASKED)}
    yield
    for number, known in before.items():
        signal.signal(number, known)


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("number", STOPS)
def test_the_server_ends_after_it_took_leave(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "SECONDS", 0.01)
    ended = threading.Event()
    serve._take_leave(ended.set)
    signal.raise_signal(number)
    assert ended.wait(30)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_ends_the_serving_process_by_the_one_that_started_it(
    engine: Engine, database_url: str, home: Path
) -> None:
    port = free_port()
    ours = {"DATABASE_URL": database_url, "SIANG_HOME": str(home), "PORT": str(port)}
    server = subprocess.Popen([*SIANG, "serve"], env={**os.environ, **ours}, start_new_session=True)
    try:
        until_ready(f"http://127.0.0.1:{port}/health/ready")
        (serving,) = (one for one in psutil.Process(server.pid).children() if blocks(one.pid))
        # What a terminal does.
        os.killpg(server.pid, signal.SIGINT)
        assert server.wait(30) == 0
        assert not serving.is_running()
    finally:
        server.kill()
        server.wait()
    with engine.connect() as tx:
        assert tx.execute(text("SELECT count(*) FROM processes")).scalar_one() == 0


def until_ready(url: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            assert time.monotonic() < until, "it does not answer"
        time.sleep(0.1)


def blocks(pid: int) -> bool:
    """Whether no thread of the process is told of Ctrl-C."""
    masks = [
        int(line.split()[1], 16)
        for status in Path(f"/proc/{pid}/task").glob("*/status")
        for line in status.read_text().splitlines()
        if line.startswith("SigBlk")
    ]
    return bool(masks) and all(mask >> (signal.SIGINT - 1) & 1 for mask in masks)
