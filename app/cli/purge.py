"""siang purge: erase what has been kept long enough. Upkeep does it every day."""

from __future__ import annotations

import click

from app import clock, settings
from app.cli.context import database
from app.feedback.reading import closed
from app.insight import rules
from app.people import retention
from app.spool import SET_ASIDE


@click.command("purge")
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
def purge_command(dry_run: bool) -> None:
    """Erase numbers, texts and messages older than config/siang.toml's [retention] allows."""
    loaded = settings.load()
    terms = retention.terms(loaded.retention, closed(rules.load(loaded.config).questions))
    set_aside = sorted((loaded.home / "spool").glob(f"*{SET_ASIDE}"))
    with database(loaded) as engine:
        if dry_run:
            found = retention.due(engine, terms, set_aside, clock.now())
        else:
            found = retention.purge(engine, terms, set_aside, clock.now(), lambda: False)
    for kind, rows in found.items():
        click.echo(f"{rows:>9}  {kind}")
    click.echo("Nothing was erased: this was a dry run" if dry_run else "Erased")
