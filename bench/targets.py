"""What is wished for, beside what was found. Nothing fails by it: machines differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.figures import number, table

Results = Mapping[str, Any]

SHARE_OF_INSERT = 0.7
SLOWEST_TO_INSERT = 2.0
SLOWEST_AT = "64"
RESPONSES = 5000.0
DIGEST_SECONDS = 2.0
# A hundred times as many responses, and the digests take no longer than so many times as long.
FLAT = 1.5
# A week of the usual size is there from then on.
FLAT_FROM = 100_000
MEMORY_MB = 400.0
# Below it a day's growth is less than what an hour's samples lie apart.
GROWTH_MB_AN_HOUR = 2.0


@dataclass(frozen=True, slots=True)
class Target:
    """One wish. `met` None: this run cannot tell."""

    name: str
    wished: str
    found: str
    met: bool | None


def judged(results: Results) -> list[Target]:
    """Every target, in the order of the tables."""
    return [
        *_turns(results["door"]["ussd"]),
        *_responses(results["responses"]),
        *_digests(results["growth"]["sizes"]),
        *_memory(results["memory"]),
    ]


def written(results: Results) -> str:
    rows = [[one.name, one.wished, one.found, _verdict(one.met)] for one in judged(results)]
    return table(["Target", "wished", "found", ""], rows)


def _verdict(met: bool | None) -> str:
    return "not told" if met is None else "met" if met else "missed"


def _turns(ussd: Mapping[str, Any]) -> Iterator[Target]:
    for phones, one in ussd.items():
        share = one["siang_to_insert"]
        yield Target(
            f"USSD turns a second, {phones} at once, of Flask with an insert",
            f"≥ {SHARE_OF_INSERT:g}",
            number(share),
            share >= SHARE_OF_INSERT,
        )
    slowest = ussd[SLOWEST_AT]["siang_p99_to_insert"]
    yield Target(
        f"USSD p99, {SLOWEST_AT} at once, of Flask with an insert",
        f"≤ {SLOWEST_TO_INSERT:g}",
        number(slowest),
        slowest <= SLOWEST_TO_INSERT,
    )


def _responses(found: Mapping[str, Any]) -> Iterator[Target]:
    rate = found["per_second"]["median"]
    wished = f"≥ {RESPONSES:,.0f}"
    yield Target("Responses a second, one worker", wished, number(rate), rate >= RESPONSES)


def _digests(sizes: Mapping[str, Any]) -> Iterator[Target]:
    largest = max(sizes, key=int)
    seconds = sizes[largest]["digests"]["seconds"]
    yield Target(
        f"148 digests over {int(largest):,} responses, s",
        f"< {DIGEST_SECONDS:g}",
        number(seconds),
        seconds < DIGEST_SECONDS,
    )
    counted = [size for size in sizes if int(size) >= FLAT_FROM]
    wished = f"≤ {FLAT:g}"
    if len(counted) < 2:
        yield Target("… and how much longer than over fewer", wished, "one size", None)
        return
    least = min(counted, key=int)
    times = seconds / sizes[least]["digests"]["seconds"]
    name = f"… of what they take over {int(least):,}"
    yield Target(name, wished, number(times), times <= FLAT)


def _memory(memory: Mapping[str, Any]) -> Iterator[Target]:
    minutes = memory["minutes"]
    for key, title in (("at_rest", "at rest"), ("after_load", f"after {minutes} min of load")):
        held = memory[key]["pss_mb"]
        wished = f"≤ {MEMORY_MB:g}"
        yield Target(f"Memory of siang run {title}, MB", wished, number(held), held <= MEMORY_MB)
    growth = memory["growth"]
    grown = None if growth is None else growth["mb_an_hour"]
    yield Target(
        "… and how it grows, MB an hour",
        f"≤ {GROWTH_MB_AN_HOUR:g}",
        "too short to tell" if grown is None else f"{grown:+.1f}",
        None if grown is None else grown <= GROWTH_MB_AN_HOUR,
    )
