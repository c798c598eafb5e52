"""What a running stack holds in memory, by program."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

PROGRAMS = {
    "serve": "web",
    "upkeep": "workers",
    "redis": "redis",
    "postgres": "postgres",
}
"""What a program's command line ends with, or begins with, and what it is called."""


def held(pid: int, home: Path) -> dict[str, Any] | None:
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
        found = next((PROGRAMS[name] for name in PROGRAMS if words.startswith(name)), None)
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
