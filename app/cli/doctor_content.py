"""`siang doctor`: what is configured, loaded, released, saved and erased."""

from __future__ import annotations

from datetime import date, timedelta

from app import clock
from app.cli.doctor_findings import Finding, Place, ago, megabytes
from app.cli.messages import lasting
from app.conversation.books import compiled, differs, read_sources
from app.conversation.publishing import shown
from app.errors import FlowError
from app.insight import digests, releases
from app.storage import flows, operations

OLD_BACKUP, OLD_PURGE = timedelta(days=2), timedelta(days=2)
# Next year's holidays are decided late in this one.
DECIDED_MONTH = 11


def published_flows(place: Place) -> Finding:
    name, settings = "flows", place.settings
    current = flows.current_hash(place.tables)
    if current is None:
        return Finding(name, "fail", "Nothing is published", "siang flows publish")
    try:
        sources = read_sources(settings.config)
        compiled(sources, settings.conversation.flow, settings.service.language)
    except FlowError as error:
        said = f"{shown(current)} is published; config/ has {len(error.problems)} problems"
        return Finding(name, "warn", said, "siang flows check")
    if differs(place.tables, sources) is not None:
        said = f"{shown(current)} is published, and config/ is something else"
        return Finding(name, "warn", said, "siang flows diff, then siang flows publish")
    return Finding(name, "ok", f"{shown(current)} is published, as in config/")


def holidays(place: Place) -> Finding:
    name, today = "holidays", clock.local_day(place.now)
    first = date(today.year + 1, 1, 1)
    days = [first + timedelta(days=number) for number in range(365)]
    known = sum(day.weekday() < 5 and not clock.is_working_day(day) for day in days)
    closed = operations.places(place.tables, first, first.replace(month=12, day=31)).closed_days
    said = f"{first.year}: {known} public holidays on weekdays, {closed} closed days of ours"
    if not known:
        return Finding(name, "warn", said, "Update Siang: its calendar ends this year")
    if not closed and today.month >= DECIDED_MONTH:
        remedy = "Write those that the government decided into closed_days.csv"
        return Finding(name, "warn", said, remedy)
    return Finding(name, "ok", said)


def registry(place: Place) -> Finding:
    today = clock.local_day(place.now)
    found = operations.places(place.tables, today, today)
    said = f"{found.provinces} provinces, {found.odscs} centers, {found.services} services"
    if not (found.provinces and found.odscs and found.services):
        return Finding("registry", "fail", said, "siang registry load config/registry")
    return Finding("registry", "ok", said)


def released(place: Place) -> Finding:
    name = "releases"
    newest = releases.newest(place.tables)
    due = digests.due_slot(place.now, place.settings.digest.hour)
    if newest is None:
        return Finding(name, "warn", "No week is released yet", "Upkeep does it on Mondays")
    if due is not None and newest < due:
        said = f"{newest} is the newest, {due} is over"
        return Finding(name, "warn", said, "See what upkeep logs")
    return Finding(name, "ok", f"{newest} is the newest, the last that is over")


def backups(place: Place) -> Finding:
    name, found = "backups", operations.newest_backup(place.tables)
    if found is None:
        return Finding(name, "warn", "There was never one", "siang backup FOLDER, every night")
    age = place.now - found.at
    said = f"{megabytes(found.octets)}, {lasting(age)} ago"
    verified = ago(place, operations.last_verified(place.tables))
    if age > OLD_BACKUP:
        return Finding(name, "warn", said, "siang backup FOLDER, every night")
    if verified is None:
        return Finding(name, "warn", f"{said}; none was ever tried", "siang backup tries its own")
    return Finding(name, "ok", f"{said}; one was tried {lasting(verified)} ago")


def retention(place: Place) -> Finding:
    age = ago(place, operations.last_purge(place.tables))
    if age is None:
        said = "What is too old was never erased"
        return Finding("retention", "warn", said, "Upkeep does it every night")
    said = f"What is too old was erased {lasting(age)} ago"
    if age > OLD_PURGE:
        return Finding("retention", "warn", said, "See what upkeep logs")
    return Finding("retention", "ok", said)


def money(place: Place) -> Finding:
    name, prices, budget = "money", place.settings.prices, place.settings.budget
    said = f"{prices.sms_segment_kip} kip a segment"
    if not prices.sms_segment_kip:
        return Finding(name, "warn", "No price is set", "[prices] sms_segment_kip in siang.toml")
    if not budget.daily_kip and not budget.monthly_kip:
        remedy = "[budget] daily_kip or monthly_kip in siang.toml"
        return Finding(name, "warn", f"{said}; no budget is set", remedy)
    limits = {"a day": budget.daily_kip, "a month": budget.monthly_kip}
    told = ", ".join(f"{kip} {period}" for period, kip in limits.items() if kip)
    return Finding(name, "ok", f"{said}; at most {told}")
