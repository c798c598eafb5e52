"""siang requests: what the office knows of a citizen's request."""

from __future__ import annotations

import click

from app import clock, settings
from app.cli.context import database
from app.errors import OperatorError
from app.storage import registry
from app.storage import requests as storage
from app.words import REQUEST_STATUSES


@click.group()
def requests() -> None:
    """Citizens' requests, looked up by number over USSD and SMS."""


@requests.command("set")
@click.argument("number")
@click.option("--odsc", required=True, help="The ODSC's code.")
@click.option("--service", required=True, help="The service's key, e.g. id_card.")
@click.option("--status", required=True, type=click.Choice(REQUEST_STATUSES))
def set_status(number: str, odsc: str, service: str, status: str) -> None:
    """File the request NUMBER, or move it to another status."""
    if not number.isalnum() or not 3 <= len(number) <= 30:
        raise OperatorError("A request number has 3 to 30 letters and digits")
    with database(settings.load()) as engine, engine.begin() as tx:
        if registry.odsc(tx, odsc) is None:
            raise OperatorError(f"There is no ODSC {odsc}", "See config/registry/odscs.csv")
        if registry.service(tx, service) is None:
            raise OperatorError(f"There is no service {service!r}", "See services.csv")
        now = clock.now()
        storage.put(tx, number=number, odsc=odsc, service=service, status=status, now=now)
    click.echo(f"Request {number}: {status}")
