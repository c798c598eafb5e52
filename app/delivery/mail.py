"""Queueing a message: on which channel, until when it is of use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from app.delivery.policy import VALID
from app.delivery.routing import Router
from app.errors import ConfigError
from app.people.vault import Sealed, Vault
from app.storage import outbox, people
from app.storage.outbox import Letter
from app.words import Purpose

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Mail:
    """Where every message to a phone is handed in."""

    vault: Vault
    router: Router

    def queue(
        self,
        tx: Connection,
        *,
        contact_id: int,
        purpose: Purpose,
        text: str,
        now: datetime,
        came_by: str = "",
        channel: str | None = None,
        once_key: str | None = None,
        conversation: int | None = None,
    ) -> str | None:
        """The message's id; None where one with this `once_key` exists already.

        `came_by` is the channel of what is answered; `channel`, where it must be this one.
        `conversation` is the one whose answer it is.
        """
        if once_key is not None and outbox.exists(tx, once_key):
            return None
        way = channel or self._channel(tx, contact_id, came_by)
        message = outbox.add(
            tx,
            contact_id=contact_id,
            channel=way,
            purpose=purpose,
            text=text,
            now=now,
            expires_at=now + VALID[purpose],
            once_key=once_key,
            conversation=conversation,
        )
        if message is not None:
            log.info("message_queued", message=message, channel=way, purpose=purpose)
        return message

    def queue_all(
        self, tx: Connection, letters: Sequence[Letter], *, purpose: Purpose, now: datetime
    ) -> int:
        """Queue many at once, each unless one with its `once_key` exists already; how many were."""
        addressed = [(one, self._channel(tx, one.contact_id, "")) for one in letters]
        expires_at = now + VALID[purpose]
        return outbox.add_all(tx, addressed, purpose=purpose, now=now, expires_at=expires_at)

    def number(self, hashed: bytes, cipher: bytes) -> str:
        """The number as far as ways depend on it: "" where the keys do not open it.

        Such a message waits on the usual way until an operator has set the right keys.
        """
        try:
            return self.vault.open(Sealed(bytes(hashed), bytes(cipher)))
        except ConfigError:
            return ""

    def _channel(self, tx: Connection, contact_id: int, came_by: str) -> str:
        """Opens the number only where the way depends on it."""
        first = self.router.first(came_by)
        if first is not None:
            return first
        number = self.number(*people.sealed(tx, contact_id))
        return self.router.candidates(number, came_by)[0]
