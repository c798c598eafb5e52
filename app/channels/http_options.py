"""The keys of a section of kind "http", checked as a whole: see docs/gateway-http.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from app.channels.http_proof import ProofSection
from app.channels.http_receiving import ReceiveSection
from app.channels.http_sections import Section, all_templates, variables, wrong
from app.channels.http_sending import (
    AskSection,
    PushSection,
    RequestSection,
    SendSection,
    TokenSection,
)
from app.channels.options import Options

Names = frozenset[str]
AnyRequest = RequestSection | None
SECRETS: Final = ("api_key", "api_secret", "client_secret", "password")
_OURS: Final[Names] = frozenset({"username", "client_id"} | {f"secret.{name}" for name in SECRETS})
_TO: Final[Names] = frozenset({"to", "to_no_plus", "to_national", "from", "token"})
_SMS: Final[Names] = frozenset(
    {"id", "text", "text_hex", "coding", "segments", "encoding", "receipt_url"}
)
KNOWN: Final[Mapping[str, Names]] = {
    "oauth": _OURS,
    "send": _OURS | _TO | _SMS,
    "push": _OURS | _TO | {"session", "text", "action"},
    "ask": _OURS | _TO | {"id", "provider_ref"},
}
"""Which variables each call has; push has what the ussd hook keeps as its context, too."""

ANSWERS: Final[Names] = frozenset({"id"})
SCREEN: Final[Names] = frozenset({"session", "text", "action"})


class HttpOptions(Options):
    """The secrets come from the environment, as SIANG_CHANNEL_<NAME>_<KEY>."""

    api_key: SecretStr = SecretStr("")
    api_secret: SecretStr = SecretStr("")
    client_secret: SecretStr = SecretStr("")
    password: SecretStr = SecretStr("")
    basic_password: SecretStr = SecretStr("")
    hmac_secret: SecretStr = SecretStr("")

    sender: str = ""
    username: str = ""
    client_id: str = ""
    # Where the provider reaches us, where that is not the public URL.
    callback_url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+)?$")] = ""

    proof: ProofSection = ProofSection()
    receive: ReceiveSection = ReceiveSection()
    oauth: TokenSection | None = None
    send: SendSection | None = None
    push: PushSection | None = None
    ask: AskSection | None = None

    @field_validator("proof")
    @classmethod
    def _has_its_secrets(cls, proof: ProofSection, info: ValidationInfo) -> ProofSection:
        if proof.basic_user:
            _needs_secret("basic_user", "basic_password", info.data)
        if proof.hmac is not None:
            _needs_secret("hmac", "hmac_secret", info.data)
        return proof

    @field_validator("receive")
    @classmethod
    def _answers(cls, receive: ReceiveSection) -> ReceiveSection:
        for name, hook in receive.hooks():
            _only(f"{name}.answer", hook.answer, ANSWERS if name == "sms" else frozenset())
        ussd = receive.ussd
        if ussd is not None and ussd.screen is not None:
            _only("ussd.screen", ussd.screen, SCREEN | _context(receive))
        return receive

    @field_validator("oauth", "send", "push", "ask")
    @classmethod
    def _has_its_values(cls, section: AnyRequest, info: ValidationInfo) -> AnyRequest:
        if section is None:
            return None
        receive = info.data.get("receive") or ReceiveSection()
        more = _context(receive) if info.field_name == "push" else frozenset()
        _only("", section, KNOWN[info.field_name or ""] | more)
        _has_values(section, info.data)
        return section

    @field_validator("send")
    @classmethod
    def _is_told(cls, send: SendSection | None, info: ValidationInfo) -> SendSection | None:
        receive = info.data.get("receive")
        told = receive is None or receive.receipt is not None
        if send is not None and "receipt_url" in variables(send) and not told:
            raise wrong("uses {{receipt_url}}, and there is no receive.receipt")
        return send

    @field_validator("push")
    @classmethod
    def _goes_one_way(cls, push: PushSection | None, info: ValidationInfo) -> PushSection | None:
        receive = info.data.get("receive")
        alone = receive is None or (receive.ussd is not None and receive.ussd.screen is None)
        if push is not None and not alone:
            raise wrong("needs receive.ussd without a screen: a screen goes one way")
        return push

    @field_validator("ask")
    @classmethod
    def _knows_whom(cls, ask: AskSection | None, info: ValidationInfo) -> AskSection | None:
        send = info.data.get("send")
        if ask is not None and ask.needs == "ref" and (send is None or send.ref is None):
            raise wrong("needs the provider's id: give send.ref")
        return ask


def _only(key: str, section: Section, known: Names) -> None:
    """Refuse variables that there are not here."""
    for place, template in all_templates(section):
        unknown = template.names - known
        if unknown:
            words = ", ".join(f"{{{{{name}}}}}" for name in sorted(unknown))
            where = f"{key}.{place}".lstrip(".")
            raise wrong(f"{where}: there is no {words}; known are {', '.join(sorted(known))}")


def _has_values(section: RequestSection, given: Mapping[str, Any]) -> None:
    """Refuse variables for which the channel has no value."""
    names = variables(section)
    if section.auth == "basic":
        names |= {"username", "secret.password"}
    for name in SECRETS:
        if f"secret.{name}" in names:
            _needs_secret(f"{{{{secret.{name}}}}}", name, given)
    for variable, key in (("from", "sender"), ("username", "username"), ("client_id", "client_id")):
        if variable in names and not given.get(key):
            raise wrong(f"uses {{{{{variable}}}}}, and {key} is not set")
    # An oauth table that is itself wrong is not among what was given.
    if "token" in names and given.get("oauth", section) is None:
        raise wrong("uses {{token}}, and there is no oauth table")


def _needs_secret(what: str, key: str, given: Mapping[str, Any]) -> None:
    secret = given.get(key)
    if not isinstance(secret, SecretStr) or not secret.get_secret_value():
        raise wrong(f"uses {what}, and {key} is not set in the environment")


def _context(receive: ReceiveSection) -> Names:
    kept = receive.ussd.context if receive.ussd is not None else {}
    return frozenset(f"context.{name}" for name in kept)
