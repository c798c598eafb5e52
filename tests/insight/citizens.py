"""Citizens who answered, as the drain has stored them."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, insert

from app.storage.schema import comments, contacts, conversations, releases, responses

NUMBER = "+8562055501234"
WRITTEN = "=HYPERLINK(ນາງ ຄຳ 020 5550 1234)"
"""A citizen's text, which must never leave."""
# Of the answers' moments these are always part, and of nothing else.
HOUR, MINUTE, SECOND = 3, 41, 17
_number = itertools.count(1)


def person(tx: Connection) -> int:
    """Somebody with a number of their own."""
    hidden = {"phone_hash": b"%d" % next(_number), "phone_cipher": NUMBER.encode()}
    return int(tx.execute(insert(contacts).values(hidden).returning(contacts.c.id)).scalar_one())


def answered(
    tx: Connection, day: date, who: int | None = None, medium: str = "ussd", **said: object
) -> int:
    """One response of a day, a comment with it; the id of its conversation."""
    at = datetime(day.year, day.month, day.day, HOUR, MINUTE, SECOND, tzinfo=UTC)
    talk = {"contact_id": who or person(tx), "channel": "simulator", "medium": medium}
    talk |= {"flow": "-", "language": "lo", "state": {}, "status": "finished"}
    talk |= {"started_at": at, "turned_at": at}
    key = conversations.c.id
    begun = int(tx.execute(insert(conversations).values(talk).returning(key)).scalar_one())
    row: dict[str, Any] = {"odsc": "0103", "status": "complete", "score": 5}
    row |= {"conversation_id": begun, "at": at, "day": day, "channel": "simulator"}
    tx.execute(insert(responses).values({**row, "language": "lo", **said}))
    written = {"conversation_id": begun, "kind": "rating", "odsc": "0103", "at": at}
    tx.execute(insert(comments).values({**written, "text": WRITTEN}))
    return begun


def released(tx: Connection, week: str) -> None:
    """As far as this week everything is out."""
    tx.execute(insert(releases).values(week=week, made_at=datetime(2026, 1, 1, tzinfo=UTC)))
