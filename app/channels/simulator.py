"""The phone page's channel: Africa's Talking's USSD form, Kannel's SMS fields, no network.

Whoever can post to a gateway's hook can post the same request here, so a tester's script and the
phone page exercise the code that production uses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from app.channels.base import Ability, Channel, Hook, HookAnswer, HookRequest
from app.channels.forms import (
    MAX_ID,
    clean,
    con_or_end,
    expect_hook,
    given,
    merged,
    sms_inbound,
    ussd_inbound,
)
from app.channels.options import Options, read_options
from app.errors import Malformed
from app.settings import ChannelConfig
from app.words import Inbound, Limits, Outgoing, Reply, Sent


class Simulator(Channel):
    """Kind "simulator"."""

    hooks: frozenset[Hook] = frozenset({"ussd", "sms"})
    abilities: frozenset[Ability] = frozenset({"send"})

    def __init__(self, config: ChannelConfig) -> None:
        super().__init__(config)
        read_options(config, Options)

    def parse(self, request: HookRequest, now: datetime) -> tuple[Inbound, ...]:
        expect_hook(self.config, self.hooks, request)
        if request.hook == "ussd":
            return (_wished(ussd_inbound(self.config, request, now), request.form),)
        fields = merged(request)
        return (sms_inbound(self.config, fields, given(fields, "text"), now),)

    def answer(
        self, hook: Hook, inbound: Inbound | None = None, reply: Reply | None = None
    ) -> HookAnswer:
        return con_or_end(reply) if reply else super().answer(hook)

    def send(self, outgoing: Outgoing) -> Sent:
        """Delivered at once: the phone page's inbox shows the outbox."""
        return Sent(state="delivered")


# The largest USSD string (3GPP TS 24.080: 160 octets) and screens too small to use.
SIZES: Final = {"gsm7": (60, 182), "ucs2": (40, 80)}
_SIZE = re.compile("[0-9]{1,3}")


def _wished(inbound: Inbound, fields: Mapping[str, str]) -> Inbound:
    """A tester's choice of language and of the screen's size, for this session."""
    language = clean(fields.get("language", ""))[:MAX_ID] or None
    if not any(fields.get(name) for name in SIZES):
        return replace(inbound, language=language)
    usual = Limits()
    sizes = {name: _size(fields, name, getattr(usual, name)) for name in SIZES}
    return replace(inbound, language=language, limits=Limits(**sizes))


def _size(fields: Mapping[str, str], name: str, usual: int) -> int:
    written = fields.get(name) or str(usual)
    least, most = SIZES[name]
    if not (_SIZE.fullmatch(written) and least <= int(written) <= most):
        raise Malformed(f"the field {name} is no size from {least} to {most}")
    return int(written)
