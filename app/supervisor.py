"""`siang run`: every process of the Procfile, the embedded servers, and one way to stop it all.

One thread, one loop. Each process leads a session of its own, so a terminal's Ctrl-C arrives once,
here, and becomes one SIGTERM for each; what a dead process leaves behind is found by its group.
"""

from __future__ import annotations

import errno
import fcntl
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from honcho.environ import parse_procfile

from app.embedded import Postgres, Redis, Servers, end_with_parent, external_database
from app.errors import OperatorError

TICK_SECONDS = 0.1
WATCH_SECONDS = 1.0
GRACE_SECONDS = 9.0
FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS = 0.5, 10.0, 30.0
LATE_SECONDS = 30.0
LONGEST_LINE = 64 * 1024
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COLOURS = (36, 33, 32, 35, 34, 31)

_Start = Callable[[], subprocess.Popen[bytes]]


class _StopAsked(BaseException):
    """A stop signal during start-up: unwinds whatever is under way."""


class _Stop:
    """Remembers that we were asked to stop; from the second time on nothing more happens."""

    def __init__(self) -> None:
        self.asked = False
        self.unwind = True

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            return
        self.asked = True
        if self.unwind:
            raise _StopAsked

    @contextmanager
    def listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Output:
    """Lines from all processes, each behind its process's name."""

    def __init__(self, stream: BinaryIO, names: list[str]) -> None:
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        coloured = terminal and not os.environ.get("NO_COLOR")
        width = max(map(len, names))
        self._stream: BinaryIO | None = stream
        self._prefixes: dict[str, bytes] = {}
        for number, name in enumerate(names):
            prefix = f"{name:<{width}} | "
            if coloured:
                prefix = f"\033[{COLOURS[number % len(COLOURS)]}m{prefix}\033[0m"
            self._prefixes[name] = prefix.encode()

    def write(self, name: str, line: bytes) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(self._prefixes[name] + line + b"\n")
            self._stream.flush()
        except OSError:
            # Whoever read us has gone (`make run | head`); the gateway goes on without.
            self._stream = None

    def say(self, sentence: str) -> None:
        self.write("siang", sentence.encode())


@dataclass
class _Process:
    """One line of the Procfile, or the embedded Redis: what runs now and when to try again."""

    name: str
    start: _Start
    running: subprocess.Popen[bytes] | None = None
    pause: float = FIRST_PAUSE
    begun: float = 0.0
    due: float = 0.0
    last: bool = False
    rest: bytes = field(default=b"", repr=False)

    def ended(self) -> str | None:
        """How the process ended, once; what it left behind is gone then."""
        if self.running is None or self.running.poll() is None:
            return None
        code = self.running.returncode
        self.kill()
        self.running = None
        if time.monotonic() - self.begun > STEADY_SECONDS:
            self.pause = FIRST_PAUSE
        self.due = time.monotonic() + self.pause
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def kill(self) -> None:
        if self.running is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.running.pid, signal.SIGKILL)


def _starter(command: str, root: Path, environment: Mapping[str, str]) -> _Start:
    parent = os.getpid()

    def before() -> None:
        end_with_parent()
        if os.getppid() != parent:
            os._exit(1)

    def start() -> subprocess.Popen[bytes]:
        # `exec`: signals must reach the program itself, not a shell around it.
        return subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            cwd=root,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=before,
        )

    return start


