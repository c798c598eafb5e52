"""Machines made of network namespaces, on one switch: cables that can be pulled out.

Every address is inside a namespace of this module's own; nothing reaches the machine's network.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psycopg
from redis import Redis as RedisClient

from app import embedded
from app.settings import ROOT

Done = TypeVar("Done")

IP = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
CLONE_NEWNET = 0x40000000
NET = "10.116.16"
SECRET = "k3dmw8-made-up"
STOP_SECONDS = 10.0
_LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*words: str) -> None:
    done = subprocess.run([str(IP), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def why_not() -> str:
    """Why no machines can be made here; empty where they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need root on Linux"
    if IP is None:
        return "iproute2 is not installed"
    try:
        with Network(["probe"]).up():
            return ""
    except RuntimeError as error:
        return f"this kernel or container makes no network namespaces: {error}"


class Network:
    """A switch and the machines that hang on it, each with one cable and one address."""

    def __init__(self, names: Sequence[str]) -> None:
        mark = f"siang{os.getpid()}"
        self._switch = f"{mark}-switch"
        self._spaces = {name: f"{mark}-{name}" for name in names}
        self._addresses = {name: f"{NET}.{10 + n}" for n, name in enumerate(names)}
        self._threads: dict[str, ThreadPoolExecutor] = {}

    @contextmanager
    def up(self) -> Iterator[Network]:
        try:
            self._build()
            yield self
        finally:
            for threads in self._threads.values():
                threads.shutdown(wait=False, cancel_futures=True)
            for space in (*self._spaces.values(), self._switch):
                self._remove(space)

    def _build(self) -> None:
        ip("netns", "add", self._switch)
        ip("-n", self._switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", self._switch, "link", "set", "bridge", "up")
        for name, space in self._spaces.items():
            ip("netns", "add", space)
            peer = ("peer", "name", "cable", "netns", space)
            # Both ends are made inside namespaces: this machine never has a link more.
            ip("-n", self._switch, "link", "add", name, "type", "veth", *peer)
            ip("-n", self._switch, "link", "set", name, "master", "bridge", "up")
            ip("-n", space, "addr", "add", f"{self._addresses[name]}/24", "dev", "cable")
            ip("-n", space, "link", "set", "cable", "up")
            ip("-n", space, "link", "set", "lo", "up")

    def _remove(self, space: str) -> None:
        """The namespace and whatever still runs in it."""
        pids = subprocess.run(
            [str(IP), "netns", "pids", space], capture_output=True, text=True, check=False
        )
        for pid in map(int, pids.stdout.split()):
            if pid != os.getpid():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        with suppress(RuntimeError):
            ip("netns", "del", space)

    def address(self, name: str) -> str:
        return self._addresses[name]

    def cut(self, name: str) -> None:
        """Pull the cable out: what is sent to or from this machine is gone without a word."""
        ip("-n", self._switch, "link", "set", name, "down")

    def restore(self, name: str) -> None:
        ip("-n", self._switch, "link", "set", name, "up")

    def command(self, name: str, *words: str) -> list[str]:
        return [str(IP), "netns", "exec", self._spaces[name], *words]

    def on(self, name: str, call: Callable[[], Done]) -> Done:
        """Call it in a thread that is on this machine; what it starts is there too.

        The thread stays: a server that ends with its parent ends with the thread that started it.
        """
        if name not in self._threads:
            self._threads[name] = self.threads(name, 1)
        return self._threads[name].submit(call).result()

    def threads(self, name: str, count: int) -> ThreadPoolExecutor:
        """Threads that are on this machine."""
        return ThreadPoolExecutor(count, initializer=lambda: self._enter(name))

    def _enter(self, name: str) -> None:
        descriptor = os.open(f"/run/netns/{self._spaces[name]}", os.O_RDONLY)
        try:
            if _LIBC.setns(descriptor, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(descriptor)


@dataclass(frozen=True)
class Store:
    """The database's machine: PostgreSQL and Redis, reached by address and password."""

    database_url: str
    redis_url: str
    # By the socket, whatever cable is out.
    inside_url: str


@contextmanager
def store(network: Network, name: str, home: Path) -> Iterator[Store]:
    """The embedded programs, made to listen on the machine's address."""
    server, doorbell = embedded.Postgres(home), embedded.Redis(home)
    address = network.address(name)
    network.on(name, server.join)
    try:
        _open_to_network(server.url, server.data, address)
        # Who listens where is read at the start alone.
        network.on(name, server.leave)
        network.on(name, server.join)
        process = network.on(name, doorbell.start)
        try:
            doorbell.wait_until_ready(process)
            client = RedisClient.from_url(doorbell.url)
            for key, value in (("requirepass", SECRET), ("bind", address), ("port", "6379")):
                client.config_set(key, value)
                client = RedisClient.from_url(doorbell.url, password=SECRET)
            yield Store(
                f"postgresql://siang:{SECRET}@{address}:5432/siang",
                f"redis://:{SECRET}@{address}:6379/0",
                server.url,
            )
        finally:
            process.kill()
            process.wait()
    finally:
        network.on(name, server.leave)


def _open_to_network(url: str, data: Path, address: str) -> None:
    plain = url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET listen_addresses = '{address}'")
        connection.execute("ALTER SYSTEM SET max_connections = 150")
        connection.execute(f"CREATE ROLE siang LOGIN PASSWORD '{SECRET}'")
        connection.execute("ALTER DATABASE siang OWNER TO siang")
    with (data / "pg_hba.conf").open("a") as file:
        file.write(f"host siang siang {NET}.0/24 scram-sha-256\n")


@dataclass
class Host:
    """One machine of the gateway and its processes, which are never started again here."""

    network: Network
    name: str
    home: Path
    environment: Mapping[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str) -> None:
        with (self.home.parent / f"{self.name}.log").open("ab") as log:
            self.running.append(
                subprocess.Popen(
                    self.network.command(self.name, sys.executable, *words),
                    cwd=ROOT,
                    env={**self.environment, "SIANG_HOME": str(self.home)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )

    def finish(self) -> None:
        """Wait for what was started to end well."""
        for process in self.running:
            assert process.wait(60) == 0, self.log
        self.running.clear()

    @property
    def log(self) -> str:
        return (self.home.parent / f"{self.name}.log").read_text()

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.wait()
