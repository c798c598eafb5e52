"""The whole gateway as `siang run` starts it: its own processes, PostgreSQL and Redis."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
import psutil
import pytest
from redis import Redis

from app.settings import ROOT

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
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        return inherited | {"SIANG_HOME": str(self.home), "PORT": str(self.port)}

    @property
    def log(self) -> str:
        return (self.home / "run.log").read_text(encoding="utf-8")

    def start(self) -> Stack:
        self.home.mkdir(exist_ok=True)
        with (self.home / "run.log").open("ab") as log:
            self.process = self._spawn([*SIANG, "run"], log)
        self.until("ready", lambda: "Siang is running" in self.log)
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

    def until(self, what: str, true: Any, seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"not {what} after {seconds} s:\n{self.log}"
            time.sleep(0.1)

    def redis_processes(self) -> list[psutil.Process]:
        return [one for one in self.children() if "redis" in one.name()]

    def children(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def redis(self) -> Redis:
        (worker, *_) = [
            one for one in self.children() if one.cmdline()[-2:] == ["worker.py", "turns"]
        ]
        return Redis.from_url(worker.environ()["REDIS_URL"])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("stack") / "home").start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()


def rate(stack: Stack, number: int, count: int) -> None:
    url = stack.url("simulator", "sms")
    with httpx.Client() as client:
        for index in range(count):
            fields = {"id": f"{number}-{index}", "from": f"+85620555{number:05d}"}
            fields |= {"to": "1616", "text": "0103 5 ດີ"}
            assert client.post(url, data=fields).status_code == 200


def test_a_dialled_answer_is_counted(stack: Stack) -> None:
    url = stack.url("africastalking", "ussd")
    form = {"sessionId": "s1", "serviceCode": "*1616#", "phoneNumber": "+8562055512345"}
    screens = [
        httpx.post(url, data=form | {"text": typed}).text
        for typed in ("", "1", "1*0103", "1*0103*4")
    ]
    assert all(screen.startswith("CON ") for screen in screens)
    stack.until("counted", lambda: stack.tally()["partial"] == 1, PROMISE)


def test_an_sms_is_answered_and_counted(stack: Stack) -> None:
    before = stack.tally()["complete"]
    shown = stack.siang("sms", "1616", "0103 5 ດີຫຼາຍ", "--from", "02055599999")
    assert "ຂອບໃຈ" in shown
    stack.until("counted", lambda: stack.tally()["complete"] == before + 1, PROMISE)


def test_after_flushall_everything_still_arrives(stack: Stack) -> None:
    before = stack.tally()["complete"]
    rate(stack, 10001, 5)
    stack.redis().flushall()
    rate(stack, 10002, 5)
    stack.redis().flushall()
    stack.until("all counted", lambda: stack.tally()["complete"] == before + 10, PROMISE)


def test_without_redis_everything_still_arrives(stack: Stack) -> None:
    before = stack.tally()["complete"]
    for _ in range(4):
        for process in stack.redis_processes():
            process.kill()
        rate(stack, 10003 + _, 3)
    stack.until("all counted", lambda: stack.tally()["complete"] == before + 12, PROMISE)


def test_a_killed_process_is_started_again(stack: Stack) -> None:
    for child in stack.children():
        if "worker.py" in child.cmdline() or "serve" in child.cmdline():
            child.kill()
    stack.until("back", lambda: _answers(stack))
    before = stack.tally()["complete"]
    rate(stack, 10010, 3)
    stack.until("counted", lambda: stack.tally()["complete"] == before + 3, PATIENCE)


def _answers(stack: Stack) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{stack.port}/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_the_recount_agrees(stack: Stack) -> None:
    assert "equal" in stack.siang("recount", "--check")


def test_no_number_is_in_any_file_of_the_home(stack: Stack) -> None:
    assert not re.search(r"20555(12345|99999|1000\d)", stack.log)
    token = stack.url("kannel", "sms").split("token=")[1]
    after_start = stack.log.split("Ctrl-C stops it.")[1]
    assert token not in after_start


def test_ctrl_c_stops_everything_and_the_next_start_has_the_same_data(stack: Stack) -> None:
    before = stack.tally()
    everybody = stack.children()
    assert stack.stop() == 0
    _, alive = psutil.wait_procs(everybody, timeout=10)
    assert not alive
    assert stack.tally() == before, "commands work while the gateway is not running"
    stack.start()
    assert stack.tally() == before
    assert stack.stop(signal.SIGTERM) == 0


def test_a_port_in_use_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        stack = Stack(tmp_path / "home", port=int(taken.getsockname()[1]))
        stack.home.mkdir()
        done = subprocess.run(
            [*SIANG, "run"],
            cwd=ROOT,
            env=stack.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode != 0
    assert f"Port {stack.port} is in use" in done.stderr
    assert "Traceback" not in done.stderr
