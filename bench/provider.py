"""Stands in for Kannel's sendsms: takes every message at once and remembers when it came.

python -m bench.provider        on PORT

GET /cgi-bin/sendsms?to=…       202, as Kannel says it
GET /received                   JSON: each receiver, and when its first message came, in seconds
                                of the machine's monotonic clock
GET /count                      JSON: how many receivers that are
GET /forget                     they are forgotten
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from urllib.parse import parse_qs, urlsplit

from bench.processes import HOST, READY

SENDSMS = "/cgi-bin/sendsms"
LARGEST_HEAD = 64 * 1024


class Provider:
    """What has come so far."""

    def __init__(self) -> None:
        self.received: dict[str, float] = {}

    def answer(self, target: str) -> tuple[str, str]:
        """Status and body of a GET."""
        url = urlsplit(target)
        if url.path == SENDSMS:
            (to,) = parse_qs(url.query)["to"]
            self.received.setdefault(to, time.monotonic())
            return "202 Accepted", "0: Accepted for delivery"
        if url.path == "/received":
            return "200 OK", json.dumps(self.received)
        if url.path == "/count":
            return "200 OK", json.dumps(len(self.received))
        if url.path == "/forget":
            self.received.clear()
        return ("200 OK" if url.path in ("/forget", READY) else "404 Not Found"), "null"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                status, body = self.answer(head.split(b" ", 2)[1].decode())
                kind = "application/json" if status.startswith("200") else "text/html"
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def _serve() -> None:
    server = await asyncio.start_server(
        Provider().serve, HOST, int(os.environ["PORT"]), limit=LARGEST_HEAD
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
