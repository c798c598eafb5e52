"""A provider on 127.0.0.1: a real HTTP server with a kind's own behaviour, and faults on demand.

A fake provider inherits `Provider` and answers in `respond`. What it does wrong comes from
`faults`, one for each call in turn; without one it behaves.
"""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit

Fault = Literal["slow", "error", "busy", "hang", "drop", "drop_after"]
"""`slow`: behaves, after `slowness` seconds. `error`: 500. `busy`: 429 with Retry-After: 1.
`hang`: takes nothing and never answers. `drop`: closes the connection before it took anything.
`drop_after`: takes the message, then closes the connection without an answer."""


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Response:
    status: int = 200
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Provider:
    """What every fake provider has. `calls` holds all requests, refused and dropped ones too."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    faults: deque[Fault | None] = field(default_factory=deque)
    slowness: float = 0.5
    changed: threading.Condition = field(default_factory=threading.Condition)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    def respond(self, call: Call) -> Response:
        """Take the call and answer it. Called with the lock held: one call at a time."""

    def fault(self, call: Call) -> Fault | None:
        """What goes wrong with this call; overridden where chance decides."""
        return self.faults.popleft() if self.faults else None

    def take(self, call: Call) -> Response | None:
        """The answer; None closes the connection without one."""
        with self.changed:
            self.calls.append(call)
            wrong = self.fault(call)
            self.changed.notify_all()
        if wrong == "slow":
            time.sleep(self.slowness)
        elif wrong == "error":
            return Response(500, "Internal Server Error", "text/html")
        elif wrong == "busy":
            return Response(429, "Too Many Requests", "text/html", {"Retry-After": "1"})
        elif wrong == "hang":
            self.stopping.wait(30)
        if wrong in ("hang", "drop"):
            return None
        with self.changed:
            answer = self.respond(call)
            self.changed.notify_all()
        return None if wrong == "drop_after" else answer

    def wait_for(self, count: int, seconds: float = 20) -> list[Call]:
        """All calls, once there are `count`."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.calls) >= count, seconds), self.calls
        return self.calls


AnyProvider = TypeVar("AnyProvider", bound=Provider)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed in mid-call is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def serve(self) -> None:
        assert isinstance(self.server, _Server)
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = dict(self.headers.items())
        call = Call(self.command, url.path, query, headers, body, time.time())
        answer = self.server.provider.take(call)
        if answer is None:
            self.close_connection = True
            return
        content = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def running(provider: AnyProvider) -> Iterator[AnyProvider]:
    """The provider, serving; stops, hung calls included, at the end."""
    server = _Server(provider)
    provider.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
