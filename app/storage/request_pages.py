"""An ODSC's requests in pages, and their histories."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, select, text, tuple_

from app.storage import requests_schema as schema
from app.storage.requests import Change, Request


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which request a page begins. Neither ever changes, so no pass skips a request."""

    filed_at: datetime
    id: int


_TABLE = schema.requests


def page(
    tx: Connection,
    odsc: str,
    *,
    status: str | None,
    since: datetime | None,
    after: Place | None,
    limit: int,
) -> list[Request]:
    """The next requests in order of filing; `since` keeps those with news from then on."""
    wanted = select(*(_TABLE.c[field.name] for field in fields(Request)))
    wanted = wanted.where(_TABLE.c.odsc == odsc)
    if status is not None:
        wanted = wanted.where(_TABLE.c.status == status)
    if since is not None:
        wanted = wanted.where(_TABLE.c.news_at >= since)
    if after is not None:
        place = tuple_(_TABLE.c.filed_at, _TABLE.c.id)
        wanted = wanted.where(place > tuple_(after.filed_at, after.id))
    ordered = wanted.order_by(_TABLE.c.filed_at, _TABLE.c.id).limit(limit)
    return [Request(*row) for row in tx.execute(ordered)]


def histories(tx: Connection, request_ids: Collection[int]) -> dict[int, list[Change]]:
    """The history of each of these requests, the oldest first."""
    found: dict[int, list[Change]] = {one: [] for one in request_ids}
    rows = tx.execute(
        text(
            "SELECT request_id, status, note, by, source, at FROM request_history "
            "WHERE request_id = ANY(:ids) ORDER BY at, id"
        ),
        {"ids": list(request_ids)},
    )
    for row in rows:
        found[row.request_id].append(Change(row.status, row.note, row.by, row.source, row.at))
    return found
