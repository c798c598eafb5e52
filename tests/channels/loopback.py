"""A small HTTP server on 127.0.0.1 that keeps what it is sent and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HANG = 0
DROP = -1


@dataclass
class Server:
    """`answers` are given in turn, the last one for ever; HANG and DROP are no HTTP statuses."""

    port: int = 0
    answers: list[tuple[int, str]] = field(default_factory=lambda: [(200, "OK")])
    seen: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fields(self, index: int = -1) -> dict[str, str]:
        """The decoded query of one request."""
        query = urlsplit(self.seen[index]).query
        return {key: values[0] for key, values in parse_qs(query, strict_parsing=True).items()}

    def wait_for(self, path: str, count: int = 1, seconds: float = 20) -> list[str]:
        """The raw queries sent to `path`, once there are `count`."""

        def found() -> list[str]:
            return [urlsplit(one).query for one in self.seen if urlsplit(one).path == path]

        with self.changed:
            assert self.changed.wait_for(lambda: len(found()) >= count, seconds), self.seen
        return found()


@contextmanager
def serving(*answers: tuple[int, str]) -> Iterator[Server]:
    """A running server; stops, hung requests included, at the end."""
    state = Server(answers=list(answers) or [(200, "OK")])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is http.server's
            with state.changed:
                state.seen.append(self.path)
                status, body = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
                state.changed.notify_all()
            if status == HANG:
                state.stopping.wait(20)
            if status in (HANG, DROP):
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
