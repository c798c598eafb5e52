"""A new phone key: every number sealed again, in batches, while messages arrive."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from app.errors import ConfigError
from app.people.vault import Sealed, Vault
from app.storage import sealed_numbers

BATCH = 500


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many numbers were sealed again, were under the new key already, and opened with none."""

    again: int = 0
    already: int = 0
    unreadable: int = 0

    def __add__(self, other: Rotated) -> Rotated:
        return Rotated(
            self.again + other.again,
            self.already + other.already,
            self.unreadable + other.unreadable,
        )


def rotate(engine: Engine, vault: Vault) -> Rotated:
    """Go through all contacts once. May be stopped anywhere, and begun again."""
    total, after = Rotated(), 0
    while True:
        with engine.begin() as tx:
            rows = sealed_numbers.batch(tx, after, BATCH)
            if not rows:
                return total
            changed, already, unreadable = [], 0, 0
            for contact, hashed, cipher in rows:
                try:
                    new = vault.resealed(Sealed(hashed, cipher))
                except ConfigError:
                    unreadable += 1
                    continue
                if new is None:
                    already += 1
                else:
                    changed.append((contact, cipher, new.cipher))
            again = sealed_numbers.exchange(tx, changed) if changed else 0
        total += Rotated(again, already, unreadable)
        after = rows[-1][0]
