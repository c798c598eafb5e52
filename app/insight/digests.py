"""The weekly digest: an SMS to the staff of each center, once a week and person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine

from app.clock import Week, local_day, local_moment, working_day_from
from app.delivery.mail import Mail
from app.feedback.cells import REASONS
from app.insight.sentences import FALLBACK, Sentences
from app.insight.statistics import percent
from app.insight.summaries import Summary, known_odsc, summary
from app.storage import tallies
from app.storage.tallies import Place, Reader
from app.text.encoding import encoding_of, segment_count
from app.words import Language

RUN = "digest"
SEGMENTS = {"GSM-7": 1, "UCS-2": 2}
"""What a digest may cost: 160 characters of GSM-7, or 134 of UCS-2 in two parts."""

# What is left out first when a digest would be too long. Overcharges come last: nobody else
# tells a district what was taken at its counters.
LEAST_FIRST = ("change", "reason", "women", "overcharged")


def text(now: Summary, before: Summary, place: str, week: Week, sentences: Sentences) -> str:
    """PURE. The digest of a place and week, next to the week before; never above its limit.

    The change is told only where both weeks have scores. Should even place, answers and
    satisfaction be too long together, the name of the place is cut.
    """
    left_out: set[str] = set()
    written = _written(now, before, place, week, sentences, left_out)
    for part in LEAST_FIRST:
        if _fits(written):
            return written
        left_out.add(part)
        written = _written(now, before, place, week, sentences, left_out)
    while not _fits(written) and place:
        place = place[:-1]
        written = _written(now, before, place, week, sentences, left_out)
    return written


def _fits(written: str) -> bool:
    return segment_count(written) <= SEGMENTS[encoding_of(written)]


def _written(
    now: Summary,
    before: Summary,
    place: str,
    week: Week,
    sentences: Sentences,
    left_out: set[str],
) -> str:
    where = {"place": place, "week": week.number, "year": week.year}
    if not now.responses:
        return sentences["none"].format(**where)
    key = "answers" if "women" in left_out else "answers_of_women"
    answers = sentences[key].format(n=now.responses, women=now.women)
    parts = [sentences["head"].format(**where, answers=answers)]
    if now.scored:
        change = None if "change" in left_out else _change(now, before, sentences)
        key = "satisfaction" if change is None else "satisfaction_changed"
        parts.append(sentences[key].format(percent=_percent(now), change=change))
    reason = main_reason(now)
    if reason and "reason" not in left_out:
        parts.append(sentences["reason"].format(reason=sentences[f"reason_{reason}"]))
    if "overcharged" not in left_out:
        parts.append(sentences["overcharged"].format(n=now.overcharged))
    return " ".join(parts)


def _percent(week: Summary) -> int:
    return percent(week.satisfied, week.scored)


def _change(now: Summary, before: Summary, sentences: Sentences) -> str | None:
    if not before.scored:
        return None
    # Of the rounded figures: what the reader sees in two digests must add up.
    points = _percent(now) - _percent(before)
    return sentences["change"].format(points=f"{points:+d}") if points else sentences["same"]


def main_reason(week: Summary) -> str | None:
    """The commonest reason; of equals the first in the order they are asked; None without any."""
    commonest = max(REASONS, key=lambda reason: week.reasons.get(reason, 0))
    return commonest if week.reasons.get(commonest, 0) else None


def due_slot(now: datetime, hour: int) -> Week | None:
    """PURE. The newest week whose digest is due.

    That of a week is due on the Monday after it at `hour`, or on the next working day where that
    Monday is a holiday. A missed one is made up for until the next falls due; None only where
    the calendar has no working day for weeks.
    """
    week = Week.of(local_day(now)).shifted(-1)
    for back in range(4):
        candidate = week.shifted(-back)
        if local_moment(working_day_from(candidate.shifted(1).monday), hour) <= now:
            return candidate
    return None


def write_due(
    engine: Engine,
    now: datetime,
    *,
    hour: int,
    mail: Mail,
    sentences: Mapping[Language, Sentences],
) -> int:
    """Queue the digests that are due, once ever for each week; how many were queued.

    The run and its messages are one transaction: killed in between, neither exists, and whoever
    comes next does it.
    """
    week = due_slot(now, hour)
    if week is None:
        return 0
    with engine.begin() as tx:
        if not tallies.win_run(tx, RUN, str(week), now):
            return 0
        return _queue(tx, now, week, tallies.readers(tx), mail, sentences)


def write_one(
    engine: Engine,
    odsc: str,
    week: Week,
    now: datetime,
    *,
    mail: Mail,
    sentences: Mapping[Language, Sentences],
) -> int:
    """Queue the digest of one ODSC for its staff; who has that week's already gets no second."""
    with engine.begin() as tx:
        known_odsc(tx, odsc)
        return _queue(tx, now, week, tallies.readers(tx, odsc), mail, sentences)


def preview(engine: Engine, odsc: str, week: Week, language: Language, sentences: Sentences) -> str:
    """The digest of one ODSC as its staff would read it; OperatorError if there is no such ODSC."""
    with engine.connect() as tx:
        return _composer(tx, week)(known_odsc(tx, odsc), language, sentences)


def _queue(
    tx: Connection,
    now: datetime,
    week: Week,
    readers: Sequence[Reader],
    mail: Mail,
    sentences: Mapping[Language, Sentences],
) -> int:
    compose = _composer(tx, week)
    queued = 0
    for reader in readers:
        language = reader.language if reader.language in sentences else FALLBACK
        added = mail.queue(
            tx,
            contact_id=reader.contact_id,
            purpose="digest",
            text=compose(reader.place, language, sentences[language]),
            now=now,
            once_key=f"digest:{week}:{reader.place.code}:{reader.contact_id}",
        )
        queued += added is not None
    return queued


def _composer(tx: Connection, week: Week) -> Callable[[Place, Language, Sentences], str]:
    """Writes digests of one week; the figures of a place are read once, whoever reads them."""
    figures: dict[tuple[str, ...], tuple[Summary, Summary]] = {}

    def compose(place: Place, language: Language, sentences: Sentences) -> str:
        if place.odscs not in figures:
            figures[place.odscs] = (
                summary(tx, place.odscs, week),
                summary(tx, place.odscs, week.shifted(-1)),
            )
        # A Latin digest with one Lao name in it would cost as much as a Lao one.
        name = place.name_lo if language == FALLBACK else place.name_en
        return text(*figures[place.odscs], name, week, sentences)

    return compose
