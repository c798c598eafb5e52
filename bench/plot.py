"""docs/benchmarks.svg: how the figures change with what is stored.

python -m bench.plot        of bench/latest.json
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench import targets

TEMPLATE = "plot.svg.j2"
OURS, LIMIT = "#1b6e5a", "#9a9a9a"
# A panel's inner field; four of them stand two by two.
WIDTH, HEIGHT = 330.0, 190.0
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True, slots=True)
class Line:
    """One series: values in the order of the sizes."""

    label: str
    colour: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure and its limit; `wished` where there is a target beside them."""

    title: str
    ours: Line
    limit: Line
    wished: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """Decades of an axis, `low` and `high` as powers of ten, over `length` pixels."""

    low: int
    high: int
    length: float

    def at(self, value: float) -> float:
        return round((math.log10(value) - self.low) / (self.high - self.low) * self.length, 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        powers = range(self.low, self.high + 1)
        return [(self.at(10.0**power), _power(power)) for power in powers]


def panels(sizes: Mapping[str, Any]) -> list[Panel]:
    """The four figures, each with its limit."""
    each = [sizes[size] for size in sorted(sizes, key=int)]
    turns, inserts = ([one["ussd"][name] for one in each] for name in ("siang", "insert"))
    texts, stored = ([one[name] for one in each] for name in ("texts", "responses"))
    digests = [one["digests"] for one in each]
    return [
        Panel(
            "USSD turns a second, 16 phones at once",
            Line("Siang", OURS, _medians(turns, "per_second")),
            Line("Flask, one insert", LIMIT, _medians(inserts, "per_second")),
        ),
        Panel(
            "SMS in to reply handed over, a second",
            Line("Siang", OURS, _medians(texts, "per_second")),
            Line("provider called directly", LIMIT, _medians(texts, "direct_per_second")),
        ),
        Panel(
            "Responses stored and counted a second",
            Line("Siang", OURS, _medians(stored, "per_second")),
            Line("rows copied", LIMIT, _medians(stored, "copied_per_second")),
            targets.RESPONSES,
        ),
        Panel(
            "148 digests, seconds",
            Line("Siang", OURS, [one["seconds"] for one in digests]),
            Line("counts read", LIMIT, [one["read_seconds"] for one in digests]),
            targets.DIGEST_SECONDS,
        ),
    ]


def _medians(rounds: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [one[name]["median"] for one in rounds]


def drawn(results: Mapping[str, Any]) -> str:
    """The picture as SVG."""
    sizes = results["growth"]["sizes"]
    stored = [float(size) for size in sorted(sizes, key=int)]
    across = scale(stored, WIDTH)
    placed = [
        _placed(panel, stored, across) | {"place": divmod(index, 2)}
        for index, panel in enumerate(panels(sizes))
    ]
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(TEMPLATE).render(
        panels=placed, across=across, width=WIDTH, height=HEIGHT, machine=results["machine"]
    )


def _placed(panel: Panel, stored: Sequence[float], across: Scale) -> dict[str, Any]:
    """Everything of a panel in pixels from its upper left corner."""
    lines = (panel.limit, panel.ours)
    wished = [] if panel.wished is None else [panel.wished]
    up = scale([value for line in lines for value in line.values] + wished, HEIGHT)

    def points(line: Line) -> list[tuple[float, float]]:
        pairs = zip(stored, line.values, strict=True)
        return [(across.at(size), round(HEIGHT - up.at(value), 1)) for size, value in pairs]

    return {
        "title": panel.title,
        "up": up,
        "lines": [{"line": line, "points": points(line)} for line in lines],
        "wished": [round(HEIGHT - up.at(value), 1) for value in wished],
    }


def scale(values: Sequence[float], length: float) -> Scale:
    """Whole decades that hold all values; at least one."""
    low = math.floor(math.log10(min(values)))
    return Scale(low, max(math.ceil(math.log10(max(values))), low + 1), length)


def _power(power: int) -> str:
    """1 and 10 as such, others as powers."""
    plain = {-1: "0.1", 0: "1", 1: "10"}
    return plain.get(power, f"10{power}".replace(str(power), str(power).translate(SUPERSCRIPTS)))
