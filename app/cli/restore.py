"""siang restore: a backup becomes the database and the spool again, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click
from sqlalchemy import Engine

from app import archive, embedded, keyring, settings
from app.archive import Contents, Manifest
from app.cli.backup import KEY, NAME, PROBE, compare, programs_for
from app.cli.progress import counted
from app.errors import ConfigError, OperatorError
from app.insight import recount
from app.people.vault import Sealed, Vault
from app.settings import Settings
from app.storage import backups, dumping
from app.storage.database import open_engine
from app.storage.migrating import knows, migrate

TOLD = ("contacts", "conversations", "responses", "requests", "inbound", "outbox")


@click.command("restore")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Although the database has people in it.")
@click.option("--other-keys", is_flag=True, help="Although no number in it will open.")
def restore_command(source: Path, replace: bool, other_keys: bool) -> None:
    """Restore SOURCE, a backup or a folder of them (then its newest). Stop the gateway first."""
    loaded = settings.load()
    path = _chosen(source)
    key = keyring.key_bytes(KEY, keyring.known(loaded.home / "secrets.env", os.environ, [KEY]))
    try:
        contents = archive.examine(path, key)
        if not other_keys:
            _require_keys(loaded, contents.manifest)
        with embedded.connect_database_url(loaded.home, os.environ) as url:
            _restore(loaded, url, path, key, contents, replace=replace)
    except OSError as error:
        raise OperatorError(
            f"{error.filename or path} cannot be used: {error.strerror}", "Mend that and try again"
        ) from None


def _chosen(source: Path) -> Path:
    if not source.is_dir():
        return source
    found = sorted(path for path in source.iterdir() if NAME.fullmatch(path.name))
    if not found:
        raise OperatorError(f"There is no backup in {source}", "Name a file siang-….backup")
    return found[-1]


def _require_keys(loaded: Settings, manifest: Manifest) -> None:
    """Before anything is changed: with other keys no number of the backup would open."""
    vault = Vault(loaded.phone_key, loaded.hash_key, loaded.old_phone_key)
    sealed = Sealed(bytes.fromhex(manifest.probe_hash), bytes.fromhex(manifest.probe_cipher))
    try:
        same = vault.open(sealed) == PROBE and vault.hash(PROBE) == sealed.hash
    except ConfigError:
        same = False
    if not same:
        raise ConfigError(
            "The numbers in this backup were sealed with another SIANG_PHONE_KEY or "
            "SIANG_HASH_KEY than there is here: none of them would open",
            "Set the keys of the gateway that made it. If they are lost, --other-keys restores "
            "everything else: each phone is then a new person",
        )


def _restore(
    loaded: Settings, url: str, path: Path, key: bytes, contents: Contents, *, replace: bool
) -> None:
    engine = open_engine(url, pool=2)
    try:
        server = _require_fitting(engine, contents.manifest, replace=replace)
        # Its connections would be in the way.
        engine.dispose()
        script = counted("Restoring", archive.script(path, key), contents.script_octets)
        dumping.play(programs_for(server, loaded.home), url, backups.CLEARING, script)
        _put_back(loaded.home / "spool", contents.spooled)
        compare(engine, contents.manifest)
        migrate(engine)
        verdict = recount.run(engine)
    finally:
        engine.dispose()
    _tell(path, contents, verdict)


def _require_fitting(engine: Engine, manifest: Manifest, *, replace: bool) -> int:
    """The server's version. Raises OperatorError where the backup must not go into the database."""
    if not knows(manifest.revision):
        raise OperatorError(
            f"The backup was made by a newer version of Siang (schema {manifest.revision})",
            "Install that version",
        )
    with engine.connect() as tx:
        server, strange = backups.server_major(tx), backups.strange_tables(tx)
        people, others = backups.people_in(tx), backups.others_connected(tx)
    if server < manifest.server:
        raise OperatorError(
            f"The backup is of PostgreSQL {manifest.server} and this server is {server}",
            f"Restore it on PostgreSQL {manifest.server} or newer",
        )
    if strange:
        raise OperatorError(
            f"The database holds tables that are not Siang's: {', '.join(strange[:3])}",
            "Name a database of its own in DATABASE_URL",
        )
    if others:
        raise OperatorError(
            f"The database is in use by {others} other connections", "Stop the gateway first"
        )
    if people and not replace:
        rows = ", ".join(f"{n} {name}" for name, n in people.items())
        raise OperatorError(
            f"The database is not empty: it has {rows}",
            "Back it up, then use --replace to put the backup in its place",
        )
    return server


def _put_back(spool: Path, spooled: Mapping[str, bytes]) -> None:
    """Each as it was; what waits there already stays, and what is in the database too is dropped
    when it is replayed.
    """
    spool.mkdir(mode=0o700, exist_ok=True)
    for name, content in spooled.items():
        unfinished = spool / f".{name}.tmp"
        with unfinished.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(spool / name)


def _tell(path: Path, contents: Contents, verdict: recount.Verdict) -> None:
    manifest = contents.manifest
    click.echo(f"Restored {path.name}, made at {manifest.at:%Y-%m-%d %H:%M:%S} UTC:")
    for name in TOLD:
        click.echo(f"  {name:<14} {manifest.rows.get(name, 0):>9}")
    click.echo(f"  {'spooled':<14} {len(contents.spooled):>9}")
    if verdict.difference is not None:
        raise OperatorError(str(verdict.difference), "Restore another backup")
    click.echo(f"All {verdict.compared} tallies equal the recount")
