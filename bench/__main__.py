"""python -m bench: everything, on loopback; then bench/latest.json and docs/benchmarks.md.

BENCH_RESPONSES=10000000   the largest past that figures are taken with (usually a million)
BENCH_REQUESTS=5000000     citizens' requests that are looked up among (usually 200,000)
BENCH_MINUTES=60           how long the load lasts while memory is watched. Unset: bench/memory.json
                           counts, which `python -m bench.memory` wrote; without it two minutes

bench/growth.json counts in the same way for BENCH_RESPONSES, which `python -m bench.growth` wrote.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from app.errors import ConfigError
from app.settings import ROOT
from bench import (
    core,
    door,
    drains,
    growth,
    homes,
    machine,
    memory,
    publish,
    report,
    requests,
    stack,
)
from bench.homes import Home


def measured() -> report.Results:
    """Every figure; what was started for it is stopped again."""
    with homes.opened() as home:
        results = _in_one_home(home)
    with homes.folder() as folder:
        _tell("the whole stack")
        results["stack"] = stack.measured(folder / "stack")
    results["growth"] = _growth()
    results["memory"] = _memory()
    return results


def _in_one_home(home: Home) -> report.Results:
    results: report.Results = {"machine": machine.described(home.engine, home.settings.limits)}
    _tell("engine and screens")
    results["core"] = core.measured(home.settings, home.engine)
    _tell("USSD and SMS at the door, beside a bare Flask")
    with door.opened(home.folder, home.settings, home.url) as doors:
        results["door"] = {
            "rounds": door.ROUNDS,
            "seconds_a_round": door.SECONDS,
            "sources": len(door.SOURCES),
            "ussd": door.turns(doors, home.engine),
            "sms": door.sms(doors, home.engine),
        }
    _tell("responses")
    results["responses"] = drains.measured(home.engine)
    drains.recounted(home.engine)
    count = _asked("BENCH_REQUESTS") or requests.FEW
    _tell(f"{count:,} requests")
    results["requests"] = requests.measured(home.engine, home.settings, count, home.folder)
    return results


def _growth() -> dict[str, Any]:
    most = _asked("BENCH_RESPONSES")
    if most is None and growth.NEWEST.exists():
        return _newest(growth.NEWEST)
    most = most or growth.USUAL_MOST
    _tell(f"the same over up to {most:,} responses")
    with homes.opened() as home:
        return growth.measured(home, most)


def _memory() -> dict[str, Any]:
    minutes = _asked("BENCH_MINUTES")
    if minutes is None and memory.NEWEST.exists():
        return _newest(memory.NEWEST)
    minutes = minutes or memory.SHORT_MINUTES
    _tell(f"memory, {minutes} minutes")
    with homes.folder() as folder:
        return memory.measured(folder, minutes)


def _newest(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    print(f"Taken from {path.relative_to(ROOT)}: {found['date']}", file=sys.stderr, flush=True)
    return found


def _asked(variable: str) -> int | None:
    """A count from the environment; None where it is not set."""
    written = os.environ.get(variable, "").strip()
    if not written:
        return None
    if not written.isdecimal() or int(written) == 0:
        raise ConfigError(f"{variable} is {written!r}", "Give a whole number above 0")
    return int(written)


def _tell(what: str) -> None:
    print(f"Measuring {what} …", file=sys.stderr, flush=True)


def main() -> None:
    begun = time.monotonic()
    with homes.ended_well():
        results = measured()
        results["seconds"] = round(time.monotonic() - begun, 1)
        publish.keep(results)
        print(report.written(results))
        publish.show(results)
    print(f"\nWritten: bench/latest.json, docs/benchmarks.md and .svg ({results['seconds']} s)")


if __name__ == "__main__":
    main()
