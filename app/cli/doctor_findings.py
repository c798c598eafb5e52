"""What `siang doctor` looks at, and what it finds there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from app.channels.base import Channel
from app.people.vault import Vault
from app.settings import Settings
from app.storage.operations import Process

State = Literal["ok", "warn", "fail", "not asked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the page; `remedy` says what to do where something is not as it should be."""

    name: str
    state: State
    said: str
    remedy: str = ""


class NotAsked(Exception):
    """What a check needs is away; another line says so."""


@dataclass(frozen=True, slots=True)
class Place:
    """Everything that the checks may look at.

    `connection` is None, and `why` says why, where the database does not answer; `ready` is
    whether it has the tables of this code.
    """

    settings: Settings
    environment: Mapping[str, str] = field(repr=False)
    channels: Mapping[str, Channel]
    vault: Vault
    now: datetime
    connection: Connection | None = None
    why: str = ""
    ready: bool = False

    @property
    def server(self) -> Connection:
        """For what needs no tables. Raises NotAsked."""
        if self.connection is None:
            raise NotAsked("the database does not answer")
        return self.connection

    @property
    def tables(self) -> Connection:
        """For what is stored. Raises NotAsked."""
        if not self.ready and self.connection is not None:
            raise NotAsked("the tables are not there yet")
        return self.server


Check = Callable[[Place], Finding]


def ago(place: Place, moment: datetime | None) -> timedelta | None:
    return None if moment is None else place.now - moment


def joined(parts: Sequence[str], most: int = 6) -> str:
    """A list in a sentence, cut where it would leave the page."""
    left = len(parts) - most
    return ", ".join(parts[:most]) + (f" and {left} more" if left > 0 else "")


def megabytes(octets: int) -> str:
    """`41 MB`, `2.5 GB`."""
    return f"{octets / 1e9:.1f} GB" if octets >= 1e9 else f"{octets / 1e6:.0f} MB"


def alive(processes: Sequence[Process], name: str, silent: float) -> list[Process]:
    return [one for one in processes if one.name == name and one.silent < silent]
