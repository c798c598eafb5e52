"""Opening the database: engines, and what every process waits for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from app.errors import ConfigError

Done = TypeVar("Done")


# The server's side of a connection: of a machine that vanished in the middle of a transaction
# it would keep the locks for a quarter of an hour.
SESSION = (
    "timezone=UTC",
    "statement_timeout=30000",
    "lock_timeout=10000",
    "tcp_user_timeout=10000",
    "tcp_keepalives_idle=5",
    "tcp_keepalives_interval=2",
    "tcp_keepalives_count=3",
)


def normalised_url(url: str) -> str:
    """A PostgreSQL URL in SQLAlchemy's form, with psycopg; ConfigError if it is none."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(
            "DATABASE_URL is no database URL", "Use postgresql://user:password@host/database"
        ) from None
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise ConfigError(
            f"DATABASE_URL is for {parsed.get_backend_name()}", "Siang works on PostgreSQL only"
        )
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def open_engine(url: str, pool: int = 4) -> Engine:
    """An engine that never prints parameters: they hold numbers and texts of citizens."""
    return create_engine(
        normalised_url(url),
        pool_size=pool,
        max_overflow=2,
        pool_timeout=5,
        pool_pre_ping=False,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 5,
            # Over a network: a server that vanished is noticed, and the spool takes over. Who has
            # sent everything and waits for the answer notices it by the probes alone.
            "tcp_user_timeout": 10_000,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "options": " ".join(f"-c {setting}" for setting in SESSION),
            "prepare_threshold": 2,
        },
    )


def with_lock_timeout(engine: Engine, seconds: float) -> Engine:
    """The same engine for whoever has other things to do: its transactions wait so long for a
    lock, and no longer."""
    hurried = engine.execution_options()

    def hurry(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(seconds * 1000)}")

    event.listen(hurried, "begin", hurry)
    return hurried


def wait_for(engine: Engine, tell: Callable[[str], None], seconds: float = 60) -> None:
    """Return once the database answers; say so while it does not. Raises ConfigError at the end."""
    until = time.monotonic() + seconds
    told = False
    while True:
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
            return
        except OperationalError as error:
            if time.monotonic() > until:
                raise ConfigError(
                    f"PostgreSQL does not answer ({type(error.orig).__name__})",
                    "Start it, or mend DATABASE_URL",
                ) from None
        if not told:
            tell("Waiting for PostgreSQL …")
            told = True
        time.sleep(0.3)


def with_fresh_connection(work: Callable[[], Done]) -> Done:
    """Do it, and once more if the pooled connection turned out to be dead.

    After PostgreSQL restarts every pooled connection fails once; asking each before every turn
    would cost a round trip. Only for work that has the effect of once however often it is done.
    """
    try:
        return work()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return work()
