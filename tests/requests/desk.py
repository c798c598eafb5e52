"""An office's desk for tests: it files and moves requests on, and reads what was texted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from app.people.vault import Sealed
from app.requests import filing
from app.requests.filing import Act, Filing, Registrar
from app.storage import people
from app.storage import requests as storage
from app.storage.people import Contact
from app.storage.requests import Change, Request

PHONE = "020 55 512 345"
# A Monday morning in Vientiane.
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
WANTED: Callable[..., Filing] = Filing


@dataclass
class Desk:
    """One ODSC's, in a transaction; the clock is put forward by hand."""

    registrar: Registrar
    tx: Connection
    now: datetime = NOW

    def act(self) -> Act:
        return Act("staff 1", "sms", self.now)

    def file(self, **given: object) -> Request:
        """A request for an identity card at 0103, unless it says otherwise."""
        wanted = WANTED(**{"odsc": "0103", "service": "id_card"} | given)
        return filing.file(self.registrar, self.tx, wanted, self.act())

    def move(self, request: Request, status: str, note: str = "") -> Request:
        return filing.move(self.registrar, self.tx, request, status, note, self.act())

    def stored(self, request: Request) -> Request:
        return storage.lock(self.tx, request.id)

    def history(self, request: Request) -> list[Change]:
        return storage.history(self.tx, request.id)

    def texts(self) -> list[str]:
        """Everything queued for phones, the oldest first."""
        return list(self.tx.execute(text("SELECT text FROM outbox ORDER BY number")).scalars())

    def sql(self, statement: str, **values: object) -> None:
        self.tx.execute(text(statement), values)

    def contact(self, number: str = "+8562055512345") -> Contact:
        """A phone that the gateway knows."""
        sealed = self.registrar.vault.seal(number)
        return people.lock(self.tx, sealed.hash, sealed.cipher)

    def number_of(self, contact_id: int | None) -> str:
        assert contact_id is not None
        return self.registrar.vault.open(Sealed(*people.sealed(self.tx, contact_id)))
