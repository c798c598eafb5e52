"""The spool: fsynced files for the minutes in which the database is away.

One file for each thing that arrived, encrypted, named by the nanosecond of its arrival and by part
of the keyed hash of whose it is, so that names in order are arrivals in order and one phone's can
be told from another's. A file is there whole or not at all: it gets its name once its content is
on the disk, and counts once its name is. Taking one twice does no harm, so it goes only after its
transaction was committed.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import structlog
from pydantic import TypeAdapter

from app import logs
from app.errors import ConfigError
from app.people.vault import Vault
from app.words import Arrived, Ended, Heartbeat, Inbound, OptOut, Receipt

log = structlog.get_logger()

KEPT, UNFINISHED, SET_ASIDE = ".arrival", ".tmp", ".corrupt"
FLUSHING = ".flushing"
MOST_FILES = 100_000
# The volume is the database's too, perhaps: it must not be filled to the last octet.
LEAST_FREE = 50 * 1024 * 1024
# Counting a hundred thousand files takes as long as many arrivals may wait.
RECOUNT_SECONDS = 5.0
# Among more files than these nobody looks for a phone's: there may be some.
MOST_LOOKED_AT = 1_000
# Whoever wrote a file for longer than this was killed meanwhile.
ABANDONED_SECONDS = 3600.0
_HASH_OCTETS = 8

Take = Callable[[Arrived], bool]
"""Commits what arrived; False when that is impossible now. Raises for what never can be."""


@dataclass(frozen=True, slots=True)
class Pending:
    """How many files wait, and for how many seconds the oldest has."""

    count: int
    oldest_seconds: float


def free_octets(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class Spool:
    """A folder of arrivals; several processes may write to it at once, one flushes it."""

    def __init__(
        self,
        folder: Path,
        vault: Vault,
        *,
        most: int = MOST_FILES,
        free: Callable[[Path], int] = free_octets,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._folder, self._vault = folder, vault
        self._most, self._free, self._clock = most, free, clock
        self._lock = threading.Lock()
        self._newest = 0
        self._count, self._counted_at = 0, float("-inf")

    def put(self, whose: str, arrival: Arrived) -> bool:
        """Keep it on the disk; False, with the reason logged, when it cannot be."""
        try:
            reason = self._refusal()
            if not reason:
                self._write(self._name(whose), self._vault.wrap(_written(arrival)))
        except OSError as error:
            reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
        if reason:
            log.error("spool_refuses", reason=reason)
        return not reason

    def holds(self, whose: str) -> bool:
        """Whether anything of theirs waits here, or may: then what comes now must go behind it."""
        mark = f"-{self._mark(whose)}-"
        with suppress(OSError), os.scandir(self._folder) as entries:
            for looked_at, entry in enumerate(entries):
                if looked_at == MOST_LOOKED_AT:
                    return True
                if mark in entry.name and entry.name.endswith(KEPT):
                    return True
        return False

    def flush(self, take: Take, spoilt: Callable[[], None], stop: Callable[[], bool]) -> int:
        """Take what waits, the oldest first, until `take` says that it cannot; how many.

        What can never be taken is set aside and kept; `spoilt` is called before that.
        """
        names = self._names()
        if not names:
            return 0
        taken = 0
        with self._alone() as alone:
            # Read again: whoever flushed until now left fewer.
            for name in self._names() if alone else ():
                if stop():
                    break
                outcome = self._take(name, take)
                if outcome is None:
                    break
                if not outcome:
                    spoilt()
                    self._set_aside(name)
                taken += outcome
        return taken

    def pending(self) -> Pending:
        """What waits, by the names."""
        names = self._names()
        if not names:
            return Pending(0, 0.0)
        stamp = names[0].partition("-")[0]
        written = int(stamp) if stamp.isdigit() else self._clock()
        return Pending(len(names), max(self._clock() - written, 0) / 1e9)

    def spoilt(self) -> int:
        """How many were set aside and wait for somebody to look at them."""
        with suppress(OSError), os.scandir(self._folder) as entries:
            return sum(entry.name.endswith(SET_ASIDE) for entry in entries)
        return 0

    def usable(self) -> bool:
        """Whether something that arrives now could be kept here."""
        probe = self._folder / f".{secrets.token_hex(8)}{UNFINISHED}"
        try:
            if self._refusal():
                return False
            probe.touch(mode=0o600, exist_ok=False)
            probe.unlink()
        except OSError:
            return False
        return True

    # --- writing -----------------------------------------------------------------------------

    def _refusal(self) -> str:
        """Why nothing more may be written; "" where it may. Makes the folder."""
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(self._folder.parent)
        if self._free(self._folder) < LEAST_FREE:
            return "the disk is nearly full"
        with self._lock:
            if time.monotonic() - self._counted_at > RECOUNT_SECONDS:
                self._count, self._counted_at = len(self._names()), time.monotonic()
            return f"{self._count} files are waiting" if self._count >= self._most else ""

    def _name(self, whose: str) -> str:
        with self._lock:
            # Two in the same nanosecond, or a clock put back, must not change their order.
            self._newest = max(self._newest + 1, self._clock())
            self._count += 1
            return f"{self._newest:020d}-{self._mark(whose)}-{secrets.token_hex(8)}{KEPT}"

    def _mark(self, whose: str) -> str:
        return self._vault.hash(whose)[:_HASH_OCTETS].hex()

    def _write(self, name: str, content: bytes) -> None:
        unfinished = self._folder / f".{name}{UNFINISHED}"
        try:
            unfinished.touch(mode=0o600, exist_ok=False)
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(self._folder / name)
        except OSError:
            with suppress(OSError):
                unfinished.unlink()
            raise
        _sync_folder(self._folder)

    # --- flushing ----------------------------------------------------------------------------

    def _names(self) -> list[str]:
        """Every file's, the oldest first."""
        with suppress(OSError), os.scandir(self._folder) as entries:
            return sorted(entry.name for entry in entries if entry.name.endswith(KEPT))
        return []

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether this process may flush; no other does meanwhile."""
        descriptor = os.open(self._folder / FLUSHING, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._sweep()
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(descriptor)

    def _take(self, name: str, take: Take) -> bool | None:
        """True when it was committed and is gone, False when it never can be, None: not now."""
        try:
            arrival = _read(self._vault.unwrap((self._folder / name).read_bytes()))
            if not take(arrival):
                return None
        except OSError as error:
            # A spoilt place on the disk stays so; too many open files do not.
            log.error("spool_unread", kind=type(error).__name__)
            return False if error.errno == errno.EIO else None
        except Exception as error:
            log.error("spool_spoilt", cause=logs.where(error))
            return False
        (self._folder / name).unlink(missing_ok=True)
        return True

    def _set_aside(self, name: str) -> None:
        (self._folder / name).rename(self._folder / f"{name}{SET_ASIDE}")

    def _sweep(self) -> None:
        """Remove what somebody was writing when they were killed: nobody was told 200 for it."""
        for path in self._folder.glob(f".*{UNFINISHED}"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@cache
def _shapes() -> dict[str, TypeAdapter[Any]]:
    kinds = (Inbound, Ended, OptOut, Heartbeat, Receipt)
    return {kind.__name__: TypeAdapter(kind) for kind in kinds}


def _written(arrival: Arrived) -> bytes:
    kind = type(arrival).__name__
    said = _shapes()[kind].dump_python(arrival, mode="json")
    return json.dumps({"kind": kind, "said": said}).encode()


def _read(content: bytes) -> Arrived:
    """Raises ConfigError for what this code cannot read."""
    try:
        kept = json.loads(content)
        found: Arrived = _shapes()[kept["kind"]].validate_python(kept["said"])
    except (ValueError, LookupError, TypeError):
        raise ConfigError("A spooled file is of another version of Siang") from None
    return found
