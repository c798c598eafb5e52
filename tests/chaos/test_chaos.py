"""The whole gateway while its processes are killed, its servers crash and its gateways repeat.

Every run of the tests has a short form. `make chaos` has ten thousand people and two hundred
faults, in ten minutes. CHAOS_SEED, CHAOS_FEEDBACKS, CHAOS_FAULTS and CHAOS_SECONDS choose others.
A run that fails keeps its folder: history, account of the provider, logs.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.channels import provider
from tests.chaos import checker, feed
from tests.chaos.checker import Verdict
from tests.chaos.faults import Nemesis
from tests.chaos.marks import MARKER, NUMBERS
from tests.chaos.provider import Operator
from tests.chaos.settling import settle
from tests.chaos.stack import Stack, running

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("CHAOS_SEED", "1616"))
FEEDBACKS = int(os.environ.get("CHAOS_FEEDBACKS", "300"))
FAULTS = int(os.environ.get("CHAOS_FAULTS", "15"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))
FULL = FEEDBACKS >= 5000
# Of the time: starting, the feed with the faults, and the end of what was begun.
FED, SETTLED = (0.65, 0.3) if FULL else (0.3, 0.6)
LONGEST_STOP = 20.0 if FULL else 4.0
TWICE: Sequence[str] = ("turns", "responses", "outbox") if FULL else ("turns",)


def test_chaos_loses_nothing_and_counts_nothing_twice() -> None:
    folder = Path(tempfile.mkdtemp(prefix="siang-chaos-"))
    begun = time.monotonic()
    sys.stdout.write(f"\nCHAOS_SEED={SEED}, everything in {folder}\n")
    operator = Operator(account=folder / "account.jsonl", chance=random.Random(SEED))
    with provider.running(operator), running(folder, operator, TWICE) as stack:
        operator.start_posting()
        nemesis, times = _storm(stack, folder)
        verdict = checker.judge(folder, stack.database.dsn)
        recount = stack.siang("recount", "--check")
        if "late" in times:
            verdict.wrong.append(f"not at its end after {SECONDS * SETTLED:.0f} s: {times['late']}")
        verdict.figures |= {**times, "disk": stack.disk.kind}
        verdict.figures["ends"] = dict(sum((p.ends for p in stack.of(*_roles(stack))), Counter()))
    verdict.figures["seconds"] = round(time.monotonic() - begun)
    verdict.figures["through the spool"] = _spooled(folder)
    leaks = checker.leaks(_logs(folder), (MARKER, NUMBERS + "0"))
    _show(verdict, nemesis)
    assert recount.returncode == 0, f"{recount.stdout}{recount.stderr} (see {folder})"
    assert not leaks, f"numbers or texts in {leaks} (see {folder})"
    assert verdict.right, f"CHAOS_SEED={SEED}: see {folder}\n{verdict}"
    shutil.rmtree(folder, ignore_errors=True)


def _storm(stack: Stack, folder: Path) -> tuple[Nemesis, Mapping[str, object]]:
    chance = random.Random(SEED)
    people = [feed.invent(chance, number, f"c{SEED}") for number in range(FEEDBACKS)]
    feed.plan(people, folder / "plan.jsonl")
    longest = SECONDS * FED
    history = feed.History(folder / "history.jsonl")
    fed = feed.Feed(people, stack.doors, history, longest, SEED)
    nemesis, over = Nemesis(stack, chance, LONGEST_STOP), threading.Event()
    thread = threading.Thread(target=nemesis.run, args=(FAULTS, longest, over))
    thread.start()
    begun = time.monotonic()
    fed.run()
    history.close()
    thread.join()
    nemesis.calm()
    if nemesis.failures:
        raise nemesis.failures[0]
    took = time.monotonic() - begun
    assert fed.brought > FEEDBACKS / 10, f"only {fed.brought} people were brought in {took:.0f} s"
    stack.until_ready()
    settled = settle(stack, SECONDS * SETTLED)
    late = {"late": settled.late} if settled.late else {}
    return nemesis, late | {
        "brought": f"{fed.brought} of {FEEDBACKS} people, in {took:.0f} s",
        "settled": f"{settled.seconds:.0f} s, the clock put forward by {settled.ahead:.0f} s",
    }


def _roles(stack: Stack) -> set[str]:
    return {one.role for one in stack.processes.values()}


def _spooled(folder: Path) -> int:
    """How many things were acknowledged while the database was away, as upkeep tells it."""
    told = "".join(one.read_text(errors="replace") for one in folder.glob("logs/upkeep-*.log"))
    return sum(map(int, re.findall(r"spool_flushed.* arrivals=(\d+)", told)))


def _logs(folder: Path) -> list[Path]:
    return [*folder.glob("logs/*.log"), *folder.glob("servers/**/*.log")]


def _show(verdict: Verdict, nemesis: Nemesis) -> None:
    words = ("lost", "unexpected", "duplicated")
    told = " · ".join(f"{word} {len(getattr(verdict, word))}" for word in words)
    lines = [
        f"{told} · recovered {verdict.recovered}",
        f"faults: {sum(nemesis.done.values())} {dict(nemesis.done)}",
        f"struck: {dict(nemesis.struck)}",
        *(f"{name}: {figure}" for name, figure in verdict.figures.items()),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
