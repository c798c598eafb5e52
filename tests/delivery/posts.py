"""A post office for tests: a real outbox, networks that do as told, a clock set by hand."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from app.channels.base import Ability, Channel, Hook, HookRequest
from app.delivery import asking, ends, sending, watch
from app.delivery.gates import Gate
from app.delivery.mail import Mail
from app.delivery.post import Post
from app.delivery.routing import Router
from app.errors import FateUnknown, Refused, SendError, TryLater
from app.people.vault import Vault
from app.sections import BudgetSection, DeliverySection
from app.sentences import load_all
from app.settings import ROOT, ChannelConfig
from app.storage import messages, people
from app.storage.alarms import Alarm, still_open
from app.storage.outbox import Claimed
from app.words import (
    Arrived,
    Asked,
    Fate,
    Language,
    Outgoing,
    Purpose,
    Receipt,
    ReceiptState,
    Sent,
)

# A Monday, 8 o'clock in Vientiane: quiet hours are just over.
START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
VAULT = Vault(b"p" * 32, b"h" * 32)
PHONE = "+8562055512345"
OPERATOR = "+8562077700001"
SENTENCES = load_all(ROOT / "config" / "languages", watch.FILE, watch.SENTENCES)
LONG = "ກະລຸນາເລືອກບໍລິການທີ່ທ່ານຕ້ອງການ ແລະ ຕອບກັບດ້ວຍຕົວເລກ " * 3


class Killed(BaseException):
    """The process ends here: no code of ours sees to anything any more."""


Outcome = BaseException | Sent | None


class Network(Channel):
    """A provider that does as `plan` says, then works; it remembers what it took."""

    hooks: frozenset[Hook] = frozenset()

    def __init__(
        self,
        name: str = "sms",
        *able: Ability,
        kind: str = "network",
        joins: bool = True,
        rate: float = 0.0,
        prefix_kip: Mapping[str, int] | None = None,
        canary_to: str = "",
        heartbeat_minutes: int = 0,
    ) -> None:
        config = ChannelConfig(
            name,
            kind,
            "http://127.0.0.1",
            ("t" * 16,),
            joins=joins,
            rate=rate,
            prefix_kip=prefix_kip or {},
            canary_to=canary_to,
            heartbeat_minutes=heartbeat_minutes,
        )
        super().__init__(config)
        self.abilities = frozenset({"send", "receipts", *able})
        self.plan: deque[Outcome] = deque()
        self.fates: deque[Fate | SendError] = deque()
        # What happens elsewhere while a call is under way, one thing a call.
        self.meanwhile: deque[Callable[[], object]] = deque()
        self.broken = False
        self.got: list[Outgoing] = []
        self.called: list[float] = []
        self.asked: list[Asked] = []
        self._refs = itertools.count(1)
        self._lock = threading.Lock()

    def parse(self, request: HookRequest, now: datetime) -> tuple[Arrived, ...]:
        return ()

    def send(self, outgoing: Outgoing) -> Sent:
        with self._lock:
            self.called.append(time.monotonic())
        if self.meanwhile:
            self.meanwhile.popleft()()
        with self._lock:
            outcome = self._outcome()
            if not isinstance(outcome, TryLater | Refused):
                self.got.append(outgoing)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome or Sent(f"{self.config.name}-{next(self._refs)}")

    def _outcome(self) -> Outcome:
        if self.plan:
            return self.plan.popleft()
        return TryLater("the link is down") if self.broken else None

    def fate(self, asked: Asked) -> Fate:
        self.asked.append(asked)
        if self.meanwhile:
            self.meanwhile.popleft()()
        fate = self.fates.popleft() if self.fates else Fate("unknowable")
        if isinstance(fate, SendError):
            raise fate
        return fate


@dataclass
class Site:
    """An outbox, its networks and a clock that is put forward by hand."""

    engine: Engine
    networks: dict[str, Network]
    delivery: DeliverySection = field(
        default_factory=lambda: DeliverySection(sms_channel="sms", fallbacks=["other"])
    )
    budget: BudgetSection = field(default_factory=BudgetSection)
    now: datetime = START

    @property
    def post(self) -> Post:
        carriers = {name: one.config for name, one in self.networks.items()}
        mail = Mail(VAULT, Router(self.delivery, carriers))
        return Post(
            self.engine,
            mail,
            self.networks,
            self.delivery,
            self.budget,
            SENTENCES,
            now=lambda: self.now,
        )

    # --- what goes in ------------------------------------------------------------------------

    def write(
        self,
        purpose: Purpose = "reply",
        to: str = PHONE,
        content: str = "ຂອບໃຈ",
        *,
        came_by: str = "",
        channel: str | None = None,
        once_key: str | None = None,
    ) -> str:
        """Queue a message; its id, "" where one with this `once_key` exists already."""
        contact = self.contact(to)
        with self.engine.begin() as tx:
            message = self.post.mail.queue(
                tx,
                contact_id=contact,
                purpose=purpose,
                text=content,
                now=self.now,
                came_by=came_by,
                channel=channel,
                once_key=once_key,
            )
        return message or ""

    def contact(self, number: str = PHONE) -> int:
        sealed = VAULT.seal(number)
        with self.engine.begin() as tx:
            return people.ensure(tx, sealed.hash, sealed.cipher)

    def operator(self, number: str = OPERATOR, language: Language = "lo") -> int:
        contact = self.contact(number)
        with self.engine.begin() as tx:
            people.add_staff(tx, contact, "operator", "", language)
        return contact

    # --- what happens ------------------------------------------------------------------------

    def wait(self, **time: float) -> Site:
        self.now += timedelta(**time)
        return self

    def upkeep(self) -> None:
        """One round of the clock process, without its drain."""
        ends.settle(self.post)
        watch.look(self.post)
        asking.drain(self.post, never)

    def send(self) -> int:
        return sending.drain(self.post, never)

    def work(self, **time: float) -> int:
        """Some time later a round of upkeep and a drain; how many messages were tried."""
        self.wait(**time)
        self.upkeep()
        return self.send()

    def receipt(
        self,
        state: ReceiptState,
        message: str = "",
        ref: str = "",
        *,
        phone: str = "",
        detail: str = "",
        channel: str = "sms",
        opted_out: bool = False,
    ) -> bool:
        told = Receipt(channel, state, self.now, message, ref, phone, detail, opted_out)
        return sending.receive(self.post, told)

    # --- what is there -----------------------------------------------------------------------

    def state(self, message: str) -> str:
        return self.value("state", message)

    def value(self, column: str, message: str) -> str:
        """One column of a message, written out."""
        with self.engine.connect() as tx:
            query = text(f"SELECT {column}::text FROM outbox WHERE id = :id")
            return str(tx.execute(query, {"id": message}).scalar_one())

    def states(self) -> list[str]:
        with self.engine.connect() as tx:
            return list(tx.execute(text("SELECT state FROM outbox ORDER BY number")).scalars())

    def history(self, message: str) -> list[str]:
        with self.engine.connect() as tx:
            return [change.state for change in messages.history(tx, message)]

    def claim(self) -> Claimed:
        """The next message, claimed by a process that does nothing more."""
        turn = Gate(self.post).next()
        assert turn is not None
        assert turn.claimed is not None
        return turn.claimed

    def alarms(self) -> list[Alarm]:
        with self.engine.connect() as tx:
            return still_open(tx)

    def alarmed(self) -> list[str]:
        """The open alarms as `kind subject`."""
        return sorted(f"{one.kind} {one.subject}" for one in self.alarms())

    def told(self) -> list[str]:
        """The texts of the alarms that were queued for operators."""
        with self.engine.connect() as tx:
            query = "SELECT text FROM outbox WHERE purpose = 'alarm' ORDER BY number"
            return list(tx.execute(text(query)).scalars())

    def stopped(self, number: str = PHONE) -> bool:
        with self.engine.connect() as tx:
            return people.by_id(tx, self.contact(number)).stopped


def never() -> bool:
    return False


def busy(times: int = 1) -> list[TryLater]:
    return [TryLater("busy") for _ in range(times)]


def cut(times: int = 1) -> list[FateUnknown]:
    return [FateUnknown("cut off") for _ in range(times)]
