"""One trial: a database, a provider, a crew and a door, from the first message to the last end."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection as Line
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, text

from app.channels.base import HookRequest
from app.delivery.post import Post
from app.settings import ChannelConfig
from app.storage import people
from app.words import Purpose
from tests.channels.fakes.android import KEY, PASSWORD
from tests.channels.fakes.kannel import PATH, FakeKannel
from tests.stack.ten_thousand.account import Account
from tests.stack.ten_thousand.crew import Hands, lead
from tests.stack.ten_thousand.place import VAULT, FastClock, Place
from tests.stack.ten_thousand.providers import Kannel, Phone, serve

SPAWN: Final = multiprocessing.get_context("spawn")
CONTACTS: Final = 1000
PATIENCE: Final = 900.0
# Longer than a call and what is written of it.
LOOKS_EVERY: Final = 0.4
# In real seconds, what every receipt that comes at all has come in.
RECEIPTS_WITHIN: Final = 3.0
# Longer than a receipt is waited for.
NO_MORE_RECEIPTS: Final = timedelta(hours=73)

# How many are not at their end, and what grows when anything happens to them.
_PROGRESS = text(
    "SELECT count(*), sum(attempts + asked), (SELECT max(id) FROM outbox_history) "
    "FROM outbox WHERE state IN ('queued', 'sending', 'unknown', 'sent')"
)
# What somebody should be at now, until when nobody may, and what comes next.
_AGENDA = text(
    """
    SELECT EXISTS (SELECT 1 FROM outbox WHERE ask_at <= :now
                   OR (state IN ('queued', 'sending') AND next_at <= :now)),
           (SELECT max(paused_until) FROM channel_states WHERE paused_until > :now),
           (SELECT min(at) FROM (
                SELECT CASE WHEN state IN ('queued', 'sending') THEN next_at
                            WHEN state = 'unknown' THEN next_at + interval '10 minutes' END
                FROM outbox
                UNION ALL SELECT ask_at FROM outbox) AS coming (at)
            WHERE at > :now)
    """
)


_BOOKS = text(
    """
    SELECT text, state, EXISTS (
        SELECT 1 FROM outbox_history h WHERE h.message_id = o.id AND h.reason LIKE 'the sender %')
    FROM outbox o
    """
)


@dataclass(frozen=True)
class Written:
    """A message as it was queued; `at` is the machine's own clock."""

    purpose: Purpose
    to: str
    at: float


@dataclass(frozen=True)
class Progress:
    """How many messages are not at their end, and counts that grow when anything happens."""

    open: int
    tries: int | None
    changes: int


@dataclass(frozen=True)
class Booked:
    """A message in our own books; `lost` when its sender was killed in the middle."""

    text: str
    state: str
    lost: bool


@dataclass(frozen=True)
class Outcome:
    """What is judged. `ended` counts the crew's processes by exit code: -9 is killed."""

    written: Mapping[str, Written]
    books: Sequence[Booked]
    account: Account
    ended: Counter[int]
    leaps: int
    seconds: float


