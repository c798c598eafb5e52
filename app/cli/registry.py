"""siang registry: what is known of provinces, districts, centers, services and fees."""

from __future__ import annotations

from pathlib import Path

import click

from app import settings
from app.cli.context import database
from app.errors import RegistryError
from app.registry import loading
from app.requests import due
from app.storage.registry_loading import Changes


@click.group("registry")
def registry() -> None:
    """Centers, services and fees, kept as CSV files."""


@registry.command("load")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def load_command(folder: Path) -> None:
    """Make the database hold exactly what the CSV files in DIR say.

    All or nothing: with one problem in one file nothing changes. A later start keeps what was
    loaded here until the files under config/registry change.
    """
    loaded = settings.load()
    with database(loaded) as engine:
        try:
            changes = loading.load(engine, folder, configured=loaded.config / "registry")
        except RegistryError as error:
            click.echo(_nothing_loaded(len(error.problems)), err=True)
            raise
        moved = due.renew(engine)
    for line in _lines(changes):
        click.echo(line)
    if moved:
        click.echo(f"requests: {moved} due dates moved")


def _lines(changes: Changes) -> list[str]:
    if changes.nothing:
        return ["nothing changed"]
    return [
        f"{table}: {count.new} new, {count.changed} changed, {count.removed} removed"
        for table, count in changes.tables.items()
    ]


def _nothing_loaded(problems: int) -> str:
    what = "this problem" if problems == 1 else f"these {problems} problems"
    return f"Nothing was loaded. Mend {what}, then load again:"