class _Loop:
    """Starts the processes, passes on what they say, starts again what ends, stops them all."""

    def __init__(self, output: _Output) -> None:
        self.processes: list[_Process] = []
        self.output = output
        self._pipes = selectors.DefaultSelector()

    def run(self, stop: Callable[[], bool], every_tick: Callable[[], None]) -> None:
        while not stop():
            for process in self.processes:
                self._tend(process)
            self._pump(TICK_SECONDS)
            every_tick()

    def add(self, name: str, start: _Start, last: bool = False) -> subprocess.Popen[bytes]:
        process = _Process(name, start, last=last)
        self.processes.append(process)
        return self._start(process)

    def _start(self, process: _Process) -> subprocess.Popen[bytes]:
        process.begun = time.monotonic()
        process.running = running = process.start()
        if running.stdout is not None:
            os.set_blocking(running.stdout.fileno(), False)
            self._pipes.register(running.stdout, selectors.EVENT_READ, (process, running.stdout))
        return running

    def _tend(self, process: _Process) -> None:
        how = process.ended()
        if how is not None:
            pause = process.pause
            self.output.say(f"{process.name} ended ({how}); it starts again in {pause:g} s")
            process.pause = min(pause * 2, LONGEST_PAUSE)
        if process.running is None and time.monotonic() >= process.due:
            self._start(process)

    def _pump(self, seconds: float) -> bool:
        """Pass on what the processes have said; true while there was anything."""
        if not self._pipes.get_map():
            time.sleep(seconds)
            return False
        ready = self._pipes.select(seconds)
        for key, _ in ready:
            process, pipe = key.data
            data = os.read(key.fd, LONGEST_LINE)
            *lines, process.rest = (process.rest + data).split(b"\n")
            if process.rest and (not data or len(process.rest) > LONGEST_LINE):
                lines.append(process.rest)
                process.rest = b""
            for line in lines:
                self.output.write(process.name, line)
            if not data:
                self._pipes.unregister(pipe)
                pipe.close()
        return bool(ready)

    def stop(self) -> None:
        """The Procfile's processes first, then what they lean on; nothing of them is left."""
        for last in (False, True):
            self._end([one for one in self.processes if one.last is last and one.running])
        deadline = time.monotonic() + 1.0
        while self._pump(0.0) and time.monotonic() < deadline:
            pass
        for key in list(self._pipes.get_map().values()):
            key.data[1].close()
        self._pipes.close()

    def _end(self, processes: list[_Process]) -> None:
        """Ask all at once, then insist."""
        asked = [(one, one.running) for one in processes if one.running is not None]
        for _, running in asked:
            running.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and any(one.poll() is None for _, one in asked):
            self._pump(0.05)
        for process, running in asked:
            if running.poll() is None:
                self.output.say(f"{process.name} did not stop in {GRACE_SECONDS:g} s: killed")
            process.kill()
            running.wait()


