"""siang backup: the database and the spool in one sealed file, restored once to see that it can be.

The spool is read first and the database's snapshot taken after it: what is flushed from the one
into the other meanwhile is in both, never in neither, and is stored once when it is replayed.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy import Engine

from app import archive, clock, embedded, keyring, settings
from app.archive import ArchiveWriter, Contents, Manifest
from app.cli.progress import counted
from app.errors import OperatorError
from app.insight import recount
from app.people.vault import Vault
from app.settings import Settings
from app.spool import KEPT, SET_ASIDE
from app.storage import backups, dumping
from app.storage.database import open_engine
from app.storage.migrating import migrate

KEY = "SIANG_BACKUP_KEY"
NAME = re.compile(r"siang-\d{8}T\d{6}Z\.backup")
PROBE = "a number of nobody"
# Whoever was writing for longer than this was killed meanwhile.
ABANDONED_SECONDS = 86_400.0


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--keep", type=click.IntRange(1), help="Remove all but the newest so many backups.")
def backup_command(folder: Path, keep: int | None) -> None:
    """Write an encrypted backup into FOLDER, restore it elsewhere and compare; the gateway runs on.

    The keys are not in it: keep SIANG_PHONE_KEY, SIANG_HASH_KEY and SIANG_BACKUP_KEY elsewhere.
    """
    loaded = settings.load()
    secrets = loaded.home / "secrets.env"
    key = keyring.key_bytes(KEY, keyring.open_keyring(secrets, os.environ, [KEY]))
    begun = time.monotonic()
    with embedded.connect_database_url(loaded.home, os.environ) as url:
        made = Backup(loaded, url, key).write_into(folder)
    removed = _forget_old(folder, keep) if keep else 0
    rows = sum(made.manifest.rows.values())
    click.echo(
        f"{made.path}: {made.octets / 1e6:.1f} MB, {rows} rows and {made.spooled} spooled "
        f"messages, restored and compared in {time.monotonic() - begun:.0f} s"
    )
    if removed:
        click.echo(f"Removed {removed} older {'backups' if removed > 1 else 'backup'}")
    if not os.environ.get(KEY):
        click.echo(f"It opens only with the keys in {secrets}: keep a copy of them elsewhere")


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was found whole."""

    path: Path
    octets: int
    spooled: int
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup is made of and with."""

    settings: Settings
    url: str
    key: bytes

    def write_into(self, folder: Path) -> Made:
        engine = open_engine(self.url, pool=2)
        try:
            # The session's end gives the lock back.
            with engine.connect() as locking:
                if not backups.alone(locking):
                    raise OperatorError("Another backup of this database is being made", "Wait")
                return self._written(engine, folder)
        except OSError as error:
            raise OperatorError(
                f"{error.filename or folder} cannot be written: {error.strerror}",
                "Name a folder that you may write to, on a disk with room",
            ) from None
        finally:
            engine.dispose()

    def _written(self, engine: Engine, folder: Path) -> Made:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(folder)
        at = clock.now()
        path = folder / f"siang-{at:%Y%m%dT%H%M%SZ}.backup"
        unfinished = folder / f".{path.name}.tmp"
        try:
            self._write(engine, unfinished, at)
            contents = self._proved(unfinished, path)
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)
        _sync(folder)
        octets = path.stat().st_size
        with engine.begin() as tx:
            backups.record(tx, octets, at, clock.now())
        return Made(path, octets, len(contents.spooled), contents.manifest)

    def _write(self, engine: Engine, unfinished: Path, at: datetime) -> None:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            writer = ArchiveWriter(file, self.key)
            for name, content in spooled_in(self.settings.home / "spool"):
                writer.spooled(name, content)
            self._write_database(engine, writer, at)
            writer.close()
            file.flush()
            os.fsync(file.fileno())

    def _write_database(self, engine: Engine, writer: ArchiveWriter, at: datetime) -> None:
        # One transaction from the snapshot to its last row; nobody waits for it.
        with engine.connect().execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ) as tx:
            snapshot, server = backups.export_snapshot(tx), backups.server_major(tx)
            programs = programs_for(server, self.settings.home)
            probe = Vault(self.settings.phone_key, self.settings.hash_key).seal(PROBE)
            writer.manifest(
                Manifest(
                    at=at,
                    server=server,
                    revision=backups.revision(tx),
                    rows=backups.row_counts(tx),
                    probe_hash=probe.hash.hex(),
                    probe_cipher=probe.cipher.hex(),
                )
            )
            pieces = dumping.dump(programs, self.url, snapshot)
            for piece in counted("Reading the database", pieces):
                writer.script(piece)

    def _proved(self, unfinished: Path, path: Path) -> Contents:
        """Restore it into a database of its own. What fails there is kept under another name."""
        try:
            contents = archive.examine(unfinished, self.key)
            with _scratch(self.url, self.settings.home) as scratch:
                self._restore_and_compare(unfinished, contents, scratch)
        except OperatorError as error:
            kept = path.with_suffix(".unverified")
            unfinished.rename(kept)
            raise OperatorError(
                f"The backup could not be verified, and no older one was removed: {error}",
                f"It is kept as {kept}",
            ) from None
        return contents

    def _restore_and_compare(self, path: Path, contents: Contents, scratch: str) -> None:
        engine = open_engine(scratch, pool=2)
        try:
            with engine.connect() as tx:
                programs = programs_for(backups.server_major(tx), self.settings.home)
            script = archive.script(path, self.key)
            script = counted("Restoring it elsewhere", script, contents.script_octets)
            dumping.play(programs, scratch, backups.CLEARING, script)
            compare(engine, contents.manifest)
            migrate(engine)
            if difference := recount.run(engine).difference:
                raise OperatorError(str(difference), "See `siang recount --check`")
        finally:
            engine.dispose()


def compare(engine: Engine, manifest: Manifest) -> None:
    """Raises OperatorError where a table has not the rows that its snapshot had."""
    with engine.connect() as tx:
        found = backups.row_counts(tx)
    for name in sorted({*found, *manifest.rows}):
        before, after = manifest.rows.get(name), found.get(name)
        if before != after:
            raise OperatorError(f"{name} had {before} rows and has {after}", "Make another backup")


def programs_for(server: int, home: Path) -> Path:
    """Where pg_dump and psql of the server's version are; the embedded ones where they fit."""
    folders = []
    with suppress(OperatorError):
        folders.append(embedded.Postgres(home).programs)
    return dumping.programs(server, folders)


