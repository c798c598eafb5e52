"""A past of many responses, made by SQL: with everything that lies beside them in the same tables.

148 centers have 100,000 ratings a week; what grows is the number of weeks. Each rating is of a
phone of its own, and half of them came by SMS. Texts, numbers and states are empty, as the nightly
erasing leaves them; replies of USSD screens are kept for a day only.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, Engine, text

from app import clock
from app.clock import Week

A_WEEK = 100_000
TABLES = ("contacts", "conversations", "answers", "responses", "turns", "inbound", "outbox")
MADE_IDS = ("contacts", "conversations")

_CENTERS = text(
    "INSERT INTO odscs (code, district, name_lo, name_en, source) "
    "SELECT code, code, name_lo, name_en, 'bench' FROM districts ON CONFLICT (code) DO NOTHING"
)
_CONTACTS = """
    INSERT INTO contacts (id, phone_hash, phone_cipher, language, created_at)
    OVERRIDING SYSTEM VALUE
    SELECT :contact + n, sha256(convert_to('filled ' || n, 'UTF8')), '', 'lo', :monday
"""
_CONVERSATIONS = """
    INSERT INTO conversations (id, contact_id, channel, medium, session, path_length, path_hash,
           flow, language, state, status, started_at, turned_at)
    OVERRIDING SYSTEM VALUE
    SELECT :conversation + n, :contact + n, 'kannel',
           CASE WHEN n % 2 = 0 THEN 'ussd' ELSE 'sms' END,
           CASE WHEN n % 2 = 0 THEN 'filled-' || n ELSE '' END, 16,
           sha256(convert_to('path ' || n, 'UTF8')), 'main', 'lo', '{}', 'finished',
           :monday + n % 7 * interval '1 day', :monday + n % 7 * interval '1 day'
"""
# Primes keep the answers from falling into step with each other.
_RESPONSES = """
    INSERT INTO responses (conversation_id, odsc, status, at, day, channel, language, score,
                           service, reason, paid, overcharged, sex)
    SELECT :conversation + n, codes[1 + n % 148],
           CASE WHEN n % 7 = 0 THEN 'partial' ELSE 'complete' END,
           CAST(:monday AS date) + CAST(n % 7 AS integer),
           CAST(:monday AS date) + CAST(n % 7 AS integer), 'kannel', 'lo',
           1 + n * 7919 % 5, keys[1 + n * 104729 % cardinality(keys)],
           CASE WHEN n * 7919 % 5 < 3
                THEN (ARRAY['waiting', 'staff', 'money', 'papers', 'other'])[1 + n * 31 % 5] END,
           n * 17 % 100000, n % 23 = 0, (ARRAY['F', 'M', NULL])[1 + n * 13 % 3]
"""
_ANSWERS = """
    INSERT INTO answers (conversation_id, question, value, at)
    SELECT :conversation + n, question, value, :monday
"""
_INBOUND = """
    INSERT INTO inbound (channel, provider_id, contact_id, text, body_hash, state, received_at,
                         next_at)
    SELECT 'kannel', 'filled-' || n, :contact + n, '', sha256(convert_to('body ' || n, 'UTF8')),
           'done', :monday, :monday
"""
_OUTBOX = """
    INSERT INTO outbox (contact_id, channel, purpose, text, encoding, segments, cost_kip, state,
                        attempts, conversation_id, created_at, next_at, expires_at, tried_at,
                        sent_at, settled_at)
    SELECT :contact + n, 'kannel', 'reply', '', 'ucs2', 1, 200, 'delivered', 1,
           :conversation + n, :monday, :monday, :monday, :monday, :monday, :monday
"""
_TURNS = """
    INSERT INTO turns (channel, session, contact_id, path_hash, reply, ends, at)
    SELECT 'kannel', 'filled-' || n, :contact + n, sha256(convert_to('turn ' || turn, 'UTF8')),
           repeat('ກ', 80), turn = 7, now() - n % 1200 * interval '1 minute'
