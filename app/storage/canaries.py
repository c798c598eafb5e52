"""The channels' daily test messages: sent to a number of ours, and seen to come back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

BEGINS = "Siang canary "


def come_back(tx: Connection, content: str, now: datetime) -> bool:
    """A text that arrived is a canary's of the last days: it has returned."""
    returned = tx.execute(
        text(
            "UPDATE outbox SET state = 'delivered', reason = 'it came back', settled_at = :now, "
            "ask_at = NULL, sent_at = coalesce(sent_at, :now) WHERE purpose = 'canary' "
            "AND text = :content AND created_at > :now - interval '3 days'"
        ),
        {"content": content.strip(), "now": now},
    )
    return returned.rowcount > 0


@dataclass(frozen=True, slots=True)
class Canary:
    """The newest canary of a channel."""

    channel: str
    sent_at: datetime
    returned: bool


def newest(tx: Connection, since: datetime) -> list[Canary]:
    """Each channel's newest since then."""
    rows = tx.execute(
        text(
            "SELECT DISTINCT ON (channel) channel, created_at, state = 'delivered' FROM outbox "
            "WHERE purpose = 'canary' AND created_at > :since ORDER BY channel, number DESC"
        ),
        {"since": since},
    )
    return [Canary(*row) for row in rows]
