"""siang keys: changing the key with which numbers are encrypted."""

from __future__ import annotations

import click

from app import settings
from app.cli.context import database
from app.errors import ConfigError
from app.people import rotation
from app.people.vault import Vault


@click.group()
def keys() -> None:
    """The keys of the numbers."""


@keys.command()
def rotate() -> None:
    """Seal every number again with SIANG_PHONE_KEY; SIANG_PHONE_KEY_OLD opens the others.

    Restart the gateway with both set first: it goes on meanwhile.
    """
    loaded = settings.load()
    if loaded.old_phone_key is None:
        raise ConfigError(
            "SIANG_PHONE_KEY_OLD is not set",
            "Put the present key there and a new one into SIANG_PHONE_KEY, restart the gateway "
            "with both, then rotate",
        )
    vault = Vault(loaded.phone_key, loaded.hash_key, loaded.old_phone_key)
    with database(loaded) as engine:
        done = rotation.rotate(engine, vault)
    click.echo(f"Sealed again: {done.again}; under the new key already: {done.already}")
    if done.unreadable:
        raise ConfigError(
            f"{done.unreadable} numbers open with neither key",
            "Keep both keys, and look for theirs",
        )
    click.echo("Once the spool is empty, unset SIANG_PHONE_KEY_OLD and restart the gateway")
