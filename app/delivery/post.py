"""What sending needs at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from app import clock
from app.channels.base import Ability, Channel
from app.delivery.mail import Mail
from app.delivery.purse import Purse
from app.errors import ConfigError, NotAPhoneNumber
from app.people.vault import Sealed, Vault
from app.sections import BudgetSection, DeliverySection
from app.storage.outbox import LEASE, Claimed
from app.text.numbers import e164
from app.words import Language, Outgoing


@dataclass(frozen=True, slots=True)
class Post:
    """Database, channels and rules; one a process. `waits` lie between a message's attempts.

    Raises ConfigError where a canary's number is none.
    """

    engine: Engine
    mail: Mail
    channels: Mapping[str, Channel]
    delivery: DeliverySection
    budget: BudgetSection
    sentences: Mapping[Language, Mapping[str, str]] = field(default_factory=dict)
    purse: Purse = field(default_factory=Purse, repr=False)
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

    def __post_init__(self) -> None:
        self.canaries()

    @property
    def vault(self) -> Vault:
        return self.mail.vault

    def able(self, ability: Ability) -> list[str]:
        """The channels that have it."""
        return [name for name, one in self.channels.items() if ability in one.abilities]

    def canaries(self) -> dict[str, str]:
        """The channels that are tried every day, and the numbers of ours that they are tried on."""
        return {
            name: _canary(name, self.channels[name].config.canary_to)
            for name in self.able("send")
            if self.channels[name].config.canary_to
        }

    def outgoing(self, message: Claimed) -> Outgoing:
        """A stored message with its number. Raises ConfigError where the keys do not open it."""
        sealed = Sealed(bytes(message.phone_hash), bytes(message.phone_cipher))
        to = self.vault.open(sealed)
        return Outgoing(message.id, message.channel, to, message.text, message.segments)

    def price(self, outgoing: Outgoing, segments: int) -> int:
        """What so many segments to its number cost, in kip."""
        return segments * self.mail.router.price(outgoing.channel, outgoing.to)


def _canary(channel: str, written: str) -> str:
    try:
        return e164(written)
    except NotAPhoneNumber:
        raise ConfigError(
            f"config/siang.toml: channels.{channel}.canary_to is no phone number",
            "Write a number of yours as in +85620 55 512 345",
        ) from None
