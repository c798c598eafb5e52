"""Watches channels and money, and tells the operators' phones, each of an alarm once."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from app import clock
from app.delivery.gates import spent_now
from app.delivery.policy import ALERT_PERCENTS
from app.delivery.post import Post
from app.sentences import FALLBACK, Placeholders
from app.storage import alarms, canaries, channels, outbox, people
from app.storage.alarms import Alarm, Kind
from app.storage.people import StaffMember

log = structlog.get_logger()

FILE = "alarms.yaml"
_SUBJECT = ("subject",)
KINDS: tuple[Kind, ...] = (
    "channel_down",
    "canary",
    "device_silent",
    "contradiction",
    "guessing",
    "spool",
    "budget_day",
    "budget_month",
)
SENTENCES: Placeholders = dict.fromkeys(KINDS, _SUBJECT)
"""The sentence for each kind of alarm."""

ABOUT_CHANNEL: frozenset[Kind] = frozenset(
    {"channel_down", "canary", "device_silent", "contradiction"}
)
# Of these there is no end to be seen: they are over when nothing of the kind was noticed again.
WITHOUT_END: frozenset[Kind] = frozenset({"contradiction", "guessing", "spool"})
# An alarm that nobody could be told of for so long is no news.
NEWS = timedelta(days=1)
# A canary is older than this only where there is none any more.
CANARIES = timedelta(days=2)
# A device that was silent for so long is in use no more.
RETIRED = timedelta(days=7)


def look(post: Post) -> None:
    """One round: notice what is wrong, tell who must know, send the day's canaries."""
    now = post.now()
    for step in (_watch_channels, _watch_devices, _watch_budget, _send_canaries, _watch_canaries):
        with post.engine.begin() as tx:
            step(post, tx, now)
    with post.engine.begin() as tx:
        alarms.close_unnoticed(tx, WITHOUT_END, now - NEWS, now)
        _tell(post, tx, now)


def _watch_channels(post: Post, tx: Connection, now: datetime) -> None:
    """A channel that was taken away is down no more."""
    for subject in _open(tx, "channel_down"):
        if subject not in post.channels:
            alarms.close(tx, "channel_down", subject, now)


def _watch_devices(post: Post, tx: Connection, now: datetime) -> None:
    silent = set()
    for name, channel in post.channels.items():
        minutes = channel.config.heartbeat_minutes
        before = now - timedelta(minutes=minutes)
        found = channels.silent_devices(tx, name, before, now - RETIRED) if minutes else []
        for device, at in found:
            subject = f"{name}/{device}"
            detail = f"Last heard {at.astimezone(clock.VIENTIANE):%Y-%m-%d %H:%M}"
            alarms.notice(tx, kind="device_silent", subject=subject, detail=detail, now=now)
            silent.add(subject)
    for subject in _open(tx, "device_silent"):
        if subject not in silent:
            alarms.close(tx, "device_silent", subject, now)


def _watch_budget(post: Post, tx: Connection, now: datetime) -> None:
    spent = spent_now(post, tx)
    day = clock.local_day(now)
    _watch_limits(tx, "budget_day", f"{day}", spent.of_day(post.budget), now)
    _watch_limits(tx, "budget_month", f"{day:%Y-%m}", spent.of_month(post.budget), now)


def _watch_limits(tx: Connection, kind: Kind, period: str, percent: float, now: datetime) -> None:
    reached = [f"{limit} % {period}" for limit in ALERT_PERCENTS if percent >= limit]
    for subject in reached:
        detail = "See siang messages stats, and [budget] in siang.toml"
        alarms.notice(tx, kind=kind, subject=subject, detail=detail, now=now)
    for subject in _open(tx, kind):
        if subject not in reached:
            alarms.close(tx, kind, subject, now)


def _open(tx: Connection, kind: Kind) -> list[str]:
    """The subjects of the open alarms of a kind."""
    return [one.subject for one in alarms.still_open(tx) if one.kind == kind]


# --- canaries ---------------------------------------------------------------------------------


def _send_canaries(post: Post, tx: Connection, now: datetime) -> None:
    """Each channel's message of the day to a number of ours; a late one where it was missed."""
    day = clock.local_day(now)
    if now < clock.local_moment(day, post.delivery.canary_hour):
        return
    for name, number in post.canaries().items():
        sealed = post.vault.seal(number)
        post.mail.queue(
            tx,
            contact_id=people.ensure(tx, sealed.hash, sealed.cipher),
            purpose="canary",
            # Plain letters on every network; the text is how it is known when it comes back.
            text=f"{canaries.BEGINS}{name} {day}",
            now=now,
            channel=name,
            once_key=f"canary:{name}:{day}",
        )


def _watch_canaries(post: Post, tx: Connection, now: datetime) -> None:
    """Only a channel's newest counts: what came back since says that it works again."""
    before = now - timedelta(minutes=post.delivery.canary_minutes)
    tried = post.canaries()
    over = {subject for subject in _open(tx, "canary") if subject not in tried}
    for one in canaries.newest(tx, now - CANARIES):
        if one.returned:
            over.add(one.channel)
        elif one.sent_at < before and one.channel in tried:
            detail = "The daily test message has not come back"
            alarms.notice(tx, kind="canary", subject=one.channel, detail=detail, now=now)
    for subject in sorted(over):
        alarms.close(tx, "canary", subject, now)


# --- telling ----------------------------------------------------------------------------------


def _tell(post: Post, tx: Connection, now: datetime) -> None:
    """Queue every open alarm for every operator, by another channel than the one it is about."""
    news = [one for one in alarms.still_open(tx) if one.raised_at > now - NEWS]
    if not news:
        return
    operators = [one for one in people.staff(tx) if one.level == "operator" and not one.stopped]
    for alarm in news:
        for operator in operators:
            _queue(post, tx, alarm, operator, now)


def _queue(post: Post, tx: Connection, alarm: Alarm, operator: StaffMember, now: datetime) -> None:
    # What comes and goes is told once an hour.
    hour = f"{alarm.raised_at:%Y-%m-%dT%H}"
    once_key = f"alarm:{alarm.kind}:{alarm.subject}:{hour}:{operator.contact_id}"
    if outbox.exists(tx, once_key):
        return
    sentences = post.sentences.get(operator.language) or post.sentences[FALLBACK]
    queued = post.mail.queue(
        tx,
        contact_id=operator.contact_id,
        purpose="alarm",
        text=sentences[alarm.kind].format(subject=alarm.subject),
        now=now,
        channel=_way(post, tx, alarm, operator, now),
        once_key=once_key,
    )
    if queued:
        log.warning("operator_told", kind=alarm.kind, subject=alarm.subject, operator=operator.id)


def _way(post: Post, tx: Connection, alarm: Alarm, operator: StaffMember, now: datetime) -> str:
    """The best channel to an operator that is in no trouble, if there is one."""
    about = alarm.subject.split("/")[0] if alarm.kind in ABOUT_CHANNEL else ""
    spacings = dict.fromkeys(post.able("send"), timedelta())
    down = {one.channel for one in channels.standings(tx, spacings, now) if one.down}
    number = post.mail.number(operator.phone_hash, operator.phone_cipher)
    ways = post.mail.router.anyhow(number)
    return next((one for one in ways if one not in (about, *down)), ways[0])
