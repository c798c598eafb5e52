"""The load: its bytes say their own length, answers are read whole, excuses are no screens."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bench.load import Account, Load, Order, body_of
from bench.scripts import KEYS, Name, script

BUSY = "Please dial again."
Answering = Callable[[bytes], str]


@pytest.mark.parametrize("name", ["ussd", "sms"])
@pytest.mark.parametrize("phone", [0, 9_999_999])
def test_every_request_is_as_long_as_it_says(name: Name, phone: int) -> None:
    walk = script(name, "/hook?token=t%20", bare=False)
    for step in range(len(walk.steps)):
        head, _, body = walk.request(step, phone).partition(b"\r\n\r\n")
        assert head.startswith(b"POST /hook?token=t%20 HTTP/1.1\r\n")
        assert int(head.rpartition(b"Content-Length: ")[2]) == len(body)
        assert f"%2B856205{phone:07d}".encode() in body


def test_kannel_is_played_by_an_address_alone() -> None:
    walk = script("kannel", "/hook?token=t", bare=False)
    request = walk.request(0, 12)
    assert request.startswith(b"GET /hook?token=t&id=bench-0000012&from=%2B8562050000012&to=1616")
    assert request.endswith(b"\r\n\r\n")
    assert len(walk.steps) == 1


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


def test_a_load_of_so_many_walks_begins_no_more() -> None:
    with answering(lambda request: "CON hello") as port:
        account = carried_out(port, walks=3, phones=2)
    assert (account.ended, account.answers) == (3, 3 * (len(KEYS) + 1))
    assert len(account.begun) == 3
    assert account.errors == []


def test_a_load_at_an_even_rate_begins_its_walks_when_their_time_has_come() -> None:
    with answering(lambda request: "CON hello") as port:
        account = carried_out(port, walks=4, phones=2, walks_per_second=20)
    first = account.begun[0]
    waited = [at - first for at in account.begun]
    assert all(at >= 0.05 * number - 0.01 for number, at in enumerate(waited))
    assert account.ended == 4


def test_who_is_excused_gives_up_and_dials_anew() -> None:
    asked = []

    def busy_at_first(request: bytes) -> str:
        asked.append(request)
        return f"END {BUSY}" if len(asked) == 1 else "CON hello"

    with answering(busy_at_first) as port:
        account = carried_out(port, walks=2, excuses=(BUSY,))
    assert (account.excused, account.ended) == (1, 1)
    assert account.answers == len(KEYS) + 1, "an excuse is no answer"
    assert account.errors == []


def test_an_excuse_that_nobody_expects_is_a_wrong_answer() -> None:
    with answering(lambda request: f"END {BUSY}") as port:
        account = carried_out(port, walks=1)
    assert account.excused == 0
    assert BUSY in account.errors[0]


def carried_out(
    port: int,
    *,
    walks: int,
    phones: int = 1,
    walks_per_second: float = 0.0,
    excuses: tuple[str, ...] = (),
) -> Account:
    order = Order(
        port,
        "/hook",
        "ussd",
        bare=True,
        phones=phones,
        seconds=20,
        first=0,
        walks=walks,
        walks_per_second=walks_per_second,
        excuses=excuses,
    )
    return Load(order).run()


@contextmanager
def answering(answer: Answering) -> Iterator[int]:
    """A server that says to each request what `answer` says; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, answer), daemon=True).start()
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, answer: Answering) -> None:
    while True:
        try:
            phone, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_converse, args=(phone, answer), daemon=True).start()


def _converse(phone: socket.socket, answer: Answering) -> None:
    with phone:
        while request := phone.recv(65536):
            said = answer(request).encode()
            phone.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
