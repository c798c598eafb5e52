"""What a reader could work out who adds, subtracts, and tries every table of whole numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from app.insight.disclosure import Cell, hidden_blocks, hidden_cells, hidden_shares

Parents = Mapping[str, str | None]
Table = NDArray[np.int16]
Mask = NDArray[np.bool_]

TWO: Parents = {"country": None, "a": "country", "b": "country"}
THREE: Parents = {**TWO, "c": "country"}
DEEP: Parents = {"country": None, "p": "country", "q": "country", "a": "p", "b": "p", "c": "q"}
DEEPER: Parents = {**DEEP, "r": "p", "a": "r", "b": "r", "c": "p", "d": "q"}


@dataclass(frozen=True)
class World:
    """All tables that the public numbers of answers allow: table, area, answer -> how many."""

    parents: Parents
    n: Mapping[str, int]
    tables: Table

    @property
    def areas(self) -> list[str]:
        return list(self.parents)

    def counts(self, table: Table, names: Sequence[str]) -> dict[str, dict[str, int]]:
        return {
            name: {area: int(table[row, column]) for row, area in enumerate(self.areas)}
            for column, name in enumerate(names)
        }


def world(parents: Parents, at_bottom: Sequence[int], answers: int, *, all_gave: bool) -> World:
    bottom = [area for area in parents if area not in parents.values()]
    n = dict.fromkeys(parents, 0)
    rows = [np.array(list(ways(of, answers, all_gave)), dtype=np.int16) for of in at_bottom]
    chosen = np.indices([len(ones) for ones in rows]).reshape(len(rows), -1)
    tables = np.zeros((chosen.shape[1], len(parents), answers), dtype=np.int16)
    for area, of, ones, choice in zip(bottom, at_bottom, rows, chosen, strict=True):
        for one in upwards(parents, area):
            n[one] += of
            tables[:, list(parents).index(one)] += ones[choice]
    return World(parents, n, tables)


@cache
def ways(n: int, answers: int, all_gave: bool) -> tuple[tuple[int, ...], ...]:
    """How n people may have answered."""
    every = product(range(n + 1), repeat=answers)
    return tuple(way for way in every if sum(way) == n or (sum(way) < n and not all_gave))


def upwards(parents: Parents, area: str | None) -> Iterator[str]:
    while area is not None:
        yield area
        area = parents[area]


def worlds(
    parents: Parents, answers: int, most: int, times: int, *, all_gave: bool = False
) -> Iterator[tuple[World, Table]]:
    """Chosen by seed: worlds with up to `most` answers in an area, and a dozen tables of each."""
    chance = random.Random(1616)
    for _ in range(times):
        bottom = [chance.randint(0, most) for area in parents if area not in parents.values()]
        one = world(parents, bottom, answers, all_gave=all_gave)
        for _ in range(12):
            yield one, one.tables[chance.randrange(len(one.tables))]


def every(parents: Parents, answers: int, most: int) -> Iterator[tuple[World, Table]]:
    bottom = [area for area in parents if area not in parents.values()]
    for numbers in product(range(most + 1), repeat=len(bottom)):
        one = world(parents, numbers, answers, all_gave=False)
        yield from ((one, table) for table in one.tables)


def known(tables: Table, true: Table, hidden: Mask) -> Mask:
    """What is the same in all tables that agree with everything shown."""
    agree = (tables == true)[:, ~hidden].all(axis=1)
    left = tables[agree]
    fixed: Mask = (left.min(axis=0) == left.max(axis=0)) & hidden
    return fixed


def told_by_a_shown_area(
    parents: Parents, counts: Mapping[str, int], hidden: frozenset[str], area: str
) -> bool:
    """Whether the next shown area above has all of its people in shown areas below it."""
    above = next((one for one in upwards(parents, parents[area]) if one not in hidden), None)
    if above is None:
        return False
    topmost = [
        one
        for one in parents
        if one not in hidden
        and next((up for up in upwards(parents, parents[one]) if up not in hidden), None) == above
    ]
    return counts[above] == sum(counts[one] for one in topmost)


# --- cells ------------------------------------------------------------------------------------


def assert_no_cell_is_known(one: World, table: Table) -> int:
    """By integers; the cells that are hidden."""
    names = [f"answer {number}" for number in range(table.shape[1])]
    counts = one.counts(table, names)
    cells = hidden_cells(one.parents, one.n, counts)
    hidden = np.array([[(name, area) in cells for name in names] for area in one.areas])
    for row, column in np.argwhere(known(one.tables, table, hidden)):
        name, area = names[column], one.areas[row]
        same = frozenset(place for answer, place in cells if answer == name)
        excused = told_by_a_shown_area(one.parents, counts[name], same, area)
        assert excused, f"{name} of {area} is known"
        assert counts[name][area] == 0, f"{name} of {area} is known"
    return len(cells)


def test_no_hidden_cell_is_known_in_any_country_of_two_areas_and_one_answer() -> None:
    assert sum(assert_no_cell_is_known(*one) for one in every(TWO, answers=1, most=8))


def test_no_hidden_cell_is_known_in_any_small_country_of_two_answers() -> None:
    assert sum(assert_no_cell_is_known(*one) for one in every(TWO, answers=2, most=6))


@pytest.mark.parametrize(
    ("parents", "answers", "most"),
    [(TWO, 2, 8), (TWO, 3, 6), (THREE, 1, 8), (THREE, 2, 5), (THREE, 3, 4)]
    + [(DEEP, 1, 8), (DEEP, 2, 6), (DEEP, 3, 4), (DEEPER, 1, 7), (DEEPER, 2, 4)],
)
def test_no_hidden_cell_is_known(parents: Parents, answers: int, most: int) -> None:
    assert sum(assert_no_cell_is_known(*one) for one in worlds(parents, answers, most, 150))


@cache
def by_algebra(parents: tuple[tuple[str, str | None], ...], cells: frozenset[Cell]) -> set[Cell]:
    """The hidden cells that follow from the published sums, by elimination in fractions."""
    above = dict(parents)
    rest = {("", area) for area in above}
    unknown = sorted(cells | rest)
    sums: list[set[tuple[int, Cell]]] = []
    for area in above:
        sums.append({(1, cell) for cell in unknown if cell[1] == area})
        for answer in {answer for answer, _ in unknown}:
            below = {(1, cell) for cell in unknown if cell[0] == answer and above[cell[1]] == area}
            if any(one == area for one in above.values()):
                sums.append({*below, (-1, (answer, area))})
    rows = [[Fraction(0)] * len(unknown) for _ in sums]
    for row, one in zip(rows, sums, strict=True):
        for sign, cell in one:
            if cell in unknown:
                row[unknown.index(cell)] += sign
    alone = [row for row in reduced(rows) if sum(map(bool, row)) == 1]
    return {unknown[row.index(Fraction(1))] for row in alone} - rest


def reduced(rows: list[list[Fraction]]) -> list[list[Fraction]]:
    """The reduced row echelon form."""
    done: list[list[Fraction]] = []
    for column in range(len(rows[0])):
        pivot = next((row for row in rows if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        pivot = [value / pivot[column] for value in pivot]
        rows, done = (
            [[a - row[column] * b for a, b in zip(row, pivot, strict=True)] for row in many]
            for many in (rows, done)
        )
        done.append(pivot)
    return done


@pytest.mark.parametrize(
    ("parents", "answers", "most"), [(THREE, 3, 4), (DEEP, 2, 8), (DEEPER, 2, 5)]
)
def test_no_hidden_cell_follows_from_the_sums(parents: Parents, answers: int, most: int) -> None:
    for one, table in worlds(parents, answers, most, 10):
        counts = one.counts(table, [f"answer {number}" for number in range(answers)])
        cells = hidden_cells(parents, one.n, counts)
        for name, area in by_algebra(tuple(parents.items()), cells):
            same = frozenset(place for answer, place in cells if answer == name)
            assert told_by_a_shown_area(parents, counts[name], same, area)
            assert counts[name][area] == 0


def test_the_attacks_see_what_stands_open() -> None:
    one = world(TWO, [3, 9], 1, all_gave=False)
    table = np.array([[9], [2], [7]], dtype=np.int16)
    lone = np.array([[False], [True], [False]])
    assert known(one.tables, table, lone).tolist() == lone.tolist()
    cells = frozenset({("answer 0", "a")})
    assert by_algebra(tuple(TWO.items()), cells) == cells
    # Two hidden ones are safe from algebra, but not where all people of both said the same.
    pair = frozenset({("answer 0", "a"), ("answer 0", "b")})
    assert by_algebra(tuple(TWO.items()), pair) == set()
    everybody, both = (
        np.array([[12], [3], [9]], dtype=np.int16),
        np.array([[False], [True], [True]]),
    )
    assert known(one.tables, everybody, both).tolist() == both.tolist()


# --- shares and blocks ------------------------------------------------------------------------


@pytest.mark.parametrize("parents", [TWO, THREE, DEEP, DEEPER])
def test_no_hidden_share_is_known(parents: Parents) -> None:
    seen = 0
    for one, table in worlds(parents, 1, 8, 40):
        satisfied = one.counts(table, ["satisfied"])["satisfied"]
        shares = hidden_shares(parents, one.n, satisfied=satisfied)
        hidden = np.array([[area in shares] for area in one.areas])
        assert not known(one.tables, table, hidden).any()
        seen += len(shares)
    assert seen


@pytest.mark.parametrize("parents", [TWO, DEEP])
def test_by_the_bases_alone_only_all_or_none_of_the_hidden_is_known(parents: Parents) -> None:
    seen = 0
    for one, table in worlds(parents, 1, 8, 60):
        shares = hidden_shares(parents, one.n)
        hidden = np.array([[area in shares] for area in one.areas])
        satisfied = one.counts(table, ["satisfied"])["satisfied"]
        unsatisfied = {area: one.n[area] - satisfied[area] for area in parents}
        for row, _ in np.argwhere(known(one.tables, table, hidden)):
            told = [
                told_by_a_shown_area(parents, counts, shares, one.areas[row])
                for counts in (satisfied, unsatisfied)
            ]
            assert any(told)
            seen += 1
    assert seen


@pytest.mark.parametrize(
    ("parents", "names", "most"),
    [(TWO, "1245", 7), (TWO, "12345", 5), (THREE, "1245", 4), (DEEP, "1245", 4)],
)
def test_no_count_in_a_hidden_block_is_known(parents: Parents, names: str, most: int) -> None:
    """Who reads the blocks knows the shares too, and that everybody gave a score."""
    seen = 0
    for one, table in worlds(parents, len(names), most, 12, all_gave=True):
        counts = one.counts(table, names)
        inside = [name in "45" for name in names]
        satisfied = {area: counts["4"][area] + counts["5"][area] for area in parents}
        blocks = hidden_blocks(parents, one.n, counts)
        shares = hidden_shares(parents, one.n, satisfied=satisfied)
        assert shares <= blocks
        sums = one.tables[:, :, inside].sum(axis=2, keepdims=True, dtype=np.int16)
        everything = np.concatenate([one.tables, sums], axis=2)
        true = np.concatenate([table, table[:, inside].sum(axis=1, keepdims=True)], axis=1)
        hidden = np.array([[area in blocks] * len(names) + [area in shares] for area in parents])
        for row, column in np.argwhere(known(everything, true, hidden)):
            assert column < len(names), "a hidden share is known"
            area, name = one.areas[row], names[column]
            half = satisfied[area] if inside[column] else one.n[area] - satisfied[area]
            zero = told_by_a_shown_area(parents, counts[name], blocks, area)
            assert counts[name][area] == 0, f"{name} of {area} is known"
            assert half == 0 or zero, f"{name} of {area} is known"
        seen += len(blocks)
    assert seen
