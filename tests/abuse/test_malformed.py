"""Thousands of requests that no gateway sends, to each kind of channel: none is a fault of ours.

ABUSE_REQUESTS says how many for each kind (`make abuse`: 10,000), ABUSE_SEED which.
"""

from __future__ import annotations

import io
import logging
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

import psutil
import pytest
from structlog.testing import capture_logs
from werkzeug.test import run_wsgi_app

from app.channels import CHANNELS
from tests.abuse import malformed
from tests.abuse.malformed import MARKER, RESERVED, Odd
from tests.channels import door
from tests.phones import Gateway

REQUESTS = int(os.environ.get("ABUSE_REQUESTS", "150"))
SEED = int(os.environ.get("ABUSE_SEED", "7"))
# A phone waits no longer.
DEADLINE = 8.0
MOST_GROWTH = 50 * 1024 * 1024
# What a request may be answered. Only who pushes screens to a provider that is away says 503.
ANSWERS = frozenset({200, 400, 403, 404, 405, 409, 413, 415, 422, 431})
PUSHES = frozenset({("kannel", "ussd"), ("kannel", "sms")})
# Of these something may be kept: what was understood, if only to contradict what came before.
KNOWN = frozenset({200, 409, 503})
TIMES = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?")
MADE = ("contacts", "inbound", "conversations", "receipts", "heartbeats")


def environ(request: Odd) -> dict[str, object]:
    """The request as the web server hands it over: octets, one letter each."""
    named = {f"HTTP_{name.upper().replace('-', '_')}": v for name, v in request.headers.items()}
    given = {
        name: value.encode("utf-8", "replace").decode("latin-1") for name, value in named.items()
    }
    return {
        "HTTP_HOST": "127.0.0.1",
        **given,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query.decode("latin-1"),
        "CONTENT_TYPE": request.content_type.encode("utf-8", "replace").decode("latin-1"),
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.2",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def sent(gateway: Gateway, kind: str, requests: Iterable[Odd]) -> Counter[tuple[str, int]]:
    """How often each hook was answered what."""
    answered: Counter[tuple[str, int]] = Counter()
    for number, request in enumerate(requests):
        began = time.monotonic()
        answer, status, _ = run_wsgi_app(gateway.client.application, environ(request), True)
        body, code = b"".join(answer), int(status.split()[0])
        told = f"request {number} of seed {SEED}: {code} for {str(request)[:600]}"
        late = code == 503 and (kind, request.hook) in PUSHES
        assert code in ANSWERS or late, told
        assert time.monotonic() - began < DEADLINE, told
        assert MARKER.encode() not in body, told
        answered[request.hook, code] += 1
    return answered


def rows(gateway: Gateway) -> Counter[str]:
    tables = {str(name) for (name,) in gateway.rows("SELECT tablename FROM pg_tables")}
    counted = (name for name in MADE if name in tables)
    return Counter(
        {one: int(str(gateway.rows(f"SELECT count(*) FROM {one}")[0][0])) for one in counted}
    )


@pytest.mark.parametrize("kind", sorted(CHANNELS))
def test_a_malformed_request_is_answered_and_leaves_nothing(
    gateway: Gateway, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    payloads = [one for one in door.payloads() if one.kind == kind]
    chance = random.Random(f"{SEED}-{kind}")
    # What is loaded and compiled once is no growth.
    sent(gateway, kind, [malformed.odd(payloads, chance) for _ in range(50)])
    before, process = rows(gateway), psutil.Process()
    memory = process.memory_info().rss
    with capture_logs() as logged, caplog.at_level(logging.DEBUG):
        requests = (malformed.odd(payloads, chance) for _ in range(REQUESTS))
        answered = sent(gateway, kind, requests)
    # Any digits may stand in the time of a line.
    written = TIMES.sub("", "\n".join([*map(str, logged), caplog.text]))
    assert MARKER not in written
    assert RESERVED not in written
    assert len(logged) <= 2 * REQUESTS
    taken = sum(count for (_, code), count in answered.items() if code in KNOWN)
    grown = rows(gateway) - before
    assert all(count <= taken for count in grown.values()), (grown, answered)
    assert sum(answered.values()) == REQUESTS
    assert 0 < taken < REQUESTS
    assert gateway.office.desk.spool.pending().count == 0
    assert process.memory_info().rss - memory < MOST_GROWTH
