"""PURE. Which figures are not published, so that nobody learns what a few people said.

Statistical disclosure control of one week's counts over a tree of areas. Public are always: how
many answers every area has, and every figure not named here. An area's counts are the sums of
those below it, so a small figure hidden alone could be worked out: more is hidden with it, until

* a row (the answers to one question in one area) together with those who gave none, which is
  never published, leaves 0 or at least FEWEST people open;
* of an area and those right below it none or at least two are hidden, and what a shown area
  leaves open below it, down to the next shown ones, is 0 or at least FEWEST;
* every hidden figure could be another one: some second table of whole numbers, none below 0,
  agrees with everything public.

The last is decided exactly. One question's counts are a flow from the top of the tree, through
one branch an answer, to the areas at the bottom. A hidden count can be another one if and only if
it lies on a cycle of the flow's residual graph (Gusfield, SIAM J. Comput. 17, 1988). Where it does
not, the cheapest cycle is hidden too (Kelly, Golden and Assad, Networks 22, 1992).

What stays known: a hidden 0 below a shown area of which all is accounted for by shown ones. And
whoever runs these rules over every table that is left can rule some of them out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from math import inf
from typing import Final, NamedTuple

FEWEST: Final = 5
"""A figure that rests on 1 to 4 people is not published."""

SATISFIED: Final = ("4", "5")
"""The scores whose sum is public wherever the share of the satisfied is."""

Cell = tuple[str, str]
"""An answer and an area."""
Counts = Mapping[str, int]
"""How many in each area."""


def hidden_cells(
    parents: Mapping[str, str | None],
    answers: Mapping[str, int],
    counts: Mapping[str, Mapping[str, int]],
    fewest: int = FEWEST,
) -> frozenset[Cell]:
    """The counts of a question that are not published. Areas without answers show their zeros.

    `answers` is how many could have answered: for a question put to some only, those (and where
    that number is not public, hide what either number hides). ValueError where counts do not add
    up.
    """
    tree = _tree(parents, answers)
    names = sorted(counts)
    columns = [_column(parents, counts[name]) for name in names]
    n = _column(parents, answers)
    hidden = [{area for area in tree.order if _small(fewest, x[area], n[area])} for x in columns]
    rest = _rest(tree, n, columns)
    graph = _Graph(tree, [*columns, rest], [*hidden, set(tree.order)], n)

    def trees() -> None:
        for x, out in zip(columns, hidden, strict=True):
            _branches(tree, x, out, x, fewest)

    def excused(column: int, area: str) -> bool:
        return column == len(columns) or _known_zero(tree, columns[column], hidden[column], area)

    rows = partial(_rows, tree, n, columns, hidden, fewest)
    _until_still(hidden, rows, trees, partial(graph.loosen, excused))
    return frozenset(
        (name, area)
        for name, out in zip(names, hidden, strict=True)
        for area in _all_alike(tree, out)
    )


def hidden_shares(
    parents: Mapping[str, str | None],
    bases: Mapping[str, int],
    fewest: int = FEWEST,
    *,
    satisfied: Mapping[str, int] | None = None,
) -> frozenset[str]:
    """The areas whose share (a count out of the public base) is not published.

    By the bases alone a hidden share is known where all or none of those left open below a shown
    area are satisfied, and only there. Given `satisfied`, more is hidden until that ends too.
    """
    tree = _tree(parents, bases)
    base = _column(parents, bases)
    hidden = {area for area in tree.order if _small(fewest, base[area])}
    steps: list[Callable[[], object]] = [partial(_branches, tree, base, hidden, base, fewest)]
    if satisfied is not None:
        column = _column(parents, satisfied)
        rest = _rest(tree, base, [column])
        graph = _Graph(tree, [column, rest], [hidden, set(tree.order)], base)
        steps.append(partial(graph.loosen, lambda column, _: column == 1))
    _until_still([hidden], *steps)
    return frozenset(_all_alike(tree, hidden))


def hidden_blocks(
    parents: Mapping[str, str | None],
    answers: Mapping[str, int],
    counts: Mapping[str, Mapping[str, int]],
    fewest: int = FEWEST,
) -> frozenset[str]:
    """The areas of which no count of a question is published, where one of them is too small.

    Meant for the scores: the sum of SATISFIED is taken as known in every area, and so are those
    who gave none. A block that would tell a hidden share is hidden. A 0 inside a hidden block may
    be known, because all of SATISFIED or all of the others are 0 there, or as in `hidden_cells`.
    """
    tree = _tree(parents, answers)
    n = _column(parents, answers)
    columns = {name: _column(parents, counts[name]) for name in sorted(counts)}
    rest = _rest(tree, n, list(columns.values()))
    figures = [*columns.values(), rest, n]
    hidden = {area for area in tree.order if _small(fewest, *(x[area] for x in figures))}
    scored = {area: n[area] - rest.get(area, 0) for area in n}
    halves = [
        [x for name, x in columns.items() if (name in SATISFIED) is inside]
        for inside in (True, False)
    ]
    satisfied = {area: sum(x[area] for x in halves[0]) for area in n}
    shares = hidden_shares(parents, scored, fewest, satisfied=satisfied)
    hidden.update(area for area in tree.order if area in shares)

    def trees() -> None:
        for x in columns.values():
            _branches(tree, x, hidden, n, fewest)

    loosen = [partial(_loosen_half, tree, half, hidden, n) for half in halves]
    _until_still([hidden], trees, *loosen)
    return frozenset(_all_alike(tree, hidden))


def _loosen_half(tree: _Tree, columns: Sequence[Counts], hidden: set[str], size: Counts) -> None:
    def excused(column: int, area: str) -> bool:
        empty = not any(x[area] for x in columns)
        return empty or _known_zero(tree, columns[column], hidden, area)

    _Graph(tree, columns, [hidden] * len(columns), size).loosen(excused)


def _small(fewest: int, *figures: int) -> bool:
    return any(0 < figure < fewest for figure in figures)


def _until_still(hidden: Sequence[set[str]], *steps: Callable[[], object]) -> None:
    """Takes the steps, each only when those before it hide nothing more, until none does."""
    at = 0
    while at < len(steps):
        before = sum(map(len, hidden))
        steps[at]()
        at = at + 1 if sum(map(len, hidden)) == before else 0


# --- areas ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tree:
    """The areas that have answers. Those that must have the same, one below the other, are one."""

    order: tuple[str, ...]
    """Children before their parents."""
    parent: Mapping[str, str | None]
    children: Mapping[str, Sequence[str]]
    depth: Mapping[str, int]
    alike: Mapping[str, Sequence[str]]
    """Of each the areas for which it stands."""


def _tree(parents: Mapping[str, str | None], answers: Mapping[str, int]) -> _Tree:
    below: dict[str | None, list[str]] = {}
    for area in sorted(parents):
        if answers.get(area, 0):
            below.setdefault(parents[area], []).append(area)
    parent: dict[str, str | None] = {}
    children: dict[str, Sequence[str]] = {}
    depth: dict[str, int] = {}
    alike: dict[str, Sequence[str]] = {}
    ahead: list[tuple[str, str | None, int]] = [(top, None, 0) for top in below.get(None, [])]
    while ahead:
        area, above, level = ahead.pop()
        chain = [area]
        while len(below.get(chain[-1], ())) == 1:
            chain += below[chain[-1]]
        parent[area], depth[area], alike[area] = above, level, chain
        children[area] = below.get(chain[-1], ())
        ahead += [(child, area, level + 1) for child in children[area]]
    return _Tree(tuple(reversed(parent)), parent, children, depth, alike)


def _all_alike(tree: _Tree, areas: set[str]) -> Iterator[str]:
    return (one for area in areas for one in tree.alike[area])


def _column(parents: Mapping[str, str | None], counts: Counts) -> dict[str, int]:
    """The counts of every area; ValueError where one is not the sum of those below it."""
    column = {area: counts.get(area, 0) for area in sorted(parents)}
    sums: dict[str, int] = {}
    for area, count in column.items():
        above = parents[area]
        if above is not None:
            sums[above] = sums.get(above, 0) + count
    for area, total in sums.items():
        if column.get(area) != total:
            raise ValueError(f"{area} has {column.get(area)}, but the areas below it have {total}")
    return column


def _rest(tree: _Tree, n: Counts, columns: Sequence[Counts]) -> dict[str, int]:
    """Those who gave none of the answers; ValueError where more answered than there are."""
    rest = {area: n[area] - sum(x[area] for x in columns) for area in tree.order}
    for area, count in rest.items():
        if count < 0 or any(x[area] < 0 for x in columns):
            raise ValueError(f"the counts of {area} are no part of its {n[area]} answers")
    return rest


# --- rules ------------------------------------------------------------------------------------


def _rows(
    tree: _Tree, n: Counts, columns: Sequence[Counts], hidden: Sequence[set[str]], fewest: int
) -> None:
    """What an area leaves open in its row is nothing, or enough people."""
    for area in tree.order:
        answers = enumerate(columns)
        shown = sorted((x[area], j) for j, x in answers if x[area] and area not in hidden[j])
        left = n[area] - sum(count for count, _ in shown)
        for count, j in shown:
            if not 0 < left < fewest:
                break
            hidden[j].add(area)
            left += count


def _branches(tree: _Tree, x: Counts, hidden: set[str], size: Counts, fewest: int) -> None:
    """An area and those below it tell nothing of each other. Of several the one of least `size`."""
    for area in tree.order:
        children = tree.children[area]
        count = sum(child in hidden for child in children)
        if area in hidden and children and not count:
            hidden.add(min(children, key=lambda child: (not x[child], size[child], child)))
        elif area not in hidden and count and x[area]:
            shown = [one for one in _next_shown(tree, area, hidden) if x[one]]
            left = x[area] - sum(x[one] for one in shown)
            if count == 1:
                shown = [one for one in shown if tree.parent[one] == area]
                hidden.add(min(shown, key=lambda one: (size[one], one), default=area))
            elif 0 < left < fewest:
                hidden.add(min(shown, key=lambda one: (-tree.depth[one], size[one], one)))


def _next_shown(tree: _Tree, area: str, hidden: set[str]) -> Iterator[str]:
    """The first shown ones on every way down from an area."""
    ahead = list(tree.children[area])
    while ahead:
        one = ahead.pop()
        if one in hidden:
            ahead += tree.children[one]
        else:
            yield one


def _known_zero(tree: _Tree, x: Counts, hidden: set[str], area: str) -> bool:
    """Whether a hidden 0 lies below a shown area that leaves nothing open."""
    above = tree.parent[area]
    while above is not None and above in hidden:
        above = tree.parent[above]
    if x[area] or above is None:
        return False
    return x[above] == sum(x[one] for one in _next_shown(tree, above, hidden))


# --- what else it could be --------------------------------------------------------------------


class _Edge(NamedTuple):
    start: int
    end: int
    column: int
    area: str
    held: int
    cost: int


class _Graph:
    """The residual graph of a question's counts: an edge for each area and column.

    It goes from the parent's knot of that column to the area's own, or, at the bottom of the
    tree, to one knot of all columns, as there is one at the top. A count can be raised, along its
    edge, and lowered, against it, unless it is 0.
    """

    def __init__(
        self,
        tree: _Tree,
        columns: Sequence[Counts],
        hidden: Sequence[set[str]],
        size: Counts,
    ) -> None:
        self.hidden = hidden
        self.edges: list[_Edge] = []
        self.loose: set[int] = set()
        knots: dict[tuple[str | None, int], int] = {}
        for area, above in tree.parent.items():
            for j, column in enumerate(columns):
                start = (above, -1 if above is None else j)
                end = (area, j if tree.children[area] else -1)
                ends = [knots.setdefault(knot, len(knots)) for knot in (start, end)]
                cost = size[area] + column[area]
                self.edges.append(_Edge(ends[0], ends[1], j, area, column[area], cost))
        self.ways: list[list[tuple[int, int]]] = [[] for _ in knots]
        for number, edge in enumerate(self.edges):
            self.ways[edge.start].append((edge.end, number))
            if edge.held:
                self.ways[edge.end].append((edge.start, number))

    def loosen(self, excused: Callable[[int, str], bool]) -> None:
        """Hides what lets every hidden count be another one, but those that are excused."""
        for number in reversed(range(len(self.edges))):
            edge = self.edges[number]
            if number in self.loose or self._shown(number):
                continue
            cycle = self._open_cycle(number)
            if not cycle and not excused(edge.column, edge.area):
                cycle = self._cheapest_cycle(number)
            # Every count on a cycle can be another one, for as long as nothing is shown again.
            for step in cycle:
                self.hidden[self.edges[step].column].add(self.edges[step].area)
                self.loose.add(step)

    def _shown(self, number: int) -> bool:
        return self.edges[number].area not in self.hidden[self.edges[number].column]

    def _ends(self, number: int) -> list[tuple[int, int]]:
        """Where a path would begin and end that makes a cycle with this edge."""
        edge = self.edges[number]
        return [(edge.end, edge.start), (edge.start, edge.end)][: 2 if edge.held else 1]

    def _open_cycle(self, number: int) -> list[int]:
        """The edges of a cycle of hidden counts through this one; none if there is no such."""
        for start, goal in self._ends(number):
            came = {start: (start, number)}
            for knot in (ahead := [start]):
                for other, step in self.ways[knot]:
                    if other in came or step == number or self._shown(step):
                        continue
                    came[other] = knot, step
                    ahead.append(other)
                if goal in came:
                    return [number, *_steps(came, start, goal)]
        return []

    def _cheapest_cycle(self, number: int) -> list[int]:
        """The edges of a cycle through this one of which the least is still shown."""
        paths = [self._cheapest_path(*ends, number) for ends in self._ends(number)]
        return [number, *min(paths)[1]]

    def _cheapest_path(self, start: int, goal: int, without: int) -> tuple[float, list[int]]:
        """Dijkstra's; a shown count costs what it and its area have, a hidden one nothing."""
        came: dict[int, tuple[int, int]] = {}
        ahead = [(0, start, start, without)]
        while ahead:
            cost, knot, before, by = heappop(ahead)
            if knot in came:
                continue
            came[knot] = before, by
            if knot == goal:
                return cost, _steps(came, start, goal)
            for other, step in self.ways[knot]:
                if other not in came and step != without:
                    more = self.edges[step].cost if self._shown(step) else 0
                    heappush(ahead, (cost + more, other, knot, step))
        return inf, []


def _steps(came: Mapping[int, tuple[int, int]], start: int, goal: int) -> list[int]:
    steps = []
    while goal != start:
        goal, step = came[goal]
        steps.append(step)
    return steps
