"""Responses a second: conversations made in bulk by SQL, drained as one worker would.

Beside it the same rows copied into the same tables: what storing alone costs, once somebody has
read the answers, checked them and counted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import median
from typing import Any, LiteralString

import psycopg
from sqlalchemy import Connection, Engine, text

from app import clock
from app.feedback import responses
from app.insight import recount
from bench.errors import BenchError
from bench.figures import middle, ratio

ROUNDS = 3
CONVERSATIONS = 3000

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

_NEW: Mapping[str, LiteralString] = {
    "responses": "COPY (SELECT * FROM responses WHERE id > %s) TO STDOUT",
    "tallies": "COPY (SELECT * FROM tallies WHERE day IN "
    "(SELECT day FROM responses WHERE id > %s)) TO STDOUT",
}


def measured(engine: Engine) -> dict[str, Any]:
    """Rounds of equally many due conversations, each beside a copy of what became of them."""
    _drained(engine)
    rates, copied = [], []
    for _ in range(ROUNDS):
        with engine.begin() as tx:
            before = tx.execute(text("SELECT coalesce(max(id), 0) FROM responses")).scalar_one()
            tx.execute(_MADE, {"round": f"bench {before}", "count": CONVERSATIONS})
        begun = time.perf_counter()
        drained = _drained(engine)
        rates.append(drained / (time.perf_counter() - begun))
        if drained != CONVERSATIONS:
            raise BenchError(f"{CONVERSATIONS} conversations were due, {drained} were drained")
        copied.append(_copied(engine, int(before)))
    return {
        "conversations_a_round": CONVERSATIONS,
        "per_second": middle(rates),
        "copied_per_second": middle(copied),
        "to_copied": round(median(map(ratio, rates, copied)), 3),
    }


def recounted(engine: Engine) -> None:
    """Raises BenchError unless the tallies are what the answers say."""
    if (difference := recount.run(engine).difference) is not None:
        raise BenchError(str(difference))


def _copied(engine: Engine, before: int) -> float:
    """Responses a second when those after `before`, and their days' tallies, are copied as they
    stand into empty tables of the same shape and indexes."""
    with engine.begin() as tx:
        kept = {table: _read(tx, query, before) for table, query in _NEW.items()}
        for table in kept:
            tx.execute(text(f"CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)"))
    begun = time.perf_counter()
    with engine.begin() as tx:
        for table, rows in kept.items():
            with _driver(tx).cursor().copy(f"COPY bench_{table} FROM STDIN") as stream:
                stream.write(rows)
    seconds = time.perf_counter() - begun
    with engine.begin() as tx:
        tx.execute(text("DROP TABLE bench_responses, bench_tallies"))
    return CONVERSATIONS / seconds


def _read(tx: Connection, query: LiteralString, before: int) -> bytes:
    with _driver(tx).cursor().copy(query, (before,)) as stream:
        return b"".join(map(bytes, stream))


def _driver(tx: Connection) -> psycopg.Connection[object]:
    driver = tx.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise BenchError("The database connection was lost")
    return driver


def _drained(engine: Engine) -> int:
    return responses.drain(engine, clock.now(), lambda: False)
