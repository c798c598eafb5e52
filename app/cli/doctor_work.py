"""`siang doctor`: who works, what waits, how the channels are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from app.cli.doctor_findings import Finding, Place, ago, alive, joined
from app.cli.messages import lasting
from app.living import SILENT_SECONDS
from app.spool import Spool
from app.storage import alarms, canaries, channels, messages, operations, upkeep
from app.storage.operations import Heard

WORKERS = ("turns", "responses", "outbox")
# A bell is answered in a second, upkeep helps after three.
SLOW_SECONDS, STUCK_SECONDS = 30.0, 600.0
LATE_OUTBOX, STUCK_OUTBOX = timedelta(minutes=5), timedelta(hours=2)
SPOOLED_SECONDS = 60.0
DEAD_SINCE, CANARIES = timedelta(days=7), timedelta(days=2)
SECRETS = {
    "kannel": ("password",),
    "africastalking": ("api_key",),
    "twilio": ("auth_token",),
    "android": ("password",),
    "http": ("api_key", "api_secret", "client_secret", "password"),
}
"""The keys of which a channel of that kind needs one to send."""


def _processes(place: Place, names: tuple[str, ...], title: str, remedy: str) -> Finding:
    found = operations.living(place.tables)
    counted = {name: len(alive(found, name, SILENT_SECONDS)) for name in names}
    missing = [name for name, number in counted.items() if not number]
    told = joined([f"{name} {number}" for name, number in counted.items() if number])
    if missing:
        said = f"Nobody works as {joined(missing)}" + (f"; alive: {told}" if told else "")
        return Finding(title, "fail", said, remedy)
    silent = [one for one in found if one.name in names and one.silent >= SILENT_SECONDS]
    if silent:
        one = max(silent, key=lambda process: process.silent)
        since = lasting(timedelta(seconds=one.silent))
        said = f"Alive: {told}; not heard for {since}: {one.name} on {one.host} (pid {one.pid})"
        return Finding(title, "warn", said, "It was killed, or cannot reach the database")
    return Finding(title, "ok", f"Alive: {told}")


def workers(place: Place) -> Finding:
    return _processes(place, WORKERS, "workers", "Start worker.py with each of these names")


def clock_process(place: Place) -> Finding:
    return _processes(place, ("upkeep",), "upkeep", "Start worker.py upkeep")


def web(place: Place) -> Finding:
    return _processes(place, ("web",), "web", "Start siang serve: gateways are not answered")


def waiting(place: Place) -> Finding:
    """What is stored and due: citizens' texts and answers."""
    name = "waiting"
    due = upkeep.oldest_due(place.tables, place.now)
    due.pop("outbox", None)
    if not due:
        return Finding(name, "ok", "Nothing that arrived is waiting")
    drain = max(due, key=lambda one: due[one])
    said = f"The oldest of {drain} is due for {lasting(timedelta(seconds=due[drain]))}"
    remedy = "See what upkeep and the workers log"
    if due[drain] > STUCK_SECONDS:
        return Finding(name, "fail", said, remedy)
    return Finding(name, "warn" if due[drain] > SLOW_SECONDS else "ok", said, remedy)


def outbox(place: Place) -> Finding:
    name = "outbox"
    found = operations.outgoing(place.tables, place.now - DEAD_SINCE)
    oldest = ago(place, messages.oldest_due(place.tables, place.now)) or timedelta()
    said = f"{found.waiting} waiting, the oldest due for {lasting(oldest)}"
    said += f"; {found.doubtful} in doubt, {found.dead} given up in {DEAD_SINCE.days} days"
    if oldest > STUCK_OUTBOX:
        return Finding(name, "fail", said, "See the channels, the budget and the outbox workers")
    if oldest > LATE_OUTBOX:
        return Finding(name, "warn", said, "See the channels and the budget: siang messages stats")
    if found.dead:
        return Finding(name, "warn", said, "siang messages dead, then siang messages retry")
    return Finding(name, "ok", said)


def spool(place: Place) -> Finding:
    name, files = "spool", Spool(place.settings.home / "spool", place.vault)
    pending, spoilt = files.pending(), files.spoilt()
    since = lasting(timedelta(seconds=pending.oldest_seconds))
    said = f"{pending.count} files wait, the oldest for {since}" if pending.count else "Empty"
    if not files.usable():
        remedy = "Make it writable and free the disk: with the database away nothing could be kept"
        return Finding(name, "fail", f"{said}; nothing can be written to it", remedy)
    if spoilt:
        remedy = f"Look at the .corrupt files in {place.settings.home / 'spool'}"
        return Finding(name, "warn", f"{said}; {spoilt} could not be read", remedy)
    if pending.oldest_seconds > SPOOLED_SECONDS:
        return Finding(name, "warn", said, "They go in once the database and upkeep are back")
    return Finding(name, "ok", said)


def channels_health(place: Place) -> Finding:
    """What is wrong is named; the rest is counted."""
    name, every = "channels", len(place.channels)
    if not every:
        return Finding(name, "fail", "There is none", "Write one into config/siang.toml")
    heard = operations.heard(place.tables, list(place.channels))
    troubles = [*_troubles(place, heard), *_without_secret(place)]
    well = every - len({channel for channel, _ in troubles} & place.channels.keys())
    said = f"{well} of {every} well, {_last(place, heard)}"
    if troubles:
        named = joined([f"{channel} {trouble}" for channel, trouble in troubles], most=3)
        return Finding(name, "warn", f"{named}; {said}", "siang alarms, siang channels")
    return Finding(name, "ok", said)


def _troubles(place: Place, heard: Sequence[Heard]) -> list[tuple[str, str]]:
    """Channels with an open breaker, a silent device, a canary that did not come back."""
    found = [
        (one.channel, f"is down for {lasting(place.now - one.down_since)}")
        for one in heard
        if one.down_since is not None
    ]
    for name, channel in place.channels.items():
        minutes = channel.config.heartbeat_minutes
        if minutes:
            before = place.now - timedelta(minutes=minutes)
            since = place.now - timedelta(days=7)
            silent = channels.silent_devices(place.tables, name, before, since)
            found += [(name, f"hears nothing of {device}") for device, _ in silent]
    patience = timedelta(minutes=place.settings.delivery.canary_minutes)
    return found + [
        (one.channel, "did not bring its canary back")
        for one in canaries.newest(place.tables, place.now - CANARIES)
        if place.now - one.sent_at > patience and not one.returned
    ]


def _without_secret(place: Place) -> list[tuple[str, str]]:
    """Channels that could not send a message for want of a password or key."""
    return [
        (name, f"has no {' or '.join(SECRETS[channel.config.kind])}")
        for name, channel in place.channels.items()
        if channel.config.kind in SECRETS
        and not any(channel.config.options.get(one) for one in SECRETS[channel.config.kind])
    ]


def _last(place: Place, heard: Sequence[Heard]) -> str:
    """When any of them last brought anything."""
    signs = [at for one in heard for at in (one.receipt_at, one.text_at, one.heartbeat_at) if at]
    return f"heard {lasting(place.now - max(signs))} ago" if signs else "nothing heard yet"


def open_alarms(place: Place) -> Finding:
    found = alarms.still_open(place.tables)
    if not found:
        return Finding("alarms", "ok", "None is open")
    told = joined([f"{one.kind} {one.subject}" for one in found])
    return Finding("alarms", "warn", f"{len(found)} open: {told}", "siang alarms")
