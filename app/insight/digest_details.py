"""PURE. What stands behind each line of a digest: the answer to `D 2`, in at most two parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor
from typing import Final

from app.insight import digest_text, statistics
from app.insight.digest_text import Report, Wording, shown
from app.insight.disclosure import FEWEST
from app.insight.figures import Figures
from app.text.encoding import segment_count
from app.text.lao import clusters

PARTS: Final = 2


@dataclass(frozen=True, slots=True)
class Goal:
    """What share is to be satisfied, and was before, in whole percent."""

    target: int | None
    baseline: int | None
    reach_by: date | None


@dataclass(frozen=True, slots=True)
class Behind:
    """What details need besides the report: the services' names, and the area's goal."""

    services: Mapping[str, str]
    goal: Goal | None


@dataclass(frozen=True, slots=True)
class _Told:
    """Lines, the most important first, and a list at the end that is told as far as it fits."""

    lines: Sequence[str]
    items: Sequence[str] = ()
    listed: str = "{list}"


def text(line: int, report: Report, behind: Behind, wording: Wording) -> str:
    """The details of a line of the digest, as far as they fit."""
    told = _DETAILS[line](report, behind, wording)
    head = digest_text.head(report.name, report.now.week, wording)
    lines = [f"{line} {told.lines[0]}", *told.lines[1:]]
    for count in range(len(lines), 0, -1):
        if _fits("\n".join([head, *lines[:count]])):
            return _listed([head, *lines[:count]], told if count == len(lines) else _Told(()))
    name = clusters(report.name)
    while name and not _fits(f"{head}\n{lines[0]}"):
        name.pop()
        head = digest_text.head("".join(name), report.now.week, wording)
    return f"{head}\n{lines[0]}"


def _fits(written: str) -> bool:
    return segment_count(written) <= PARTS


def _listed(lines: Sequence[str], told: _Told) -> str:
    """The lines, and as much of the list as there is room for; how many more there are."""
    for count in range(len(told.items), 0, -1):
        more = len(told.items) - count
        items = [*told.items[:count], *([f"+{more}"] if more else [])]
        written = "\n".join([*lines, told.listed.format(list=", ".join(items))])
        if _fits(written):
            return written
    return "\n".join(lines)


# --- line by line -----------------------------------------------------------------------------


def _answers(report: Report, behind: Behind, wording: Wording) -> _Told:
    now = report.now
    first = digest_text.answers(now, wording)
    if now.answers < FEWEST:
        return _Told([first])
    women, men = now.sexes["F"].n, now.sexes["M"].n
    unknown = None if women is None or men is None else now.answers - women - men
    sexes = wording["sexes"].format(
        women=shown(women, wording), men=shown(men, wording), unknown=shown(unknown, wording)
    )
    asked = [(part.n, key) for key, part in now.services.items() if part.n]
    most = sorted(asked, key=lambda pair: -pair[0])
    items = [f"{behind.services.get(key, key)} {n}" for n, key in most]
    return _Told([first, sexes], items)


def _satisfaction(report: Report, behind: Behind, wording: Wording) -> _Told:
    lines = [_rate(report.now, wording)]
    if report.now.mean is not None:
        lines.append(wording["mean"].format(mean=f"{report.now.mean:.1f}"))
    if any(digest_text.share(one) for one in report.weeks):
        weeks = [f"{_number(one)} {_percent(one, wording)}" for one in report.weeks]
        lines.append(wording["weeks"].format(list=", ".join(weeks)))
    lines += _goal(behind.goal, wording)
    items = [
        wording["below_rate"].format(
            place=one.name,
            percent=statistics.percent(one.recent.satisfied, one.recent.n),
            n=one.recent.n,
        )
        for one in digest_text.lowest_first(report.below)
    ]
    return _Told(lines, items, wording["lowest_first"])


def _rate(now: Figures, wording: Wording) -> str:
    if now.answers < FEWEST:
        return digest_text.answers(now, wording)
    share, interval = digest_text.share(now), now.part.interval
    if share is None or interval is None:
        return wording["satisfaction_hidden"]
    # Outwards: an interval that is told may be too wide, not too narrow.
    low, high = floor(100 * interval[0]), ceil(100 * interval[1])
    rate = statistics.percent(share.satisfied, share.n)
    return wording["rate"].format(percent=rate, low=low, high=high, n=share.n)


def _percent(figures: Figures, wording: Wording) -> str:
    share = digest_text.share(figures)
    if share is None:
        return wording["hidden"] if figures.answers else "-"
    return f"{statistics.percent(share.satisfied, share.n)}%"


def _goal(goal: Goal | None, wording: Wording) -> list[str]:
    if goal is None:
        return []
    lines = []
    if goal.target is not None and goal.reach_by is not None:
        by = f"{goal.reach_by:%d/%m/%Y}"
        lines.append(wording["target_by"].format(percent=goal.target, date=by))
    elif goal.target is not None:
        lines.append(wording["target"].format(percent=goal.target))
    if goal.baseline is not None:
        lines.append(wording["baseline"].format(percent=goal.baseline))
    return lines


def _reasons(report: Report, behind: Behind, wording: Wording) -> _Told:
    now = report.now
    if now.answers < FEWEST:
        return _Told([digest_text.answers(now, wording)])
    # The commonest first; what is not told keeps to the end, or its place would tell of it.
    told = {key: -1 if n is None else n for key, n in now.reasons.items()}
    ordered = sorted(now.reasons, key=lambda key: told[key], reverse=True)
    items = [f"{wording[f'reason_{key}']} {shown(now.reasons[key], wording)}" for key in ordered]
    return _Told([wording["reason"].format(reason=", ".join(items))])


def _overcharged(report: Report, behind: Behind, wording: Wording) -> _Told:
    weeks = [f"{_number(one)} {shown(one.overcharged, wording)}" for one in report.weeks]
    now = report.now
    few = now.answers < FEWEST
    first = digest_text.answers(now, wording) if few else digest_text.overcharged(now, wording)
    return _Told([first, wording["weeks"].format(list=", ".join(weeks))])


def _requests(report: Report, behind: Behind, wording: Wording) -> _Told:
    busy = [one for one in report.below if one.now.running]
    busy.sort(key=lambda one: (-one.now.overdue, -one.now.running))
    items = [
        wording["below_requests"].format(
            place=one.name, running=one.now.running, overdue=one.now.overdue
        )
        for one in busy
    ]
    return _Told([digest_text.requests(report.now, wording)], items)


def _advice(report: Report, behind: Behind, wording: Wording) -> _Told:
    advice = digest_text.advice(report)
    if advice is None:
        return _Told([wording["advice_none"]])
    return _Told([wording[f"advice_{advice.key}"].format(**advice.values)])


def _number(figures: Figures) -> int:
    """Which week of the year."""
    return int(figures.week.split("-W")[1])


_DETAILS: Mapping[int, Callable[[Report, Behind, Wording], _Told]] = {
    digest_text.ANSWERS: _answers,
    digest_text.SATISFACTION: _satisfaction,
    digest_text.REASON: _reasons,
    digest_text.OVERCHARGED: _overcharged,
    digest_text.REQUESTS: _requests,
    digest_text.FIRST: _advice,
}
