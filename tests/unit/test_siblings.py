"""Several workers forked from one, as a program of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
MAIN = """
    import os, signal, sys, threading
    from pathlib import Path
    from app import logs, siblings
    here, stopping = Path(sys.argv[1]), threading.Event()
    def work(name):
        (here / name).write_text(str(os.getpid()))
        if name == "tired":
            sys.exit(3)
        stopping.wait(60)
        (here / name).write_text("ended well")
    logs.set_up("json")
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    siblings.run(sys.argv[2:], work, stopping)
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(*names: str) -> subprocess.Popen[str]:
        code = "\n".join(line.removeprefix("    ") for line in MAIN.splitlines())
        command = [sys.executable, "-c", code, str(tmp_path), *names]
        started.append(
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1)
        )
        return started[-1]

    yield run
    for one in started:
        one.kill()
        one.communicate()


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def pid(folder: Path, name: str) -> int:
    """Of the one that works under this name now; 0 before it does."""
    file = folder / name
    return int(file.read_text() or 0) if file.exists() else 0


def test_each_has_a_process_of_its_own_and_all_end_when_told(start: Start, tmp_path: Path) -> None:
    parent = start("a", "b")
    assert eventually(lambda: bool(pid(tmp_path, "a") and pid(tmp_path, "b")))
    assert len({parent.pid, pid(tmp_path, "a"), pid(tmp_path, "b")}) == 3
    parent.terminate()
    assert parent.wait(20) == 0
    assert {(tmp_path / name).read_text() for name in "ab"} == {"ended well"}


def test_one_that_is_killed_comes_back_and_the_others_go_on(start: Start, tmp_path: Path) -> None:
    start("a", "b")
    assert eventually(lambda: bool(pid(tmp_path, "a") and pid(tmp_path, "b")))
    killed, other = pid(tmp_path, "a"), pid(tmp_path, "b")
    psutil.Process(killed).send_signal(signal.SIGKILL)
    assert eventually(lambda: pid(tmp_path, "a") not in (0, killed))
    assert pid(tmp_path, "b") == other
    assert psutil.pid_exists(other)


def test_one_that_ends_again_and_again_is_told_of_and_waits_longer(start: Start) -> None:
    parent = start("tired")
    assert parent.stdout is not None
    lines = [parent.stdout.readline() for _ in range(2)]
    assert all('"event": "worker_ended"' in line and "exit code 3" in line for line in lines)
    assert [line.count('"again_in": 0.5') for line in lines] == [1, 0]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_none_outlives_the_one_that_forked_it(start: Start, tmp_path: Path) -> None:
    parent = start("a")
    assert eventually(lambda: pid(tmp_path, "a") != 0)
    child = psutil.Process(pid(tmp_path, "a"))
    parent.kill()
    assert eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
