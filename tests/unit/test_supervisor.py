"""The supervisor as a process of its own, with made-up Procfiles."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from app.errors import OperatorError
from app.supervisor import require_free_port

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = {"DATABASE_URL": "postgresql://nobody@nowhere/none", "REDIS_URL": "redis://nowhere"}
MAIN = """
    import os, sys
    from pathlib import Path
    from app.errors import OperatorError
    from app.supervisor import supervise
    here = Path(sys.argv[1])
    def say(line):
        print(line, flush=True)
    try:
        sys.exit(supervise(
            here / "Procfile", here, here / "home", os.environ,
            host="127.0.0.1", port=int(sys.argv[2]),
            prepare=lambda servers: say("prepared"),
            ready=lambda: True, announce=lambda: say("announced"),
        ))
    except OperatorError as error:
        sys.exit(str(error))
"""


@dataclass
class Gateway:
    """One supervised run in a folder of its own."""

    folder: Path
    process: subprocess.Popen[str]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def saw(self, *texts: str) -> bool:
        return eventually(lambda: all(text in self.log for text in texts))

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(15)


Start = Callable[..., Gateway]


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def gone(processes: list[psutil.Process]) -> bool:
    def over(process: psutil.Process) -> bool:
        try:
            return process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return eventually(lambda: all(over(process) for process in processes))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    begun: list[Gateway] = []

    def start(
        procfile: str,
        port: int | None = None,
        servers: dict[str, str] | None = ELSEWHERE,
        through_make: bool = False,
    ) -> Gateway:
        (tmp_path / "Procfile").write_text(textwrap.dedent(procfile))
        main = tmp_path / "main.py"
        main.write_text(textwrap.dedent(MAIN))
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | (servers or {})
        command = [sys.executable, str(main), str(tmp_path), str(port or free_port())]
        if through_make:
            (tmp_path / "Makefile").write_text("run:\n\t@exec $(COMMAND)\n")
            command = ["make", "-C", str(tmp_path), f"COMMAND={shlex.join(command)}"]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
            )
        begun.append(Gateway(tmp_path, process))
        return begun[-1]

    yield start
    for gateway in begun:
        if gateway.process.poll() is None:
            gateway.stop(signal.SIGTERM)


TWO = """
    web: sh -c 'echo hello; while :; do sleep 0.05; done'
    upkeep: sh -c 'printf "%s\\n" "$PYTHONUNBUFFERED $PATH"; exec sleep 60'
"""


def test_lines_carry_aligned_names_and_the_own_python_comes_first(start: Start) -> None:
    gateway = start(TWO)
    own = Path(sys.executable).parent
    assert gateway.saw("web    | hello\n", f"upkeep | 1 {own}{os.pathsep}", "announced\n")
    assert gateway.log.index("prepared") < gateway.log.index("hello")
    assert "\033" not in gateway.log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_everything_cleanly(start: Start, number: int) -> None:
    gateway = start(TWO)
    assert gateway.saw("hello", "announced")
    children = gateway.children()
    assert len(children) >= 2
    assert gateway.stop(number) == 0
    assert gone(children)
    assert (gateway.folder / "home" / "gateway.lock").read_text() == ""


def test_a_second_signal_is_harmless(start: Start) -> None:
    gateway = start("""
        web: sh -c 'trap "sleep 1; echo over; exit" TERM; echo up; while :; do sleep 0.1; done'
    """)
    assert gateway.saw("up")
    gateway.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert gateway.stop(signal.SIGINT) == 0
    assert "web   | over" in gateway.log


def test_what_ends_starts_again_ever_more_slowly(start: Start) -> None:
    gateway = start("""
        web: sh -c 'echo up; exec sleep 60'
        worker: sh -c 'echo tried; exit 3'
    """)
    assert gateway.saw(
        "worker ended (exit code 3); it starts again in 0.5 s",
        "worker ended (exit code 3); it starts again in 1 s",
    )
    assert gateway.log.count("web    | up") == 1
    assert gateway.log.count("worker | tried") >= 2


def test_a_killed_process_takes_its_own_children_along(start: Start) -> None:
    gateway = start("web: sh -c 'sleep 60 & echo $$; wait'")
    assert gateway.saw("web   | ")
    children = gateway.children()
    pid = int(gateway.log.split("web   | ")[1].split()[0])
    os.kill(pid, signal.SIGKILL)
    assert gateway.saw("web ended (signal 9)")
    assert gone(children)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_nothing_outlives_a_killed_supervisor(start: Start) -> None:
    gateway = start("web: sh -c 'echo up; exec sleep 60'", servers={})
    assert gateway.saw("up")
    assert eventually(lambda: "sleep" in {one.name() for one in gateway.children()})
    children = [one for one in gateway.children() if one.name() != "postgres"]
    assert "redis-server" in {one.name() for one in children}
    assert gateway.stop(signal.SIGKILL) == -signal.SIGKILL
    assert gone(children)
    again = start("web: sh -c 'echo up; exec sleep 60'", servers={})
    assert again.saw("announced")
    processes = again.children()
    assert again.stop(signal.SIGTERM) == 0
    assert gone(processes)


def test_embedded_servers_that_die_start_again(start: Start) -> None:
    gateway = start("web: sh -c 'echo up; exec sleep 60'", servers={})
    assert gateway.saw("up", "announced")
    for process in gateway.children():
        if process.name() == "redis-server":
            process.kill()
    data = gateway.folder / "home" / "postgres" / "postmaster.pid"
    first = data.read_text().split()[0]
    os.kill(int(first), signal.SIGKILL)
    assert gateway.saw("redis ended (signal 9)", "PostgreSQL ended; it starts again")
    assert eventually(lambda: data.exists() and data.read_text().split()[:1] not in ([], [first]))
    assert eventually(lambda: "redis-server" in {one.name() for one in gateway.children()})
    assert gateway.stop(signal.SIGTERM) == 0
    assert eventually(lambda: not data.exists())


def test_one_gateway_per_home(start: Start) -> None:
    gateway = start(TWO)
    assert gateway.saw("hello")
    main = [sys.executable, str(gateway.folder / "main.py"), str(gateway.folder), str(free_port())]
    second = subprocess.run(
        main,
        env=os.environ | ELSEWHERE | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert second.stderr == (
        "The gateway is already running with this home "
        f"(pid {gateway.process.pid}). Stop it or set SIANG_HOME.\n"
    )


def test_a_port_in_use_is_refused_before_anything_starts(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        gateway = start(TWO, port=port)
        assert gateway.process.wait(15) == 1
    assert gateway.log == (
        f"Port {port} is in use. Stop the other program or run PORT={port + 1} make run\n"
    )
    with pytest.raises(OperatorError, match="cannot be used"):
        require_free_port("192.0.2.1", port)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_make_alone_ends_everything(start: Start, number: int) -> None:
    gateway = start(TWO, through_make=True)
    assert gateway.saw("hello")
    children = gateway.children()
    gateway.stop(number)
    assert gone(children)
