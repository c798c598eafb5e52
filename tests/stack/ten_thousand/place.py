"""What every process of the trial opens: a post with one channel, and a clock that runs fast."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import RawValue

from app.channels import open_channels
from app.delivery.mail import Mail
from app.delivery.post import Post
from app.delivery.routing import Router
from app.people.vault import Vault
from app.sections import BudgetSection, DeliverySection
from app.settings import ChannelConfig
from app.storage.database import open_engine

FASTER = 60
VAULT = Vault(b"p" * 32, b"h" * 32)


@dataclass(frozen=True)
class FastClock:
    """All processes' clock: a minute takes a second, and it may be put forward.

    So each wait of the product is gone through, the half minute and the hours alike. Rates are not
    kept by it: a second of theirs is a second.
    """

    start: datetime = field(default_factory=lambda: datetime.now(UTC))
    begun: float = field(default_factory=time.monotonic)
    ahead: ctypes.c_double = field(default_factory=lambda: RawValue(ctypes.c_double, 0.0))

    def __call__(self) -> datetime:
        passed = (time.monotonic() - self.begun) * FASTER + self.ahead.value
        return self.start + timedelta(seconds=passed)

    def put_forward(self, by: timedelta) -> None:
        self.ahead.value += by.total_seconds()


@dataclass(frozen=True)
class Place:
    """Where database and provider are."""

    database: str
    channel: ChannelConfig
    clock: FastClock

    def open(self) -> Post:
        name = self.channel.name
        # From an hour to the same hour: no time is quiet.
        delivery = DeliverySection(sms_channel=name, quiet_from=8, quiet_until=8)
        return Post(
            engine=open_engine(self.database, pool=1),
            mail=Mail(VAULT, Router(delivery, {name: self.channel})),
            channels=open_channels({name: self.channel}),
            delivery=delivery,
            budget=BudgetSection(),
            now=self.clock,
        )
