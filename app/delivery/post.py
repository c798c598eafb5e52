"""What sending needs at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from app import clock
from app.channels.base import Ability, Channel
from app.delivery.mail import Mail
from app.people.vault import Sealed, Vault
from app.sections import BudgetSection, DeliverySection
from app.storage.outbox import LEASE
from app.words import Language, Outgoing


@dataclass(frozen=True, slots=True)
class Post:
    """Database, channels and rules; one a process. `waits` lie between a message's attempts."""

    engine: Engine
    mail: Mail
    channels: Mapping[str, Channel]
    delivery: DeliverySection
    budget: BudgetSection
    sentences: Mapping[Language, Mapping[str, str]] = field(default_factory=dict)
    now: Callable[[], datetime] = clock.now
    lease: timedelta = LEASE
    # About 8 hours in all; after the last the message is dead.
    waits: tuple[timedelta, ...] = (
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(minutes=30),
        timedelta(hours=1),
        timedelta(hours=2),
        timedelta(hours=4),
    )

    @property
    def vault(self) -> Vault:
        return self.mail.vault

    def able(self, ability: Ability) -> list[str]:
        """The channels that have it."""
        return [name for name, one in self.channels.items() if ability in one.abilities]

    def outgoing(
        self, message_id: str, channel: str, text: str, segments: int, hashed: bytes, cipher: bytes
    ) -> Outgoing:
        """A stored message with its number. Raises ConfigError where the keys do not open it."""
        to = self.vault.open(Sealed(bytes(hashed), bytes(cipher)))
        return Outgoing(message_id, channel, to, text, segments)
