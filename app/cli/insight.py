"""siang digest: the weekly SMS of a center, a district, a province or the country."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import click

from app import clock, open_mail, settings
from app.channels import open_channels
from app.cli import places
from app.cli.context import database
from app.clock import Week
from app.errors import OperatorError
from app.insight import digests, rules, sentences
from app.sentences import Sentences
from app.storage.levels import Level
from app.words import Language


@click.command("digest")
@places.options
@click.option(
    "--week", "week_text", help="An ISO week such as 2026-W47; the last whole one by default."
)
@click.option(
    "--send", is_flag=True, help="Queue it for the place's staff, each in their language."
)
@click.option("--language", default=None, help="The language to show; the staff's own when sent.")
@click.option("--details", type=click.IntRange(1, 6), help="Show what is behind this line instead.")
def digest_command(
    odsc: str | None,
    district: str | None,
    province: str | None,
    country: bool,
    week_text: str | None,
    send: bool,
    language: str | None,
    details: int | None,
) -> None:
    """The weekly SMS of one place: show it, or send it to who has not got it yet."""
    given: dict[Level, str | bool | None] = {"odsc": odsc, "district": district}
    place = places.chosen("A digest", given | {"province": province, "country": country})
    loaded = settings.load()
    now = clock.now()
    today = clock.local_day(now)
    week = _week(week_text) if week_text else Week.of(today).shifted(-1)
    wording = sentences.load_all(loaded.config / "languages")
    chosen = _language(wording, language or loaded.service.language)
    extra = rules.load(loaded.config).questions
    show = partial(digests.preview, language=chosen, sentences=wording[chosen], extra=extra)
    with database(loaded) as engine:
        click.echo(show(engine, place, week, now, line=details))
        if today <= week.sunday:
            click.echo(f"{week} is not over: these figures still move", err=True)
        if send:
            mail = open_mail(loaded, open_channels(loaded.channels))
            write = partial(digests.write_one, mail=mail, sentences=wording, extra=extra)
            click.echo(_sent(write(engine, place, week, now), place[1], week))


def _language(wording: Mapping[Language, Sentences], wanted: Language) -> Language:
    if wanted not in wording:
        known = ", ".join(sorted(wording))
        raise OperatorError(f"There is no digest in {wanted!r}", f"Use one of {known}")
    return wanted


def _week(text: str) -> Week:
    try:
        return Week.parse(text)
    except ValueError as error:
        raise OperatorError(str(error), "Write the ISO year and week as in 2026-W47") from None


def _sent(queued: int, place: str, week: Week) -> str:
    if queued:
        return f"Queued for {queued} of the staff of {place}."
    return f"Nobody on the staff of {place} is without the digest of {week}; nothing was queued."
