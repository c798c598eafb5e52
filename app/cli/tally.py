"""siang tally, recount: what the responses say, and the proof of it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

from app import clock, settings
from app.cli import places
from app.cli.context import database
from app.clock import PERIODS, Period, Week
from app.errors import OperatorError
from app.insight import recount, summaries
from app.insight.figures import Level, Part
from app.insight.rules import load
from app.insight.summaries import Summary


@click.command("tally")
@places.options
@click.option("--group", help="The key of a group of districts.")
@click.option("--day", help="A day such as 2026-11-22.")
@click.option("--week", help="An ISO week such as 2026-W47; this week by default.")
@click.option("--month", help="A month such as 2026-11.")
@click.option("--quarter", help="A quarter such as 2026-Q4.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def tally_command(
    odsc: str | None,
    district: str | None,
    province: str | None,
    country: bool,
    group: str | None,
    as_json: bool,
    **periods: str | None,
) -> None:
    """An area's day, week, month or quarter in figures, as they stand now."""
    areas: dict[Level, str | bool | None] = {"odsc": odsc, "district": district}
    areas |= {"province": province, "country": country, "group": group}
    level, code = places.chosen("A tally", areas)
    period = _period(periods)
    loaded = settings.load()
    rules = load(loaded.config)
    with database(loaded) as engine:
        area, summary = summaries.of_area(engine, level, code, period, rules)
    if as_json:
        click.echo(json.dumps(summary.as_json()))
    else:
        click.echo(f"{area.code} {area.name_en} · {area.name_lo}")
        click.echo(_table(summary))


@click.command("recount")
@click.option("--check", "check", is_flag=True, help="Compare every tally with the responses.")
@click.pass_context
def recount_command(context: click.Context, check: bool) -> None:
    """Prove the tallies: rebuild every one from the responses and compare."""
    if not check:
        raise OperatorError("recount only compares", "Use `siang recount --check`")
    with database(settings.load()) as engine:
        verdict = recount.run(engine)
    if verdict.difference is None:
        click.echo(f"All {verdict.compared} tallies equal the recount")
        return
    click.echo(f"{verdict.difference}.", err=True)
    context.exit(1)


def _period(given: Mapping[str, str | None]) -> Period:
    """The one that was asked for; this week where none was."""
    asked = [(kind, written) for kind, written in given.items() if written is not None]
    if not asked:
        return Week.of(clock.local_day(clock.now()))
    if len(asked) > 1:
        *others, last = (f"--{kind}" for kind in PERIODS)
        raise OperatorError(
            "A tally is of one period", f"Give one of {', '.join(others)} or {last}"
        )
    ((kind, written),) = asked
    try:
        return PERIODS[kind].parse(written)
    except ValueError as error:
        raise OperatorError(
            str(error), f"See `siang tally --help` for how to write a {kind}"
        ) from None


def _table(summary: Summary) -> str:
    period = summary.period
    rows: list[tuple[str, object]] = [
        (period.kind.capitalize(), f"{period} ({period.first} to {period.last})"),
        ("Responses", summary.responses),
        ("  complete", summary.complete),
        ("  partial", summary.partial),
        ("  women", summary.women),
        ("Satisfied (4 or 5)", summary.satisfied),
        ("  rate", _rate(summary)),
        ("Mean score", "-" if summary.mean is None else f"{summary.mean:.2f}"),
        *((f"  score {score}", n) for score, n in summary.scores.items()),
        *((f"Reason: {reason}", n) for reason, n in summary.reasons.items()),
        *((f"Service: {key}", n) for key, n in summary.services.items()),
        ("Overcharged", summary.overcharged),
        ("Flagged, counted apart", summary.flagged),
        *(
            (f"{question}: {answer}", n)
            for question, answers in summary.extra.items()
            for answer, n in answers.items()
        ),
        *((name.capitalize(), _share(part)) for name, part in summary.dimensions.items()),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _share(part: Part) -> str:
    return "-" if part.rate is None else f"{part.rate:.0%} of {part.n}"


def _rate(summary: Summary) -> str:
    rate = summary.rate
    if rate is None or summary.interval is None:
        return "-"
    low, high = summary.interval
    return f"{rate:.0%} (95% interval {low:.0%} to {high:.0%})"
