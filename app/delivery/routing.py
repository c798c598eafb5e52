"""Which channel carries a message to a number. No number moves between networks in Lao PDR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from app.sections import DeliverySection
from app.settings import ChannelConfig

LOOPBACK = "simulator"


@dataclass(frozen=True)
class Router:
    """`carriers` are the channels that carry SMS, by name."""

    delivery: DeliverySection
    carriers: Mapping[str, ChannelConfig]

    def candidates(self, number: str, came_by: str = "") -> tuple[str, ...]:
        """The channels for a number in E.164, the best first; never none.

        An answer goes back the way its question came. What came from the phone page stays there,
        and nothing meant for a network falls back to it.
        """
        if self.is_loopback(came_by):
            return (came_by,)
        wanted = dict.fromkeys(one for one in self._wanted(number, came_by) if self._carries(one))
        real = tuple(one for one in wanted if not self.is_loopback(one))
        return real or tuple(wanted) or (self.delivery.sms_channel,)

    def first(self, came_by: str) -> str | None:
        """The best channel where that depends on no number."""
        if self._carries(came_by):
            return came_by
        if self.delivery.routes:
            return None
        return self.candidates("")[0]

    def anyhow(self, number: str) -> tuple[str, ...]:
        """The candidates, and after them every other network: for what must not be lost."""
        others = (one for one in sorted(self.carriers) if not self.is_loopback(one))
        return tuple(dict.fromkeys((*self.candidates(number), *others)))

    def price(self, channel: str, number: str) -> int:
        """What a segment to the number costs, in kip."""
        config = self.carriers.get(channel)
        if config is None:
            return 0
        fitting = [one for one in config.prefix_kip if _digits(number).startswith(one)]
        return config.prefix_kip[max(fitting, key=len)] if fitting else config.segment_kip

    def is_loopback(self, channel: str) -> bool:
        """Whether it ends on the phone page, not in a network."""
        config = self.carriers.get(channel)
        return config is not None and config.kind == LOOPBACK

    def _wanted(self, number: str, came_by: str) -> Iterator[str]:
        yield came_by
        for prefix, channels in self._routes:
            if _digits(number).startswith(prefix):
                yield from channels
                break
        yield self.delivery.sms_channel
        yield from self.delivery.fallbacks

    @cached_property
    def _routes(self) -> list[tuple[str, list[str]]]:
        """Longest prefix first."""
        every = [
            (_digits(prefix), route.channels)
            for route in self.delivery.routes
            for prefix in route.prefixes
        ]
        return sorted(every, key=lambda one: -len(one[0]))

    def _carries(self, channel: str) -> bool:
        return channel in self.carriers


def _digits(number: str) -> str:
    return number.removeprefix("+")
