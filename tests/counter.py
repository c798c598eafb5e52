"""The counter of a center for tests: it files and moves requests, and days go by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from app.feedback import responses
from app.office import Office
from app.requests import filing, flags, invitations
from app.requests.filing import Act, Filing
from app.requests.invitations import Patience
from app.storage import people
from app.storage.levels import StaffLevel
from app.storage.requests import Request
from app.text.numbers import e164
from tests.phones import Gateway, Phone

# A Wednesday, ten in the morning in Vientiane.
MORNING = datetime(2026, 11, 18, 3, tzinfo=UTC)
WANTED: Callable[..., Filing] = Filing


@dataclass
class Clock:
    """The only one of this gateway; it moves when told to."""

    at: datetime = MORNING

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Counter:
    """A gateway whose clock is put forward by hand, and what happens at 0103 meanwhile."""

    office: Office
    clock: Clock = field(default_factory=Clock)
    gateway: Gateway = field(init=False)

    def __post_init__(self) -> None:
        desk = replace(self.office.desk, now=self.clock)
        post = replace(self.office.post, now=self.clock)
        self.gateway = Gateway(replace(self.office, desk=desk, post=post))

    def phone(self, number: str = "02055512345") -> Phone:
        return self.gateway.phone(e164(number))

    def staff(self, number: str, *, level: StaffLevel = "odsc", place: str = "0103") -> Phone:
        """A phone on the staff list, in Lao."""
        sealed = self.office.desk.vault.seal(e164(number))
        with self.office.engine.begin() as tx:
            contact = people.ensure(tx, sealed.hash, sealed.cipher)
            people.add_staff(tx, contact, level, place, "lo")
        return self.phone(number)

    def speaks(self, number: str, language: str) -> None:
        """The phone has chosen a language."""
        sealed = self.office.desk.vault.seal(e164(number))
        with self.office.engine.begin() as tx:
            contact = people.ensure(tx, sealed.hash, sealed.cipher)
            tx.execute(
                text("UPDATE contacts SET language = :language WHERE id = :id"),
                {"id": contact, "language": language},
            )

    def files(
        self,
        phone: str = "02055512345",
        *,
        by: str = "staff 1",
        source: str = "sms",
        **more: object,
    ) -> Request:
        """An identity card at 0103, for this phone, unless it says otherwise."""
        given: dict[str, object] = {"odsc": "0103", "service": "id_card", "phone": phone, **more}
        act = Act(by, source, self.clock.at)
        with self.office.engine.begin() as tx:
            return filing.file(self.office.registrar, tx, WANTED(**given), act)

    def moves(self, request: Request, status: str, note: str = "") -> Request:
        act = Act("staff 1", "sms", self.clock.at)
        with self.office.engine.begin() as tx:
            return filing.move(self.office.registrar, tx, request, status, note, act)

    def collects(self, phone: str = "02055512345", **more: str) -> Request:
        """A request from its filing to its collection, in one breath."""
        request = self.moves(self.files(phone, **more), "ready")
        return self.moves(request, "collected")

    def waits(self, **time: float) -> Counter:
        """Time goes by; then the clock process has its round, and every worker."""
        self.clock.at += timedelta(**time)
        self.work()
        return self

    def work(self) -> None:
        now = self.clock.at
        invitations.look(self.office.engine, self.office.registrar, Patience(), now)
        flags.look(self.office.engine, self.office.registrar, now)
        responses.sweep(self.office.engine, now, self.office.desk.abandon_after)
        self.gateway.work()

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        return self.gateway.rows(statement)