"""
_NUMBERS = " FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) n"
_CODES = ", (SELECT array_agg(code ORDER BY code) AS codes FROM odscs WHERE code = district) c"
_KEYS = ", (SELECT array_agg(key ORDER BY position) AS keys FROM services) k"
_GIVEN = """, LATERAL (VALUES ('odsc', codes[1 + n % 148]), ('score', CAST(1 + n % 5 AS text)),
    ('service', keys[1 + n % cardinality(keys)])) AS given (question, value)"""
# One day in a hundred has its turns yet; only every other rating had any.
_SCREENS = ", generate_series(1, 7) turn WHERE n % 200 = 0"
_STATEMENTS = (
    _CONTACTS + _NUMBERS,
    _CONVERSATIONS + _NUMBERS,
    _RESPONSES + _NUMBERS + _CODES + _KEYS,
    _ANSWERS + _NUMBERS + _CODES + _KEYS + _GIVEN,
    _INBOUND + _NUMBERS + " WHERE n % 2 = 1",
    _OUTBOX + _NUMBERS + " WHERE n % 2 = 1",
    _TURNS + _NUMBERS + _SCREENS,
)
# A week that is filled in two goes is counted anew.
_UNCOUNTED = "DELETE FROM tallies WHERE day BETWEEN :monday AND :sunday"
_TALLIES = """
    INSERT INTO tallies (day, odsc, service, question, answer, sex, n)
    SELECT day, odsc, coalesce(service, ''), question, answer, coalesce(sex, ''), count(*)
    FROM responses CROSS JOIN LATERAL (VALUES
        ('status', status), ('score', CAST(score AS text)), ('service', service),
        ('reason', reason), ('overcharged', CASE WHEN overcharged THEN 'yes' END)
    ) AS said (question, answer)
    WHERE answer IS NOT NULL AND day BETWEEN :monday AND :sunday
    GROUP BY 1, 2, 3, 4, 5, 6
"""


def centers(engine: Engine) -> None:
    """Each district has one."""
    with engine.begin() as tx:
        tx.execute(_CENTERS)


def fill(engine: Engine, stored: int, size: int) -> dict[str, Any]:
    """From `stored` ratings to `size`, the last weeks first; seconds and MB of the database."""
    begun = time.perf_counter()
    newest = Week.of(clock.local_day(clock.now())).shifted(-1)
    while stored < size:
        weeks_ago = stored // A_WEEK
        # Never more than is left of the week, so that a week is of one go or of whole ones.
        count = min((weeks_ago + 1) * A_WEEK, size) - stored
        with engine.begin() as tx:
            _fill(tx, stored, count, newest.shifted(-weeks_ago))
        stored += count
    _settled(engine)
    with engine.connect() as tx:
        size_mb = tx.execute(text("SELECT pg_database_size(current_database()) / 1048576"))
        megabytes = int(size_mb.scalar_one())
    return {"fill_seconds": round(time.perf_counter() - begun, 1), "database_mb": megabytes}


def _fill(tx: Connection, first: int, count: int, week: Week) -> None:
    tx.execute(text("SET LOCAL statement_timeout = 0"))
    tx.execute(text("SET LOCAL synchronous_commit = off"))
    # Keys that point elsewhere are right by the way they are made: not to ask saves minutes.
    tx.execute(text("SET LOCAL session_replication_role = replica"))
    contact, conversation = (_last_id(tx, table) for table in MADE_IDS)
    numbers = {
        "first": first,
        "last": first + count - 1,
        # So that the first number of this go gets the first id that is free.
        "contact": contact + 1 - first,
        "conversation": conversation + 1 - first,
        "monday": clock.local_moment(week.monday, 12),
    }
    for statement in _STATEMENTS:
        wanted = {name: value for name, value in numbers.items() if f":{name}" in statement}
        tx.execute(text(statement), wanted)
    for table, last in zip(MADE_IDS, (contact, conversation), strict=True):
        sequence = {"table": table, "last": last + count}
        tx.execute(text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :last)"), sequence)
    days = {"monday": week.monday, "sunday": week.sunday}
    tx.execute(text(_UNCOUNTED), days)
    tx.execute(text(_TALLIES), days)


def _last_id(tx: Connection, table: str) -> int:
    """By its sequence: rows of transactions that failed have used ids too."""
    found = tx.execute(
        text("SELECT nextval(pg_get_serial_sequence(:table, 'id'))"), {"table": table}
    )
    return int(found.scalar_one())


def _settled(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text(f"VACUUM ANALYZE {', '.join((*TABLES, 'tallies'))}"))
