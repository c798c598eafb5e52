"""Flow versions: the one in config/ for new conversations, stored ones for those under way."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine

from app.errors import FlowError, Problem
from app.flows import load
from app.flows.nodes import Book
from app.storage import conversations

PATTERNS = ("flows/*.yaml", "languages/*/screens.yaml")


def read_sources(config: Path) -> dict[str, str]:
    """The flow and language files under config/. Raises FlowError for one that is no UTF-8."""
    sources = {}
    for path in sorted(path for pattern in PATTERNS for path in config.glob(pattern)):
        name = path.relative_to(config).as_posix()
        try:
            sources[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            problem = Problem(name, 1, "", f"octet {error.start} is no UTF-8", "Save it as UTF-8")
            raise FlowError([problem]) from None
    return sources


class Books:
    """The versions this process knows: compiled once, kept by hash."""

    def __init__(self, config: Path, flow: str, language: str) -> None:
        self._sources = read_sources(config)
        self.current = load.book(self._sources)
        self._known = {self.current.hash: self.current}
        self._require(flow, language)

    def _require(self, flow: str, language: str) -> None:
        if flow not in self.current.flows:
            known = ", ".join(self.current.flows) or "none"
            raise FlowError(
                [Problem("siang.toml", 1, "conversation.flow", f"no flow {flow!r} ({known})")]
            )
        if language not in self.current.packs:
            known = ", ".join(self.current.packs) or "none"
            raise FlowError(
                [Problem("siang.toml", 1, "service.language", f"no pack {language!r} ({known})")]
            )

    def store(self, engine: Engine) -> None:
        """Keep the current version in the database for whoever begins a conversation on it."""
        with engine.begin() as tx:
            conversations.store_flow(tx, self.current.hash, self._sources)

    def version(self, tx: Connection, flow_hash: str) -> Book:
        """The version on which a conversation began; the current one if it was never stored."""
        if flow_hash not in self._known:
            sources = conversations.flow_sources(tx, flow_hash)
            self._known[flow_hash] = self.current if sources is None else load.book(sources)
        return self._known[flow_hash]
