"""How the first four figures change from ten thousand stored responses to ten million.

    python -m bench.growth [--most 10000000] [--out FILE.json]      10^4, 10^5 … up to `most`

One database is filled further and further; at each size the same is measured, beside the same
limits, as in the rest of the benchmark, in shorter rounds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.settings import ROOT
from bench import door, drains, filling, homes, insight, stack, texts
from bench.door import ServerName
from bench.errors import BenchError
from bench.homes import Home

NEWEST = ROOT / "bench" / "growth.json"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
USUAL_MOST = 1_000_000
ROUNDS = 3
SECONDS = 1.5
MESSAGES = 200
SERVERS: tuple[ServerName, ...] = ("insert", "siang")
# With all that belongs to it a response takes 1.3 kB; the rest is room for vacuum and the log.
BYTES_A_RESPONSE = 2500


def measured(home: Home, most: int = USUAL_MOST) -> dict[str, Any]:
    """By size. Raises BenchError where the disk would not hold it."""
    sizes = [size for size in SIZES if size <= most]
    if not sizes:
        raise BenchError(f"{most:,} responses are fewer than the least, {SIZES[0]:,}")
    free = shutil.disk_usage(home.folder).free
    if free < sizes[-1] * BYTES_A_RESPONSE:
        raise BenchError(
            f"{sizes[-1]:,} responses take some {sizes[-1] * BYTES_A_RESPONSE / 1e9:.0f} GB, and "
            f"{free / 1e9:.0f} GB are free below {home.folder.parent.parent}: set TMPDIR"
        )
    filling.centers(home.engine)
    stored, found = 0, {}
    for size in sizes:
        begun = time.monotonic()
        filled = filling.fill(home.engine, stored, size)
        stored = size
        found[str(size)] = filled | _at_this_size(home)
        line = f"  {size:,} responses: {time.monotonic() - begun:.0f} s, filling "
        print(f"{line}{filled['fill_seconds']:.0f} s", file=sys.stderr, flush=True)
    return {"date": datetime.now(UTC).isoformat(timespec="seconds"), "sizes": found}


def _at_this_size(home: Home) -> dict[str, Any]:
    with door.opened(home.folder, home.settings, home.url, SERVERS) as doors:
        (turns,) = door.turns(doors, home.engine, (door.USUAL,), ROUNDS, SECONDS).values()
    found = {
        "ussd": turns,
        "responses": drains.measured(home.engine),
        "digests": insight.measured(home.engine, home.settings),
    }
    with (
        texts.provider(home.folder) as taker,
        stack.running(home.folder, taker) as running,
    ):
        found["texts"] = texts.crowds(running.settings, running.port, taker, MESSAGES, ROUNDS)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth")
    parser.add_argument("--most", type=int, default=SIZES[-1])
    parser.add_argument("--out", type=Path, default=NEWEST)
    asked = parser.parse_args()
    with homes.ended_well(), homes.opened() as home:
        found = measured(home, asked.most)
    asked.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"Written: {asked.out}")


if __name__ == "__main__":
    main()
