"""The proof of the tallies: every one rebuilt from the responses and compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Engine

from app.storage import tallies


@dataclass(frozen=True, slots=True)
class Difference:
    """The first tally that is not what the responses say."""

    day: date
    odsc: str
    service: str
    question: str
    answer: str
    sex: str
    stored: int
    rebuilt: int

    def __str__(self) -> str:
        service = f", service {self.service}" if self.service else ""
        sex = f", sex {self.sex}" if self.sex else ""
        return (
            f"The tally of {self.day} at ODSC {self.odsc}, {self.question} {self.answer}"
            f"{service}{sex} is {self.stored}; the responses say {self.rebuilt}"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many tallies were compared, and the first that differs."""

    compared: int
    difference: Difference | None


def check(tx: Connection) -> Difference | None:
    """The first difference in the order of the keys, as this transaction sees the database."""
    return _verdict(tx).difference


def run(engine: Engine) -> Verdict:
    """Compare on one snapshot, reading only: answers may come in meanwhile."""
    with engine.connect() as connection:
        snapshot = connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        with snapshot.begin():
            return _verdict(snapshot)


def _verdict(tx: Connection) -> Verdict:
    compared, mismatch = tallies.recount(tx)
    if mismatch is None:
        return Verdict(compared, None)
    return Verdict(compared, Difference(*mismatch.key, mismatch.stored, mismatch.rebuilt))
