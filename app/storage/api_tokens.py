"""What others' systems show to the JSON API: only the hash of each token is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from app.storage.levels import Level, columns


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret; `name` is the operator's word for the system that has it.

    An ODSC's files requests and reads its own figures; the others read the figures of their place
    and of all that is below it. With `results` it may read single responses.
    """

    id: int
    level: Level
    place: str
    name: str
    created_at: datetime
    revoked_at: datetime | None
    results: bool

    @property
    def odsc(self) -> str:
        """The ODSC whose requests it sees; "" for none."""
        return self.place if self.level == "odsc" else ""


_EVERY = (
    "SELECT id, level, coalesce(odsc, district, province, 'LA') AS place, name, created_at, "
    "revoked_at, results FROM api_tokens "
)


def add(
    tx: Connection,
    token_hash: bytes,
    level: Level,
    place: str,
    name: str,
    now: datetime,
    *,
    results: bool,
) -> int:
    """The new token's id."""
    added = tx.execute(
        text(
            "INSERT INTO api_tokens "
            "(level, odsc, district, province, results, token_hash, name, created_at) "
            "VALUES (:level, :odsc, :district, :province, :results, :hash, :name, :now) "
            "RETURNING id"
        ),
        {
            **columns(level, place),
            "results": results,
            "hash": token_hash,
            "name": name,
            "now": now,
        },
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
    """All tokens, revoked ones too, by place."""
    return [Token(*row) for row in tx.execute(text(_EVERY + "ORDER BY place, level, id"))]


def revoke(tx: Connection, token_id: int, now: datetime) -> bool:
    """From now on the token opens nothing; False where none of that id is in force."""
    revoked = tx.execute(
        text("UPDATE api_tokens SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"),
        {"id": token_id, "now": now},
    )
    return bool(revoked.rowcount)
