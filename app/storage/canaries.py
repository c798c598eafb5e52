"""The channels' daily test messages: sent to a number of ours, and seen to come back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text


def come_back(tx: Connection, content: str, now: datetime) -> bool:
    """A text that arrived is a canary's of the last days: it has returned."""
    returned = tx.execute(
        text(
            "UPDATE outbox SET state = 'delivered', reason = 'it came back', settled_at = :now, "
            "ask_at = NULL, sent_at = coalesce(sent_at, :now) WHERE purpose = 'canary' "
            "AND text = :content AND created_at > :now - interval '3 days' "
            "AND state IN ('queued', 'sending', 'unknown', 'sent', 'expired')"
        ),
        {"content": content.strip(), "now": now},
    )
    return returned.rowcount > 0


def missing(tx: Connection, before: datetime, since: datetime) -> list[str]:
    """Channels whose canary was queued between the two moments and has not returned."""
    rows = tx.execute(
        text(
            "SELECT DISTINCT channel FROM outbox WHERE purpose = 'canary' "
            "AND created_at BETWEEN :since AND :before AND state <> 'delivered'"
        ),
        {"before": before, "since": since},
    )
    return list(rows.scalars())


def returned(tx: Connection, since: datetime) -> list[str]:
    """Channels whose newest canary since then has returned."""
    rows = tx.execute(
        text(
            "SELECT channel FROM (SELECT DISTINCT ON (channel) channel, state FROM outbox "
            "WHERE purpose = 'canary' AND created_at > :since ORDER BY channel, number DESC"
            ") AS newest WHERE state = 'delivered'"
        ),
        {"since": since},
    )
    return list(rows.scalars())
