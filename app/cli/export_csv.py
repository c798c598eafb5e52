"""siang export csv: released figures as tables for statisticians."""

from __future__ import annotations

from pathlib import Path

import click

from app import settings
from app.cli.context import database
from app.clock import Week
from app.errors import OperatorError
from app.insight import csv_tables, rules, table_words
from app.insight.csv_tables import Words


@click.command("csv")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to make; nothing may be in it.",
)
@click.option("--from", "first", help="The first ISO week, e.g. 2026-W30; else from the first on.")
@click.option("--to", "last", help="The last ISO week, e.g. 2026-W46; else up to the newest.")
def csv_command(out: Path, first: str | None, last: str | None) -> None:
    """Released figures of all areas as CSV tables with a data package.

    What rests on too few answers is left out, as everywhere else outside this machine.
    """
    loaded = settings.load()
    weeks = _week(first), _week(last)
    if weeks[0] and weeks[1] and weeks[0] > weeks[1]:
        raise OperatorError("--from is behind --to", "Give the earlier week first")
    meanings = table_words.meanings(loaded.config / "languages")
    words = Words(meanings, rules.load(loaded.config).dimensions)
    with database(loaded) as engine:
        written = csv_tables.write(engine, words, out, *weeks)
    told = f"{written.weeks[0]} to {written.weeks[-1]}: {out / table_words.DESCRIPTOR}"
    click.echo(f"{written.rows:,} figures of {len(written.weeks)} weeks, {told}")


def _week(text: str | None) -> Week | None:
    if text is None:
        return None
    try:
        return Week.parse(text)
    except ValueError as error:
        raise OperatorError(str(error), "Write the ISO year and week as in 2026-W47") from None
