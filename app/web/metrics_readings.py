"""The readings of /metrics: which figures are read together, and what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import get_args

from prometheus_client.core import Metric
from sqlalchemy import Connection

from app import clock
from app.bell import Drain
from app.delivery.policy import URGENCY
from app.delivery.purse import Purse
from app.insight import releases
from app.living import SILENT_SECONDS
from app.office import Office
from app.storage import channels, dropoff, gauges, operations, upkeep
from app.storage.alarms import Kind
from app.web.metrics_database import Reading, counted, gauge

DAY = timedelta(days=1)
DROPOFF_DAYS = 7
# It looks at every conversation of the week; nobody acts on it within minutes.
DROPOFF_SECONDS = 300.0
DRAINS: tuple[Drain, ...] = get_args(Drain)
PROCESSES = ("web", *DRAINS, "upkeep")
"""As each says it lives."""


def readings(office: Office) -> Sequence[Reading]:
    """All of them, on this office's database."""
    return [
        Reading("queues", lambda tx: _queues(office, tx)),
        Reading("outbox", lambda tx: _outbox(office, tx)),
        Reading("money", _Money(office)),
        Reading("channels", lambda tx: _channels(office, tx)),
        Reading("troubles", lambda tx: _troubles(office, tx)),
        Reading("processes", lambda tx: _processes(tx)),
        Reading("backups", lambda tx: _backups(office, tx)),
        Reading("responses", lambda tx: _responses(office, tx)),
        Reading("dropoff", lambda tx: _dropoff(office, tx), DROPOFF_SECONDS),
    ]


def _queues(office: Office, tx: Connection) -> Sequence[Metric]:
    now = office.desk.now()
    oldest = {(drain,): age for drain, age in upkeep.oldest_due(tx, now).items()}
    queued = {(purpose,): age for purpose, age in gauges.oldest_queued(tx, now).items()}
    drains, purposes = [(one,) for one in DRAINS], [(one,) for one in URGENCY]
    return [
        counted("siang_queue_length", "What is due.", ["drain"], gauges.due(tx, now), drains),
        counted(
            "siang_queue_oldest_seconds",
            "For how long the oldest that is due has waited; the outbox with what waits for the "
            "day, the budget or its channel.",
            ["drain"],
            oldest,
            drains,
        ),
        counted(
            "siang_outbox_oldest_seconds",
            "For how long the oldest queued message that is due has waited.",
            ["purpose"],
            queued,
            purposes,
        ),
    ]


def _outbox(office: Office, tx: Connection) -> Sequence[Metric]:
    day_ago = office.desk.now() - DAY
    carriers = office.post.able("send")
    causes = [(channel, cause) for channel in carriers for cause in gauges.CAUSES]
    return [
        counted(
            "siang_outbox_messages",
            "Messages under way, and those tried in the last 24 hours that are not.",
            ["state", "purpose"],
            gauges.messages(tx, day_ago),
            [(state, "reply") for state in ("queued", "sending", "unknown", "sent")],
        ),
        counted(
            "siang_outbox_failures",
            "Messages tried in the last 24 hours that are not where they should be.",
            ["channel", "cause"],
            gauges.failures(tx, day_ago),
            causes,
        ),
        counted(
            "siang_dead_letters",
            "Messages that were given up and wait for an operator.",
            ["direction"],
            gauges.dead(tx),
        ),
    ]


class _Money:
    """Kip spent; remembers the month's earlier days."""

    def __init__(self, office: Office) -> None:
        self._office, self._purse = office, Purse()

    def __call__(self, tx: Connection) -> Sequence[Metric]:
        spent, budget = self._purse.spent(tx, self._office.desk.now()), self._office.settings.budget
        limits = {("today",): budget.daily_kip, ("month",): budget.monthly_kip}
        return [
            counted(
                "siang_kip_spent",
                "Kip spent on SMS, those in doubt included.",
                ["period"],
                {("today",): spent.day, ("month",): spent.month},
            ),
            counted("siang_kip_limit", "The budget; 0: without limit.", ["period"], limits),
        ]


def _channels(office: Office, tx: Connection) -> Sequence[Metric]:
    spacings = dict.fromkeys(office.post.able("send"), timedelta())
    up = gauge("siang_channel_up", "0: its provider takes no messages.", ["channel"])
    paused = gauge("siang_channel_paused", "1: it is left alone for a time.", ["channel"])
    for one in channels.standings(tx, spacings, office.desk.now()):
        up.add_metric([one.channel], not one.down)
        paused.add_metric([one.channel], one.paused)
    return [up, paused]


def _troubles(office: Office, tx: Connection) -> Sequence[Metric]:
    kinds, rules = [(one,) for one in get_args(Kind)], [(one,) for one in office.lookout.rules]
    alarms, alerts = gauges.alarms(tx), gauges.alerts(tx)
    return [
        counted("siang_alarms_open", "What operators were told of.", ["kind"], alarms, kinds),
        counted("siang_alerts_open", "Rules that hold at centers.", ["rule"], alerts, rules),
    ]


def _processes(tx: Connection) -> Sequence[Metric]:
    alive = Counter((one.name,) for one in operations.living(tx) if one.silent <= SILENT_SECONDS)
    known = [(one,) for one in PROCESSES]
    return [counted("siang_processes_alive", "Heard in the last seconds.", ["name"], alive, known)]


def _backups(office: Office, tx: Connection) -> Sequence[Metric]:
    age = gauge("siang_backup_age_seconds", "Since the newest backup; absent where there is none.")
    newest = operations.newest_backup(tx)
    if newest is not None:
        age.add_metric([], (office.desk.now() - newest.at).total_seconds())
    return [age]


def _responses(office: Office, tx: Connection) -> Sequence[Metric]:
    now = office.desk.now()
    hour_ago, today = now - timedelta(hours=1), clock.local_day(now)
    stored = gauges.responses(tx, hour_ago, clock.local_day(hour_ago), today)
    told = "Responses stored, by when they were given."
    counts = {("hour",): stored.hour, ("today",): stored.day}
    week = releases.newest(tx)
    age = gauge("siang_release_age_days", "Days since the end of the newest week that is released.")
    if week is not None:
        age.add_metric([], (today - week.sunday).days)
    return [counted("siang_responses_stored", told, ["period"], counts), age]


def _dropoff(office: Office, tx: Connection) -> Sequence[Metric]:
    shown = gauge("siang_screen_shown", "Conversations of 7 days that came to it.", ["screen"])
    left = gauge("siang_screen_left", "Conversations of 7 days that ended there.", ["screen"])
    since = office.desk.now() - timedelta(days=DROPOFF_DAYS)
    for screen, (came, lost) in dropoff.by_node(tx, since).items():
        shown.add_metric([screen], came)
        left.add_metric([screen], lost)
    return [shown, left]
