"""The tables [channels.NAME.send], .push, .ask and .oauth: the calls to a provider."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, model_validator

from app.channels.http_sections import (
    Condition,
    Filling,
    Finding,
    Text,
    Writes,
    Writing,
    check_body,
    check_places,
    written,
    wrong,
)
from app.channels.http_templates import Template, Tree, Values, tree
from app.text.encoding import Encoding
from app.words import ReceiptState

# The host is no template's, so nothing that arrives can choose whom we call; a login stands in
# the environment, not before an @.
_URL = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?(?:[/?][^\s#]*)?")
_CLIENT_CREDENTIALS: Tree = tree(
    {
        "grant_type": "client_credentials",
        "client_id": "{{client_id}}",
        "client_secret": "{{secret.client_secret}}",
    }
)


def _url(given: object) -> Template:
    if not isinstance(given, str) or not _URL.fullmatch(given):
        raise wrong("is no http:// or https:// address with a fixed host and without a login")
    try:
        return Template(given)
    except ValueError as error:
        raise wrong(str(error)) from None


class RequestSection(Writing):
    """One call: what is asked, and as what the answer is read."""

    url: Annotated[Template, PlainValidator(_url)]
    method: Literal["GET", "POST", "PUT"] = "POST"
    headers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")], Text] = {}
    format: Writes = "json"
    # basic: `username` and the secret `password`.
    auth: Literal["none", "basic"] = "none"
    reads: Literal["json", "xml", "text"] = "json"
    timeout_seconds: Annotated[float, Field(ge=0.1, le=60)] = 10.0

    @model_validator(mode="after")
    def _can_be_asked(self) -> RequestSection:
        check_places(self, self.reads)
        if self.method == "GET" and self.format != "urlencoded" and self.has_body:
            raise wrong("a GET has a body of the format urlencoded, which becomes its query")
        return self

    @property
    def has_body(self) -> bool:
        return not isinstance(self.body, Template) or bool(self.body.written)

    def content(self, values: Values) -> str:
        """The body for these values."""
        return self.text(values)


class OutcomeSection(RequestSection):
    """A call that hands something over: what its answer means. Refusals are looked for first."""

    success: list[Condition] = []
    refused: list[Condition] = []
    opted_out: list[Condition] = []
    busy: list[Condition] = []
    # Whether a provider that answers 5xx may have taken the message all the same.
    error_means: Literal["unknown", "not_taken"] = "unknown"


class SendSection(OutcomeSection):
    """One SMS. `body_ucs2` is for texts that GSM-7 cannot write, where that is another body."""

    body_ucs2: Filling | None = None
    coding: Mapping[Encoding, str | int] = {"GSM-7": 0, "UCS-2": 8}
    ref: Finding | None = None

    @model_validator(mode="after")
    def _codes_both(self) -> SendSection:
        if len(self.coding) < 2:
            raise wrong("coding: needs GSM-7 and UCS-2")
        if self.body_ucs2 is not None:
            check_body("body_ucs2", self.format, self.body_ucs2)
        return self

    def content(self, values: Values) -> str:
        if self.body_ucs2 is None or values["encoding"] == "GSM-7":
            return self.text(values)
        return written(self, self.body_ucs2, values)


class PushSection(OutcomeSection):
    """One USSD screen; `{{action}}` is one of the two words."""

    goes_on: str | int = ""
    ends: str | int = ""


class AskSection(RequestSection):
    """What became of a message. `needs` says by whose id the provider is asked."""

    needs: Literal["ref", "id"]
    # Where neither is given, an answer 2xx with a `state` is about the message.
    found: list[Condition] = []
    absent: list[Condition] = []
    state: Finding | None = None
    states: dict[str, ReceiptState] = {}
    ref: Finding | None = None
    detail: Finding | None = None

    @model_validator(mode="after")
    def _says_something(self) -> AskSection:
        if self.states and self.state is None:
            raise wrong("states needs the place of the state")
        if not (self.found or self.absent or self.state):
            raise wrong("needs found, absent or state")
        return self


class TokenSection(RequestSection):
    """OAuth 2 client credentials (RFC 6749 §4.4): `{{token}}` for the other calls."""

    format: Writes = "urlencoded"
    body: Filling = _CLIENT_CREDENTIALS
    token: Finding = Field(default="access_token", validate_default=True)
    expires: Finding = Field(default="expires_in", validate_default=True)
    # Where the answer does not say it.
    lifetime_seconds: Annotated[int, Field(ge=60, le=86_400)] = 600
