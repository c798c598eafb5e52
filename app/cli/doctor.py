"""siang doctor: is everything as it should be? One line a thing, with what to do about it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace

import click
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from app import clock, embedded, logs, settings
from app.channels import open_channels
from app.cli import doctor_content, doctor_machine, doctor_work
from app.cli.doctor_findings import Check, Finding, NotAsked, Place
from app.cli.messages import as_json_option, show_json
from app.errors import OperatorError
from app.people.vault import Vault
from app.settings import Settings
from app.storage import operations
from app.storage.database import open_engine

CHECKS: Mapping[str, Check] = {
    "database": doctor_machine.database,
    "migrations": doctor_machine.migrations,
    "redis": doctor_machine.redis,
    "web": doctor_work.web,
    "workers": doctor_work.workers,
    "upkeep": doctor_work.clock_process,
    "waiting": doctor_work.waiting,
    "outbox": doctor_work.outbox,
    "spool": doctor_work.spool,
    "channels": doctor_work.channels_health,
    "alarms": doctor_work.open_alarms,
    "disk": doctor_machine.disk,
    "keys": doctor_machine.keys,
    "clocks": doctor_machine.clocks,
    "flows": doctor_content.published_flows,
    "registry": doctor_content.registry,
    "holidays": doctor_content.holidays,
    "releases": doctor_content.released,
    "backups": doctor_content.backups,
    "retention": doctor_content.retention,
    "money": doctor_content.money,
}
"""Every line of the page, in its order."""


@click.command("doctor")
@as_json_option
def doctor_command(as_json: bool) -> None:
    """Look at everything that Siang needs. Changes nothing; exit status 1 where something fails."""
    with _place(settings.load(), os.environ) as place:
        findings = examine(place)
    if as_json:
        show_json([asdict(one) for one in findings])
    else:
        for one in findings:
            click.echo(_line(one))
    sys.exit(1 if any(one.state == "fail" for one in findings) else 0)


def examine(place: Place) -> Sequence[Finding]:
    """What every check finds; one that breaks keeps no other from being made."""
    return [_asked(place, name, check) for name, check in CHECKS.items()]


def _asked(place: Place, name: str, check: Check) -> Finding:
    try:
        found = check(place)
    except NotAsked as reason:
        return Finding(name, "not asked", str(reason))
    except (SQLAlchemyError, OSError, OperatorError) as error:
        return Finding(name, "fail", f"It could not be asked ({logs.where(error)})")
    remedy = "" if found.state == "ok" else found.remedy
    return replace(found, said=logs.blot(found.said), remedy=remedy)


@contextmanager
def _place(loaded: Settings, environment: Mapping[str, str]) -> Iterator[Place]:
    """Everything to look at, the database too if it answers; nothing is migrated."""
    place = Place(
        settings=loaded,
        environment=environment,
        channels=open_channels(loaded.channels),
        vault=Vault(loaded.phone_key, loaded.hash_key, loaded.old_phone_key),
        now=clock.now(),
    )
    try:
        with embedded.connect_database_url(loaded.home, environment) as url:
            yield from _with_database(place, url)
    except OperatorError as error:
        # The embedded server does not start.
        yield replace(place, why=error.message)


def _with_database(place: Place, url: str) -> Iterator[Place]:
    engine = open_engine(url, pool=1)
    try:
        # Every question for itself: one that fails must not spoil those after it.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            ready = operations.revision(connection) >= operations.newest_revision()
            yield replace(place, connection=connection, ready=ready)
    except OperationalError as error:
        yield replace(place, why=f"It does not answer: {operations.why_away(error)}")
    finally:
        engine.dispose()


def _line(one: Finding) -> str:
    line = f"{one.state:<10}{one.name:<12}{one.said}"
    return f"{line}\n{'':<22}→ {one.remedy}" if one.remedy else line
