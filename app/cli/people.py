"""siang staff: the phones that get digests and alarms. Numbers go in and never come out."""

from __future__ import annotations

import click

from app import clock, settings
from app.cli import places
from app.cli.context import database
from app.errors import NotAPhoneNumber, OperatorError
from app.people.vault import Vault
from app.registry.places import require, told
from app.storage import people
from app.storage.levels import StaffLevel
from app.text.numbers import e164


@click.group()
def staff() -> None:
    """Staff phones of ODSCs, districts, provinces and the country."""


@staff.command()
@click.option("--phone", required=True, help="The staff member's number, e.g. 02055512345.")
@places.options
@click.option("--operator", is_flag=True, help="Who is told when the gateway is in trouble.")
@click.option("--language", help="lo or en; the service's language by default.")
def add(
    phone: str,
    odsc: str | None,
    district: str | None,
    province: str | None,
    country: bool,
    operator: bool,
    language: str | None,
) -> None:
    """Register a phone for the digest of one place, or for the gateway's alarms."""
    given: dict[StaffLevel, str | bool | None] = {
        "odsc": odsc,
        "district": district,
        "province": province,
        "country": country,
        "operator": operator,
    }
    level, place = places.chosen("A staff phone", given)
    loaded = settings.load()
    known = sorted(folder.parent.name for folder in loaded.config.glob("languages/*/digest.yaml"))
    chosen = language or loaded.service.language
    if chosen not in known:
        raise OperatorError(f"There is no language {chosen!r}", f"Use one of {', '.join(known)}")
    try:
        sealed = Vault(loaded.phone_key, loaded.hash_key).seal(e164(phone))
    except NotAPhoneNumber as error:
        raise OperatorError(f"--phone: {error}") from None
    with database(loaded) as engine, engine.begin() as tx:
        require(tx, level, place)
        contact = people.ensure(tx, sealed.hash, sealed.cipher)
        new = people.add_staff(tx, contact, level, place, chosen)
    heading = "Registered" if new else "Was registered already"
    click.echo(f"{heading}: {told(level, place)}, {chosen}")


@staff.command("list")
def list_all() -> None:
    """Who is registered, without numbers."""
    with database(settings.load()) as engine, engine.connect() as tx:
        members = people.staff(tx)
    for one in members:
        stopped = " (has texted STOP)" if one.stopped else ""
        place = f"{one.level:<8} {one.place}"
        since = clock.local_day(one.added_at)
        click.echo(f"{one.id:>5}  {place}  {one.language}  since {since}{stopped}")
    if not members:
        click.echo("Nobody yet. Add one: siang staff add --phone 02055512345 --odsc 0103")


@staff.command()
@click.argument("staff_id", type=int)
def remove(staff_id: int) -> None:
    """Take the entry with this id off the list."""
    with database(settings.load()) as engine, engine.begin() as tx:
        if not people.remove_staff(tx, staff_id, clock.now()):
            raise OperatorError(f"There is no staff entry {staff_id}", "See `siang staff list`")
    click.echo(f"Removed {staff_id}")
