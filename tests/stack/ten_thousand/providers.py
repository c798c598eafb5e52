"""Providers of which three calls in ten fail, and the account that each keeps.

Each is a process of its own with one thread, so that what it writes down is when a call came and
not when somebody had time for it. Nothing here is the product's but the shape of a request to it.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Final, Literal, TextIO
from urllib.parse import parse_qsl, urlsplit

from app.channels.base import HookRequest
from tests.channels.fakes.android import AndroidPhone
from tests.channels.fakes.kannel import FakeKannel, report
from tests.channels.provider import Call, Response
from tests.stack.ten_thousand.place import FastClock

FAILING: Final = 0.3
TROUBLES: Final = ("500", "429", "dropped", "taken and dropped", "late")
"""Each as often as the others. Of what is late half is taken when nobody waits for it any more,
and half never."""

# Longer than any caller waits.
LATE: Final = 0.4
# Receipts take so many seconds at most.
SLOWEST: Final = 1.5
# What a receipt that overtakes its answer has for it.
OVERTAKING: Final = 0.05
# Numbers that end so are refused.
BARRED: Final = "00000"

State = Literal["sent", "delivered", "failed"]


@dataclass(frozen=True)
class Message:
    """What a call hands over."""

    id: str
    to: str
    text: str


class Provider(ABC):
    """Answers calls as its fake does, or with trouble. The account is one JSON object a line."""

    # Of this part of what it sends the end is never told.
    untold = 0.02

    def __init__(self, seed: int, account: TextIO, hooks: Queue[HookRequest]) -> None:
        self.hooks = hooks
        self._chance = random.Random(seed)
        self._account = account

    @property
    @abstractmethod
    def taken(self) -> Collection[object]:
        """What it took so far."""

    @abstractmethod
    def message(self, call: Call) -> Message | None:
        """None for a call that asks."""

    @abstractmethod
    def respond(self, call: Call) -> Response: ...

    @abstractmethod
    def tell(self, message: Message, state: State) -> None:
        """Post a receipt."""

    @abstractmethod
    def settle(self, message: Message, end: State) -> None:
        """The message comes to its end, and no receipt is ever posted."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, which carries one call."""
        at = time.monotonic()
        # Whoever calls may be killed in the middle of it.
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            answer = await self._take(await _read(reader, at))
            if answer is not None:
                writer.write(_written(answer))
                await writer.drain()
        writer.close()

    async def _take(self, call: Call) -> Response | None:
        """The answer; None closes the connection without one."""
        message = self.message(call)
        trouble = self._chance.choice(TROUBLES) if self._chance.random() < FAILING else ""
        self._write(at=call.at, call=message.text if message else "", trouble=trouble)
        if trouble == "500":
            return Response(500, "Internal Server Error", "text/html")
        if trouble == "429":
            wait = {"Retry-After": "1"} if self._chance.random() < 0.5 else {}
            return Response(429, "Too Many Requests", "text/html", wait)
        if trouble == "late":
            await asyncio.sleep(LATE)
        if trouble == "dropped" or (trouble == "late" and self._chance.random() < 0.5):
            return None
        answer = await self._answer(call, message)
        return None if trouble == "taken and dropped" else answer

    async def _answer(self, call: Call, message: Message | None) -> Response:
        if message is None:
            return self.respond(call)
        if message.to.endswith(BARRED):
            return Response(400, "no such number", "text/html")
        before = len(self.taken)
        answer = self.respond(call)
        if len(self.taken) == before:
            self._write(known=message.text)
        elif self._carry(message):
            await asyncio.sleep(OVERTAKING)
        return answer

    def _carry(self, message: Message) -> bool:
        """Send a message over the air; True if its receipt overtakes the answer to the call.

        Some receipts come twice, or in the wrong order.
        """
        lot = self._chance.random()
        end: State = "failed" if self._chance.random() < 0.03 else "delivered"
        told = lot >= self.untold
        self._write(sms=message.text, to=message.to, end=end, told=told)
        if not told:
            self.settle(message, end)
            return False
        overtakes = self._chance.random() < 0.1
        self._later(0 if overtakes else self._chance.uniform(0, SLOWEST), message, end)
        if lot > 0.9:
            self._later(self._chance.uniform(0, SLOWEST), message, "sent" if lot < 0.97 else end)
        return overtakes

    def _later(self, seconds: float, message: Message, state: State) -> None:
        asyncio.get_running_loop().call_later(seconds, self.tell, message, state)

    def _write(self, **entry: object) -> None:
        self._account.write(json.dumps(entry) + "\n")


