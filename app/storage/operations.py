"""What whoever runs Siang asks of the database: which processes live, how it is, what was kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

VERSIONS = Path(__file__).resolve().parent / "migrations" / "versions"

# --- being ready ------------------------------------------------------------------------------


@cache
def newest_revision() -> str:
    """The revision of the tables that this code needs; without loading Alembic."""
    return max(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))


def revision(tx: Connection) -> str:
    """The revision of the tables there are; "" where there are none. A later one is greater."""
    if tx.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return ""
    return str(tx.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def why_away(error: OperationalError) -> str:
    """Why nobody can connect, in the server's or the network's own words; no password is in it."""
    said = str(error.orig).strip().splitlines() or [""]
    line = next((one for one in reversed(said) if "FATAL: " in one or "failed: " in one), said[0])
    for mark in ("FATAL: ", "failed: "):
        if mark in line:
            return line.rpartition(mark)[2].strip()
    return line or type(error.orig).__name__


# --- processes --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Process:
    """A process; `silent` is for how many seconds it has not been heard."""

    host: str
    pid: int
    name: str
    started_at: datetime
    silent: float


# The database's clock: the machines' own may differ.
_BEAT = text(
    "INSERT INTO processes (host, pid, name, started_at, seen_at) "
    "VALUES (:host, :pid, :name, :started, now()) ON CONFLICT (host, pid) DO UPDATE "
    "SET name = excluded.name, started_at = excluded.started_at, seen_at = excluded.seen_at"
)


def beat(tx: Connection, host: str, pid: int, name: str, started_at: datetime) -> None:
    """A process says that it lives. What it said need not outlive a crash of the database."""
    tx.execute(text("SET LOCAL synchronous_commit = off"))
    tx.execute(_BEAT, {"host": host, "pid": pid, "name": name, "started": started_at})


def replace_dead(tx: Connection, host: str, name: str, silent: float) -> None:
    """One that starts takes the place of those of its name and machine that are silent."""
    tx.execute(
        text(
            "DELETE FROM processes WHERE host = :host AND name = :name "
            "AND seen_at < now() - make_interval(secs => :silent)"
        ),
        {"host": host, "name": name, "silent": silent},
    )


def leave(tx: Connection, host: str, pid: int) -> None:
    """The process ends as it was asked to."""
    tx.execute(
        text("DELETE FROM processes WHERE host = :host AND pid = :pid"), {"host": host, "pid": pid}
    )


def forget_processes(tx: Connection, before: datetime) -> None:
    """Those that were heard last before then were killed, and nothing took their place."""
    tx.execute(text("DELETE FROM processes WHERE seen_at < :before"), {"before": before})


def living(tx: Connection) -> list[Process]:
    """Every process that was heard and has not left, by name."""
    rows = tx.execute(
        text(
            "SELECT host, pid, name, started_at, extract(epoch FROM now() - seen_at) "
            "FROM processes ORDER BY name, host, started_at"
        )
    )
    return [Process(row[0], row[1], row[2], row[3], float(row[4])) for row in rows]


# --- the server -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Server:
    """`number` is the version as PostgreSQL counts: 180001 is 18.1."""

    version: str
    number: int
    octets: int
    standby: bool
    connections: int
    most_connections: int


def server(tx: Connection) -> Server:
    """What runs there, and how large our database is."""
    row = tx.execute(
        text(
            "SELECT current_setting('server_version'), "
            "current_setting('server_version_num')::int, "
            "pg_database_size(current_database()), pg_is_in_recovery(), "
            "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), "
            "current_setting('max_connections')::int"
        )
    ).one()
    return Server(*row)


def clock(tx: Connection) -> datetime:
    """The server's clock at this moment."""
    found: datetime = tx.execute(text("SELECT clock_timestamp()")).scalar_one()
    return found


def folder(tx: Connection) -> str:
    """Where the server keeps its files; "" where it does not say so to us."""
    allowed = "SELECT pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')"
    if not tx.execute(text(allowed)).scalar():
        return ""
    return str(tx.execute(text("SHOW data_directory")).scalar_one())


# --- what is kept -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """A phone number as it is stored."""

    hash: bytes = field(repr=False)
    cipher: bytes = field(repr=False)


