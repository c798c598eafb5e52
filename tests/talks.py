"""Conversations as turns leave them in the database, and what the drain makes of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

from sqlalchemy import Connection, Engine, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.storage.schema import answers, contacts, conversations, responses

NOW = datetime(2026, 11, 18, 3, tzinfo=UTC)
DAY = date(2026, 11, 18)
EXTRA = {"again": ("yes", "no"), "sufs_access": ("1", "2", "3", "4", "5")}
"""Questions beside the core ones, as config/insight.yaml may declare them."""
Key = tuple[object, ...]


def go_on() -> bool:
    return False


def begin(tx: Connection, status: str = "open", at: datetime = NOW) -> int:
    """A contact of its own and its conversation, due."""
    number = tx.execute(text("SELECT count(*) FROM contacts")).scalar_one()
    contact = insert(contacts).values(phone_hash=b"%d" % number, phone_cipher=b"-")
    owner = tx.execute(contact.returning(contacts.c.id)).scalar_one()
    kind = {"channel": "simulator", "medium": "ussd", "flow": "-", "language": "lo", "state": {}}
    times = {"started_at": at, "turned_at": at, "due_at": at}
    talk = insert(conversations).values(contact_id=owner, status=status, **kind, **times)
    return int(tx.execute(talk.returning(conversations.c.id)).scalar_one())


def turn(
    tx: Connection, talk: int, at: datetime = NOW, status: str | None = None, **given: str | None
) -> None:
    """What the web writes in a turn; None takes an answer away."""
    for question, value in given.items():
        if value is None:
            where = (answers.c.conversation_id == talk) & (answers.c.question == question)
            tx.execute(answers.delete().where(where))
            continue
        row = {"conversation_id": talk, "question": question, "value": value, "at": at}
        key = ["conversation_id", "question"]
        statement = upsert(answers).values(row)
        tx.execute(statement.on_conflict_do_update(index_elements=key, set_=row))
    values: dict[str, object] = {"due_at": at, "turned_at": at}
    if status:
        values["status"] = status
    tx.execute(update(conversations).where(conversations.c.id == talk).values(values))


def say(engine: Engine, status: str = "open", at: datetime = NOW, **given: str | None) -> int:
    with engine.begin() as tx:
        talk = begin(tx, status, at)
        turn(tx, talk, at, **given)
    return talk


def turn_later(
    engine: Engine, talk: int, at: datetime = NOW, status: str | None = None, **given: str | None
) -> None:
    with engine.begin() as tx:
        turn(tx, talk, at, status, **given)


def tallied(engine: Engine) -> Counter[Key]:
    with engine.connect() as tx:
        rows = tx.execute(
            text("SELECT day, odsc, service, question, answer, sex, n FROM tallies WHERE n > 0")
        )
        return Counter({tuple(row[:6]): row.n for row in rows})


def stored(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as tx:
        return [tuple(row) for row in tx.execute(select(responses).order_by("conversation_id"))]


def waiting(engine: Engine) -> int:
    with engine.connect() as tx:
        due = text("SELECT count(*) FROM conversations WHERE due_at IS NOT NULL")
        return int(tx.execute(due).scalar_one())
