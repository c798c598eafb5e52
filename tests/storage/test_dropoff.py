"""Where conversations were left, counted by node."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, insert, text

from app.flows.model import State
from app.storage import dropoff
from app.storage.schema import contacts, conversations

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
MONTH = timedelta(days=30)


def walked(tx: Connection, status: str, state: State, at: datetime = AT) -> None:
    one = insert(contacts).values(
        phone_hash=text("gen_random_uuid()::text::bytea"), phone_cipher=b""
    )
    contact = tx.execute(one.returning(contacts.c.id)).scalar_one()
    tx.execute(
        insert(conversations).values(
            contact_id=contact,
            channel="africastalking",
            medium="ussd",
            flow="0" * 32,
            language="lo",
            state=state.as_json(),
            status=status,
            started_at=at,
            turned_at=at,
        )
    )


def came(*nodes: str) -> State:
    *before, node = nodes
    return State(node, history=tuple((one, ()) for one in before))


def test_left_is_where_an_abandoned_conversation_stands(engine: Engine) -> None:
    with engine.begin() as tx:
        walked(tx, "finished", came("main/home", "main/score", "main/thanks"))
        walked(tx, "abandoned", came("main/home", "main/score"))
        walked(tx, "replaced", came("main/home"))
        walked(tx, "open", came("main/home", "main/score"))
        walked(tx, "abandoned", came("main/home"), AT - MONTH)
        # Asked whether to go on, and never answered: it was left where it had been dropped.
        walked(tx, "abandoned", State("main/resume", suspended=came("main/home", "main/score")))
        assert dropoff.by_node(tx, AT - timedelta(days=1)) == {
            "main/home": (5, 1),
            "main/score": (4, 2),
            "main/thanks": (1, 0),
        }
