"""Kannel itself, started from a shipped configuration with ports and folders of the test's own."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from app.settings import ROOT

FAKESMSC = Path("/usr/lib/kannel/test/fakesmsc")
INSTALLED = bool(shutil.which("bearerbox") and shutil.which("smsbox"))
DLR_TABLE = (
    "CREATE TABLE dlr (smsc TEXT, ts TEXT, destination TEXT, source TEXT, service TEXT, "
    "url TEXT, mask INTEGER, status INTEGER, boxc TEXT)"
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@contextmanager
def kannel(name: str, folder: Path, changes: Mapping[str, str]) -> Iterator[int]:
    """bearerbox and smsbox on config/kannel/`name` with `changes` made; yields sendsms' port."""
    sendsms, smsbox = free_port(), free_port()
    ours = {
        "13000": str(free_port()),
        "13001": str(smsbox),
        "13013": str(sendsms),
        "/var/log/kannel": str(folder),
        "/var/spool/kannel": str(folder / "spool"),
        "/var/lib/kannel": str(folder),
        "var/kannel": str(folder),
        # A test cannot wait ten seconds for a second try.
        "http-queue-delay = 10": "http-queue-delay = 1",
    }
    written = (ROOT / "config" / "kannel" / name).read_text()
    for old, new in (ours | dict(changes)).items():
        written = written.replace(old, new)
    (folder / "spool").mkdir()
    with closing(sqlite3.connect(folder / "dlr.db")) as database:
        database.execute(DLR_TABLE)
    file = folder / "kannel.conf"
    file.write_text(written)
    with _box("bearerbox", file, smsbox), _box("smsbox", file, sendsms):
        yield sendsms


@contextmanager
def _box(program: str, file: Path, port: int) -> Iterator[None]:
    with (file.parent / f"{program}.out").open("wb") as out:
        process = subprocess.Popen([program, "-v", "1", str(file)], stdout=out, stderr=out)
        try:
            _wait(process, port, file.parent / f"{program}.out")
            yield
        finally:
            process.terminate()
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                # bearerbox ignores the first SIGTERM while a message is under way.
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, out: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, out.read_text(errors="replace")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(out.read_text(errors="replace"))


@contextmanager
def phone(port: int, message: str) -> Iterator[None]:
    """fakesmsc: sends `sender receiver type text` once, and stays to receive."""
    program = [str(FAKESMSC), "-H", "127.0.0.1", "-r", str(port), "-m", "1", message]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
        try:
            yield
        finally:
            one.terminate()
