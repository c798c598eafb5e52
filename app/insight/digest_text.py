"""PURE. The weekly digest: numbered lines about one area, within what a digest may cost.

A line has the same number in every digest, and what has nothing to tell is left out with it: 4 is
always overcharges, so that `D 4` asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.insight.disclosure import FEWEST
from app.insight.figures import Figures
from app.insight.statistics import (
    FEWEST_FOR_CHANGE,
    SIGNIFICANT,
    Share,
    is_change,
    percent,
    shrunk,
    two_proportions,
)
from app.text.encoding import encoding_of, segment_count
from app.text.lao import clusters

Wording = Mapping[str, str]
"""The sentences of config/languages/<language>/digest.yaml."""

ANSWERS, SATISFACTION, REASON, OVERCHARGED, REQUESTS, FIRST = LINES = range(1, 7)
"""The number of each line."""
WOMEN: Final = 0
"""What line 1 says of women; no line of its own."""

# What is left out first of a digest that would be too long. D 1 tells of women, D 6 what to do,
# D 3 the reasons, D 5 the requests. Overcharges come last: nobody else tells a district what was
# taken at its counters.
LEAST_FIRST: Final = (WOMEN, FIRST, REASON, REQUESTS, OVERCHARGED)

SEGMENTS: Final = {"GSM-7": 1, "UCS-2": 2}
"""What a digest may cost: 160 characters of GSM-7, or 134 of UCS-2 in two parts."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of an area, its name in the reader's language.

    `before` are the figures of the week before, `weeks` of up to four weeks that end with this
    one, the oldest first; of either only what is released. `below` are the areas right below.
    """

    name: str
    now: Figures
    before: Figures | None
    weeks: Sequence[Figures]
    below: Sequence[Report] = ()

    @property
    def recent(self) -> Share:
        """The satisfied of these weeks, as far as they are published."""
        told = [one.part for one in self.weeks if one.satisfied is not None]
        return Share(sum(one.satisfied or 0 for one in told), sum(one.n or 0 for one in told))


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do first: the ending of the keys `first_…` and `advice_…`, and what stands in it."""

    key: str
    values: Mapping[str, str | int]


def text(report: Report, wording: Wording) -> str:
    """The digest of an area; never above its limit. Should even its first two lines and the
    name of the place be too long together, the name is cut."""
    left_out: set[int] = set()
    written = _written(report.name, report, wording, left_out)
    for least in LEAST_FIRST:
        if _fits(written):
            return written
        left_out.add(least)
        written = _written(report.name, report, wording, left_out)
    name = clusters(report.name)
    while name and not _fits(written):
        name.pop()
        written = _written("".join(name), report, wording, left_out)
    return written


def _fits(written: str) -> bool:
    return segment_count(written) <= SEGMENTS[encoding_of(written)]


def head(name: str, week: str, wording: Wording) -> str:
    """The line without a number. `week` is written as in 2026-W47."""
    year, number = week.split("-W")
    return wording["head"].format(place=name, week=int(number), year=int(year))


def _written(name: str, report: Report, wording: Wording, left_out: set[int]) -> str:
    lines = {
        ANSWERS: answers(report.now, wording, women=WOMEN not in left_out),
        SATISFACTION: satisfaction(report, wording),
        REASON: _reason(report.now, wording),
        OVERCHARGED: overcharged(report.now, wording),
        REQUESTS: requests(report.now, wording) if report.now.running else None,
        FIRST: _first(report, wording),
    }
    if report.now.answers < FEWEST:
        lines |= {SATISFACTION: None, REASON: None, OVERCHARGED: None}
    told = [f"{number} {line}" for number, line in lines.items() if line and number not in left_out]
    return "\n".join([head(name, report.now.week, wording), *told])


# --- the lines --------------------------------------------------------------------------------


def answers(now: Figures, wording: Wording, *, women: bool = False) -> str:
    """Line 1: how many answered, and how many women of them where that is wanted."""
    if not now.answers:
        return wording["none"]
    if now.answers < FEWEST:
        return wording["few"].format(n=now.answers)
    if not women:
        return wording["answers"].format(n=now.answers)
    return wording["answers_of_women"].format(n=now.answers, women=shown(now.sexes["F"].n, wording))


def shown(count: int | None, wording: Wording) -> str:
    """A count, or that it is not told. Never "fewer than 5": a larger one is hidden too where it
    would give away a smaller one."""
    return wording["hidden"] if count is None else str(count)


