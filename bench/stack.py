"""A real `siang run`: how soon it answers, what it holds in memory, what it does as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from app import settings
from bench import door, processes

SETTLED_SECONDS = 5.0
PROGRAMS = ("serve", "turns", "outbox", "responses", "upkeep", "redis", "postgres")


def measured(home: Path) -> dict[str, object]:
    """The first start on an empty home, then the second on what the first has left."""
    home.mkdir()
    first, found = _started(home, _looked_at)
    second, _ = _started(home, lambda _home, _port, _pid: {})
    return {"first_start_seconds": first, "second_start_seconds": second} | found


def _started(
    home: Path, look: Callable[[Path, int, int], dict[str, object]]
) -> tuple[float, dict[str, object]]:
    """Seconds until /health/ready says so, and what was seen then."""
    port = processes.free_port()
    log = home / "run.log"
    begun = time.monotonic()
    command = (*processes.SIANG, "run")
    with processes.running(command, processes.environment(home, PORT=str(port)), log) as process:
        processes.wait_until_ready(process, port, log)
        seconds = round(time.monotonic() - begun, 2)
        return seconds, look(home, port, process.pid)


def _looked_at(home: Path, port: int, pid: int) -> dict[str, object]:
    time.sleep(SETTLED_SECONDS)
    idle = memory(pid, home)
    loaded = settings.load(processes.environment(home, PORT=str(port)))
    turns = door.on_whole_stack(loaded, port)
    return {
        "memory_after_5_s": idle,
        "ussd_with_workers": {"phones": door.USUAL} | turns,
        "memory_after_load": memory(pid, home),
    }


def memory(pid: int, home: Path) -> dict[str, object] | None:
    """Proportional set sizes in MB, by program; None where the system does not tell them.

    PSS counts a page that several processes share once in all, so the sum is what they hold.
    """
    sizes: dict[str, float] = {}
    try:
        for process in _family(pid, home):
            with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                name = _program(process)
                sizes[name] = sizes.get(name, 0.0) + _pss(process.pid)
    except PermissionError:
        return None
    if not any(sizes.values()):
        return None
    rounded = {name: round(size, 1) for name, size in sorted(sizes.items())}
    return {"pss_mb": round(sum(sizes.values()), 1), "by_program": rounded}


def _family(pid: int, home: Path) -> Iterable[psutil.Process]:
    """`siang run`, all below it, and this home's PostgreSQL should it stand elsewhere."""
    run = psutil.Process(pid)
    found = {one.pid: one for one in (run, *run.children(recursive=True))}
    with suppress(OSError, ValueError, IndexError, psutil.NoSuchProcess):
        written = (home / "postgres" / "postmaster.pid").read_text(encoding="utf-8")
        server = psutil.Process(int(written.splitlines()[0]))
        found |= {one.pid: one for one in (server, *server.children(recursive=True))}
    return found.values()


def _program(process: psutil.Process) -> str:
    """The program to which a process belongs: the nearest one above it that has a name of ours."""
    for one in (process, *process.parents()):
        words = " ".join(one.cmdline()[-1:]) if "python" in one.name() else one.name()
        found = next((name for name in PROGRAMS if words.startswith(name)), None)
        if found is not None:
            return found
        if words == "run":
            break
    return "run"


def _pss(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    if not rollup.parent.exists():
        return 0.0
    lines = rollup.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))
