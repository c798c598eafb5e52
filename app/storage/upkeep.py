"""What is due, and since when; slots of periodic work."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

_OLDEST = text(
    """
    SELECT (SELECT min(next_at) FROM inbound WHERE state = 'new'),
           (SELECT min(next_at) FROM outbox WHERE state IN ('queued', 'sending')),
           (SELECT min(due_at) FROM conversations WHERE due_at IS NOT NULL)
    """
)


def oldest_due(tx: Connection, now: datetime) -> dict[str, float]:
    """Seconds for which each drain's oldest work has been due; a drain with none is left out."""
    row = tx.execute(_OLDEST).one()
    due = zip(("turns", "outbox", "responses"), row, strict=True)
    return {drain: (now - at).total_seconds() for drain, at in due if at is not None and at <= now}
