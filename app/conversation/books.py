"""Flow versions: the published one for new conversations, older ones for those under way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock

import structlog
from sqlalchemy import Connection, Engine

from app import clock
from app.errors import FlowError, Problem
from app.flows import load
from app.flows.nodes import Book
from app.storage import flows
from app.words import Language

log = structlog.get_logger()

PATTERNS = ("flows/*.yaml", "languages/*/screens.yaml")
# A publication is seen by every process within two seconds, however long its turns take.
LOOK_SECONDS = 1.0
FIRST_START = "first start"
SHOWN_DIGITS = 8


def read_sources(config: Path, patterns: tuple[str, ...] = PATTERNS) -> dict[str, str]:
    """The flow and language files under config/. Raises FlowError for one that is no UTF-8."""
    sources = {}
    for path in sorted(path for pattern in patterns for path in config.glob(pattern)):
        name = path.relative_to(config).as_posix()
        try:
            sources[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            problem = Problem(name, 1, "", f"octet {error.start} is no UTF-8", "Save it as UTF-8")
            raise FlowError([problem]) from None
    return sources


def compiled(sources: Mapping[str, str], flow: str, language: Language) -> Book:
    """The book of these sources. Raises FlowError, also where the settings' flow or language is
    not in it."""
    book = load.book(sources)
    for key, wanted, there in (
        ("conversation.flow", flow, tuple(book.flows)),
        ("service.language", language, tuple(book.packs)),
    ):
        if wanted not in there:
            known = ", ".join(there) or "none"
            message = f"{wanted!r} is not among those there are ({known})"
            raise FlowError([Problem("siang.toml", 1, key, message)])
    return book


def differs(tx: Connection, sources: Mapping[str, str]) -> str | None:
    """The published version if these sources are another one; None too where there is none."""
    published = flows.current_hash(tx)
    return None if published == load.hash_of(sources) else published


def publish_first(engine: Engine, config: Path, flow: str, language: Language) -> None:
    """Publish config/ where nothing ever was. Raises FlowError; two starts at once publish once."""
    with engine.begin() as tx:
        if flows.current(tx) is not None:
            return
        sources = read_sources(config)
        book = compiled(sources, flow, language)
        flows.lock(tx)
        if flows.current(tx) is None:
            flows.store(tx, book.hash, sources)
            flows.publish(tx, book.hash, FIRST_START, forced=False, at=clock.now())


class Books:
    """The versions this process knows: compiled once, kept by hash. All threads share it.

    `monotonic` is what a second is measured with.
    """

    def __init__(
        self,
        config: Path,
        flow: str,
        language: Language,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._flow, self._language = config, flow, language
        self._monotonic = monotonic
        # None: a version that this code cannot read.
        self._known: dict[str, Book | None] = {}
        self._serving: Book | None = None
        self._number = 0
        self._look_at = float("-inf")
        self._changing = Lock()
        self._compiling = Lock()

    def open(self, engine: Engine) -> None:
        """Be ready before the first turn. Raises FlowError where there is nothing to serve."""
        publish_first(engine, self._config, self._flow, self._language)
        with engine.begin() as tx:
            self._look(tx)
            if self._serving is None:
                self._serving = self._newest_readable(tx)
            if self._serving is None:
                # This code can read nothing that was published: it serves what it came with,
                # stored for the processes in which those who begin on it go on.
                flows.store(tx, self.last.hash, read_sources(self._config))

    def current(self, tx: Connection) -> Book:
        """What new conversations begin on. Asks the database at most once a second."""
        if self._may_look():
            self._look(tx)
        return self.last

    @property
    def last(self) -> Book:
        """What was current when this process last looked, for who has no database at hand.

        Before the first look it is what stands in config/ (FlowError).
        """
        serving = self._serving
        if serving is not None:
            return serving
        found = compiled(read_sources(self._config), self._flow, self._language)
        with self._changing:
            if self._serving is None:
                self._known[found.hash] = self._serving = found
            return self._serving

    def version(self, tx: Connection, flow_hash: str) -> Book | None:
        """The version on which a conversation began; None if this code cannot read it."""
        if flow_hash not in self._known:
            # One thread compiles, which takes a while; the others shall not do it once more.
            with self._compiling:
                if flow_hash not in self._known:
                    stored = flows.sources(tx, flow_hash)
                    if stored is None:
                        return None
                    self._known[flow_hash] = self._readable(flow_hash, stored)
        return self._known[flow_hash]

    def _may_look(self) -> bool:
        """Whether it is time; true for one thread only."""
        now = self._monotonic()
        if now < self._look_at:
            return False
        with self._changing:
            if now < self._look_at:
                return False
            self._look_at = now + LOOK_SECONDS
            return True

    def _look(self, tx: Connection) -> None:
        published = flows.current(tx)
        if published is None or published.number <= self._number:
            return
        book = self.version(tx, published.hash)
        if book is None:
            return
        with self._changing:
            # A thread that looked earlier and took longer must not bring back the older one.
            if published.number > self._number:
                self._number, self._serving = published.number, book

    def _newest_readable(self, tx: Connection) -> Book | None:
        found = (self.version(tx, one.hash) for one in flows.history(tx))
        return next((book for book in found if book is not None), None)

    def _readable(self, flow_hash: str, stored: Mapping[str, str]) -> Book | None:
        try:
            book = compiled(stored, self._flow, self._language)
        except Exception as error:
            # Other code than ours may have published it, so that anything can go wrong here. The
            # version before goes on; remembered, it is told once.
            cause = str(error).split("\n")[0] if isinstance(error, FlowError) else ""
            kind = type(error).__name__
            log.error("flow_unreadable", version=flow_hash[:SHOWN_DIGITS], kind=kind, cause=cause)
            return None
        # Conversations are kept under the name by which the version is stored.
        return replace(book, hash=flow_hash)
