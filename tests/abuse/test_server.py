"""The real web server: who is slow, or asks without end, starves nobody else.

Everything goes over loopback, where each 127.0.0.x is another source.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlencode, urlsplit

import psutil
import pytest

from tests.abuse import malformed
from tests.abuse.malformed import MARKER, RESERVED
from tests.channels import door
from tests.stack.running import Stack

pytestmark = pytest.mark.slow

SLOW, STRANGER, HONEST = "127.0.0.2", "127.0.0.3", "127.0.0.4"
DEADLINE = 8.0
ODD = 120
MOST_GROWTH = 50 * 1024 * 1024


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("abuse") / "home").start()
    yield running
    running.stop()


def connected(stack: Stack, source: str, sent: bytes, seconds: float = DEADLINE) -> socket.socket:
    opened = socket.create_connection(
        ("127.0.0.1", stack.port), timeout=seconds, source_address=(source, 0)
    )
    with suppress(OSError):
        opened.sendall(sent)
    return opened


def asked(stack: Stack, source: str, sent: bytes, seconds: float = DEADLINE) -> bytes:
    """What is answered; b"" where the connection is closed without a word."""
    got = b""
    with connected(stack, source, sent, seconds) as opened, suppress(ConnectionError):
        while more := opened.recv(65536):
            got += more
    return got


def posted(url: str, body: bytes, length: int | None = None) -> bytes:
    parts = urlsplit(url)
    head = f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n"
    return f"{head}Content-Length: {length or len(body)}\r\n\r\n".encode() + body


def dials(stack: Stack, url: str, number: int) -> bytes:
    form = {"sessionId": f"s-{number}", "serviceCode": "*1616#", "text": ""}
    form |= {"phoneNumber": f"+85620{RESERVED}{number:04d}"}
    return asked(stack, HONEST, posted(url, urlencode(form).encode()))


def web(stack: Stack) -> int:
    """Octets that the web server and its worker hold."""
    serving = [one for one in stack.children() if "serve" in one.cmdline()]
    every = {child for one in serving for child in (one, *one.children(recursive=True))}
    return sum(psutil.Process(one.pid).memory_info().rss for one in every)


def test_slow_connections_starve_nobody(stack: Stack) -> None:
    url = stack.url("africastalking", "ussd")
    with ExitStack() as held:
        for _ in range(100):
            # A body that never comes, with the right token, and a head that never ends.
            held.enter_context(connected(stack, SLOW, posted(url, b"text=", length=5000)))
            held.enter_context(connected(stack, SLOW, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow"))
        for number in range(10):
            assert b"CON " in dials(stack, url, number)
        assert b"live" in asked(stack, HONEST, b"GET /health/live HTTP/1.0\r\n\r\n")


def test_a_flood_of_strangers_starves_nobody(stack: Stack) -> None:
    url = stack.url("africastalking", "ussd")
    wrong = posted(url.replace("token=", "token=x"), b"phoneNumber=%2B85620" + RESERVED.encode())
    with ExitStack() as flood:
        for number in range(10):
            opened = [connected(stack, STRANGER, wrong) for _ in range(40)]
            assert b"CON " in dials(stack, url, 100 + number)
            for one in opened:
                flood.enter_context(one)
        assert opened[-1].recv(65536).startswith(b"HTTP/1.1 403")


def test_malformed_requests_are_answered_by_the_server_too(stack: Stack) -> None:
    url = stack.url("kannel", "sms")
    token = urlsplit(url).query.removeprefix("token=")
    payloads = [one for one in door.payloads() if one.kind in ("kannel", "africastalking")]
    chance = random.Random(11)
    assert dials(stack, stack.url("africastalking", "ussd"), 200)
    memory = web(stack)
    for _ in range(ODD):
        request = malformed.raw(malformed.odd(payloads, chance), token, chance)
        with suppress(TimeoutError):
            # What announces more than it sends is waited for; we do not wait with it.
            answer = asked(stack, STRANGER, request, 0.3)
            status = answer.split(b" ", 2)[1] if answer else b""
            assert status in (b"", *b"200 400 403 404 405 409 413 414 415 422 431".split())
    assert b"CON " in dials(stack, stack.url("africastalking", "ussd"), 201)
    assert web(stack) - memory < MOST_GROWTH


def test_the_logs_show_nobody(stack: Stack) -> None:
    assert "request_refused" in stack.log
    assert "Traceback" not in stack.log
    assert RESERVED not in stack.log
    assert MARKER not in stack.log
