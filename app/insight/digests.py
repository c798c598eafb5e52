"""The weekly digest: an SMS to the staff of each place, once a week and person.

All its figures come from releases, so that nobody can subtract one digest from another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection, Engine

from app.clock import Week, local_day, local_moment, working_day_from
from app.delivery.mail import Mail
from app.errors import OperatorError
from app.insight import digest_details, digest_reports, digest_text, releases
from app.insight.digest_reports import Reports
from app.insight.releases import Extra
from app.insight.sentences import FALLBACK, Sentences
from app.storage import readers, tallies
from app.storage import releases as storage
from app.storage.levels import Level
from app.storage.outbox import Letter
from app.storage.readers import Reader
from app.words import Language

log = structlog.get_logger()

RUN = "digest"

Place = tuple[Level, str]
"""A place that staff belong to: its level and code."""


# --- when -------------------------------------------------------------------------------------


def due_slot(now: datetime, hour: int) -> Week | None:
    """PURE. The newest week whose digest is due.

    A missed one is made up for until the next falls due; None only where the calendar has no
    working day for weeks.
    """
    week = Week.of(local_day(now)).shifted(-1)
    candidates = (week.shifted(-back) for back in range(4))
    return next((one for one in candidates if due_at(one, hour) <= now), None)


def due_at(week: Week, hour: int) -> datetime:
    """PURE. When the digest of a week is due: on the Monday after it at `hour`, or on the next
    working day where that Monday is a holiday."""
    return local_moment(working_day_from(week.shifted(1).monday), hour)


def next_due(now: datetime, hour: int) -> datetime:
    """PURE. When the next digest falls due."""
    week = Week.of(local_day(now))
    return min(at for back in range(4) if (at := due_at(week.shifted(-back), hour)) > now)


# --- writing ----------------------------------------------------------------------------------


def write_due(
    engine: Engine,
    now: datetime,
    *,
    hour: int,
    mail: Mail,
    sentences: Mapping[Language, Sentences],
    extra: Extra,
) -> int:
    """Queue the digests that are due, once ever for each week; how many were queued.

    First the week is released. The run and its messages are one transaction: killed in between,
    neither exists, and whoever comes next does it.
    """
    week = due_slot(now, hour)
    if week is None:
        return 0
    with engine.connect() as tx:
        if readers.served(tx, RUN, str(week)):
            return 0
    _release(engine, week, now, extra)
    with engine.begin() as tx:
        if not tallies.win_run(tx, RUN, str(week), now):
            return 0
        reports = Reports(tx, week, digest_reports.everywhere(tx, week))
        return _queue(tx, now, readers.everybody(tx), reports, mail, sentences)


def write_one(
    engine: Engine,
    place: Place,
    week: Week,
    now: datetime,
    *,
    mail: Mail,
    sentences: Mapping[Language, Sentences],
    extra: Extra,
) -> int:
    """Queue the digest of one place for its staff; who has that week's already gets no second.

    A week that is over is released first. One that is not is told as it stands now: the operator
    wants it so, and what these readers get on Monday is then no second digest, but `D` shows it.
    OperatorError for an unknown place and for a week that has not begun.
    """
    if now < local_moment(week.monday, 0):
        raise OperatorError(f"{week} has not begun", "There is nothing to tell of it yet")
    over = week.sunday < local_day(now)
    with engine.connect() as tx:
        _known(tx, place)
    _release(engine, week if over else week.shifted(-1), now, extra)
    if not over:
        log.warning("digest_of_a_week_that_is_not_over", week=str(week), place=place)
    with engine.begin() as tx:
        told = digest_reports.everywhere(tx, week)
        if not over:
            newer = releases.live(tx, week, extra, local_day(now))
            told = digest_reports.joined(told, newer)
        reports = Reports(tx, week, told)
        return _queue(tx, now, readers.of_place(tx, *place), reports, mail, sentences)


def _release(engine: Engine, week: Week, now: datetime, extra: Extra) -> None:
    """Release a week, and before it the one that its digest is compared with."""
    for one in (week.shifted(-1), week):
        releases.make(engine, one, now, extra)


def _known(tx: Connection, place: Place) -> None:
    level, code = place
    if releases.area(tx, level, code) is None:
        named = "ODSC" if level == "odsc" else level
        raise OperatorError(f"There is no {named} {code!r}", f"See config/registry/{level}s.csv")


def _queue(
    tx: Connection,
    now: datetime,
    to: Sequence[Reader],
    reports: Reports,
    mail: Mail,
    sentences: Mapping[Language, Sentences],
) -> int:
    texts: dict[tuple[Place, Language], str | None] = {}
    letters = []
    for reader in to:
        language = reader.language if reader.language in sentences else FALLBACK
        place = (reader.level, reader.code)
        if (place, language) not in texts:
            report = reports.of(place, language)
            texts[place, language] = (
                None if report is None else digest_text.text(report, sentences[language])
            )
        text = texts[place, language]
        # A place that was opened after its week was released has nothing to read of it.
        if text is not None:
            once_key = f"digest:{reports.week}:{reader.code}:{reader.contact_id}"
            letters.append(Letter(reader.contact_id, text, once_key))
    return mail.queue_all(tx, letters, purpose="digest", now=now)


# --- reading ----------------------------------------------------------------------------------


def preview(
    engine: Engine,
    place: Place,
    week: Week,
    now: datetime,
    *,
    language: Language,
    sentences: Sentences,
    extra: Extra,
    line: int | None = None,
) -> str:
    """The digest of a place as its staff would read it, or the details of one of its lines.

    Weeks that are not released are told as they stand now. OperatorError for an unknown place.
    """
    with engine.connect() as tx:
        _known(tx, place)
        told = digest_reports.everywhere(tx, week)
        for one in (week.shifted(-1), week):
            if storage.made_at(tx, str(one)) is None:
                newer = releases.live(tx, one, extra, local_day(now))
                told = digest_reports.joined(told, newer)
        written = shown(Reports(tx, week, told), place, language, sentences, line)
    if written is None:
        raise OperatorError(
            f"{place[1]} is not in the figures of {week}",
            "It was added after they were released; ask for a later week",
        )
    return written


def shown(
    reports: Reports, place: Place, language: Language, wording: Sentences, line: int | None
) -> str | None:
    """A digest, or the details of one of its lines; None where there are no figures."""
    report = reports.of(place, language)
    if report is None:
        return None
    if line is None:
        return digest_text.text(report, wording)
    return digest_details.text(line, report, reports.behind(place, language), wording)
