"""ring(queue): wake a worker. May fail, never matters.

Every fact is in PostgreSQL; Redis only carries "look there now". A bell is rung in a thread of
its own, so that no answer to a phone waits for Redis, and bells rung close together become one.
"""

from __future__ import annotations

import socket
import threading
from typing import Any, Final, Literal

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

Drain = Literal["turns", "outbox", "responses"]

# More waiting bells would not make anything faster: one drain takes all that is due.
MOST_WAITING = 4
CONNECT_SECONDS = 0.3
JOB_SECONDS = 30

# A Redis that vanished without a word: who waits in it for a bell notices within eleven seconds.
# What a platform does not know it is not asked for.
_PROBES: Final = {
    getattr(socket, name): value
    for name, value in (
        ("TCP_KEEPIDLE", 5),
        ("TCP_KEEPINTVL", 2),
        ("TCP_KEEPCNT", 3),
        # Of what was sent and not acknowledged, in milliseconds: probes wait for that to end.
        ("TCP_USER_TIMEOUT", 10_000),
    )
    if hasattr(socket, name)
}
_OVER_A_NETWORK: Final[dict[str, Any]] = {
    "socket_keepalive": True,
    "socket_keepalive_options": _PROBES,
    "health_check_interval": 10,
}


def connect(url: str) -> Redis:
    """A client that gives up soon. Nothing is sent before the first command."""
    # A socket on this machine has no network to lose, and takes none of these options.
    watched = {} if url.startswith("unix:") else _OVER_A_NETWORK
    client: Redis = Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=2 * CONNECT_SECONDS,
        **watched,
    )
    return client


class Bell:
    """Rings the workers' queues; `failures` counts what Redis refused."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._wanted: set[Drain] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._queues: dict[str, Queue] = {}
        self.failures = 0

    def ring(self, drain: Drain) -> None:
        """Ask for a drain soon. Returns at once and never raises."""
        if not self._url:
            return
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                # Started on first use: a process that forks after import keeps its own.
                self._thread = threading.Thread(target=self._work, name="bell", daemon=True)
                self._thread.start()
            self._wanted.add(drain)
            self._changed.notify()

    def ring_now(self, drain: Drain) -> bool:
        """Ring and say whether Redis took it."""
        if not self._url:
            return False
        try:
            queue = self._queue(drain)
            if queue.count < MOST_WAITING:
                queue.enqueue(
                    f"worker.drain_{drain}",
                    result_ttl=0,
                    failure_ttl=3600,
                    job_timeout=JOB_SECONDS,
                )
        except (RedisError, OSError):
            self.failures += 1
            return False
        return True

    def _queue(self, drain: Drain) -> Queue:
        if drain not in self._queues:
            self._queues[drain] = Queue(
                drain, connection=connect(self._url), serializer=JSONSerializer
            )
        return self._queues[drain]

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._wanted:
                    self._changed.wait()
                wanted, self._wanted = self._wanted, set()
            for drain in wanted:
                self.ring_now(drain)
