"""siang tally, digest, recount: what the responses say, and the proof of it."""

from __future__ import annotations

import json

import click

from app import clock, open_mail, settings
from app.channels import open_channels
from app.cli.context import database
from app.clock import Week
from app.errors import OperatorError
from app.insight import digests, recount, sentences, summaries
from app.insight.summaries import Summary


@click.command("tally")
@click.option("--odsc", required=True, help="The ODSC's code, e.g. 0103.")
@click.option("--week", "week_text", help="An ISO week such as 2026-W47; this week by default.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, as the API gives it.")
def tally_command(odsc: str, week_text: str | None, as_json: bool) -> None:
    """One ODSC's week in figures."""
    week = _week(week_text) if week_text else Week.of(clock.local_day(clock.now()))
    with database(settings.load()) as engine:
        place, summary = summaries.of_odsc(engine, odsc, week)
    if as_json:
        click.echo(json.dumps(summary.as_json()))
    else:
        click.echo(f"{place.code} {place.name_en} · {place.name_lo}")
        click.echo(_table(summary))


@click.command("digest")
@click.option("--odsc", required=True, help="The ODSC's code, e.g. 0103.")
@click.option(
    "--week", "week_text", help="An ISO week such as 2026-W47; the last whole one by default."
)
@click.option("--send", is_flag=True, help="Queue it for the ODSC's staff, each in their language.")
@click.option("--language", default=None, help="The language to show; the staff's own when sent.")
def digest_command(odsc: str, week_text: str | None, send: bool, language: str | None) -> None:
    """One ODSC's weekly SMS: show it, or send it to who has not got it yet."""
    loaded = settings.load()
    now = clock.now()
    week = _week(week_text) if week_text else Week.of(clock.local_day(now)).shifted(-1)
    wording = sentences.load_all(loaded.config / "languages")
    chosen = language or loaded.service.language
    if chosen not in wording:
        known = ", ".join(sorted(wording))
        raise OperatorError(f"There is no digest in {chosen!r}", f"Use one of {known}")
    with database(loaded) as engine:
        click.echo(digests.preview(engine, odsc, week, chosen, wording[chosen]))
        if send:
            mail = open_mail(loaded, open_channels(loaded.channels))
            queued = digests.write_one(engine, odsc, week, now, mail=mail, sentences=wording)
            click.echo(_sent(queued, odsc, week))


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


def _week(text: str) -> Week:
    try:
        return Week.parse(text)
    except ValueError as error:
        raise OperatorError(str(error), "Write the ISO year and week as in 2026-W47") from None


def _sent(queued: int, odsc: str, week: Week) -> str:
    if queued:
        return f"Queued for {queued} of the staff of {odsc}."
    return f"Nobody on the staff of {odsc} is without the digest of {week}; nothing was queued."


def _table(summary: Summary) -> str:
    rows: list[tuple[str, object]] = [
        ("Week", f"{summary.week} ({summary.week.monday} to {summary.week.sunday})"),
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
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _rate(summary: Summary) -> str:
    rate = summary.rate
    if rate is None or summary.interval is None:
        return "-"
    low, high = summary.interval
    return f"{rate:.0%} (95% interval {low:.0%} to {high:.0%})"
