"""siang export: what leaves the house as files, for statistics."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Final

import click

from app import settings
from app.cli.context import database
from app.cli.export_csv import csv_command
from app.errors import OperatorError
from app.insight import packages, rules
from app.insight.packages import Progress, Written
from app.insight.press import open_press

_DAY: Final = click.DateTime(["%Y-%m-%d"])


@click.group()
def export() -> None:
    """Files for statistics offices and ministries, without phone numbers."""


export.add_command(csv_command)


@export.command("flow-results")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to make; nothing may be in it.",
)
@click.option("--from", "first", type=_DAY, help="The first day, e.g. 2026-01-01.")
@click.option("--to", "last", type=_DAY, help="The last day, e.g. 2026-03-31.")
def flow_results(out: Path, first: datetime | None, last: datetime | None) -> None:
    """Single responses as a FLOIP Flow Results 1.0 package; of all days, unless said otherwise.

    Times are cut to the local day, and ids of people are made up for this package alone. Responses
    that show signs of being invented, comments and problems are left out.
    """
    loaded = settings.load()
    days = _day(first), _day(last)
    if days[0] and days[1] and days[0] > days[1]:
        raise OperatorError("--from is behind --to", "Give the earlier day first")
    extra = rules.load(loaded.config).questions
    press = open_press(loaded.config, loaded.hash_key, extra)
    with database(loaded) as engine, _bar() as progress:
        written = packages.write(engine, press, out, *days, progress)
    click.echo(_told(out, written))


export.add_command(csv_command)


@contextmanager
def _bar() -> Iterator[Progress]:
    """For eyes: where the output goes to a file there is none."""
    with click.progressbar(
        length=1, label="Writing", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def show(done: int, days: int) -> None:
            bar.length = days
            bar.update(done - bar.pos)

        yield show


def _day(given: datetime | None) -> date | None:
    return None if given is None else given.date()


def _told(out: Path, written: Written) -> str:
    extent = written.extent
    return (
        f"{written.responses:,} responses in {written.rows:,} rows, {extent.first} to "
        f"{extent.last}: {out / packages.DESCRIPTOR}"
    )
