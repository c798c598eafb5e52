"""Percentiles, medians of rounds, and the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The smallest value that is not below `share` of them (nearest rank); 0 of nothing."""
    if not sorted_values:
        return 0.0
    rank = max(1, math.ceil(share * len(sorted_values)))
    return sorted_values[rank - 1]


def middle(rounds: Sequence[float]) -> dict[str, float]:
    """The median of the rounds, and how far apart they were: (greatest - least) / median."""
    found = median(rounds)
    spread = (max(rounds) - min(rounds)) / found if found else 0.0
    return {"median": round(found, 3), "spread": round(spread, 3)}


def ratio(part: float, whole: float) -> float:
    """`part` as a share of `whole`; 0 where there is no whole."""
    return round(part / whole, 3) if whole else 0.0


def number(value: float) -> str:
    """A figure as people read it: three digits that matter, thousands apart."""
    if value == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be; the first to the left, figures to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def written(line: Sequence[str]) -> str:
        first, *others = (cell for cell in line)
        right = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        return "  ".join([first.ljust(widths[0]), *right]).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([written(head), rule, *(written(row) for row in rows)])
