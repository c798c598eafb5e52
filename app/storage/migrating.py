"""Migrations: apart from `database`, so that only who migrates loads Alembic.

They run while the gateway serves. One that has to wait for a lock stops everybody behind it, so it
gives up after a second, lets them pass and tries again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from app.errors import OperatorError

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
# Any number that no other program uses for an advisory lock in this database.
MIGRATION_LOCK = 0x5349414E47
LOCK_SECONDS = 1
TRIES = 30
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0

Tell = Callable[[str], None]


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def migrate(
    engine: Engine,
    tell: Tell = _say,
    *,
    to: str = "head",
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Bring the schema up to date. Two starts at once migrate once (advisory lock).

    Raises OperatorError for a schema of a newer version, and where a lock cannot be had.
    """
    config = _config()
    wanted = ScriptDirectory.from_config(config).get_current_head() if to == "head" else to
    with engine.connect() as connection:
        if _revision(connection) == wanted:
            return
        _wait_for_turn(connection, tell, pause)
        try:
            # Who was before us may have done it.
            if (found := _revision(connection)) != wanted:
                _require_known(found or "")
                config.attributes["connection"] = connection
                _upgrade(config, connection, to, tell, pause)
        finally:
            # The pool must not hand out what is set for migrations alone.
            connection.rollback()
            connection.execute(text("RESET lock_timeout; RESET statement_timeout"))
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()


def knows(revision: str) -> bool:
    """Whether this version of Siang has that migration, or it is "", from before the first."""
    scripts = ScriptDirectory.from_config(_config())
    return not revision or revision in {one.revision for one in scripts.walk_revisions()}


def _wait_for_turn(connection: Connection, tell: Tell, pause: Callable[[float], None]) -> None:
    told = False
    # Asked again and again: a lock that is waited for would time out during a long migration.
    query = text("SELECT pg_try_advisory_lock(:key)")
    while not connection.execute(query, {"key": MIGRATION_LOCK}).scalar_one():
        connection.rollback()
        if not told:
            tell("Another process is bringing the database up to date: waiting for it")
            told = True
        pause(FIRST_PAUSE)
    connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'; SET statement_timeout = 0"))
    connection.commit()


def _upgrade(
    config: Config,
    connection: Connection,
    to: str,
    tell: Tell,
    pause: Callable[[float], None],
) -> None:
    """Each migration is a transaction of its own: what was done stays done."""
    seconds = FIRST_PAUSE
    for left in reversed(range(TRIES)):
        try:
            command.upgrade(config, to)
            connection.commit()
            return
        except OperationalError as error:
            connection.rollback()
            if not isinstance(error.orig, LockNotAvailable | DeadlockDetected):
                raise
        if left:
            tell(
                f"A change of the database has waited {LOCK_SECONDS} s for a lock and lets others "
                f"pass; it tries again in {seconds:g} s"
            )
            pause(seconds)
            seconds = min(seconds * 2, LONGEST_PAUSE)
    raise OperatorError(
        f"The database could not be brought up to date: {TRIES} times something held it locked",
        "End the long transaction that pg_stat_activity shows, and start again",
    )


def _require_known(revision: str) -> None:
    if not knows(revision):
        raise OperatorError(
            f"The database is of a newer version of Siang (schema {revision})",
            "Install that version",
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _revision(connection: Connection) -> str | None:
    found = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    return found