def spooled_in(spool: Path) -> Iterator[tuple[str, bytes]]:
    """What waits in the spool, and what was set aside there; each is encrypted already."""
    with suppress(FileNotFoundError):
        for name in sorted(path.name for path in spool.iterdir()):
            if name.endswith((KEPT, SET_ASIDE)) and not name.startswith("."):
                yield from _spooled(spool, name)


def _spooled(spool: Path, name: str) -> Iterator[tuple[str, bytes]]:
    # Gone: it was committed, and the snapshot will have it. Or it was only just set aside.
    for now_called in (name, f"{name}{SET_ASIDE}"):
        with suppress(FileNotFoundError):
            yield now_called, (spool / now_called).read_bytes()
            return


@contextmanager
def _scratch(url: str, home: Path) -> Iterator[str]:
    """A database for a while, on the same server; on an embedded one where we may make none."""
    if made := backups.make_scratch(url):
        try:
            yield made
        finally:
            backups.drop_scratch(url, made)
        return
    folder = Path(tempfile.mkdtemp(prefix="check-", dir=home))
    try:
        with embedded.database(folder) as embedded_url:
            yield embedded_url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _forget_old(folder: Path, keep: int) -> int:
    old = sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name))[:-keep]
    for path in old:
        path.unlink()
    return len(old)


def _sweep(folder: Path) -> None:
    """Remove what a killed backup left unfinished."""
    for path in folder.glob(".siang-*.backup.tmp"):
        if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
            path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
