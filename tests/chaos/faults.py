"""What breaks meanwhile, drawn from a seed, one after the other in the time there is."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import psutil
import redis

from tests.chaos.clock import put
from tests.chaos.provider import Mood
from tests.chaos.stack import Process, Stack

# How often of each kind, of 200.
SHARES: Final[Mapping[str, int]] = {
    "kill -9": 70,
    "SIGTERM": 50,
    "SIGSTOP": 12,
    "PostgreSQL stopped fast": 6,
    "PostgreSQL stopped at once": 12,
    "disk full, PostgreSQL away": 5,
    "Redis killed": 10,
    "Redis flushed": 15,
    "clock put": 10,
    "provider fails": 10,
}
ROLES: Final = ("web", "turns", "responses", "outbox", "upkeep")
CLOCKS: Final = (-120.0, 0.0, 120.0)
LONGEST_AWAY: Final = 2.0
MOODS: Final[tuple[Mood, ...]] = ("failing", "silent")


def draw(chance: random.Random, count: int) -> list[str]:
    """One of each kind, if there are so many, and then by their shares."""
    kinds = list(SHARES)
    chance.shuffle(kinds)
    first = kinds[:count]
    more = chance.choices(list(SHARES), list(SHARES.values()), k=count - len(first))
    drawn = [*first, *more]
    chance.shuffle(drawn)
    return drawn


@dataclass
class Nemesis:
    """`longest_stop` is how long a process is held at most, in seconds."""

    stack: Stack
    chance: random.Random
    longest_stop: float
    done: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    failures: list[BaseException] = field(default_factory=list)

    def run(self, count: int, seconds: float, over: threading.Event) -> None:
        """So many faults within so many seconds; what is late follows at once."""
        begun = time.monotonic()
        try:
            for place, kind in enumerate(draw(self.chance, count)):
                due = begun + (place + self.chance.random()) * seconds / count
                if over.wait(max(0.0, due - time.monotonic())):
                    return
                self._strike(kind)
        except BaseException as error:
            self.failures.append(error)

    def calm(self) -> None:
        """No more of it: everybody goes on, and the clocks agree."""
        self.stack.operator.mood = "well"
        put(self.stack.own, 0)
        for one in self.stack.processes.values():
            one.send(signal.SIGCONT)

    def _strike(self, kind: str) -> None:
        strikes: Mapping[str, Callable[[], None]] = {
            "kill -9": lambda: self._signal(signal.SIGKILL),
            "SIGTERM": lambda: self._signal(signal.SIGTERM),
            "SIGSTOP": self._hold,
            "PostgreSQL stopped fast": lambda: self._restart(signal.SIGINT),
            "PostgreSQL stopped at once": lambda: self._restart(signal.SIGQUIT),
            "disk full, PostgreSQL away": self._fill_disk,
            "Redis killed": self._kill_redis,
            "Redis flushed": self._flush_redis,
            "clock put": lambda: put(self.stack.own, self.chance.choice(CLOCKS)),
            "provider fails": self._spoil_provider,
        }
        strikes[kind]()
        self.done[kind] += 1

    def _victim(self, roles: Sequence[str] = ROLES) -> Process:
        return self.chance.choice(self.stack.of(self.chance.choice(roles)))

    def _signal(self, number: signal.Signals) -> None:
        """Whoever is just being started again is spared: somebody else is struck."""
        for _ in range(20):
            victim = self._victim()
            if self._hit(victim, number):
                self.struck[f"{victim.role} {number.name}"] += 1
                return

    def _hit(self, victim: Process, number: signal.Signals) -> bool:
        running = victim.running
        # Sometimes only what serves dies, and its own parent replaces it.
        if victim.role == "web" and number == signal.SIGKILL and self.chance.random() < 0.3:
            with suppress(psutil.Error):
                children = psutil.Process(running.pid).children() if running else []
                if children:
                    children[0].kill()
                    return True
        return victim.send(number)

    def _hold(self) -> None:
        victim = self._victim(ROLES[1:])
        if victim.send(signal.SIGSTOP):
            self.struck[f"{victim.role} SIGSTOP"] += 1
            seconds = self.chance.uniform(0.5, 1) * self.longest_stop
            threading.Timer(seconds, victim.send, [signal.SIGCONT]).start()

    def _restart(self, how: signal.Signals) -> None:
        self.stack.database.stop(how)
        time.sleep(self.chance.uniform(0, LONGEST_AWAY))
        self.stack.database.start()

    def _fill_disk(self) -> None:
        self.stack.disk.fill()
        self._restart(signal.SIGQUIT)
        self.stack.disk.free()

    def _kill_redis(self) -> None:
        (one,) = self.stack.of("redis")
        one.due = time.monotonic() + self.chance.uniform(0, LONGEST_AWAY)
        one.send(signal.SIGKILL)

    def _flush_redis(self) -> None:
        with (
            suppress(redis.RedisError),
            redis.Redis(unix_socket_path=str(self.stack.redis_socket), socket_timeout=1) as link,
        ):
            link.flushall()

    def _spoil_provider(self) -> None:
        operator = self.stack.operator
        operator.mood = self.chance.choice(MOODS)

        def better() -> None:
            if operator.mood in MOODS:
                operator.mood = "usual"

        # Longer, and the channel would rest for most of the time: five failures make it.
        threading.Timer(self.chance.uniform(1, 3), better).start()
