"""Watches channels and money, and tells the operators' phones, each of an alarm once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from app import clock
from app.delivery.gates import spent_now
from app.delivery.mail import Mail
from app.delivery.policy import ALERT_PERCENTS
from app.delivery.post import Post
from app.people.vault import Sealed
from app.sentences import FALLBACK, Placeholders
from app.storage import alarms, canaries, channels, people
from app.storage.alarms import Alarm
from app.storage.people import StaffMember
from app.text.numbers import e164

log = structlog.get_logger()

FILE = "alarms.yaml"
_SUBJECT = ("subject",)
SENTENCES: Placeholders = {
    "channel_down": _SUBJECT,
    "canary": _SUBJECT,
    "device_silent": _SUBJECT,
    "contradiction": _SUBJECT,
    "spool": _SUBJECT,
    "budget_day": _SUBJECT,
    "budget_month": _SUBJECT,
}
"""The sentence for each kind of alarm."""

ABOUT_CHANNEL = frozenset({"channel_down", "canary", "device_silent", "contradiction"})
# An alarm that nobody could be told of for so long is no news.
NEWS = timedelta(days=1)


def look(post: Post) -> None:
    """One round: notice what is wrong, tell who must know, send the day's canaries."""
    now = post.now()
    with post.engine.begin() as tx:
        _watch_devices(post, tx, now)
        _watch_budget(post, tx, now)
        _send_canaries(post, tx, now)
        _watch_canaries(post, tx, now)
        _tell(post, tx, now)


def _watch_devices(post: Post, tx: Connection, now: datetime) -> None:
    for name, channel in post.channels.items():
        minutes = channel.config.heartbeat_minutes
        if not minutes:
            continue
        before = now - timedelta(minutes=minutes)
        silent = dict(channels.silent_devices(tx, name, before))
        for device, at in silent.items():
            detail = f"Last heard {at.astimezone(clock.VIENTIANE):%Y-%m-%d %H:%M}"
            subject = f"{name}/{device}"
            alarms.notice(tx, kind="device_silent", subject=subject, detail=detail, now=now)
        heard = {f"{name}/{device}" for device in silent}
        _close_others(tx, "device_silent", f"{name}/", heard, now)


def _watch_budget(post: Post, tx: Connection, now: datetime) -> None:
    spent = spent_now(post, tx)
    day = clock.local_day(now)
    parts = (
        ("budget_day", f"{day}", spent.of_day(post.budget)),
        ("budget_month", f"{day:%Y-%m}", spent.of_month(post.budget)),
    )
    for kind, period, percent in parts:
        reached = {f"{limit} % {period}" for limit in ALERT_PERCENTS if percent >= limit}
        for subject in reached:
            detail = "See siang messages stats, and [budget] in siang.toml"
            alarms.notice(tx, kind=kind, subject=subject, detail=detail, now=now)
        _close_others(tx, kind, "", reached, now)


def _close_others(
    tx: Connection, kind: str, begins: str, going_on: set[str], now: datetime
) -> None:
    for one in alarms.open_of(tx, kind):
        if one.subject.startswith(begins) and one.subject not in going_on:
            alarms.close(tx, kind, one.subject, now)


def _send_canaries(post: Post, tx: Connection, now: datetime) -> None:
    """Each channel's message of the day to a number of ours."""
    day = clock.local_day(now)
    quiet = clock.is_quiet(now, post.delivery.quiet_from, post.delivery.quiet_until)
    if quiet or now < clock.local_moment(day, post.delivery.canary_hour):
        return
    for name in post.able("send"):
        to = post.channels[name].config.canary_to
        if not to:
            continue
        sealed = post.vault.seal(e164(to))
        post.mail.queue(
            tx,
            contact_id=people.ensure(tx, sealed.hash, sealed.cipher),
            purpose="canary",
            # Plain letters on every network; the text is how it is known when it comes back.
            text=f"Siang canary {name} {day}",
            now=now,
            channel=name,
            once_key=f"canary:{name}:{day}",
        )


def _watch_canaries(post: Post, tx: Connection, now: datetime) -> None:
    before = now - timedelta(minutes=post.delivery.canary_minutes)
    for channel in canaries.missing(tx, before, now - NEWS):
        detail = "The daily test message has not come back"
        alarms.notice(tx, kind="canary", subject=channel, detail=detail, now=now)
    for channel in canaries.returned(tx, now - NEWS):
        alarms.close(tx, "canary", channel, now)


def _tell(post: Post, tx: Connection, now: datetime) -> None:
    """Queue every open alarm for every operator, by another channel than the one it is about."""
    news = [one for one in alarms.raised(tx, now - NEWS) if one.raised_at > now - NEWS]
    if not news:
        return
    operators = [one for one in people.staff(tx) if one.level == "operator" and not one.stopped]
    for alarm in news:
        for operator in operators:
            _queue(post, tx, alarm, operator, now)


def _queue(post: Post, tx: Connection, alarm: Alarm, operator: StaffMember, now: datetime) -> None:
    sentences = post.sentences.get(operator.language) or post.sentences[FALLBACK]
    about = alarm.subject.split("/")[0] if alarm.kind in ABOUT_CHANNEL else ""
    queued = post.mail.queue(
        tx,
        contact_id=operator.contact_id,
        purpose="alarm",
        text=sentences[alarm.kind].format(subject=alarm.subject),
        now=now,
        channel=_another(post.mail, operator, about),
        once_key=f"alarm:{alarm.id}:{operator.contact_id}",
    )
    if queued:
        log.warning("operator_told", kind=alarm.kind, subject=alarm.subject, operator=operator.id)


def _another(mail: Mail, operator: StaffMember, about: str) -> str:
    """The best channel to an operator besides the one that is in trouble, if there is another."""
    number = mail.vault.open(Sealed(bytes(operator.phone_hash), bytes(operator.phone_cipher)))
    ways = mail.router.candidates(number)
    every: Iterator[str] = iter((*ways, *sorted(mail.router.carriers)))
    return next((one for one in every if one != about), ways[0])
