"""Starts worker.py by a clock that the harness sets.

    python -m tests.chaos.clock turns | outbox | responses | upkeep  FILE …

Each file holds by how many seconds the clock is ahead; they add up and may change at any moment.
The product knows nothing of it: its one clock is replaced before anything else is imported.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app import clock


def ahead(files: Sequence[Path]) -> timedelta:
    return timedelta(seconds=sum(float(one.read_text()) for one in files))


def put(file: Path, seconds: float) -> None:
    """Whole or not at all: a worker reads the file at every look at the clock."""
    unfinished = file.with_suffix(".new")
    unfinished.write_text(str(seconds))
    unfinished.rename(file)


def shifted(now: Callable[[], datetime], files: Sequence[Path]) -> Callable[[], datetime]:
    return lambda: now() + ahead(files)


def main() -> None:
    files = [Path(one) for one in sys.argv[2:]]
    del sys.argv[2:]
    pytest.MonkeyPatch().setattr(clock, "now", shifted(clock.now, files))
    # The jobs name this module: it must be the same one that RQ imports.
    importlib.import_module("worker").main()


if __name__ == "__main__":
    main()
