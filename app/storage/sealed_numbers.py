"""Numbers as they are stored, read and exchanged in batches."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text


def batch(tx: Connection, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
    """Contacts beyond an id that have a number: id, keyed hash, ciphertext."""
    rows = tx.execute(
        text(
            "SELECT id, phone_hash, phone_cipher FROM contacts "
            "WHERE id > :after AND phone_cipher <> '' ORDER BY id LIMIT :limit"
        ),
        {"after": after, "limit": limit},
    )
    return [(row.id, bytes(row.phone_hash), bytes(row.phone_cipher)) for row in rows]


def exchange(tx: Connection, changed: Sequence[tuple[int, bytes, bytes]]) -> int:
    """Contact, ciphertext so far, new one: put where nobody else has changed it meanwhile."""
    done = tx.execute(
        text(
            "UPDATE contacts SET phone_cipher = given.new FROM unnest(CAST(:ids AS bigint[]), "
            "CAST(:olds AS bytea[]), CAST(:news AS bytea[])) AS given (id, old, new) "
            "WHERE contacts.id = given.id AND contacts.phone_cipher = given.old"
        ),
        {
            "ids": [one[0] for one in changed],
            "olds": [one[1] for one in changed],
            "news": [one[2] for one in changed],
        },
    )
    return done.rowcount
