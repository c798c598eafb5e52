"""siang tokens: by which others' systems are known to the JSON API."""

from __future__ import annotations

import click

from app import clock, settings
from app.cli import places
from app.cli.context import database
from app.registry.places import told
from app.requests import tokens as domain
from app.storage.levels import Level


@click.group()
def tokens() -> None:
    """Tokens for offices' own systems and for readers of figures, one place each."""


@tokens.command()
@places.options
@click.option("--results", is_flag=True, help="May read single responses; with --country alone.")
@click.option("--name", default="", help="Your word for the system that gets it.")
def add(
    odsc: str | None,
    district: str | None,
    province: str | None,
    country: bool,
    results: bool,
    name: str,
) -> None:
    """Make a token and show it, this once.

    An ODSC's files requests and reads its own figures; any other reads the figures of its place
    and of all that is below it.
    """
    given: dict[Level, str | bool | None] = {
        "odsc": odsc,
        "district": district,
        "province": province,
        "country": country,
    }
    level, place = places.chosen("A token", given)
    with database(settings.load()) as engine:
        token_id, token = domain.mint(engine, level, place, name, clock.now(), results=results)
    click.echo(token)
    of = told(level, place)
    click.echo(f"Token {token_id} of {of}. It cannot be shown again.", err=True)


@tokens.command("list")
def list_all() -> None:
    """All tokens ever made, without their secrets."""
    with database(settings.load()) as engine:
        made = domain.every(engine)
    for one in made:
        since = f"since {clock.local_day(one.created_at)}"
        until = f" to {clock.local_day(one.revoked_at)}" if one.revoked_at else ""
        results = "  results" if one.results else ""
        place = f"{one.level:<8} {one.place:<4}"
        click.echo(f"{one.id:>5}  {place}  {since}{until}{results}  {one.name}".rstrip())
    if not made:
        click.echo("None yet. Make one: siang tokens add --odsc 0103")


@tokens.command()
@click.argument("token_id", type=int, metavar="ID")
def revoke(token_id: int) -> None:
    """Let the token with this id open nothing any more."""
    with database(settings.load()) as engine:
        domain.revoke(engine, token_id, clock.now())
    click.echo(f"Revoked {token_id}")
