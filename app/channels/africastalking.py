"""Africa's Talking: USSD.

Callbacks are not signed (no signature header in its documentation or its SDK), so the token in
the URL is the only proof and `phoneNumber` is a claim, not an identity.
"""

from __future__ import annotations

from datetime import datetime

from app.channels.base import Hook, HookAnswer, HookRequest, check_token
from app.channels.forms import expect_hook, ussd_inbound
from app.channels.options import Options, read_options
from app.errors import Malformed, Refused
from app.settings import ChannelConfig
from app.words import Inbound, Outgoing, Receipt, Reply, Sent


class AfricasTalking:
    """Kind "africastalking". SMS would be the hooks "sms" and "receipt", and `send`."""

    hooks: frozenset[Hook] = frozenset({"ussd"})

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        read_options(config, Options)

    def authentic(self, request: HookRequest) -> None:
        check_token(self.config, request)

    def parse(self, request: HookRequest, now: datetime) -> Inbound:
        expect_hook(self.config, self.hooks, request)
        return ussd_inbound(self.config, request, now)

    def parse_receipt(self, request: HookRequest, now: datetime) -> Receipt | None:
        raise Malformed("africastalking has no receipt hook yet")

    def answer(self, reply: Reply | None) -> HookAnswer:
        return ussd_answer(reply)

    def send(self, outgoing: Outgoing) -> Sent:
        raise Refused("africastalking carries no SMS yet: name another channel as sms_channel")


def ussd_answer(reply: Reply | None) -> HookAnswer:
    """`CON ` keeps the session open, `END ` closes it; any other beginning makes it an error."""
    if reply is None:
        return HookAnswer("OK")
    return HookAnswer(("END " if reply.ends else "CON ") + reply.text)
