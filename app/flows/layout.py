"""A layered layout: every arrow leads downwards, boxes of one layer stand side by side.

Layers by the longest way, order by neighbours' middles, places by least squares. Arrows that span
layers pass through points of their own, so that no line runs through a box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Edge = tuple[str, str]
SWEEPS = 24


@dataclass(frozen=True, slots=True)
class Layout:
    """Each box's layer and middle; for an arrow over several layers its points in between, and
    the arrows that would lead upwards and are not laid out."""

    layer: Mapping[str, int]
    middle: Mapping[str, float]
    between: Mapping[Edge, Sequence[str]]
    upwards: frozenset[Edge]


@dataclass
class _Plan:
    """The layers while they are being ordered; names in brackets are points on arrows."""

    rows: list[list[str]]
    width: Mapping[str, float]
    above: dict[str, list[str]] = field(default_factory=dict)
    below: dict[str, list[str]] = field(default_factory=dict)
    middle: dict[str, float] = field(default_factory=dict)


def lay_out(nodes: Sequence[str], edges: Sequence[Edge], width: float, point: float) -> Layout:
    """Nodes in the order in which they are written; the first of each part stands on top."""
    upwards = _upwards(nodes, edges)
    kept = [edge for edge in dict.fromkeys(edges) if edge not in upwards]
    layer = _layers(nodes, kept)
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for node in nodes:
        rows[layer[node]].append(node)
    widths = dict.fromkeys(nodes, width)
    plan = _Plan(rows, widths)
    between: dict[Edge, list[str]] = {}
    for source, target in kept:
        points = []
        for height in range(layer[source] + 1, layer[target]):
            points.append(f"({source}→{target} {height})")
            rows[height].append(points[-1])
            widths[points[-1]] = point
        between[source, target] = points
        chain = [source, *points, target]
        for upper, lower in zip(chain, chain[1:], strict=False):
            plan.below.setdefault(upper, []).append(lower)
            plan.above.setdefault(lower, []).append(upper)
    _order(plan)
    _place(plan)
    return Layout(layer, plan.middle, between, frozenset(upwards))


def _upwards(nodes: Sequence[str], edges: Sequence[Edge]) -> set[Edge]:
    """The arrows that close a circle when nodes are walked in their order."""
    after: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        after[source].append(target)
    found: set[Edge] = set()
    done: set[str] = set()
    for root in nodes:
        trail = [(root, iter(after[root]))] if root not in done else []
        here = {root}
        while trail:
            node, onward = trail[-1]
            below = next(onward, None)
            if below is None:
                trail.pop()
                here.discard(node)
                done.add(node)
            elif below in here:
                found.add((node, below))
            elif below not in done:
                trail.append((below, iter(after[below])))
                here.add(below)
    return found


def _layers(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    layer = dict.fromkeys(nodes, 0)
    for _ in nodes:
        moved = False
        for source, target in edges:
            if layer[target] <= layer[source]:
                layer[target] = layer[source] + 1
                moved = True
        if not moved:
            break
    return layer


def _order(plan: _Plan) -> None:
    """Side by side in the order of their neighbours' middles, downwards and upwards in turn."""
    best = [list(row) for row in plan.rows]
    fewest = _crossings(plan)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        rows = plan.rows if down else plan.rows[::-1]
        for fixed, row in zip(rows, rows[1:], strict=False):
            place = {name: index for index, name in enumerate(fixed)}
            near = plan.above if down else plan.below
            own = {name: index for index, name in enumerate(row)}

            def middle(
                name: str,
                place: Mapping[str, int] = place,
                near: Mapping[str, list[str]] = near,
                own: Mapping[str, int] = own,
            ) -> float:
                found = [place[one] for one in near.get(name, ()) if one in place]
                return sum(found) / len(found) if found else own[name]

            row.sort(key=middle)
        crossed = _crossings(plan)
        if crossed < fewest:
            best, fewest = [list(row) for row in plan.rows], crossed
    for row, found in zip(plan.rows, best, strict=True):
        row[:] = found


def _crossings(plan: _Plan) -> int:
    crossed = 0
    for upper, lower in zip(plan.rows, plan.rows[1:], strict=False):
        place = {name: index for index, name in enumerate(lower)}
        lines = [
            (index, place[target])
            for index, source in enumerate(upper)
            for target in plan.below.get(source, ())
        ]
        crossed += sum(
            (one[0] - other[0]) * (one[1] - other[1]) < 0
            for index, one in enumerate(lines)
            for other in lines[:index]
        )
    return crossed


def _place(plan: _Plan) -> None:
    """Near the middles of neighbours, with room between; the leftmost edge is 0."""
    for row in plan.rows:
        _spread(plan, row, dict.fromkeys(row, 0.0))
    for sweep in range(SWEEPS):
        rows = plan.rows if sweep % 2 == 0 else plan.rows[::-1]
        for row in rows:
            wanted = {}
            for name in row:
                near = [*plan.above.get(name, ()), *plan.below.get(name, ())]
                middles = [plan.middle[one] for one in near]
                wanted[name] = sum(middles) / len(middles) if middles else plan.middle[name]
            _spread(plan, row, wanted)
    left = min((plan.middle[name] - plan.width[name] / 2 for name in plan.middle), default=0.0)
    for name in plan.middle:
        plan.middle[name] -= left


def _spread(plan: _Plan, row: Sequence[str], wanted: Mapping[str, float]) -> None:
    """As near as possible to where each wants to be, none over its neighbour: those that would
    overlap move as one block, whose middle is theirs."""
    offset, total = {}, 0.0
    for index, name in enumerate(row):
        if index:
            total += (plan.width[row[index - 1]] + plan.width[name]) / 2
        offset[name] = total
    blocks: list[tuple[list[str], float]] = []
    for name in row:
        members, at = [name], wanted[name] - offset[name]
        while blocks and blocks[-1][1] > at:
            before, _ = blocks.pop()
            members = [*before, *members]
            at = sum(wanted[one] - offset[one] for one in members) / len(members)
        blocks.append((members, at))
    for members, at in blocks:
        for name in members:
            plan.middle[name] = at + offset[name]
