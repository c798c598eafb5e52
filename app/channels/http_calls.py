"""One call to a provider: the request as its table says, and the answer as a document."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import httpx

from app import clock
from app.channels import http_documents
from app.channels.calls import NEVER_LEFT, new_client
from app.channels.http_documents import Document, TextDocument
from app.channels.http_options import SECRETS, HttpOptions
from app.channels.http_sections import variables
from app.channels.http_sending import RequestSection, TokenSection
from app.channels.http_templates import Values
from app.channels.waits import retry_after
from app.errors import FateUnknown, TryLater

CONNECT_SECONDS: Final = 3.0
# A token is not used in its last minute: the call that carries it takes time.
SPARE_SECONDS: Final = 60.0
# What httpx itself refuses to send, before anything left.
NEVER_MADE: Final = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered; `after` is its Retry-After."""

    status: int
    document: Document = field(repr=False)
    after: timedelta | None = None

    @property
    def is_2xx(self) -> bool:
        return 200 <= self.status < 300


class Caller:
    """The calls of one channel. Threads share it."""

    def __init__(self, options: HttpOptions) -> None:
        self._values: Values = {
            "from": options.sender,
            "username": options.username,
            "client_id": options.client_id,
            **{f"secret.{name}": getattr(options, name).get_secret_value() for name in SECRETS},
        }
        self._oauth = options.oauth
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._token = ""
        self._token_ends = 0.0

    def call(self, name: str, section: RequestSection, values: Values) -> Answer:
        """Ask once; a second time where the token had become invalid (401 takes no message).

        Raises TryLater where the request never left, FateUnknown where no answer came.
        """
        if "token" not in variables(section):
            return self._ask(name, section, values)
        token = self._valid_token()
        answer = self._ask(name, section, {**values, "token": token})
        if answer.status != 401:
            return answer
        self._forget(token)
        return self._ask(name, section, {**values, "token": self._valid_token()})

    def _ask(self, name: str, section: RequestSection, values: Values) -> Answer:
        every = {**self._values, **values}
        try:
            response = self._open_client().request(
                section.method,
                _url(section, every),
                headers=_headers(section, every),
                content=b"" if section.method == "GET" else section.content(every).encode(),
                auth=_login(section, every),
                timeout=httpx.Timeout(section.timeout_seconds, connect=CONNECT_SECONDS),
            )
        except NEVER_LEFT as error:
            raise TryLater(f"{name}.url cannot be reached ({type(error).__name__})") from None
        except NEVER_MADE as error:
            raise TryLater(f"{name} makes no valid request ({type(error).__name__})") from None
        except httpx.HTTPError as error:
            # The class alone: the error's own words and request hold the URL.
            raise FateUnknown(f"{name}.url did not answer ({type(error).__name__})") from None
        return Answer(
            status=response.status_code,
            document=_document(section, response),
            after=retry_after(response.headers.get("Retry-After"), clock.now()),
        )

    def _valid_token(self) -> str:
        """The token, a new one in its last minute. Raises TryLater: without one nothing left."""
        assert self._oauth is not None
        with self._lock:
            if not self._token or time.monotonic() >= self._token_ends:
                self._token, lifetime = self._new_token(self._oauth)
                self._token_ends = time.monotonic() + lifetime - SPARE_SECONDS
            return self._token

    def _new_token(self, section: TokenSection) -> tuple[str, float]:
        try:
            answer = self._ask("oauth", section, {})
        except FateUnknown as silence:
            raise TryLater(str(silence)) from None
        token = section.token.value(answer.document)
        if not (answer.is_2xx and token):
            raise TryLater(
                f"oauth.url gave no token ({answer.status}): mend the channel's client_id and "
                "client_secret",
                answer.after,
            )
        return token, _seconds(section, answer.document)

    def _forget(self, token: str) -> None:
        """Another thread may have a newer one by now."""
        with self._lock:
            if self._token == token:
                self._token = ""

    def _open_client(self) -> httpx.Client:
        if self._client is None:
            self._client = new_client()
        return self._client


def _url(section: RequestSection, values: Values) -> str:
    url = section.url.filled(values, "url")
    if section.method != "GET" or not section.has_body:
        return url
    return f"{url}{'&' if '?' in url else '?'}{section.content(values)}"


def _headers(section: RequestSection, values: Values) -> Mapping[bytes, bytes]:
    given = {name.encode(): one.header(values) for name, one in section.headers.items()}
    named = any(name.lower() == b"content-type" for name in given)
    if section.method == "GET" or not section.has_body or named:
        return given
    return {b"Content-Type": section.type.encode(), **given}


def _login(section: RequestSection, values: Values) -> httpx.BasicAuth | None:
    if section.auth != "basic":
        return None
    return httpx.BasicAuth(str(values["username"]), str(values["secret.password"]))


def _document(section: RequestSection, response: httpx.Response) -> Document:
    """What is not what it should be is a text: an error page of a proxy, for example."""
    try:
        return http_documents.read(section.reads, response.content, {}, {})
    except ValueError:
        return TextDocument(response.text, {})


def _seconds(section: TokenSection, document: Document) -> float:
    try:
        return float(section.expires.value(document) or section.lifetime_seconds)
    except ValueError:
        return section.lifetime_seconds
