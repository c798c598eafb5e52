"""What a backup asks of the database: its snapshot, its rows, scratch databases beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from secrets import token_hex
from zlib import crc32

from sqlalchemy import Connection, func, select, table, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from app.storage.database import normalised_url, open_engine
from app.storage.schema import metadata

# Any number that no other program uses for an advisory lock in this database.
BACKUP_LOCK = 0x5349414E4742
SCRATCH = "siang_check_"
# Who is in these is a person, or the word of one.
PEOPLE = ("contacts", "inbound", "conversations", "responses", "requests")
CLEARING = r"""
DO $$ DECLARE one text; BEGIN
    FOR one IN SELECT format('DROP TABLE IF EXISTS public.%I CASCADE', tablename)
               FROM pg_tables WHERE schemaname = 'public'
    LOOP EXECUTE one; END LOOP;
    FOR one IN SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', p.oid::regprocedure)
               FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (
                   SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP EXECUTE one; END LOOP;
END $$;
"""
"""Takes everything of ours away; part of the transaction that restores."""


def alone(tx: Connection) -> bool:
    """Whether no other backup of this database is being made; held to the connection's end."""
    taken = tx.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": BACKUP_LOCK})
    return bool(taken.scalar_one())


def server_major(tx: Connection) -> int:
    return int(tx.execute(text("SHOW server_version_num")).scalar_one()) // 10_000


def export_snapshot(tx: Connection) -> str:
    """A name by which others see what this transaction sees, for as long as it is open."""
    return str(tx.execute(text("SELECT pg_export_snapshot()")).scalar_one())


def revision(tx: Connection) -> str:
    """The newest migration that was done; "" in a database without tables of ours."""
    if "alembic_version" not in _tables(tx):
        return ""
    return str(
        tx.execute(select(text("version_num")).select_from(table("alembic_version"))).scalar()
    )


def row_counts(tx: Connection) -> dict[str, int]:
    """How many rows each table has."""
    # Counting a year of a whole country takes longer than a citizen's query may.
    tx.execute(text("SET LOCAL statement_timeout = '10min'"))
    return {
        name: int(tx.execute(select(func.count()).select_from(table(name))).scalar_one())
        for name in _tables(tx)
    }


def _tables(tx: Connection) -> list[str]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    return list(tx.scalars(text(query)))


def strange_tables(tx: Connection) -> list[str]:
    """Tables that are none of ours."""
    return [one for one in _tables(tx) if one not in {*metadata.tables, "alembic_version"}]


def people_in(tx: Connection) -> Mapping[str, int]:
    """How many rows about people there are, by table; empty where nobody was heard yet."""
    there = set(_tables(tx))
    counted = {
        name: int(tx.execute(select(func.count()).select_from(table(name))).scalar_one())
        for name in PEOPLE
        if name in there
    }
    return {name: rows for name, rows in counted.items() if rows}


def others_connected(tx: Connection) -> int:
    """How many other connections to this database there are."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    return int(tx.execute(text(query)).scalar_one())


def record(tx: Connection, octets: int, at: datetime, verified_at: datetime) -> None:
    """Note a backup that was found whole; a schema from before there were such notes has none."""
    if "backups" in _tables(tx):
        values = {"bytes": octets, "at": at, "verified_at": verified_at}
        tx.execute(
            text("INSERT INTO backups (bytes, at, verified_at) VALUES (:bytes, :at, :verified_at)"),
            values,
        )


# --- scratch databases ------------------------------------------------------------------------


def make_scratch(url: str) -> str | None:
    """The URL of a new, empty database on the same server; None where we may not make one.

    Those that a killed backup of this database left behind are removed first.
    """
    prefix = f"{SCRATCH}{crc32((make_url(url).database or '').encode()):08x}_"
    name = prefix + token_hex(4)
    server = open_engine(url, pool=1)
    try:
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for old in _abandoned(connection, prefix):
                _drop(connection, old)
            try:
                connection.exec_driver_sql(
                    f"CREATE DATABASE {_quoted(connection, name)} TEMPLATE template0"
                )
            except DBAPIError:
                return None
    finally:
        server.dispose()
    return normalised_url(make_url(url).set(database=name).render_as_string(hide_password=False))


def drop_scratch(url: str, scratch: str) -> None:
    server = open_engine(url, pool=1)
    try:
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            _drop(connection, make_url(scratch).database or "")
    finally:
        server.dispose()


def _abandoned(connection: Connection, prefix: str) -> list[str]:
    query = (
        "SELECT datname FROM pg_database WHERE starts_with(datname, :prefix) AND NOT EXISTS "
        "(SELECT FROM pg_stat_activity AS a WHERE a.datname = pg_database.datname)"
    )
    return list(connection.scalars(text(query), {"prefix": prefix}))


def _drop(connection: Connection, name: str) -> None:
    connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {_quoted(connection, name)}")


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)
