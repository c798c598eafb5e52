"""python -m bench: everything, on loopback, in a temporary home; then bench/latest.json.

BENCH_REQUESTS=5000000 fills the database with so many requests before they are looked up, and
BENCH_RESPONSES=10000000 with up to so many responses before digests are written; making them takes
some minutes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from app import embedded, logs, settings
from app.cli.run import prepare
from app.errors import OperatorError
from app.settings import ROOT
from app.storage.database import open_engine
from bench import core, door, drains, insight, machine, processes, report, requests, stack
from bench.errors import BenchError

LATEST = ROOT / "bench" / "latest.json"
POOL = 4


def measured(folder: Path) -> report.Results:
    """Every figure; what was started for it is stopped again."""
    home = folder / "home"
    home.mkdir()
    loaded = settings.load(processes.environment(home))
    with embedded.database(home) as url:
        engine = open_engine(url, POOL)
        try:
            prepare(loaded, engine)
            results: report.Results = {"machine": machine.described(engine)}
            _tell("engine and screens")
            results["core"] = core.measured(loaded, engine)
            _tell("USSD and SMS at the door, beside a bare Flask")
            with door.opened(home, loaded, url) as doors:
                results["door"] = door.measured(doors, engine)
            _tell("responses")
            results["responses"] = drains.measured(engine)
            most = int(os.environ.get("BENCH_RESPONSES", insight.FEW))
            _tell(f"digests over {most:,} responses")
            sizes = tuple(size for size in insight.SIZES if size <= most)
            results["insight"] = insight.measured(engine, loaded, sizes)
            count = int(os.environ.get("BENCH_REQUESTS", requests.FEW))
            _tell(f"{count:,} requests")
            results["requests"] = requests.measured(engine, loaded, count, folder)
        finally:
            engine.dispose()
    _tell("the whole stack")
    results["stack"] = stack.measured(folder / "stack")
    return results


def _tell(what: str) -> None:
    print(f"Measuring {what} …", file=sys.stderr, flush=True)


def main() -> None:
    # A SIGTERM unwinds as Ctrl-C does, so that nothing is left running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    try:
        with logs.warnings_to_stderr(), tempfile.TemporaryDirectory(prefix="siang-") as folder:
            results = measured(Path(folder))
    except (BenchError, OperatorError) as error:
        sys.exit(str(error))
    results["seconds"] = round(time.monotonic() - begun, 1)
    LATEST.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(report.written(results))
    print(f"\nAll figures: {LATEST.relative_to(ROOT)} ({results['seconds']} s)")


if __name__ == "__main__":
    main()
