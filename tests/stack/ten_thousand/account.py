"""The provider's own account of what came when, and what is read from it. None of our code."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Called:
    """A call: when, with which text (none: it asked), and what went wrong with it."""

    at: float
    text: str
    trouble: str


@dataclass(frozen=True)
class Carried:
    """An SMS that went over the air, its end, and whether we were ever told of that."""

    text: str
    to: str
    end: str
    told: bool


@dataclass(frozen=True)
class Account:
    calls: Sequence[Called]
    carried: Sequence[Carried]
    refused_repeats: int

    @classmethod
    def read(cls, file: Path) -> Account:
        entries = [json.loads(line) for line in file.read_text().splitlines()]
        return cls(
            [Called(one["at"], one["call"], one["trouble"]) for one in entries if "call" in one],
            [
                Carried(one["sms"], one["to"], one["end"], one["told"])
                for one in entries
                if "sms" in one
            ],
            sum("known" in one for one in entries),
        )

    @cached_property
    def handed(self) -> list[Called]:
        """The calls that handed a message over, in the order in which they came."""
        return sorted((one for one in self.calls if one.text), key=lambda one: one.at)

    @cached_property
    def first(self) -> Mapping[str, float]:
        """When each text was first heard of."""
        return {one.text: one.at for one in reversed(self.handed)}

    def troubles(self) -> Counter[str]:
        return Counter(one.trouble or "none" for one in self.calls)

    def busiest_second(self) -> int:
        """The most messages in any second, wherever it begins."""
        times = [one.at for one in self.handed]
        return max(bisect_left(times, at + 1) - place for place, at in enumerate(times))

    def overtaken(self, queued: Mapping[str, float], others: Iterable[str]) -> list[int]:
        """For each text queued then: how many of the others were begun before it and after that."""
        begun = sorted(self.first[text] for text in others if text in self.first)
        return sorted(
            bisect_left(begun, self.first[text]) - bisect_left(begun, at)
            for text, at in queued.items()
            if text in self.first
        )
