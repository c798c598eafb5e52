"""The whole gateway as `siang run` starts it: its own processes, PostgreSQL and Redis."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from app.settings import ROOT
from tests.stack.running import PATIENCE, PROMISE, SIANG, Stack

pytestmark = pytest.mark.slow


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
    assert token not in stack.log


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


def test_with_redis_gone_for_good_everything_still_arrives(tmp_path: Path) -> None:
    nowhere = {"REDIS_URL": f"unix://{tmp_path}/nobody.sock"}
    stack = Stack(tmp_path / "home", extra=nowhere).start()
    try:
        rate(stack, 10020, 3)
        stack.until("all counted", lambda: stack.tally()["complete"] == 3, PROMISE)
        # Each worker says it once, not at every try.
        assert stack.log.count("redis_away") == 3
    finally:
        stack.stop()
