"""Where conversations were left: for each node, how many were shown it and how many stopped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, text

# The way a conversation came is its history and where it stands. Who goes home or back forgets
# the way, and only the latest steps are kept: what was shown is counted rather too low.
_BY_NODE = text(
    """
    WITH walked AS (
        SELECT id, status, COALESCE(NULLIF(state -> 'suspended', 'null'), state) AS state
        FROM conversations WHERE turned_at >= :since
    ), seen AS (
        SELECT id, state ->> 'node' AS node, status IN ('abandoned', 'replaced') AS lost
        FROM walked
        UNION ALL
        SELECT id, step ->> 0, false
        FROM walked, jsonb_array_elements(COALESCE(state -> 'history', '[]')) AS step
    )
    SELECT node, count(DISTINCT id) AS shown, count(*) FILTER (WHERE lost) AS lost
    FROM seen WHERE node IS NOT NULL GROUP BY node
    """
)


def by_node(tx: Connection, since: datetime) -> Mapping[str, tuple[int, int]]:
    """FLOW/NODE → conversations since then that came to it, and those left there for good."""
    return {row.node: (row.shown, row.lost) for row in tx.execute(_BY_NODE, {"since": since})}
