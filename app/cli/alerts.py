"""siang alerts: what centers were told of, and what they did."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import click

from app import clock, open_lookout, open_mail, settings
from app.channels import open_channels
from app.cli.context import database
from app.cli.messages import as_json_option, local, show_json
from app.insight import alerts as domain
from app.storage import alerts
from app.storage.alerts import Alert


@click.command("alerts")
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True)
@click.option("--weigh", is_flag=True, help="Apply the rules first, not at the next full hour.")
@as_json_option
def alerts_command(days: int, weigh: bool, as_json: bool) -> None:
    """What is wrong at centers now, and what was in the last days, with the staff's notes."""
    loaded, now = settings.load(), clock.now()
    with database(loaded) as engine:
        if weigh:
            mail = open_mail(loaded, open_channels(loaded.channels))
            domain.weigh(engine, open_lookout(loaded, mail), now)
        with engine.connect() as tx:
            found = alerts.listed(tx, now - timedelta(days=days))
    if as_json:
        show_json([asdict(one) | {"notes": list(map(asdict, notes))} for one, notes in found])
        return
    for one, notes in found:
        click.echo(_line(one))
        for note in notes:
            click.echo(f"    {local(note.at)}  staff {note.staff}: {note.text}")
    if not found:
        click.echo("No alerts")


def _line(one: Alert) -> str:
    about = f"{one.rule} {one.subject}".rstrip()
    state = "OPEN" if one.cleared_at is None else f"over since {local(one.cleared_at)}"
    seen = f"told up to {one.level}, not acknowledged"
    if one.acknowledged_at is not None:
        seen = f"acknowledged {local(one.acknowledged_at)} by staff {one.acknowledged_by}"
    return f"{local(one.raised_at)}  {one.id}  {one.odsc}  {about}: {state}; {seen}"