@contextmanager
def _only_gateway(home: Path) -> Iterator[bool]:
    """One gateway per home; yields whether the one before us was killed."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "gateway.lock").open("a+") as file:
        file.seek(0)
        before = file.read().strip()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperatorError(
                f"The gateway is already running with this home (pid {before})",
                "Stop it or set SIANG_HOME.",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield bool(before)
        finally:
            file.truncate(0)


def _port_problem(host: str, port: int) -> OSError | None:
    kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(kind, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            return error
    return None


def require_free_port(host: str, port: int, patience: float = 0.0) -> None:
    """Refuse a port that we could not serve on; wait for what a killed gateway left behind."""
    deadline = time.monotonic() + patience
    while (problem := _port_problem(host, port)) is not None:
        if problem.errno != errno.EADDRINUSE:
            raise OperatorError(
                f"{host} port {port} cannot be used: {problem.strerror}",
                "Set PORT or SIANG_HOST to what this machine allows.",
            )
        if time.monotonic() >= deadline:
            raise OperatorError(
                f"Port {port} is in use",
                f"Stop the other program or run PORT={port + 1} make run",
            )
        time.sleep(0.1)


def _parent_has_stopped() -> Callable[[], bool]:
    """Whether the `make` that runs us was told to stop.

    GNU make passes a SIGTERM on to its recipes, but keeps a SIGINT or SIGHUP that was sent to it
    alone for itself and waits for us. It no longer catches the signal then, and that shows.
    """
    parent = os.getppid()
    status = Path(f"/proc/{parent}/status")

    def caught() -> int:
        lines = status.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("SigCgt")).split()[1], 16)

    try:
        if Path(f"/proc/{parent}/comm").read_text().strip() not in ("make", "gmake"):
            return lambda: False
        wanted = caught() & sum(1 << (number - 1) for number in STOP_SIGNALS)
    except OSError:
        return lambda: False

    def stopped() -> bool:
        try:
            return os.getppid() != parent or caught() & wanted != wanted
        except (OSError, StopIteration):
            return True

    return stopped


class _Watch:
    """What is looked after between two ticks: the database and the first answer."""

    def __init__(
        self,
        output: _Output,
        postgres: Postgres | None,
        ready: Callable[[], bool],
        announce: Callable[[], None],
    ) -> None:
        self._output, self._postgres = output, postgres
        self._ready, self._announce = ready, announce
        self._waiting, self._late = True, time.monotonic() + LATE_SECONDS
        self._next, self._pause = 0.0, FIRST_PAUSE

    def look(self) -> None:
        now = time.monotonic()
        if self._waiting and self._ready():
            self._waiting = False
            self._announce()
        elif self._waiting and now > self._late:
            self._late = float("inf")
            self._output.say(f"still no answer after {LATE_SECONDS:g} s; the lines above say why")
        if self._postgres is None or now < self._next:
            return
        self._next = now + WATCH_SECONDS
        if self._postgres.alive():
            self._pause = FIRST_PAUSE
            return
        self._output.say("PostgreSQL ended; it starts again")
        self._postgres.revive()
        self._next = now + max(WATCH_SECONDS, self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)


def _commands(procfile: Path) -> dict[str, str]:
    try:
        commands: dict[str, str] = dict(parse_procfile(procfile.read_text()).processes)
    except OSError as error:
        raise OperatorError(
            f"{procfile} cannot be read: {error.strerror}", "Restore it from the checkout."
        ) from error
    if not commands:
        raise OperatorError(f"{procfile} names no process", "Restore it from the checkout.")
    return commands


def _children_environment(
    environment: Mapping[str, str], home: Path, servers: Servers
) -> dict[str, str]:
    kept = {name: value for name, value in environment.items() if not name.startswith("MAKE")}
    programs = Path(sys.executable).parent
    return kept | {
        "PATH": f"{programs}{os.pathsep}{environment.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        "SIANG_HOME": str(home),
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
    }


@dataclass
class _Embedded:
    """The servers that are ours to run; None for one that the environment names."""

    postgres: Postgres | None
    redis: Redis | None
    servers: Servers

    @classmethod
    def enter(cls, home: Path, environment: Mapping[str, str], stack: ExitStack) -> _Embedded:
        database_url = external_database(environment)
        postgres = None
        if database_url is None:
            postgres = Postgres(home)
            postgres.join()
            stack.callback(postgres.leave)
            database_url = postgres.url
        redis_url = environment.get("REDIS_URL", "").strip()
        redis = None if redis_url else Redis(home)
        if redis is not None:
            redis_url = redis.url
        return cls(postgres, redis, Servers(database_url, redis_url))


def supervise(
    procfile: Path,
    root: Path,
    home: Path,
    environment: Mapping[str, str],
    *,
    host: str,
    port: int,
    prepare: Callable[[Servers], None],
    ready: Callable[[], bool],
    announce: Callable[[], None],
) -> int:
    """Run the gateway until it is told to stop; the exit status of `siang run`.

    `prepare` runs once, with the database and Redis up and before any process starts. `ready` is
    asked at every tick until it is true, then `announce` runs once; neither may take long.
    """
    commands = _commands(procfile)
    home = home.expanduser().resolve()
    stop = _Stop()
    with suppress(_StopAsked), stop.listening(), ExitStack() as stack:
        killed = stack.enter_context(_only_gateway(home))
        parent_has_stopped = _parent_has_stopped()
        require_free_port(host, port, patience=GRACE_SECONDS if killed else 0.0)
        embedded = _Embedded.enter(home, environment, stack)
        output = _Output(sys.stdout.buffer, ["siang", *commands, "redis"])
        loop = _Loop(output)
        stack.callback(loop.stop)
        if embedded.redis is not None:
            embedded.redis.wait_until_ready(loop.add("redis", embedded.redis.start, last=True))
        prepare(embedded.servers)
        variables = _children_environment(environment, home, embedded.servers)
        for name, command in commands.items():
            loop.add(name, _starter(command, root, variables))
        watch = _Watch(output, embedded.postgres, ready, announce)
        stop.unwind = False
        loop.run(lambda: stop.asked or parent_has_stopped(), watch.look)
        output.say("stopping")
    return 0