_NUMBERS = text(
    "(SELECT phone_hash, phone_cipher FROM contacts WHERE phone_cipher <> '' "
    "ORDER BY id LIMIT :count) UNION (SELECT phone_hash, phone_cipher FROM contacts "
    "WHERE phone_cipher <> '' ORDER BY id DESC LIMIT :count)"
)


def some_numbers(tx: Connection, count: int) -> list[Number]:
    """The oldest and the newest numbers that are stored, so many of each."""
    rows = tx.execute(_NUMBERS, {"count": count})
    return [Number(bytes(row[0]), bytes(row[1])) for row in rows]


@dataclass(frozen=True, slots=True)
class Backup:
    at: datetime
    octets: int


def newest_backup(tx: Connection) -> Backup | None:
    row = tx.execute(text("SELECT at, bytes FROM backups ORDER BY at DESC LIMIT 1")).first()
    return None if row is None else Backup(*row)


def last_verified(tx: Connection) -> datetime | None:
    """When a backup was last restored and found whole."""
    found: datetime | None = tx.execute(text("SELECT max(verified_at) FROM backups")).scalar()
    return found


def last_purge(tx: Connection) -> datetime | None:
    """When what is too old was last looked for and erased."""
    found: datetime | None = tx.execute(text("SELECT max(at) FROM purges")).scalar()
    return found


@dataclass(frozen=True, slots=True)
class Places:
    """How much of the registry there is."""

    provinces: int
    odscs: int
    services: int
    closed_days: int


def places(tx: Connection, first: date, last: date) -> Places:
    """How many rows; of the closed days those between two days."""
    row = tx.execute(
        text(
            "SELECT (SELECT count(*) FROM provinces), (SELECT count(*) FROM odscs), "
            "(SELECT count(*) FROM services), "
            "(SELECT count(*) FROM closed_days WHERE day BETWEEN :first AND :last)"
        ),
        {"first": first, "last": last},
    ).one()
    return Places(*row)


# --- messages and channels --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Of what goes out: how many wait, are in doubt, and were given up since some moment."""

    waiting: int
    doubtful: int
    dead: int


# Each of the first two has an index of its own; only the newest rows can have died since then.
_OUTGOING = text(
    """
    SELECT (SELECT count(*) FROM outbox WHERE state = 'queued'),
           (SELECT count(*) FROM outbox WHERE state = 'unknown'),
           (SELECT count(*) FROM outbox WHERE state = 'dead' AND settled_at > :since)
    """
)


def outgoing(tx: Connection, since: datetime) -> Outgoing:
    return Outgoing(*tx.execute(_OUTGOING, {"since": since}).one())


@dataclass(frozen=True, slots=True)
class Heard:
    """When a channel last brought a receipt, a text, a sign of life of one of its devices."""

    channel: str
    down_since: datetime | None
    receipt_at: datetime | None
    text_at: datetime | None
    heartbeat_at: datetime | None


# Among the newest rows only: no index knows when a channel that is silent for months last spoke.
_HEARD = text(
    """
    WITH receipt AS (SELECT channel, max(at) AS at FROM
             (SELECT channel, at FROM receipts ORDER BY id DESC LIMIT 5000) AS r GROUP BY channel),
         written AS (SELECT channel, max(received_at) AS at FROM
             (SELECT channel, received_at FROM inbound ORDER BY id DESC LIMIT 5000) AS i
             GROUP BY channel),
         beat AS (SELECT channel, max(at) AS at FROM heartbeats GROUP BY channel)
    SELECT one.channel, state.down_since, receipt.at, written.at, beat.at
    FROM unnest(CAST(:channels AS text[])) WITH ORDINALITY AS one (channel, place)
         LEFT JOIN channel_states AS state USING (channel)
         LEFT JOIN receipt USING (channel)
         LEFT JOIN written USING (channel)
         LEFT JOIN beat USING (channel)
    ORDER BY place
    """
)


def heard(tx: Connection, channels: list[str]) -> list[Heard]:
    """What was heard of each of these channels, in their order."""
    return [Heard(*row) for row in tx.execute(_HEARD, {"channels": channels})]
