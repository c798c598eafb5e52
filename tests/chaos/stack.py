"""The whole gateway as separate processes, each of them started again when it ends."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import yaml

from app import settings
from app.channels import open_channels
from app.channels.base import hook_url
from app.cli.prepare import prepare
from app.people.vault import Vault
from app.settings import ROOT
from app.storage import people
from app.storage.database import open_engine
from tests.chaos import provider
from tests.chaos.clock import put
from tests.chaos.feed import ODSCS, Doors
from tests.chaos.marks import NUMBERS
from tests.chaos.servers import Database, Disk, redis_command
from tests.stack.running import SIANG, free_port

READY_WITHIN: Final = 90.0
# A process that is told to stop has so long; then it is killed, as a supervisor would.
GRACE: Final = 15.0
AGAIN_AFTER: Final = 0.2
STAFF: Final = 5
EXCUSES: Final = ("error.busy", "error.system", "message.follows")


@dataclass
class Process:
    """One process of the gateway, or Redis; `due` is when it may start again."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    running: subprocess.Popen[bytes] | None = None
    due: float = 0.0
    leaves_by: float = float("inf")
    ends: Counter[int] = field(default_factory=Counter)

    @property
    def role(self) -> str:
        return self.name.partition("-")[0]

    def tend(self, now: float) -> None:
        """Note that it ended, and what it left behind goes too; start it when it is due."""
        if now > self.leaves_by:
            self.end_group()
        if self.running is not None and self.running.poll() is not None:
            self.leaves_by = float("inf")
            self.ends[self.running.returncode] += 1
            self.end_group()
            self.running = None
            self.due = max(self.due, now + AGAIN_AFTER)
        if self.running is None and now >= self.due:
            with self.log.open("ab") as log:
                self.running = subprocess.Popen(
                    self.command,
                    cwd=ROOT,
                    env=dict(self.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def end_group(self) -> None:
        running = self.running
        if running is not None:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)

    def send(self, number: signal.Signals) -> bool:
        """To the process itself; a kill takes its children along. Whether it was there."""
        running = self.running
        if running is None or running.poll() is not None:
            return False
        if number == signal.SIGTERM:
            self.leaves_by = time.monotonic() + GRACE
        if number == signal.SIGKILL:
            self.end_group()
        else:
            running.send_signal(number)
        return True


@dataclass
class Stack:
    """Everything that runs, and where."""

    folder: Path
    database: Database
    disk: Disk
    operator: provider.Operator
    processes: Mapping[str, Process] = field(default_factory=dict)
    ports: Sequence[int] = ()
    doors: Doors = Doors((), {}, frozenset())
    environment: Mapping[str, str] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def shared(self) -> Path:
        """By how much all workers' clocks are ahead."""
        return self.folder / "clock"

    @property
    def own(self) -> Path:
        """By how much the clocks of one upkeep and one sender are ahead, besides."""
        return self.folder / "clock-2"

    @property
    def redis_socket(self) -> Path:
        return Path(f"{self.database.dsn.split()[0].removeprefix('host=')}/chaos.sock")

    def of(self, *roles: str) -> list[Process]:
        return [one for one in self.processes.values() if one.role in roles]

    def look_after(self) -> None:
        """The supervisor's thread."""
        while not self.over.wait(0.05):
            for one in self.processes.values():
                one.tend(time.monotonic())

    def until_ready(self) -> None:
        self._until("the web answers", lambda: all(map(_answers, self.ports)))

    def _until(self, what: str, true: Callable[[], bool]) -> None:
        until = time.monotonic() + READY_WITHIN
        while not true():
            assert time.monotonic() < until, f"not within {READY_WITHIN:.0f} s: {what}"
            time.sleep(0.1)

    def siang(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*SIANG, *arguments],
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def stop(self) -> None:
        """All are asked, and those that do not go are killed."""
        self.over.set()
        alive = [one for one in self.processes.values() if one.running is not None]
        for one in alive:
            one.send(signal.SIGCONT)
            one.send(signal.SIGTERM)
        until = time.monotonic() + GRACE
        for one in alive:
            assert one.running is not None
            with suppress(subprocess.TimeoutExpired):
                one.running.wait(max(0.0, until - time.monotonic()))
            one.end_group()
            one.running.wait()


def _answers(port: int) -> bool:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        link.request("GET", "/health/ready")
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


@contextmanager
def running(folder: Path, operator: provider.Operator, twice: Sequence[str]) -> Iterator[Stack]:
    """The stack with people on its staff, ready to be called; `twice` are the roles run twice."""
    (folder / "logs").mkdir()
    database, disk = Database(folder / "servers"), Disk(folder / "home")
    stack = Stack(folder, database, disk, operator)
    try:
        for file in (stack.shared, stack.own):
            put(file, 0)
        _describe(stack)
        _fill(stack)
        _name(stack, twice)
        threading.Thread(target=stack.look_after, name="supervisor", daemon=True).start()
        stack.until_ready()
        yield stack
    finally:
        stack.stop()
        database.leave()
        disk.leave()


def _describe(stack: Stack) -> None:
    """The configuration: the repository's, and an operator at the provider's address."""
    config = stack.folder / "config"
    shutil.copytree(ROOT / "config", config)
    file = config / "siang.toml"
    # From an hour to the same hour: no time is quiet.
    sms = 'sms_channel = "chaos"\nquiet_from = 8\nquiet_until = 8'
    written = file.read_text().replace('sms_channel = "simulator"', sms)
    file.write_text(written + provider.SECTION.format(url=stack.operator.url))
    stack.ports = (free_port(), free_port())
    stack.environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONUNBUFFERED": "1",
        "SIANG_HOME": str(stack.disk.folder),
        "SIANG_CONFIG": str(config),
        "DATABASE_URL": stack.database.url,
        "REDIS_URL": f"unix://{quote(str(stack.redis_socket))}",
    }


