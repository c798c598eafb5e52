"""Any operator's or aggregator's HTTP interface, by configuration alone: docs/gateway-http.md.

The tables are described next to what they do: proof in `http_proof`, receive in `http_receiving`,
send, push, ask and oauth in `http_sending`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from app.channels import http_arrivals, http_outcomes
from app.channels.base import Ability, Channel, Hook, HookAnswer, HookRequest, hook_path, hook_url
from app.channels.forms import clean, expect_hook
from app.channels.http_calls import Caller
from app.channels.http_options import HttpOptions
from app.channels.http_proof import check_proof
from app.channels.http_receiving import UssdSection
from app.channels.http_sections import AnswerSection, ScreenSection
from app.channels.http_sending import PushSection, SendSection
from app.channels.http_templates import Value, Values
from app.channels.options import read_options
from app.errors import ConfigError, FateUnknown, TryLater
from app.settings import ChannelConfig
from app.text.encoding import encoding_of
from app.words import Arrived, Asked, Fate, Inbound, Outgoing, Reply, Sent

# The country code of Lao PDR, before a number that is long enough to have one.
_COUNTRY: Final = re.compile(r"^\+?856(?=\d{7})")


class Http(Channel):
    """Kind "http". Its hooks and abilities are those that its section describes."""

    def __init__(self, config: ChannelConfig) -> None:
        super().__init__(config)
        self._options = read_options(config, HttpOptions)
        _check_whole(config, self._options)
        self.hooks = frozenset(name for name, _ in self._options.receive.hooks())
        self.abilities = frozenset(_abilities(self._options))
        self._caller = Caller(self._options)
        self._receipt_url = _receipt_url(config, self._options)
        self.signs_body = self._options.proof.hmac is not None

    def authentic(self, request: HookRequest, now: datetime) -> None:
        options = self._options
        secrets = (
            options.basic_password.get_secret_value(),
            options.hmac_secret.get_secret_value(),
        )
        check_proof(self.config, options.proof, secrets, request, now)

    def parse(self, request: HookRequest, now: datetime) -> tuple[Arrived, ...]:
        expect_hook(self.config, self.hooks, request)
        receive = self._options.receive
        if request.hook == "sms" and receive.sms is not None:
            document = http_arrivals.opened(receive.sms, request)
            return http_arrivals.messages(self.config, receive.sms, document, now)
        if request.hook == "receipt" and receive.receipt is not None:
            document = http_arrivals.opened(receive.receipt, request)
            return http_arrivals.receipts(self.config, receive.receipt, document, now)
        assert receive.ussd is not None
        document = http_arrivals.opened(receive.ussd, request)
        return (http_arrivals.ussd(self.config, receive.ussd, document, now),)

    def answer(
        self, hook: Hook, inbound: Inbound | None = None, reply: Reply | None = None
    ) -> HookAnswer:
        """The screen, where the ussd table has one; else what says that it was taken."""
        section = dict(self._options.receive.hooks()).get(hook)
        if section is None:
            return super().answer(hook, inbound, reply)
        if isinstance(section, UssdSection) and section.screen and reply:
            return _answered(section.screen, _shown(section, section.screen, inbound, reply))
        return _answered(section.answer, {"id": inbound.provider_id if inbound else ""})

    def push(self, inbound: Inbound, reply: Reply) -> None:
        section = self._options.push
        if section is None:
            return super().push(inbound, reply)
        answer = self._caller.call("push", section, self._pushed(section, inbound, reply))
        problem = http_outcomes.problem("push", section, answer)
        if problem is not None:
            raise problem
        return None

    def send(self, outgoing: Outgoing) -> Sent:
        section = self._options.send
        if section is None:
            return super().send(outgoing)
        answer = self._caller.call("send", section, self._sent(section, outgoing))
        problem = http_outcomes.problem("send", section, answer)
        if problem is not None:
            raise problem
        return Sent(http_outcomes.reference(section.ref, answer.document))

    def fate(self, asked: Asked) -> Fate:
        section = self._options.ask
        if section is None or (section.needs == "ref" and not asked.provider_ref):
            return super().fate(asked)
        values = {
            "id": asked.outgoing.id,
            "provider_ref": asked.provider_ref,
            **_to(asked.outgoing.to),
        }
        try:
            answer = self._caller.call("ask", section, values)
        except FateUnknown as silence:
            # A question that was lost has done nothing.
            raise TryLater(str(silence)) from None
        return http_outcomes.fate(section, answer)

    def _sent(self, section: SendSection, outgoing: Outgoing) -> Values:
        text = clean(outgoing.text)
        encoding = encoding_of(text)
        return {
            "id": outgoing.id,
            "text": text,
            "text_hex": text.encode("utf-16-be").hex().upper(),
            "coding": section.coding[encoding],
            "encoding": encoding,
            "segments": outgoing.segments,
            "receipt_url": self._receipt_url,
            **_to(outgoing.to),
        }

    def _pushed(self, section: PushSection, inbound: Inbound, reply: Reply) -> Values:
        ussd = self._options.receive.ussd
        assert ussd is not None
        code = {"from": inbound.to} if inbound.to else {}
        return {**_shown(ussd, section, inbound, reply), **_to(inbound.sender), **code}


def _check_whole(config: ChannelConfig, options: HttpOptions) -> None:
    """What no table can see alone."""
    where = f"config/siang.toml: channels.{config.name}"
    receive = options.receive
    if options.send is None and not list(receive.hooks()):
        raise ConfigError(
            f"{where}: neither sends nor receives", "Give it send, or one of receive.*"
        )
    if receive.ussd is not None and receive.ussd.screen is None and options.push is None:
        raise ConfigError(
            f"{where}.receive.ussd: no screen would ever be shown",
            "Give it a screen, which answers the request, or give the channel a push table",
        )


def _abilities(options: HttpOptions) -> Iterator[Ability]:
    """Who reports the end of each message need not be asked for it."""
    reports = options.receive.receipt is not None
    if options.send is not None:
        yield "send"
    if options.push is not None:
        yield "push"
    if reports:
        yield "receipts"
    if options.ask is not None and options.ask.needs == "id":
        yield "fate"
    if options.ask is not None and (options.ask.needs == "ref" or not reports):
        yield "status"


def _receipt_url(config: ChannelConfig, options: HttpOptions) -> str:
    reached = replace(config, base_url=options.callback_url.rstrip("/") or config.base_url)
    in_url = options.proof.token and not options.proof.token_header
    return hook_url(reached, "receipt") if in_url else hook_path(reached, "receipt")


def _to(phone: str) -> dict[str, Value]:
    """The number as E.164 writes it and in the two forms that providers ask for."""
    plain = phone.removeprefix("+")
    return {"to": phone, "to_no_plus": plain, "to_national": _COUNTRY.sub("", phone)}


def _shown(
    ussd: UssdSection, words: ScreenSection | PushSection, inbound: Inbound | None, reply: Reply
) -> dict[str, Value]:
    """What the template of a screen may use."""
    kept = inbound.context if inbound is not None else {}
    return {
        "session": inbound.session if inbound is not None else "",
        "text": clean(reply.text),
        "action": words.ends if reply.ends else words.goes_on,
        **{f"context.{name}": kept.get(name, "") for name in ussd.context},
    }


def _answered(section: AnswerSection, values: Values) -> HookAnswer:
    return HookAnswer(section.text(values), section.status, section.type)
