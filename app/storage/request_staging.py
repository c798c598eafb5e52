"""An office's file beside the stored requests: what it would change, and the changing.

The rows of a file are copied into a table of this transaction alone (`imported`); what they are
compared with and what becomes of them is said for all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Final, Literal

from sqlalchemy import Connection, text

from app.storage.request_due import ZONE

# "SIANGRQ": any number that no other program uses for an advisory lock in this database.
IMPORT_LOCK: Final = 0x5349414E475251


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file. None and "" say nothing: what is known stays.

    `line` is the file's, `row` counts as a spreadsheet does. One of `number` and `alias` is there.
    """

    line: int
    row: int
    number: str
    own_number: str
    odsc: str
    service: str
    phone_hash: bytes | None = field(repr=False)
    phone_cipher: bytes | None = field(repr=False)
    status: str | None
    note: str = field(repr=False)
    filed_on: date | None
    status_on: date | None
    texts: bool | None
    sensitive: bool | None


@dataclass(frozen=True, slots=True)
class Place:
    """A row of which something is to be said; `other` is the row that it quarrels with."""

    line: int
    row: int
    other: int | None = None


_COLUMNS: Final = tuple(column.name for column in fields(Row))


def odsc_codes(tx: Connection) -> frozenset[str]:
    """The codes of all centers."""
    return frozenset(tx.execute(text("SELECT code FROM odscs")).scalars())


def begin(tx: Connection) -> None:
    """Make room. A large file takes longer than a conversation may."""
    tx.execute(text("SET LOCAL statement_timeout = 0"))
    tx.execute(text("SET LOCAL lock_timeout = '60s'"))
    tx.execute(text("SET LOCAL work_mem = '32MB'"))
    tx.execute(
        text(
            """
            CREATE TEMPORARY TABLE imported (
                line integer, row integer, number text, own_number text, odsc text, service text,
                phone_hash bytea, phone_cipher bytea, status text, note text, filed_on date,
                status_on date, texts boolean, sensitive boolean,
                request_id bigint, contact_id bigint) ON COMMIT DROP
            """
        )
    )


