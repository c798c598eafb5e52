"""siang alarms: what an operator must know."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import click

from app import clock, settings
from app.cli.context import database
from app.cli.messages import as_json_option, local, show_json
from app.storage import alarms
from app.storage.alarms import Alarm


@click.command("alarms")
@click.option("--days", type=click.IntRange(1, 3660), default=7, show_default=True)
@as_json_option
def alarms_command(days: int, as_json: bool) -> None:
    """What is wrong now, and what was in the last days."""
    with database(settings.load()) as engine, engine.connect() as tx:
        found = alarms.listed(tx, clock.now() - timedelta(days=days))
    if as_json:
        show_json([asdict(one) for one in found])
        return
    for one in found:
        click.echo(_line(one))
    if not found:
        click.echo("No alarms")


def _line(one: Alarm) -> str:
    over = "OPEN" if one.closed_at is None else f"over since {local(one.closed_at)}"
    return (
        f"{local(one.raised_at)}  {one.kind} {one.subject}: {one.detail} "
        f"({one.times} times; {over})"
    )