def satisfaction(report: Report, wording: Wording) -> str:
    """Line 2: the share in whole percent, and by how much it changed if it really did."""
    now = share(report.now)
    if now is None:
        return wording["satisfaction_hidden"]
    told = wording["satisfaction"].format(percent=percent(now.satisfied, now.n))
    points = _change(now, None if report.before is None else share(report.before))
    if not points:
        return told
    return f"{told} {wording['rise' if points > 0 else 'fall'].format(points=abs(points))}"


def share(figures: Figures) -> Share | None:
    """The satisfied among those who answered; None without answers or where it is not told."""
    part = figures.part
    return Share(part.satisfied, part.n) if part.n and part.satisfied is not None else None


def _change(now: Share, before: Share | None) -> int:
    """In points of the rounded figures: what the reader sees in two digests must add up."""
    if before is None or not is_change(now, before):
        return 0
    return percent(now.satisfied, now.n) - percent(before.satisfied, before.n)


def _reason(now: Figures, wording: Wording) -> str | None:
    if now.main_reason is None:
        return None
    return wording["reason"].format(reason=wording[f"reason_{now.main_reason}"])


def overcharged(now: Figures, wording: Wording) -> str:
    """Line 4; none at all is good news, and told."""
    if now.overcharged is None:
        return wording["overcharged_hidden"]
    return wording["overcharged"].format(n=now.overcharged)


def requests(now: Figures, wording: Wording) -> str:
    """Line 5: requests whose office's time runs, and how many of them are late."""
    return wording["requests"].format(running=now.running, overdue=now.overdue)


def _first(report: Report, wording: Wording) -> str | None:
    first = advice(report)
    if first is None:
        return None
    return wording["first"].format(advice=wording[f"first_{first.key}"].format(**first.values))


# --- what to do first -------------------------------------------------------------------------


def advice(report: Report) -> Advice | None:
    """What to do first; None where nothing presses.

    Above an ODSC the area below that needs it most, by name: where most requests are late, else
    where people are clearly least satisfied. Then, for every area, late requests, overcharges,
    the main reason, and few answers.
    """
    # The only area below is the area itself under another name.
    below = report.below if len(report.below) > 1 else ()
    return _by_name(below) or _of_area(report.now)


def _by_name(below: Sequence[Report]) -> Advice | None:
    latest = max(below, key=lambda one: one.now.overdue, default=None)
    if latest is not None and latest.now.overdue:
        return Advice("overdue_at", {"place": latest.name, "n": latest.now.overdue})
    lowest = clearly_lowest(below)
    if lowest is None:
        return None
    recent = lowest.recent
    rate = percent(recent.satisfied, recent.n)
    return Advice("lowest", {"place": lowest.name, "percent": rate, "n": recent.n})


def _of_area(now: Figures) -> Advice | None:
    if now.overdue:
        return Advice("overdue", {"n": now.overdue})
    if now.overcharged:
        # A count that is told rests on enough people to be worth a look.
        return Advice("overcharged", {"n": now.overcharged})
    if now.main_reason is not None:
        return Advice(now.main_reason, {})
    if now.answers < FEWEST_FOR_CHANGE:
        return Advice("few", {"n": now.answers})
    return None


def lowest_first(below: Sequence[Report]) -> list[Report]:
    """Areas of which a share is told, the least satisfied first, small numbers with caution."""
    asked = [one for one in below if one.recent.n]
    ranks = shrunk([one.recent for one in asked])
    rates = [one.recent.satisfied / one.recent.n for one in asked]
    # Where the areas differ by chance alone their ranks are the same.
    ordered = sorted(range(len(asked)), key=lambda at: (ranks[at], rates[at]))
    return [asked[at] for at in ordered]


def clearly_lowest(below: Sequence[Report]) -> Report | None:
    """The least satisfied area, where it differs from all others together by more than chance."""
    ranked = lowest_first(below)
    if len(ranked) < 2:
        return None
    lowest, others = ranked[0].recent, [one.recent for one in ranked[1:]]
    rest = Share(sum(one.satisfied for one in others), sum(one.n for one in others))
    p = two_proportions(lowest, rest)
    if (
        p is None
        or not is_change(lowest, rest)
        or lowest.satisfied * rest.n > rest.satisfied * lowest.n
    ):
        return None
    # Chance has as many tries at being the lowest as there are areas (Bonferroni).
    return ranked[0] if p * len(ranked) < SIGNIFICANT else None
