"""siang requests overdue, tries, rate, flags: lists for the operator, without phone numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import click

from app import clock, settings
from app.cli.context import database
from app.requests import numbers
from app.requests.statuses import RUNNING
from app.storage import lookup_tries, request_lists

Line = Mapping[str, object]
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.command()
@click.option("--odsc", help="Of this ODSC alone.")
@as_json_option
def overdue(odsc: str | None, as_json: bool) -> None:
    """Requests with which their office is late, the latest first."""
    today = clock.local_day(clock.now())
    with database(settings.load()) as engine, engine.connect() as tx:
        found = request_lists.overdue(tx, today, RUNNING, odsc)
        lines = (
            {
                "number": numbers.shown(one.number),
                "own_number": one.alias,
                "odsc": one.odsc,
                "service": one.service,
                "status": one.status,
                "filed_on": f"{one.filed_on}",
                "due_on": f"{one.due_on}",
                "days_late": (today - one.due_on).days,
            }
            for one in found
        )
        _print(lines, as_json, "Nothing is overdue")


@click.command()
@click.option("--days", type=click.IntRange(1, 365), default=7, help="How far back; 7.")
@click.option(
    "--misses", type=click.IntRange(0), default=3, help="Phones with at least so many; 3."
)
@as_json_option
def tries(days: int, misses: int, as_json: bool) -> None:
    """Phones that looked up other people's requests in vain, the busiest first.

    A phone is shown by the number of its contact, never by its own; phones of one block of numbers
    have the same block.
    """
    since = clock.now() - timedelta(days=days)
    with database(settings.load()) as engine, engine.connect() as tx:
        found = lookup_tries.of_phones(tx, since, misses)
    lines = (
        {
            "contact": one.contact_id,
            "block": one.block,
            "tries": one.tries,
            "misses": one.misses,
            "different_numbers": one.numbers,
            "first": _moment(one.first_at),
            "last": _moment(one.last_at),
        }
        for one in found
    )
    _print(lines, as_json, "Nobody guesses")


@click.command()
@as_json_option
def rate(as_json: bool) -> None:
    """How many applicants were asked how it was, and how many answered, by ODSC."""
    with database(settings.load()) as engine, engine.connect() as tx:
        found = request_lists.rates(tx)
    lines = (
        {
            "odsc": one.odsc,
            "sent": one.sent,
            "answered": one.answered,
            "percent": one.percent,
            "flagged": one.flagged,
        }
        for one in found
    )
    _print(lines, as_json, "Nobody was asked yet")


@click.command()
@as_json_option
def flags(as_json: bool) -> None:
    """Signs of invented requests and answers, by ODSC and kind."""
    with database(settings.load()) as engine, engine.connect() as tx:
        found = request_lists.flagged(tx)
    lines = (
        {
            "odsc": one.odsc,
            "sign": one.kind,
            "requests": one.requests,
            "latest": f"{one.latest}",
        }
        for one in found
    )
    _print(lines, as_json, "No sign of invented numbers")


def _moment(at: datetime) -> str:
    return f"{at.astimezone(clock.VIENTIANE):%Y-%m-%d %H:%M}"


def _print(lines: Iterable[Line], as_json: bool, nothing: str) -> None:
    found = list(lines)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo(nothing)
        return
    shown = [list(found[0]), *([str(value) for value in line.values()] for line in found)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for cells in shown:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