@dataclass
class Trial:
    """Messages are queued, it begins, it is over; then there is an account to judge by."""

    engine: Engine
    post: Post
    clock: FastClock
    file: Path
    hooks: Queue[HookRequest]
    provider: Line
    crew: Line
    # By their texts, of which each is there once.
    written: dict[str, Written] = field(default_factory=dict)
    begun: float = 0.0
    leaps: int = 0

    def queue(self, purpose: Purpose, count: int) -> None:
        first = len(self.written)
        numbers = {
            f"message {place}": f"+85620555{place % CONTACTS:05d}"
            for place in range(first, first + count)
        }
        with self.engine.begin() as tx:
            for words, number in numbers.items():
                sealed = VAULT.seal(number)
                self.post.mail.queue(
                    tx,
                    contact_id=people.ensure(tx, sealed.hash, sealed.cipher),
                    purpose=purpose,
                    text=words,
                    now=self.clock(),
                )
        now = time.monotonic()
        self.written |= {words: Written(purpose, to, now) for words, to in numbers.items()}

    def begin(self) -> None:
        self.begun = time.monotonic()
        self.crew.send("begin")

    def until_over(self) -> None:
        """Every message is at its end. While nothing happens the clock is put forward."""
        before, moved = None, time.monotonic()
        while (progress := self._progress()).open:
            now = time.monotonic()
            assert now - self.begun < PATIENCE, progress
            assert not self.crew.poll(), "the crew has gone home"
            if progress != before or not self.hooks.empty():
                before, moved = progress, now
            elif self._leap(nothing_for=now - moved):
                moved = now
            time.sleep(LOOKS_EVERY)

    def _progress(self) -> Progress:
        with self.engine.connect() as connection:
            return Progress(*connection.execute(_PROGRESS).one())

    def _leap(self, nothing_for: float) -> bool:
        """Whether the clock was put forward."""
        now = self.clock()
        with self.engine.connect() as connection:
            late, paused, coming = connection.execute(_AGENDA, {"now": now}).one()
        if late and not paused:
            return False
        if not paused and not coming and nothing_for < RECEIPTS_WITHIN:
            return False
        self.leaps += 1
        self.clock.put_forward((paused or coming or now + NO_MORE_RECEIPTS) - now)
        return True

    def books(self) -> list[Booked]:
        """What we ourselves know."""
        with self.engine.connect() as connection:
            return [Booked(*row) for row in connection.execute(_BOOKS)]

    def stop(self) -> Outcome:
        seconds = time.monotonic() - self.begun
        self.crew.send("stop")
        ended = self.crew.recv()
        self.provider.send("stop")
        self.provider.recv()
        account = Account.read(self.file)
        return Outcome(self.written, self.books(), account, ended, self.leaps, seconds)


@contextmanager
def trial(
    engine: Engine, kind: type[Phone | Kannel], rate: float, hands: Hands, folder: Path
) -> Iterator[Trial]:
    """Everything started, and nobody at work yet."""
    clock, hooks, file = FastClock(), SPAWN.Queue(), folder / "account.jsonl"
    url = engine.url.render_as_string(hide_password=False)
    with (
        _without_waiting_for_the_disk(engine),
        _process(serve, kind, hands.seed, clock, file, hooks) as provider,
    ):
        place = Place(url, _channel(kind, provider.recv(), rate), clock)
        with _process(lead, place, hands, hooks) as crew:
            crew.recv()
            post = place.open()
            yield Trial(engine, post, clock, file, hooks, provider, crew)
            post.engine.dispose()


@contextmanager
def _without_waiting_for_the_disk(engine: Engine) -> Iterator[None]:
    """Here only our own processes die: what PostgreSQL has committed is there without a flush."""
    name = engine.dialect.identifier_preparer.quote(str(engine.url.database))
    with engine.begin() as tx:
        tx.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    try:
        yield
    finally:
        with engine.begin() as tx:
            tx.execute(text(f"ALTER DATABASE {name} RESET synchronous_commit"))


@contextmanager
def _process(work: Callable[..., None], *arguments: object) -> Iterator[Line]:
    """A process and a connection to it; when that is closed, the process ends."""
    ours, its = SPAWN.Pipe()
    process = SPAWN.Process(target=work, args=(*arguments, its))
    process.start()
    its.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join(10)
        process.kill()
        process.join()


def _channel(kind: type[Phone | Kannel], port: int, rate: float) -> ChannelConfig:
    url = f"http://127.0.0.1:{port}"
    name, options = _phone(url) if kind is Phone else _kannel(url)
    return ChannelConfig(name, name, "http://127.0.0.1", ("t" * 16,), rate=rate, options=options)


def _phone(url: str) -> tuple[str, dict[str, object]]:
    devices = [{"name": "one", "url": url, "username": "sms"}]
    return "android", {"devices": devices, "signing_key": KEY, "password": PASSWORD}


def _kannel(url: str) -> tuple[str, dict[str, object]]:
    login = {"username": FakeKannel.username, "password": FakeKannel.password}
    return "kannel", {"sendsms_url": url + PATH, "sender": "1616", **login}
