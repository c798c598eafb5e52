"""The processes that send and ask, some of them killed all the time, and the one at the door."""

from __future__ import annotations

import gc
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from typing import Final

import httpx
import pytest
import structlog

from app.channels import android_phones, calls
from app.channels.base import HookRequest
from app.delivery import asking, ends, sending
from app.delivery.post import Post
from app.words import Receipt
from tests.stack.ten_thousand.place import Place

# Whoever is killed is followed at once by one with the same memory, and a connection of its own.
FORK: Final = multiprocessing.get_context("fork")
TIMEOUT: Final = httpx.Timeout(0.25)
REST: Final = 0.1


@dataclass(frozen=True)
class Hands:
    """How many send and how many ask, and the seconds from one kill to the next."""

    senders: int
    askers: int
    killed_every: float
    seed: int


def send(post: Post) -> None:
    """A worker on the outbox whose bell never stops ringing."""
    while True:
        if not sending.drain(post, lambda: False):
            time.sleep(REST)


def ask(post: Post) -> None:
    """What upkeep does for the outbox, a little oftener."""
    while True:
        ends.settle(post)
        until = time.monotonic() + 1
        while time.monotonic() < until:
            asking.drain(post, lambda: False)
            time.sleep(REST)


def take_receipts(post: Post, hooks: Queue[HookRequest]) -> None:
    """What the gateways' door does with them."""
    (channel,) = post.channels.values()
    while True:
        for arrival in channel.parse(hooks.get(), post.now()):
            if isinstance(arrival, Receipt):
                assert sending.receive(post, arrival), "a receipt for nothing of ours"


@dataclass
class Crew:
    """Everybody who sends or asks. `ends` counts how they ended, by exit code."""

    post: Post
    chance: random.Random
    ends: Counter[int] = field(default_factory=Counter)
    works: dict[BaseProcess, Callable[[Post], None]] = field(default_factory=dict)

    def start(self, work: Callable[[Post], None]) -> None:
        process = FORK.Process(target=work, args=(self.post,), daemon=True)
        process.start()
        self.works[process] = work

    def replace_one(self) -> None:
        """Kill somebody, unless he has died of something else."""
        one = self.chance.choice(list(self.works))
        one.kill()
        one.join()
        assert one.exitcode is not None
        self.ends[one.exitcode] += 1
        self.start(self.works.pop(one))


def lead(place: Place, hands: Hands, hooks: Queue[HookRequest], owner: Connection) -> None:
    """The crew's process: begins and stops when it is told to, and tells how everybody ended."""
    post = _open(place)
    _rehearse(post)
    owner.send("ready")
    owner.recv()
    door = FORK.Process(target=take_receipts, args=(post, hooks), daemon=True)
    door.start()
    crew = Crew(post, random.Random(hands.seed))
    for work in [send] * hands.senders + [ask] * hands.askers:
        crew.start(work)
    while not owner.poll(hands.killed_every):
        assert door.is_alive(), "the door fell down"
        crew.replace_one()
    owner.send(crew.ends)


def _open(place: Place) -> Post:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    patch = pytest.MonkeyPatch()
    client = calls.new_client(TIMEOUT)
    # Both adapters' ways to one: the one imports it at once, the other with its first message.
    patch.setattr(android_phones, "new_client", lambda: client)
    patch.setattr(calls, "new_client", lambda: client)
    patch.setattr(calls, "TIMEOUT", TIMEOUT)
    return place.open()


def _rehearse(post: Post) -> None:
    """What every process would compile anew is compiled once; no connection is handed on."""
    for work in (sending.drain, asking.drain):
        work(post, lambda: False)
    ends.settle(post)
    post.engine.dispose()
    # The memory stays shared: nobody's garbage is looked for in it.
    gc.freeze()
