"""The load's bytes: what is sent says its own length, what is answered is read whole."""

from __future__ import annotations

from typing import Literal

import pytest

from bench.load import body_of
from bench.scripts import KEYS, script


@pytest.mark.parametrize("name", ["ussd", "sms"])
@pytest.mark.parametrize("phone", [0, 9_999_999])
def test_every_request_is_as_long_as_it_says(name: Literal["ussd", "sms"], phone: int) -> None:
    walk = script(name, "/hook?token=t", bare=False)
    for step in range(len(walk.steps)):
        head, _, body = walk.request(step, phone).partition(b"\r\n\r\n")
        assert head.startswith(b"POST /hook?token=t HTTP/1.1\r\n")
        assert int(head.rpartition(b"Content-Length: ")[2]) == len(body)
        assert f"%2B856205{phone:07d}".encode() in body


def test_a_walk_dials_presses_every_key_and_ends() -> None:
    wanted = [step.wanted for step in script("ussd", "/", bare=False).steps]
    assert wanted == [b"CON "] * len(KEYS) + [b"END "]
    last = script("ussd", "/", bare=False).request(len(KEYS), 1)
    assert last.endswith(b"&text=" + "%2A".join(KEYS).encode())


@pytest.mark.parametrize(
    ("received", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nO", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: y\r\n\r\nOK", b"OK"),
    ],
)
def test_an_answer_is_read_when_it_is_whole(received: bytes, body: bytes | None) -> None:
    assert body_of(received) == body
