"""What offices' own systems show to file requests: only the hash of each token is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret; `name` is the operator's word for the system that has it."""

    id: int
    odsc: str
    name: str
    created_at: datetime
    revoked_at: datetime | None


_EVERY = "SELECT id, odsc, name, created_at, revoked_at FROM api_tokens "


def add(tx: Connection, odsc: str, token_hash: bytes, name: str, now: datetime) -> int:
    """The new token's id."""
    added = tx.execute(
        text(
            "INSERT INTO api_tokens (odsc, token_hash, name, created_at) "
            "VALUES (:odsc, :hash, :name, :now) RETURNING id"
        ),
        {"odsc": odsc, "hash": token_hash, "name": name, "now": now},
    )
    return int(added.scalar_one())


def by_hash(tx: Connection, token_hash: bytes) -> Token | None:
    """The token with this hash, unless it was revoked."""
    found = tx.execute(
        text(_EVERY + "WHERE token_hash = :hash AND revoked_at IS NULL"),
        {"hash": token_hash},
    ).first()
    return None if found is None else Token(*found)


def every(tx: Connection) -> list[Token]:
    """All tokens, revoked ones too, by ODSC."""
    return [Token(*row) for row in tx.execute(text(_EVERY + "ORDER BY odsc, id"))]


def revoke(tx: Connection, token_id: int, now: datetime) -> bool:
    """From now on the token opens nothing; False where none of that id is in force."""
    revoked = tx.execute(
        text("UPDATE api_tokens SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"),
        {"id": token_id, "now": now},
    )
    return bool(revoked.rowcount)
