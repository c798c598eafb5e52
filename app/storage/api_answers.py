"""The first answer to each idempotency key of each token."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Stored:
    """What was answered first, and the keyed hash of what was asked then."""

    status: int
    body: str
    request_hash: bytes = field(repr=False)


def claim(tx: Connection, token_id: int, key: str) -> bool:
    """Keep everybody else off the key to the end of the transaction; False if another has it."""
    claimed = tx.execute(
        text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"api {token_id} {key}"},
    )
    return bool(claimed.scalar_one())


def find(tx: Connection, token_id: int, key: str) -> Stored | None:
    found = tx.execute(
        text(
            "SELECT status, body, request_hash FROM api_answers "
            "WHERE token_id = :token AND key = :key"
        ),
        {"token": token_id, "key": key},
    ).first()
    return None if found is None else Stored(found.status, found.body, bytes(found.request_hash))


def keep(tx: Connection, token_id: int, key: str, stored: Stored, now: datetime) -> None:
    tx.execute(
        text(
            "INSERT INTO api_answers (token_id, key, request_hash, status, body, at) "
            "VALUES (:token, :key, :hash, :status, :body, :now)"
        ),
        {
            "token": token_id,
            "key": key,
            "hash": stored.request_hash,
            "status": stored.status,
            "body": stored.body,
            "now": now,
        },
    )


def forget(tx: Connection, before: datetime) -> int:
    """Drop the answers from before then; how many there were."""
    forgotten = tx.execute(text("DELETE FROM api_answers WHERE at < :before"), {"before": before})
    return int(forgotten.rowcount)
