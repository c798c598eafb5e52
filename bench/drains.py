"""Responses a second: conversations made in bulk by SQL, drained as one worker would.

Beside it the same rows copied into the same tables: what storing alone costs, once somebody has
read the answers, checked them and counted.
"""

from __future__ import annotations

import time

import psycopg
from sqlalchemy import Connection, Engine, text

from app import clock
from app.feedback import responses
from app.insight import recount
from bench.errors import BenchError
from bench.figures import middle

ROUNDS = 3
CONVERSATIONS = 3000
TABLES = ("responses", "tallies")

# Ratings of all centers and services in turn, each by a phone of its own.
_MADE = text(
    """
    WITH made AS (
        INSERT INTO contacts (phone_hash, phone_cipher)
        SELECT sha256(convert_to(:round || ':' || n, 'UTF8')), '' FROM generate_series(1, :count) n
        RETURNING id
    ), numbered AS (SELECT id, row_number() OVER () AS n FROM made), begun AS (
        INSERT INTO conversations (contact_id, channel, medium, flow, language, state, status,
               started_at, turned_at, due_at)
        SELECT id, 'simulator', 'ussd', 'bench', 'lo', '{}', 'finished', now(), now(), now()
        FROM numbered RETURNING id, contact_id
    ), centers AS (
        SELECT array_agg(code ORDER BY code) AS codes FROM odscs
    ), offered AS (SELECT array_agg(key ORDER BY position) AS keys FROM services)
    INSERT INTO answers (conversation_id, question, value, at)
    SELECT begun.id, given.question, given.value, now()
    FROM begun JOIN numbered ON numbered.id = begun.contact_id, centers, offered,
         LATERAL (VALUES ('odsc', codes[1 + n % cardinality(codes)]),
                         ('score', (1 + n % 5)::text),
                         ('service', keys[1 + n % cardinality(keys)]),
                         ('sex', CASE n % 2 WHEN 0 THEN 'F' ELSE 'M' END)) AS given(question, value)
    """
)


def measured(engine: Engine) -> dict[str, object]:
    """Rounds of equally many due conversations; at the end the tallies are recounted."""
    _drained(engine)
    rates = []
    for number in range(ROUNDS):
        with engine.begin() as tx:
            tx.execute(_MADE, {"round": f"bench {number}", "count": CONVERSATIONS})
        begun = time.perf_counter()
        drained = _drained(engine)
        rates.append(drained / (time.perf_counter() - begun))
        if drained != CONVERSATIONS:
            raise BenchError(f"{CONVERSATIONS} conversations were due, {drained} were drained")
    if (difference := recount.run(engine).difference) is not None:
        raise BenchError(str(difference))
    return {
        "conversations_a_round": CONVERSATIONS,
        "per_second": middle(rates),
        "copied_per_second": middle(_copied(engine)),
    }


def _copied(engine: Engine) -> list[float]:
    """Responses a second when they and their tallies are copied in as they stand."""
    with engine.connect() as connection:
        kept = {table: _read(connection, table) for table in TABLES}
        count = connection.execute(text("SELECT count(*) FROM responses")).scalar_one()
    rates = []
    for _ in range(ROUNDS):
        with engine.begin() as tx:
            tx.execute(text(f"TRUNCATE {', '.join(TABLES)}"))
        begun = time.perf_counter()
        with engine.begin() as tx:
            for table, rows in kept.items():
                with _driver(tx).cursor().copy(f"COPY {table} FROM STDIN") as stream:
                    stream.write(rows)
        rates.append(count / (time.perf_counter() - begun))
    return rates


def _read(tx: Connection, table: str) -> bytes:
    with _driver(tx).cursor().copy(f"COPY {table} TO STDOUT") as stream:
        return b"".join(map(bytes, stream))


def _driver(tx: Connection) -> psycopg.Connection[object]:
    driver = tx.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise BenchError("The database connection was lost")
    return driver


def _drained(engine: Engine) -> int:
    return responses.drain(engine, clock.now(), lambda: False)
