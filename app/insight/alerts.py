"""Alerts: the staff of a center learn once that something is wrong, and later whether it changed.

Whoever is told and does not acknowledge in time is followed by the next level: ODSC, district,
province, country. What is raised is raised and told in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, get_args

import structlog
from sqlalchemy import Connection, Engine

from app import clock
from app.clock import Week
from app.delivery.mail import Mail
from app.feedback.cells import REASONS, SCORES
from app.insight import alert_texts, releases
from app.insight.alert_signs import Rule, Sign, Silence, Window
from app.insight.figures import Figures
from app.insight.statistics import Share
from app.sentences import FALLBACK, Sentences
from app.storage import alerts as storage
from app.storage import people, registry, request_due, tallies
from app.storage.alerts import Alert, Counts, Key, Span
from app.storage.levels import Level
from app.storage.people import StaffMember
from app.words import Language

log = structlog.get_logger()

RUN: Final = "alerts"
RUNS_KEPT: Final = timedelta(days=2)
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
WEEKS: Final = 4
"""So many released weeks before an alert and after its acknowledgement are compared."""
# A week is released on the Monday after it, or the next working day, at about this hour.
RELEASED_BY: Final = 8
BATCH: Final = 100

Closed = Callable[[str], Collection[date]]
"""The days on which an ODSC is closed besides weekends and public holidays."""


@dataclass(frozen=True, slots=True)
class Lookout:
    """What alerts are raised by, told with and written in."""

    rules: Mapping[str, Rule]
    mail: Mail
    sentences: Mapping[Language, Sentences]

    def wording(self, language: Language) -> tuple[Language, Sentences]:
        """The sentences of a language, or Lao's."""
        known = language if language in self.sentences else FALLBACK
        return known, self.sentences[known]


def look(engine: Engine, lookout: Lookout, now: datetime) -> None:
    """Raise and clear once an hour; hand on and compare what is due. As often as one likes."""
    _weigh_hourly(engine, lookout, now)
    _hand_on_due(engine, lookout, now)
    _compare_due(engine, lookout, now)


# --- raising and clearing ---------------------------------------------------------------------


def _weigh_hourly(engine: Engine, lookout: Lookout, now: datetime) -> None:
    # Not at once: an alert minutes after somebody left the counter would say who raised it.
    with engine.begin() as tx:
        if tallies.win_run(tx, RUN, f"{now:%Y-%m-%dT%H}", now):
            storage.forget_runs(tx, RUN, now - RUNS_KEPT)
            _weigh(tx, lookout, now)


def weigh(engine: Engine, lookout: Lookout, now: datetime) -> None:
    """Raise and clear now, for an operator who tries rules."""
    with engine.begin() as tx:
        _weigh(tx, lookout, now)


def _weigh(tx: Connection, lookout: Lookout, now: datetime) -> None:
    closed = _closed(tx)
    found = _signs(tx, lookout.rules, clock.local_day(now), closed)
    standing = storage.still_open(tx)
    # What no rule speaks of any more is over too.
    over = [one for key, one in standing.items() if found.get(key, "clear") == "clear"]
    storage.clear(tx, over, now)
    for key, sign in found.items():
        if sign == "raise" and key not in standing:
            _raise(tx, lookout, key, now, closed)


def _signs(
    tx: Connection, rules: Mapping[str, Rule], today: date, closed: Closed
) -> dict[Key, Sign]:
    """What every rule says of every center. The windows of all are read by one query."""
    spans = {
        (name, odsc): _spans(rule, odsc, today, closed)
        for odsc in storage.centers(tx)
        for name, rule in rules.items()
    }
    counts = storage.counted(tx, {span for pair in spans.values() for span in pair})
    said = {
        key: rules[key[0]].signs(_window(counts[now]), _window(counts[before]))
        for key, (now, before) in spans.items()
    }
    return {Key(*key, subject): sign for key, by in said.items() for subject, sign in by.items()}


def _spans(rule: Rule, odsc: str, today: date, closed: Closed) -> tuple[Span, Span]:
    """The days that a rule looks at, and those before them with which it compares."""
    if isinstance(rule, Silence):
        first = _working_days_back(today, rule.working_days, closed(odsc))
    else:
        first = today - timedelta(days=rule.days - 1)
    before = first - timedelta(days=rule.days_before)
    return Span(odsc, first, today), Span(odsc, before, first - timedelta(days=1))


def _working_days_back(day: date, count: int, closed: Collection[date]) -> date:
    """The first of `count` working days before `day`, which itself does not count."""
    while count:
        day -= timedelta(days=1)
        count -= clock.is_working_day(day, closed)
    return day


def _window(counts: Counts) -> Window:
    return Window(
        scores={int(score): counts.get(("score", score), 0) for score in SCORES},
        reasons={reason: counts.get(("reason", reason), 0) for reason in REASONS},
        overcharged=counts.get(("overcharged", "yes"), 0),
    )


def _raise(tx: Connection, lookout: Lookout, key: Key, now: datetime, closed: Closed) -> None:
    alert = storage.begin(tx, key, now)
    if alert is not None:
        log.info("alert_raised", alert=alert.id, rule=key.rule, odsc=key.odsc)
        _spread(tx, lookout, alert, LEVELS, now, closed)


def _closed(tx: Connection) -> Closed:
    days = request_due.closed_days(tx)
    everywhere = days.get(None, frozenset[date]())
    return lambda odsc: everywhere | days.get(odsc, frozenset())


# --- telling ----------------------------------------------------------------------------------


