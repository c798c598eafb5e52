"""Several statements in one trip to the database, for a USSD turn, where microseconds count.

SQLAlchemy and psycopg's cursors cost such a turn more than PostgreSQL does. This is libpq's
pipeline mode (https://www.postgresql.org/docs/current/libpq-pipeline-mode.html) on the connection
that SQLAlchemy holds, with psycopg's own conversions; errors come as SQLAlchemy's.
"""

from __future__ import annotations

import re
import select
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import psycopg
from psycopg import abc, adapt, pq
from psycopg.adapt import PyFormat
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Rows = Sequence[tuple[Any, ...]]
_PREPARED = "statements prepared for trips"
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


@dataclass(frozen=True)
class Statement:
    """A statement that each connection prepares once, under this name; parameters as in `text`.

    PostgreSQL must be able to tell each parameter's type.
    """

    name: str
    sql: str

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_PARAMETER.findall(self.sql)))

    @cached_property
    def numbered(self) -> bytes:
        """The statement with $1, $2 … as the protocol wants it."""
        places = {name: f"${place}" for place, name in enumerate(self.parameters, 1)}
        return _PARAMETER.sub(lambda found: places[found[1]], self.sql).encode()

    @cached_property
    def key(self) -> bytes:
        return self.name.encode()


@dataclass(slots=True)
class _Prepared:
    """What a connection has prepared, as far as was seen in a transaction."""

    statements: set[Statement] = field(default_factory=set)
    seen_in: object = None

    def look(self, driver: psycopg.Connection[Any]) -> None:
        """Forget what is no longer there."""
        names = {name for (name,) in driver.execute("SELECT name FROM pg_prepared_statements")}
        self.statements = {one for one in self.statements if one.name in names}


_BEGIN = Statement("trip_begin", "BEGIN")
_COMMIT = Statement("trip_commit", "COMMIT")
Call = tuple[Statement, Mapping[str, object]]


def trip(tx: Connection, *calls: Call) -> list[Rows]:
    """The rows of each statement, in one trip; it begins the transaction if none is begun.

    Raises DBAPIError as SQLAlchemy would, for the first statement that fails.
    """
    return _travelled(tx, calls)


def last_trip(tx: Connection, *calls: Call) -> list[Rows]:
    """Like `trip`, and commits: nothing may follow in this transaction."""
    return _travelled(tx, (*calls, (_COMMIT, {})))[:-1]


def _travelled(tx: Connection, calls: Sequence[Call]) -> list[Rows]:
    driver = tx.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    prepared: _Prepared = tx.connection.info.setdefault(_PREPARED, _Prepared())
    try:
        return _sure(driver, prepared, calls, tx.get_transaction())
    except psycopg.Error as error:
        if driver.broken:
            # SQLAlchemy shall see it for itself: it then forgets every connection to that server.
            tx.exec_driver_sql("SELECT 1")
        raise _as_of_sqlalchemy(tx, error) from error


def _sure(
    driver: psycopg.Connection[Any],
    prepared: _Prepared,
    calls: Sequence[Call],
    transaction: object,
) -> list[Rows]:
    """psycopg lets all prepared statements go, ours too, when a transaction is rolled back.

    Then the first that is thought to be there is not. Where that would come too late, we look.
    """
    begins = driver.pgconn.transaction_status == TransactionStatus.IDLE
    telling = begins and any(one in prepared.statements for one, _ in calls)
    if prepared.statements and prepared.seen_in is not transaction and not telling:
        prepared.look(driver)
        begins = False
    prepared.seen_in = transaction
    try:
        return _once(driver, prepared.statements, calls, begins=begins)
    except InvalidSqlStatementName:
        if not begins:
            raise
    # Nothing was done yet. To look is to begin.
    driver.rollback()
    prepared.look(driver)
    return _once(driver, prepared.statements, calls, begins=False)


def _as_of_sqlalchemy(tx: Connection, error: psycopg.Error) -> BaseException:
    return DBAPIError.instance(
        None, None, error, psycopg.Error, hide_parameters=True, dialect=tx.dialect
    )


def _once(
    driver: psycopg.Connection[Any],
    prepared: set[Statement],
    calls: Sequence[Call],
    *,
    begins: bool,
) -> list[Rows]:
    every = ((_BEGIN, {}), *calls) if begins else calls
    adapting: abc.Transformer = adapt.Transformer(driver)
    # All is converted before anything is sent: a value that cannot be leaves nothing half done.
    values = [
        adapting.dump_sequence([given[name] for name in one.parameters], _text(one))
        for one, given in every
    ]
    new = [one for one in dict.fromkeys(one for one, _ in every) if one not in prepared]
    connection = driver.pgconn
    connection.enter_pipeline_mode()
    try:
        for one in new:
            connection.send_prepare(one.key, one.numbered)
        for (one, _), sent in zip(every, values, strict=True):
            connection.send_query_prepared(one.key, sent)
        connection.pipeline_sync()
        results = _results(connection)
        connection.exit_pipeline_mode()
    except BaseException:
        # Nobody knows what is still on its way.
        connection.finish()
        raise
    return _read(driver, adapting, prepared, new, results)[len(every) - len(calls) :]


def _text(statement: Statement) -> list[PyFormat]:
    return [PyFormat.TEXT] * len(statement.parameters)


def _results(connection: pq.abc.PGconn) -> list[pq.abc.PGresult]:
    """What came for each statement, up to the end of the trip. Other threads run meanwhile."""
    results: list[pq.abc.PGresult] = []
    ready = select.poll()
    ready.register(connection.socket, select.POLLIN | select.POLLOUT)
    while connection.flush():
        ready.poll()
        connection.consume_input()
    ready.modify(connection.socket, select.POLLIN)
    while connection.status == ConnStatus.OK:
        while connection.is_busy():
            ready.poll()
            connection.consume_input()
        result = connection.get_result()
        if result is None:
            continue  # Between two statements' results.
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)
    raise psycopg.OperationalError("the connection was lost on the way")


def _read(
    driver: psycopg.Connection[Any],
    adapting: abc.Transformer,
    prepared: set[Statement],
    new: Sequence[Statement],
    results: Sequence[pq.abc.PGresult],
) -> list[Rows]:
    # What is prepared stays so, whatever becomes of the transaction.
    prepared.update(one for one, result in zip(new, results, strict=False) if _ended(result))
    for result in results:
        if not _ended(result):
            raise error_from_result(result, driver.info.encoding)
    read: list[Rows] = []
    for result in results[len(new) :]:
        adapting.set_pgresult(result)
        read.append(adapting.load_rows(0, result.ntuples, tuple) if result.ntuples else ())
    return read


def _ended(result: pq.abc.PGresult) -> bool:
    return result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
