"""The phone page's channel: Africa's Talking's USSD form, Kannel's SMS fields, no network.

Whoever can post to a gateway's hook can post the same request here, so a tester's script and the
phone page exercise the code that production uses.
"""

from __future__ import annotations

from datetime import datetime

from app.channels.africastalking import ussd_answer
from app.channels.base import Hook, HookAnswer, HookRequest, check_token
from app.channels.forms import expect_hook, merged, sms_inbound, ussd_inbound
from app.channels.options import Options, read_options
from app.errors import Malformed
from app.settings import ChannelConfig
from app.words import Inbound, Outgoing, Receipt, Reply, Sent


class Simulator:
    """Kind "simulator"."""

    hooks: frozenset[Hook] = frozenset({"ussd", "sms"})

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        read_options(config, Options)

    def authentic(self, request: HookRequest) -> None:
        check_token(self.config, request)

    def parse(self, request: HookRequest, now: datetime) -> Inbound:
        expect_hook(self.config, self.hooks, request)
        if request.hook == "ussd":
            return ussd_inbound(self.config, request, now)
        fields = merged(request)
        return sms_inbound(self.config, fields, fields.get("text", ""), now)

    def parse_receipt(self, request: HookRequest, now: datetime) -> Receipt | None:
        raise Malformed("the simulator has no receipts: what it sends has arrived")

    def answer(self, reply: Reply | None) -> HookAnswer:
        return ussd_answer(reply)

    def send(self, outgoing: Outgoing) -> Sent:
        """Delivered at once: the phone page's inbox shows the outbox."""
        return Sent(state="delivered")