class Phone(Provider):
    """SMS Gateway for Android: knows messages by our ids, takes none twice, can be asked."""

    def __init__(
        self, seed: int, account: TextIO, hooks: Queue[HookRequest], clock: FastClock
    ) -> None:
        super().__init__(seed, account, hooks)
        self._phone = AndroidPhone(post=self._post, now=clock)

    @property
    def taken(self) -> Collection[object]:
        return self._phone.taken

    def message(self, call: Call) -> Message | None:
        if call.method == "GET":
            return None
        request = json.loads(call.body)
        return Message(request["id"], request["phoneNumbers"][0], request["textMessage"]["text"])

    def respond(self, call: Call) -> Response:
        return self._phone.respond(call)

    def tell(self, message: Message, state: State) -> None:
        if state == "sent":
            self._phone.sends(message.id)
        elif state == "delivered":
            self._phone.delivers(message.id)
        else:
            self._phone.fails(message.id, "RESULT_ERROR_GENERIC_FAILURE")

    def settle(self, message: Message, end: State) -> None:
        self._phone.states[message.id] = (end.title(), "")

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.hooks.put(HookRequest("POST", "receipt", {}, {}, headers, body))


class Kannel(Provider):
    """Kannel: takes whatever comes however often it comes, and cannot be asked."""

    untold = 0.5
    CODES: Final[Mapping[State, int]] = {"sent": 8, "delivered": 1, "failed": 16}

    def __init__(
        self, seed: int, account: TextIO, hooks: Queue[HookRequest], clock: FastClock
    ) -> None:
        super().__init__(seed, account, hooks)
        self._kannel = FakeKannel()

    @property
    def taken(self) -> Collection[object]:
        return self._kannel.taken

    def message(self, call: Call) -> Message | None:
        return Message(call.query["dlr-url"], call.query["to"], call.query["text"])

    def respond(self, call: Call) -> Response:
        return self._kannel.respond(call)

    def settle(self, message: Message, end: State) -> None:
        """Nobody can ask."""

    def tell(self, message: Message, state: State) -> None:
        url = report({"dlr-url": message.id}, self.CODES[state])
        query = dict(parse_qsl(urlsplit(url).query))
        self.hooks.put(HookRequest("GET", "receipt", query, {}))


def serve(
    kind: type[Phone | Kannel],
    seed: int,
    clock: FastClock,
    account: Path,
    hooks: Queue[HookRequest],
    owner: Connection,
) -> None:
    """A provider's process: tells its owner the port, and closes when it hears anything."""

    async def until_told() -> None:
        with account.open("w") as file:
            provider = kind(seed, file, hooks, clock)
            server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, backlog=256)
            async with server:
                owner.send(server.sockets[0].getsockname()[1])
                with suppress(EOFError):
                    await asyncio.to_thread(owner.recv)

    asyncio.run(until_told())
    with suppress(OSError):
        owner.send("the account is complete")


async def _read(reader: asyncio.StreamReader, at: float) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
    method, target, _ = head[0].split(" ")
    fields = (line.partition(": ") for line in head[1:])
    headers = {name.title(): value for name, _, value in fields}
    body = await reader.readexactly(int(headers.get("Content-Length", "0")))
    url = urlsplit(target)
    return Call(method, url.path, dict(parse_qsl(url.query)), headers, body, at)


def _written(answer: Response) -> bytes:
    content = answer.body.encode()
    headers = {"Content-Type": answer.content_type, "Content-Length": str(len(content))}
    lines = [f"{name}: {value}\r\n" for name, value in {**headers, **answer.headers}.items()]
    return f"HTTP/1.1 {answer.status} .\r\n{''.join(lines)}\r\n".encode() + content
