"""Memory of a whole `siang run`: at rest, under an even load, and whether it grows.

    python -m bench.memory [--minutes 60] [--sessions 10] [--texts 2] [--out FILE.json]

`sessions` USSD conversations and `texts` SMS begin in each second, so that the machine is busy and
not beyond itself. Memory is read every minute: proportional set sizes, shared pages counted once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.settings import ROOT
from bench import door, homes, pss, stack, texts
from bench.errors import BenchError
from bench.load import Account
from bench.stack import Stack

NEWEST = ROOT / "bench" / "memory.json"
SHORT_MINUTES = 2
SESSIONS = 10.0
TEXTS = 2.0
MINUTE = 60.0
SETTLED_SECONDS = 15.0
AFTERWARDS_SECONDS = 20.0
# Caches and pools fill: growth is reckoned from then on, and of fewer samples there is none.
FILLING_MINUTES = 10
LEAST_SAMPLES = 5
# More than half of the phones are free at any moment, also where answers take a second.
PHONES = 64


def measured(
    folder: Path, minutes: int, sessions: float = SESSIONS, sms: float = TEXTS
) -> dict[str, Any]:
    """At rest, each minute of load, some seconds after it, and MB an hour from that."""
    with ExitStack() as open_now:
        taker = open_now.enter_context(texts.provider(folder))
        running = open_now.enter_context(stack.running(folder, taker))
        time.sleep(SETTLED_SECONDS)
        at_rest = pss.held(running.pid, folder)
        if at_rest is None:
            raise BenchError("This system does not tell how much memory a process holds")
        by_minute, accounts = [], []
        for _ in range(minutes):
            accounts.append(_one_minute(running, sessions, sms))
            by_minute.append(pss.held(running.pid, folder) or {})
            _tell(len(by_minute), by_minute[-1], accounts[-1])
        time.sleep(AFTERWARDS_SECONDS)
        after = pss.held(running.pid, folder)
        return {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "minutes": minutes,
            "sessions_per_second": sessions,
            "texts_per_second": sms,
            "start_seconds": running.start_seconds,
            "at_rest": at_rest,
            "by_minute": by_minute,
            "after_load": after,
            "turns": sum(one.answers for one in accounts),
            "excused": sum(one.excused for one in accounts),
            "p99_ms": round(statistics.median(one.p99_ms for one in accounts), 1),
            "growth": growth(by_minute),
        }


def growth(by_minute: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """MB an hour once caches are full: the line of least squares, in all and by program.

    None of too short a run. `from_minute` is the first that counts, `spread_mb` how far the
    samples lie apart.
    """
    first = min(FILLING_MINUTES, len(by_minute) // 3)
    counted = by_minute[first:]
    if len(counted) < LEAST_SAMPLES:
        return None
    sizes = [float(one["pss_mb"]) for one in counted]
    programs = {
        name: _an_hour([float(one["by_program"].get(name, 0.0)) for one in counted])
        for name in counted[-1]["by_program"]
    }
    return {
        "from_minute": first + 1,
        "mb_an_hour": _an_hour(sizes),
        "spread_mb": round(max(sizes) - min(sizes), 1),
        "by_program": programs,
    }


def _an_hour(sizes: Sequence[float]) -> float:
    return round(statistics.linear_regression(range(len(sizes)), sizes).slope * 60, 2)


def _one_minute(running: Stack, sessions: float, sms: float) -> Account:
    """A minute of both loads; the account of the USSD."""
    doors = door.at(running.settings, {"siang": running.port})
    calls = doors.order("siang", PHONES, MINUTE, sessions)
    written = texts.steady_order(running.settings, running.port, MINUTE, sms)
    with ThreadPoolExecutor(2) as both:
        turned = both.submit(door.carried_out, calls)
        both.submit(door.carried_out, written).result()
        return turned.result()


def _tell(minute: int, held: Mapping[str, Any], account: Account) -> None:
    line = f"Minute {minute}: {held.get('pss_mb', 0):.0f} MB, {account.answers:,} turns, "
    print(f"{line}p99 {account.p99_ms:.0f} ms", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.memory")
    parser.add_argument("--minutes", type=int, default=SHORT_MINUTES)
    parser.add_argument("--sessions", type=float, default=SESSIONS, help="a second")
    parser.add_argument("--texts", type=float, default=TEXTS, help="a second")
    parser.add_argument("--out", type=Path, default=NEWEST)
    asked = parser.parse_args()
    if asked.minutes < 1 or asked.sessions <= 0 or asked.texts <= 0:
        parser.error("minutes, sessions and texts must be more than 0")
    with homes.ended_well(), homes.folder() as folder:
        found = measured(folder, asked.minutes, asked.sessions, asked.texts)
    asked.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"Written: {asked.out}")


if __name__ == "__main__":
    main()