@contextmanager
def copying(tx: Connection) -> Iterator[Callable[[Row], None]]:
    """Takes rows in one stream; meanwhile nothing else can be asked of the database."""
    cursor = tx.connection.cursor()
    try:
        with cursor.copy(f"COPY imported ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
            yield lambda row: copy.write_row([getattr(row, name) for name in _COLUMNS])
    finally:
        cursor.close()


def recognise(tx: Connection) -> None:
    """Find which requests and phones the rows are of; the requests are locked until the end."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": IMPORT_LOCK})
    for statement in _RECOGNISE:
        tx.execute(statement)


_RECOGNISE: Final = tuple(
    map(
        text,
        (
            "ANALYZE imported",
            "UPDATE imported i SET request_id = r.id FROM requests r "
            "WHERE i.number <> '' AND r.number = i.number",
            "UPDATE imported i SET request_id = r.id FROM requests r "
            "WHERE i.number = '' AND r.odsc = i.odsc AND r.alias = i.own_number AND r.alias <> ''",
            "SELECT count(*) FROM (SELECT 1 FROM requests "
            "WHERE id IN (SELECT request_id FROM imported) ORDER BY id FOR NO KEY UPDATE) AS held",
            "INSERT INTO contacts (phone_hash, phone_cipher) "
            "SELECT DISTINCT ON (phone_hash) phone_hash, phone_cipher FROM imported i "
            "WHERE phone_hash IS NOT NULL "
            "AND NOT EXISTS (SELECT FROM contacts c WHERE c.phone_hash = i.phone_hash) "
            "ORDER BY phone_hash ON CONFLICT (phone_hash) DO NOTHING",
            "UPDATE imported i SET contact_id = c.id FROM contacts c "
            "WHERE c.phone_hash = i.phone_hash",
        ),
    )
)


def compare(tx: Connection, now: datetime, today: date) -> None:
    """Put down in `effects` what each row means beside what is stored.

    A status of an earlier day than the stored one is `older`: it changes nothing. The day of
    filing, and with it due date and fee, stay as they were first told. Where the office says the
    same again, that counts as news on another day, not within one.
    """
    tx.execute(_EFFECTS, {"now": now, "today": today, "zone": ZONE})
    for statement in _ABOUT_EFFECTS:
        tx.execute(statement)


_EFFECTS: Final = text(
    """
    CREATE TEMPORARY TABLE effects ON COMMIT DROP AS
    WITH beside AS (
        SELECT i.*, r.id IS NULL AS is_new, r.status AS before, r.service AS stored_service,
               r.alias AS stored_alias, r.note AS stored_note, r.contact_id AS stored_contact,
               r.texts AS stored_texts, r.sensitive AS stored_sensitive,
               r.status_at AS stored_since, s.sensitive AS usually_sensitive,
               coalesce(i.status_on < CAST(r.status_at AT TIME ZONE :zone AS date), false) AS older,
               coalesce(CAST(r.news_at AT TIME ZONE :zone AS date) < :today, false) AS confirms,
               coalesce(i.filed_on, i.status_on, CAST(:today AS date)) AS filed_day
        FROM imported i JOIN services s ON s.key = i.service
             LEFT JOIN requests r ON r.id = i.request_id
    ), judged AS (
        SELECT *, coalesce(NOT older AND status <> before, false) AS moved,
               coalesce(contact_id, stored_contact) AS whose,
               coalesce(status_on, CASE WHEN is_new AND coalesce(status, 'received') = 'received'
                                        THEN filed_day ELSE CAST(:today AS date) END) AS since_day
        FROM beside
    ), told AS (
        SELECT *,
               CASE WHEN is_new OR moved THEN note WHEN older OR note = '' THEN stored_note
                    ELSE note END AS kept_note,
               coalesce(texts, stored_texts, false) AND whose IS NOT NULL AS texted
        FROM judged)
    SELECT line, row, request_id, is_new, number, odsc, service, before, older, moved,
           stored_service, stored_alias, own_number,
           coalesce(NULLIF(own_number, ''), stored_alias, '') AS alias, whose AS contact_id,
           CASE WHEN is_new OR moved THEN coalesce(status, 'received') ELSE before END AS status,
           coalesce(older AND status <> before, false) AS outdated,
           kept_note AS note, moved OR kept_note <> stored_note AS noted, texted AS texts,
           coalesce(sensitive, stored_sensitive, usually_sensitive) AS sensitive, filed_day,
           CASE WHEN filed_day = :today THEN :now
                ELSE CAST(filed_day AS timestamp) AT TIME ZONE :zone END AS filed_at,
           CASE WHEN NOT is_new AND NOT moved THEN stored_since
                WHEN since_day = :today THEN :now
                ELSE greatest(CAST(since_day AS timestamp) AT TIME ZONE :zone, stored_since)
                END AS status_at,
           CASE WHEN is_new THEN coalesce(status_on, filed_day) ELSE since_day END AS news_day,
           confirms,
           NOT is_new AND (moved OR kept_note <> stored_note
               OR whose IS DISTINCT FROM stored_contact OR texted <> stored_texts
               OR coalesce(sensitive, stored_sensitive) <> stored_sensitive
               OR coalesce(NULLIF(own_number, ''), stored_alias) <> stored_alias) AS differs
    FROM told
    """
)
_ABOUT_EFFECTS: Final = tuple(
    map(
        text,
        (
            "CREATE INDEX ON effects (row)",
            "CREATE INDEX ON effects (number)",
            "CREATE INDEX ON effects (request_id)",
            "ANALYZE effects",
        ),
    )
)

Fault = Literal[
    "number_twice",
    "own_number_twice",
    "request_twice",
    "other_service",
    "other_own_number",
    "own_number_taken",
    "not_allowed",
    "needs_note",
]
"""What a row can have against the stored requests, or against another row."""

_TWICE = (
    "SELECT line, row, first FROM (SELECT line, row, min(row) OVER (PARTITION BY {}) AS first "
    "FROM effects WHERE {}) AS rows WHERE row > first"
)
_CHECKS: Final[Mapping[Fault, str]] = {
    "number_twice": _TWICE.format("number", "number <> ''"),
    "own_number_twice": _TWICE.format("odsc, own_number", "own_number <> ''"),
    "request_twice": _TWICE.format("request_id", "request_id IS NOT NULL"),
    "other_service": "SELECT line, row FROM effects WHERE service <> stored_service",
    "other_own_number": (
        "SELECT line, row FROM effects "
        "WHERE own_number <> '' AND stored_alias <> '' AND own_number <> stored_alias"
    ),
    "own_number_taken": (
        "SELECT line, row FROM effects e JOIN requests o ON o.odsc = e.odsc "
        "AND o.alias = e.own_number AND o.alias <> '' AND o.id IS DISTINCT FROM e.request_id"
    ),
    "not_allowed": (
        "SELECT line, row FROM effects e WHERE moved AND NOT EXISTS (SELECT FROM "
        "unnest(CAST(:befores AS text[]), CAST(:afters AS text[])) AS allowed (before, after) "
        "WHERE allowed.before = e.before AND allowed.after = e.status)"
    ),
    "needs_note": (
        "SELECT line, row FROM effects "
        "WHERE (is_new OR moved) AND note = '' AND status = ANY(:needs_note)"
    ),
}


def faults(
    tx: Connection, transitions: Collection[tuple[str, str]], needs_note: Collection[str]
) -> Iterator[tuple[Fault, Place]]:
    """Everything that forbids the import; `transitions` are the allowed ones."""
    given: dict[str, dict[str, object]] = {
        "not_allowed": {
            "befores": [before for before, _ in transitions],
            "afters": [after for _, after in transitions],
        },
        "needs_note": {"needs_note": list(needs_note)},
    }
    for fault, query in _CHECKS.items():
        for found in tx.execute(text(query), given.get(fault, {})):
            yield fault, Place(*found)