def _fill(stack: Stack) -> None:
    """Tables, registry and flows; staff, who get the digest of the week that is over."""
    loaded = settings.load(stack.environment)
    engine = open_engine(stack.database.url)
    prepare(loaded, engine)
    vault = Vault(loaded.phone_key, loaded.hash_key)
    with engine.begin() as tx:
        for number in range(STAFF):
            sealed = vault.seal(f"+856{NUMBERS}{99900 + number}")
            contact = people.ensure(tx, sealed.hash, sealed.cipher)
            people.add_staff(tx, contact, "odsc", ODSCS[number % len(ODSCS)], "lo")
    engine.dispose()
    channels = open_channels(loaded.channels)
    paths = {
        kind: _path(hook_url(channels["africastalking"].config, kind)) for kind in ("sms", "ussd")
    }
    receipts = _path(hook_url(channels["chaos"].config, "receipt"))
    stack.operator.receipts_to = lambda: [(port, receipts) for port in stack.ports]
    screens = (loaded.config / "languages").glob("*/screens.yaml")
    packs = [yaml.safe_load(one.read_text(encoding="utf-8")) for one in screens]
    excuses = {pack[key] for pack in packs for key in EXCUSES}
    stack.doors = Doors(stack.ports, paths, frozenset(excuses))


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _name(stack: Stack, twice: Sequence[str]) -> None:
    """Every process: two of the web and of upkeep always, of the others where it is wished."""
    commands: dict[str, Sequence[str]] = {
        "redis-1": redis_command(stack.folder / "servers" / "redis", stack.redis_socket)
    }
    for place in (1, 2):
        commands[f"web-{place}"] = [*SIANG, "serve"]
        clocks = [str(stack.shared)] + ([str(stack.own)] if place == 2 else [])
        for role in ("turns", "responses", "outbox", "upkeep"):
            if place == 1 or role == "upkeep" or role in twice:
                commands[f"{role}-{place}"] = [sys.executable, "-m", "tests.chaos.clock", role]
                commands[f"{role}-{place}"] = [*commands[f"{role}-{place}"], *clocks]
    stack.processes = {
        name: Process(name, command, stack.logs / f"{name}.log", _environment(stack, name))
        for name, command in commands.items()
    }


def _environment(stack: Stack, name: str) -> Mapping[str, str]:
    role, _, place = name.partition("-")
    port = {"PORT": str(stack.ports[int(place) - 1])} if role == "web" else {}
    return {**stack.environment, **port}
