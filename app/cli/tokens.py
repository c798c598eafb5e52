"""siang tokens: by which offices' own systems are known to the JSON API."""

from __future__ import annotations

import click

from app import clock, settings
from app.cli.context import database
from app.requests import tokens as domain


@click.group()
def tokens() -> None:
    """Tokens for offices' own systems, one ODSC each."""


@tokens.command()
@click.option("--odsc", required=True, help="The ODSC's code.")
@click.option("--name", default="", help="Your word for the system that gets it.")
def add(odsc: str, name: str) -> None:
    """Make a token and show it, this once."""
    with database(settings.load()) as engine:
        token_id, token = domain.mint(engine, odsc, name, clock.now())
    click.echo(token)
    click.echo(f"Token {token_id} of ODSC {odsc}. It cannot be shown again.", err=True)


@tokens.command("list")
def list_all() -> None:
    """All tokens ever made, without their secrets."""
    with database(settings.load()) as engine:
        made = domain.every(engine)
    for one in made:
        since = f"since {clock.local_day(one.created_at)}"
        until = f" to {clock.local_day(one.revoked_at)}" if one.revoked_at else ""
        click.echo(f"{one.id:>5}  {one.odsc}  {since}{until}  {one.name}".rstrip())
    if not made:
        click.echo("None yet. Make one: siang tokens add --odsc 0103")


@tokens.command()
@click.argument("token_id", type=int, metavar="ID")
def revoke(token_id: int) -> None:
    """Let the token with this id open nothing any more."""
    with database(settings.load()) as engine:
        domain.revoke(engine, token_id, clock.now())
    click.echo(f"Revoked {token_id}")
