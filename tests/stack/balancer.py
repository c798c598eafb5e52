"""A balancer as small as can be: a request goes to the next process where one refuses to connect.

As nginx does with `proxy_next_upstream error` and a POST: once an octet of the request has left,
nothing is tried again.
"""

from __future__ import annotations

import itertools
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import parse_headers

CONNECT_SECONDS = 5.0


class Balancer(socketserver.ThreadingTCPServer):
    """`elsewhere` counts the connections that a process refused, `lost` those that all did."""

    request_queue_size = 512

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Carrier)
        self._ports, self._turn = ports, itertools.count()
        self.elsewhere = self.lost = 0

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def upstream(self) -> socket.socket | None:
        first = next(self._turn)
        for offset in range(len(self._ports)):
            port = self._ports[(first + offset) % len(self._ports)]
            try:
                return socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS)
            except OSError:
                self.elsewhere += 1
        self.lost += 1
        return None


class _Carrier(socketserver.StreamRequestHandler):
    """Carries one request and its answer."""

    server: Balancer

    def handle(self) -> None:
        begins = self.rfile.readline()
        headers = parse_headers(self.rfile)
        body = self.rfile.read(int(headers.get("Content-Length", "0")))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        upstream = self.server.upstream()
        if upstream is None:
            return
        with upstream:
            upstream.settimeout(20)
            upstream.sendall(begins + head.encode("latin-1") + b"\r\n" + body)
            while octets := upstream.recv(65536):
                self.wfile.write(octets)


@contextmanager
def balancing(ports: Sequence[int]) -> Iterator[Balancer]:
    """A balancer before these ports of this machine."""
    with Balancer(ports) as balancer:
        thread = threading.Thread(target=balancer.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield balancer
        finally:
            balancer.shutdown()
            thread.join()
