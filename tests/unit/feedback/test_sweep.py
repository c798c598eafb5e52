"""Silent conversations become abandoned, and their answers due once more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, insert, select, text

from app.feedback.responses import drain, sweep
from app.storage.schema import answers, contacts, conversations

NOW = datetime(2026, 11, 18, 3, tzinfo=UTC)
AFTER = timedelta(minutes=30)


def rated(tx: Connection, status: str, at: datetime) -> int:
    """A conversation that stopped after its score; not due."""
    number = tx.execute(text("SELECT count(*) FROM contacts")).scalar_one()
    contact = insert(contacts).values(phone_hash=b"%d" % number, phone_cipher=b"-")
    owner = tx.execute(contact.returning(contacts.c.id)).scalar_one()
    kind = {"channel": "simulator", "medium": "ussd", "flow": "-", "language": "lo", "state": {}}
    row = {"contact_id": owner, "status": status, "started_at": at, "turned_at": at, **kind}
    made = tx.execute(insert(conversations).values(row).returning(conversations.c.id))
    talk = int(made.scalar_one())
    given = {"conversation_id": talk, "at": at}
    said = [{"question": "odsc", "value": "0103"}, {"question": "score", "value": "4"}]
    tx.execute(insert(answers), [{**given, **one} for one in said])
    return talk


def test_sweep_abandons_the_silent_only(engine: Engine) -> None:
    with engine.begin() as tx:
        silent = rated(tx, "open", NOW - AFTER - timedelta(seconds=1))
        rated(tx, "open", NOW - AFTER)
        rated(tx, "finished", NOW - timedelta(days=1))
    assert sweep(engine, NOW, AFTER) == 1
    assert sweep(engine, NOW, AFTER) == 0
    with engine.connect() as tx:
        columns = (conversations.c.id, conversations.c.due_at)
        rows = tx.execute(select(*columns).where(conversations.c.status == "abandoned")).all()
    assert [tuple(row) for row in rows] == [(silent, NOW)]


def test_an_abandoned_conversation_is_a_partial_response(engine: Engine) -> None:
    with engine.begin() as tx:
        rated(tx, "open", NOW - timedelta(hours=1))
    sweep(engine, NOW, AFTER)
    assert drain(engine, NOW, lambda: False) == 1
    with engine.connect() as tx:
        found = tx.execute(text("SELECT status, score, at FROM responses")).one()
    assert tuple(found) == ("partial", 4, NOW - timedelta(hours=1))


def test_sweep_works_in_batches_and_steps_over_a_turn(engine: Engine) -> None:
    with engine.begin() as tx:
        ids = [rated(tx, "open", NOW - timedelta(hours=1)) for _ in range(5)]
    with engine.begin() as turn:
        turn.execute(
            text("UPDATE conversations SET turned_at = :at WHERE id = :id"),
            {"at": NOW, "id": ids[0]},
        )
        assert sweep(engine, NOW, AFTER, batch=2) == 4
    assert sweep(engine, NOW, AFTER, batch=2) == 0
