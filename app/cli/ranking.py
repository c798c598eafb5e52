"""siang ranking: areas by satisfaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import get_args

import click

from app import settings
from app.cli.context import database
from app.errors import OperatorError
from app.insight import published, releases
from app.insight.figures import Level
from app.insight.published import Ranked, RankedLevel


@click.command("ranking")
@click.option(
    "--level",
    type=click.Choice(get_args(RankedLevel)),
    default="odsc",
    help="What is ranked; ODSCs unless said otherwise.",
)
@click.option("--within", metavar="PROVINCE", help="A province's code: only what is in it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def ranking_command(level: Level, within: str | None, as_json: bool) -> None:
    """Areas by satisfaction over the last 12 weeks, released figures alone.

    Each share is drawn towards that of all, the more so the fewer answers it rests on: three
    happy answers do not lead.
    """
    with database(settings.load()) as engine, engine.connect() as tx:
        if within is not None and releases.area(tx, "province", within) is None:
            raise OperatorError(
                f"There is no province {within}", "See config/registry/provinces.csv"
            )
        newest = releases.newest(tx)
        if newest is None:
            raise OperatorError(
                "No week is released yet", "A week is released on the Monday after it"
            )
        ranked = published.ranking(tx, level, within, newest)
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in ranked], ensure_ascii=False))
    else:
        click.echo(_table(ranked))


def _as_json(one: Ranked) -> dict[str, object]:
    return {
        "rank": one.rank,
        "code": one.area.code,
        "name": {"lo": one.area.name_lo, "en": one.area.name_en},
        "share": one.share,
        "rate": published.rounded(one.part.rate),
        "n": one.part.n,
        "satisfied": one.part.satisfied,
        "interval": published.interval(one.part),
    }


def _table(ranked: Sequence[Ranked]) -> str:
    return "\n".join(_line(one) for one in ranked)


def _line(one: Ranked) -> str:
    name = f"{one.area.code} {one.area.name_en}"
    interval = published.interval(one.part)
    if one.rank is None or one.part.rate is None or interval is None:
        return f"   -  {name:<30}  too few answers"
    low, high = interval
    rate = f"{one.part.rate:.0%} of {one.part.n} ({low:.0%} to {high:.0%})"
    return f"{one.rank:>4}  {name:<30}  {one.share:.1%}  {rate}"
