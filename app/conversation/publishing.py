"""Publishing flow versions: from config/ into the database, and back to an earlier one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from sqlalchemy import Connection, Engine

from app import clock
from app.conversation.books import SHOWN_DIGITS, compiled, differs, read_sources
from app.errors import FlowError, OperatorError
from app.flows.nodes import Book
from app.settings import Settings
from app.storage import flows
from app.storage.flows import Publication

TRANSCRIPTS = ("flows/tests/*.yaml",)
CONFIG = "config"
_DIGITS = re.compile(r"[0-9a-f]{6,32}")


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a publication. Not `new`: it was current already, nothing was changed."""

    hash: str
    new: bool
    failures: Sequence[str] = ()


def publish(
    engine: Engine,
    settings: Settings,
    *,
    note: str = "",
    force: bool = False,
    errors: Sequence[str] = (),
) -> tuple[Published, Book]:
    """Make config/ what new conversations begin on.

    Raises FlowError for what is wrong in its files, and OperatorError with the `errors` that the
    check found and the conversation tests that fail, unless forced.
    """
    sources = read_sources(settings.config)
    book = compiled(sources, settings.conversation.flow, settings.service.language)
    with engine.connect() as tx:
        if flows.current_hash(tx) == book.hash:
            return Published(book.hash, new=False), book
    failures = [*errors, *_failures(book, settings.config)]
    if failures and not force:
        told = "\n".join(failures)
        raise OperatorError(
            f"{told}\nNothing was published: {_counted(failures)}",
            "Mend the flow or the test, or publish all the same with --force",
        )
    with engine.begin() as tx:
        flows.lock(tx)
        flows.store(tx, book.hash, sources)
        new = _append(tx, book.hash, note, forced=force)
    return Published(book.hash, new, failures), book


def roll_back(engine: Engine, settings: Settings, digits: str | None = None) -> Published:
    """Publish an earlier version again, by default the one before the current one.

    Raises OperatorError for a version that is not there or that this code cannot read.
    """
    with engine.begin() as tx:
        flows.lock(tx)
        chosen = _before(flows.history(tx)) if digits is None else named(tx, digits)
        try:
            compiled(_stored(tx, chosen), settings.conversation.flow, settings.service.language)
        except FlowError as error:
            raise OperatorError(
                f"{error}\nVersion {shown(chosen)} cannot be read by this Siang",
                "Choose another one of `siang flows history`",
            ) from None
        new = _append(tx, chosen, f"rollback to {shown(chosen)}", forced=False)
    return Published(chosen, new)


def difference(
    tx: Connection, settings: Settings, old: str | None = None, new: str | None = None
) -> str:
    """A unified diff of two versions' sources: by default of what is published and config/."""
    old_hash = flows.current_hash(tx) if old is None else named(tx, old)
    if old_hash is None:
        raise _nothing_published()
    there = _stored(tx, old_hash)
    if new is None:
        return _unified(shown(old_hash), there, CONFIG, read_sources(settings.config))
    new_hash = named(tx, new)
    return _unified(shown(old_hash), there, shown(new_hash), _stored(tx, new_hash))


def remark(engine: Engine, settings: Settings) -> list[str]:
    """The line that tells a starting operator that config/ is not what is served, if so."""
    with engine.connect() as tx:
        try:
            published = differs(tx, read_sources(settings.config))
        except FlowError:
            # A file that is no UTF-8 is none of those that were published.
            published = differs(tx, {})
    if published is None:
        return []
    return [
        f"What is published ({shown(published)}) is not what stands in {settings.config}: "
        "see `siang flows diff`, then `siang flows publish`."
    ]


def named(tx: Connection, digits: str) -> str:
    """The one version whose hash begins with these digits. Raises OperatorError."""
    wanted = digits.strip().lower()
    if not _DIGITS.fullmatch(wanted):
        raise OperatorError(
            f"{digits!r} is no version",
            "Write at least 6 of the digits that `siang flows history` shows",
        )
    found = flows.beginning_with(tx, wanted)
    if not found:
        raise OperatorError(f"There is no version {wanted}", "`siang flows history` lists them")
    if len(found) > 1:
        raise OperatorError(
            f"{len(found)} versions begin with {wanted}: {', '.join(found)}", "Write more digits"
        )
    return found[0]


def shown(flow_hash: str) -> str:
    """As much of a hash as people read."""
    return flow_hash[:SHOWN_DIGITS]


def _append(tx: Connection, flow_hash: str, note: str, *, forced: bool) -> bool:
    """Publish a stored version under the lock; False if it is current already."""
    if flows.current_hash(tx) == flow_hash:
        return False
    flows.publish(tx, flow_hash, _one_line(note), forced, clock.now())
    return True


def _before(history: Sequence[Publication]) -> str:
    """The version before the current one.

    Who goes back is where they once were: a second step leads further back, never to the version
    that was just left.
    """
    if not history:
        raise _nothing_published()
    trail: list[str] = []
    for one in reversed(history):
        if one.hash in trail:
            del trail[trail.index(one.hash) :]
        trail.append(one.hash)
    if len(trail) < 2:
        raise OperatorError(
            f"There is no version before {shown(trail[-1])}",
            "Name one of `siang flows history` to publish it again",
        )
    return trail[-2]


def _stored(tx: Connection, flow_hash: str) -> Mapping[str, str]:
    return flows.sources(tx, flow_hash) or {}


def _nothing_published() -> OperatorError:
    return OperatorError("Nothing is published yet", "`siang flows publish` publishes config/")


def _failures(book: Book, config: Path) -> list[str]:
    """The conversation tests that fail, in sentences; one that cannot be read fails too."""
    # Only who publishes needs it; turns and starts do without.
    from app.flows.transcripts import run_all

    try:
        return run_all(book, read_sources(config, TRANSCRIPTS))
    except FlowError as error:
        return [str(problem) for problem in error.problems]


def _counted(failures: Sequence[str]) -> str:
    return "1 thing is wrong" if len(failures) == 1 else f"{len(failures)} things are wrong"


def _one_line(note: str) -> str:
    """Octets of the terminal that were no UTF-8 become a mark: they could not be stored."""
    readable = note.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join(readable.split())


def _unified(old: str, before: Mapping[str, str], new: str, after: Mapping[str, str]) -> str:
    lines: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        lines += unified_diff(
            before.get(name, "").splitlines(),
            after.get(name, "").splitlines(),
            f"{old}/{name}" if name in before else "/dev/null",
            f"{new}/{name}" if name in after else "/dev/null",
            lineterm="",
        )
    return "\n".join(lines)