def _hand_on_due(engine: Engine, lookout: Lookout, now: datetime) -> None:
    with engine.begin() as tx:
        due = storage.escalating(tx, now, BATCH)
        closed = _closed(tx) if due else lambda odsc: ()
        for alert in due:
            if alert.rule in lookout.rules:
                above = LEVELS[LEVELS.index(alert.level) + 1 :]
                _spread(tx, lookout, alert, above, now, closed)


def _spread(
    tx: Connection,
    lookout: Lookout,
    alert: Alert,
    levels: Sequence[Level],
    now: datetime,
    closed: Closed,
) -> None:
    """Tell the first of these levels that has a phone which does not know of it yet."""
    level = next((one for one in levels if _told(tx, lookout, alert, one, now)), None)
    if level is None:
        log.warning("alert_told_nobody_more", alert=alert.id, odsc=alert.odsc)
    hours = lookout.rules[alert.rule].escalate_after_hours
    goes_on = level is not None and level != LEVELS[-1]
    escalate_at = _working_hours_after(now, hours, closed(alert.odsc)) if goes_on else None
    storage.hand_on(tx, alert.id, level or alert.level, escalate_at)


def _told(tx: Connection, lookout: Lookout, alert: Alert, level: Level, now: datetime) -> bool:
    """Tell those of a level, each phone once of an alert; whether there was anybody new."""
    rule = lookout.rules[alert.rule]

    def write(sentences: Sentences, place: str) -> str:
        return alert_texts.told(sentences, alert.id, place, rule, alert.subject)

    phones = people.responsible(tx, alert.odsc, level)
    return bool(_queue(tx, lookout, alert, phones, _told_key, write, now))


def _queue(
    tx: Connection,
    lookout: Lookout,
    alert: Alert,
    phones: Iterable[StaffMember],
    once_key: Callable[[Alert, StaffMember], str],
    write: Callable[[Sentences, str], str],
    now: datetime,
) -> int:
    """Queue what is written for each phone in its language; how many had not got it yet."""
    center = registry.odsc(tx, alert.odsc)
    assert center is not None
    queued = 0
    for phone in phones:
        language, sentences = lookout.wording(phone.language)
        # A Latin message with one Lao name in it would cost as much as a Lao one.
        place = center.name_lo if language == FALLBACK else center.name_en
        added = lookout.mail.queue(
            tx,
            contact_id=phone.contact_id,
            purpose="alert",
            text=write(sentences, place),
            now=now,
            once_key=once_key(alert, phone),
        )
        queued += added is not None
    return queued


def _told_key(alert: Alert, phone: StaffMember) -> str:
    return f"alert:{alert.id}:{phone.contact_id}"


def _compared_key(alert: Alert, phone: StaffMember) -> str:
    return f"alert:{alert.id}:{phone.contact_id}:after"


def _working_hours_after(moment: datetime, hours: int, closed: Collection[date]) -> datetime:
    """So many hours later; of days on which the center does not work none counts.

    What is raised on a Friday shall not reach the province before anybody was at work.
    """
    left = timedelta(hours=hours)
    while True:
        day = clock.local_day(moment)
        midnight = clock.local_moment(day + timedelta(days=1), 0)
        if clock.is_working_day(day, closed):
            if left <= midnight - moment:
                return moment + left
            left -= midnight - moment
        moment = midnight


# --- before and after -------------------------------------------------------------------------


def compare_at(acknowledged: datetime) -> datetime:
    """When the fourth whole week after an acknowledgement is out."""
    monday = _last_compared(acknowledged).shifted(1).monday
    return clock.local_moment(clock.working_day_from(monday), RELEASED_BY)


def _last_compared(acknowledged: datetime) -> Week:
    return Week.of(clock.local_day(acknowledged)).shifted(WEEKS)


def _compare_due(engine: Engine, lookout: Lookout, now: datetime) -> None:
    with engine.begin() as tx:
        due = storage.following(tx, now, BATCH)
        newest = releases.newest(tx) if due else None
        for alert in due:
            assert alert.acknowledged_at is not None
            last = _last_compared(alert.acknowledged_at)
            if newest is not None and last <= newest:
                _compare(tx, lookout, alert, last, now)
                storage.followed_up(tx, alert.id)


def _compare(tx: Connection, lookout: Lookout, alert: Alert, last: Week, now: datetime) -> None:
    week_before = Week.of(clock.local_day(alert.raised_at)).shifted(-1)
    before, after = (
        _share(releases.history(tx, "odsc", alert.odsc, end, WEEKS)) for end in (week_before, last)
    )

    def write(sentences: Sentences, place: str) -> str:
        return alert_texts.compared(sentences, alert.id, place, before, after)

    _queue(tx, lookout, alert, _knowing(tx, alert), _compared_key, write, now)


def _knowing(tx: Connection, alert: Alert) -> list[StaffMember]:
    """Who was told, and who acknowledged; not those who have left or stopped messages since."""
    every = [one for level in LEVELS for one in people.responsible(tx, alert.odsc, level)]
    told = storage.queued(tx, [_told_key(alert, one) for one in every])
    return [
        one for one in every if _told_key(alert, one) in told or one.id == alert.acknowledged_by
    ]


def _share(weeks: Iterable[Figures]) -> Share | None:
    """Released weeks together; those with too few answers are left out, None if all are."""
    told = [(one.satisfied, one.answers) for one in weeks if one.satisfied is not None]
    n = sum(answers for _, answers in told)
    return Share(sum(satisfied for satisfied, _ in told), n) if n else None
