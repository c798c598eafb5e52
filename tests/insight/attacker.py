"""Somebody who has every published number, and computes what was left out.

What each center's people said is unknown; every published number is an equation about it. The
attacker eliminates exactly, in fractions, and then narrows every unknown as far as the equations
let it: nothing is below 0, and everything is whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil, floor, inf

Unknown = tuple[str, ...]
"""A center and something that so many of its people said, such as ("0103", "score", "4")."""
Sum = dict[Unknown, Fraction]
Row = tuple[Sum, Fraction]
Terms = Iterable[tuple[Unknown, int]]


class Attacker:
    """Collects equations, and says what they determine."""

    def __init__(self) -> None:
        self._given: list[Row] = []
        self._reduced: list[Row] = []
        self._low: dict[Unknown, int] = {}
        self._high: dict[Unknown, int] = {}

    def learns(self, terms: Terms, value: int) -> None:
        """The sum of so many times each unknown is `value`."""
        summed = _sum(terms)
        if summed:
            self._given.append((summed, Fraction(value)))

    def eliminates(self) -> None:
        """What follows from the equations alone."""
        self._reduced = eliminated(self._given)

    def narrows(self) -> None:
        """What follows besides from nothing being below 0, and everything whole."""
        known = -1
        while known != (now := sum(self._is_known(one) for one in self._high)):
            known = now
            self._reduced = eliminated([self._left(row) for row in self._reduced])
            while sum(self._narrows(row) for row in (*self._given, *self._reduced)):
                pass

    def value(self, terms: Terms) -> Fraction | None:
        """What a sum must be; None where it could be several."""
        left, value = self._left((_sum(terms), Fraction(0)))
        left, value = self._left(_by_pivots(self._reduced, (left, value)))
        return None if left else -value

    def _is_known(self, unknown: Unknown) -> bool:
        return self._high.get(unknown, inf) == self._low.get(unknown, 0)

    def _left(self, row: Row) -> Row:
        """The row without what is known."""
        terms, value = row
        for unknown, times in terms.items():
            if self._is_known(unknown):
                value -= times * self._high[unknown]
        return {one: times for one, times in terms.items() if not self._is_known(one)}, value

    def _narrows(self, row: Row) -> bool:
        """Bounds of each unknown of a row, from what the others can be at least and at most."""
        terms, value = row
        found = False
        for negated in (False, True):
            # Read with the other sign, what is at least becomes what is at most.
            sign = -1 if negated else 1
            least = {one: self._least(one, sign * times) for one, times in terms.items()}
            endless = [one for one, low in least.items() if low is None]
            if len(endless) > 1:
                continue
            whole = sum((low for low in least.values() if low is not None), Fraction(0))
            for one in endless or terms:
                limit = (sign * value - whole + (least[one] or 0)) / (sign * terms[one])
                above = sign * terms[one] > 0
                found |= self._at_most(one, limit) if above else self._at_least(one, limit)
        return found

    def _least(self, unknown: Unknown, times: Fraction) -> Fraction | None:
        """The least that so many times an unknown can be; None for no limit."""
        if times > 0:
            return times * self._low.get(unknown, 0)
        return times * self._high[unknown] if unknown in self._high else None

    def _at_most(self, unknown: Unknown, limit: Fraction) -> bool:
        if floor(limit) >= self._high.get(unknown, inf):
            return False
        self._high[unknown] = floor(limit)
        return True

    def _at_least(self, unknown: Unknown, limit: Fraction) -> bool:
        if ceil(limit) <= self._low.get(unknown, 0):
            return False
        self._low[unknown] = ceil(limit)
        return True


def _sum(terms: Terms) -> Sum:
    summed: Sum = {}
    for unknown, times in terms:
        summed[unknown] = summed.get(unknown, Fraction(0)) + times
    return {unknown: times for unknown, times in summed.items() if times}


def eliminated(rows: Sequence[Row]) -> list[Row]:
    """The reduced row echelon form; each row begins with an unknown that no other has."""
    found: dict[Unknown, Row] = {}
    for row in rows:
        terms, value = _by_pivots(found.values(), row)
        if not terms:
            assert value == 0, "what is published contradicts itself"
            continue
        pivot = min(terms)
        new = {one: times / terms[pivot] for one, times in terms.items()}, value / terms[pivot]
        for other, old in found.items():
            if pivot in old[0]:
                found[other] = _minus(old, new, old[0][pivot])
        found[pivot] = new
    return list(found.values())


def _by_pivots(reduced: Iterable[Row], row: Row) -> Row:
    by_pivot = {min(terms): (terms, value) for terms, value in reduced if terms}
    for pivot in [one for one in row[0] if one in by_pivot]:
        row = _minus(row, by_pivot[pivot], row[0][pivot])
    return row


def _minus(row: Row, other: Row, times: Fraction) -> Row:
    terms = dict(row[0])
    for unknown, factor in other[0].items():
        left = terms.get(unknown, Fraction(0)) - times * factor
        if left:
            terms[unknown] = left
        else:
            terms.pop(unknown, None)
    return terms, row[1] - times * other[1]
