"""`siang run`: every process of the Procfile, the embedded servers, and one way to stop it all.

One thread, one loop. The processes are in the foreground group of the terminal: its Ctrl-C reaches
them all, and each is told once more from here. The servers lead sessions of their own, because they
must outlive who leans on them.
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
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil
from honcho.environ import parse_procfile

from app.embedded import Postgres, Redis, Servers, end_with_parent, external_database
from app.errors import OperatorError
from app.lines import PrefixedLines

__all__ = ["Servers", "require_free_port", "supervise"]

TICK_SECONDS = 0.1
WATCH_SECONDS = 1.0
GRACE_SECONDS = 9.0
FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS = 0.5, 10.0, 30.0
LONGEST_LINE = 64 * 1024
# To glibc's allocator: few heaps for many threads, and what is free goes back. Who sets these
# themselves has their way.
SPARING = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

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

    def listen(self) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, self.handle)


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
        """How the process ended, once."""
        if self.running is None or self.running.poll() is None:
            return None
        code = self.running.returncode
        self.running = None
        if time.monotonic() - self.begun > STEADY_SECONDS:
            self.pause = FIRST_PAUSE
        self.due = time.monotonic() + self.pause
        return f"exit code {code}" if code >= 0 else f"signal {-code}"

    def kill(self) -> None:
        if self.running is not None and self.running.returncode is None:
            with suppress(psutil.Error):
                _kill(psutil.Process(self.running.pid).children(recursive=True))
            self.running.kill()


def _kill(processes: Iterable[psutil.Process]) -> None:
    for one in processes:
        with suppress(psutil.Error):
            one.kill()


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
            preexec_fn=before,
        )

    return start


def _descendants() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


class _Loop:
    """Starts the processes, passes on what they say, starts again what ends, stops them all."""

    def __init__(self, output: PrefixedLines) -> None:
        self.processes: list[_Process] = []
        self.output = output
        self._pipes = selectors.DefaultSelector()
        self._family: set[psutil.Process] = set()
        self._counted = 0.0

    def run(self, stop: Callable[[], bool], every_tick: Callable[[], None]) -> None:
        while not stop():
            for process in self.processes:
                self._tend(process)
            self._pump(TICK_SECONDS)
            if time.monotonic() - self._counted > WATCH_SECONDS:
                self._family, self._counted = _descendants(), time.monotonic()
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
            self._end_orphans()
        if process.running is None and time.monotonic() >= process.due:
            self._start(process)

    def _end_orphans(self) -> None:
        """Children of a process that died would keep its port."""
        _kill(self._family - _descendants())

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
            self._end_orphans()
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
            reason = f"The gateway is already running with this home (pid {before})"
            raise OperatorError(reason, "Stop it or set SIANG_HOME.") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield bool(before)
        finally:
            file.truncate(0)


def require_free_port(host: str, port: int, patience: float = 0.0) -> None:
    """Refuse a port that we could not serve on; wait for what a killed gateway left behind."""
    deadline = time.monotonic() + patience
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        try:
            socket.create_server((host, port), family=family).close()
            return
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = f"{host} port {port} cannot be used: {error.strerror}"
                raise OperatorError(
                    reason, "Set PORT or SIANG_HOST to what is possible."
                ) from error
            if time.monotonic() >= deadline:
                remedy = f"Stop the other program or run PORT={port + 1} make run"
                raise OperatorError(f"Port {port} is in use", remedy) from error
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


@dataclass
class _Watch:
    """What is looked after between two ticks: the database and the first answer."""

    output: PrefixedLines
    postgres: Postgres | None
    ready: Callable[[], bool]
    announce: Callable[[], None]
    waiting: bool = True
    next: float = 0.0
    pause: float = FIRST_PAUSE

    def look(self) -> None:
        now = time.monotonic()
        if self.waiting and self.ready():
            self.waiting = False
            self.announce()
        if self.postgres is None or now < self.next:
            return
        self.next = now + WATCH_SECONDS
        if self.postgres.alive():
            self.pause = FIRST_PAUSE
            return
        self.output.say("PostgreSQL ended; it starts again")
        self.postgres.revive()
        self.next = now + max(WATCH_SECONDS, self.pause)
        self.pause = min(self.pause * 2, LONGEST_PAUSE)


def _children_environment(
    environment: Mapping[str, str], home: Path, servers: Servers
) -> dict[str, str]:
    kept = {name: value for name, value in environment.items() if not name.startswith("MAKE")}
    programs = Path(sys.executable).parent
    return (
        SPARING
        | kept
        | {
            "PATH": f"{programs}{os.pathsep}{environment.get('PATH', os.defpath)}",
            "PYTHONUNBUFFERED": "1",
            "SIANG_HOME": str(home),
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
        }
    )


def _servers(
    home: Path, environment: Mapping[str, str], stack: ExitStack
) -> tuple[Postgres | None, Redis | None, Servers]:
    """Where the servers are; those that the environment does not name are ours to run."""
    postgres, database_url = None, external_database(environment)
    if database_url is None:
        postgres = Postgres(home)
        postgres.join()
        stack.callback(postgres.leave)
        database_url = postgres.url
    redis_url = environment.get("REDIS_URL", "").strip()
    redis = None if redis_url else Redis(home)
    return postgres, redis, Servers(database_url, redis.url if redis else redis_url)


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
    commands = parse_procfile(procfile.read_text()).processes
    home = home.expanduser().resolve()
    stop = _Stop()
    stop.listen()
    with suppress(_StopAsked), ExitStack() as stack:
        killed = stack.enter_context(_only_gateway(home))
        parent_has_stopped = _parent_has_stopped()
        require_free_port(host, port, patience=GRACE_SECONDS if killed else 0.0)
        postgres, redis, servers = _servers(home, environment, stack)
        output = PrefixedLines(sys.stdout.buffer, ["siang", *commands, "redis"])
        loop = _Loop(output)
        stack.callback(loop.stop)
        if redis is not None:
            redis.wait_until_ready(loop.add("redis", redis.start, last=True))
        prepare(servers)
        variables = _children_environment(environment, home, servers)
        for name, command in commands.items():
            loop.add(name, _starter(command, root, variables))
        watch = _Watch(output, postgres, ready, announce)
        stop.unwind = False
        loop.run(lambda: stop.asked or parent_has_stopped(), watch.look)
        output.say("stopping")
    return 0
