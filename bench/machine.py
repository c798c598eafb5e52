"""On what, with what and how busily it was measured."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

from app.sections import LoadSection
from app.web.settings import THREADS, threads

LIBRARIES = ("flask", "granian", "sqlalchemy", "psycopg", "psycopg-pool", "redis", "rq")
SHARED = (
    "The load generator, the web server and PostgreSQL share this machine's cores: the figures are "
    "those of the whole machine, lower than a web server's alone."
)


def described(engine: Engine, limits: LoadSection) -> dict[str, object]:
    """The machine, the versions and the sizes that the figures belong to."""
    with engine.connect() as connection:
        postgres = connection.execute(text("SHOW server_version")).scalar_one()
        durable = connection.execute(text("SHOW synchronous_commit")).scalar_one()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": cores(),
        "cpu": cpu_model(),
        "memory_mb": psutil.virtual_memory().total // 2**20,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES} | {"postgresql": postgres},
        # What waits costs a thread and does nothing: as many work in each server, and as many
        # connections to the database are used.
        "granian": {
            "workers": 1,
            "bare_threads": THREADS,
            "working_threads": THREADS,
            "waiting_threads": threads(limits) - THREADS,
        },
        "synchronous_commit": durable,
        # Above the number of cores, somebody else was working here too.
        "load_average_before": round(os.getloadavg()[0], 2),
        "shared": SHARED,
    }


def cores() -> int:
    """Those that we may use: a container is often given fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    """The processor's name as Linux tells it; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
