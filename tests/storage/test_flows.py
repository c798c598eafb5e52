"""Versions are kept by hash, publications in the order in which they were made."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, insert, text
from sqlalchemy.exc import IntegrityError

from app.storage import flows
from app.storage.flows import Current
from app.storage.schema import contacts, conversations

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
ONE, TWO = "aaaaaa11" + "0" * 24, "aaaaaa22" + "0" * 24


def published(tx: Connection, *hashes: str) -> None:
    for flow_hash in hashes:
        flows.store(tx, flow_hash, {"flows/main.yaml": flow_hash})
        flows.publish(tx, flow_hash, f"now {flow_hash[:8]}", forced=flow_hash == TWO, at=AT)


def walking(tx: Connection, flow_hash: str, status: str) -> None:
    one = insert(contacts).values(
        phone_hash=text("gen_random_uuid()::text::bytea"), phone_cipher=b""
    )
    contact = tx.execute(one.returning(contacts.c.id)).scalar_one()
    tx.execute(
        insert(conversations).values(
            contact_id=contact,
            channel="africastalking",
            medium="ussd",
            flow=flow_hash,
            language="lo",
            state={},
            status=status,
            started_at=AT,
            turned_at=AT,
        )
    )


def test_nothing_is_current_before_the_first_publication(engine: Engine) -> None:
    with engine.begin() as tx:
        assert flows.current(tx) is None
        flows.store(tx, ONE, {"flows/main.yaml": "ໜຶ່ງ\n"})
        assert flows.current_hash(tx) is None
        assert flows.history(tx) == []


def test_sources_come_back_as_they_were(engine: Engine) -> None:
    sources = {"flows/main.yaml": 'flow: "ໜຶ່ງ"\t\\n\r\n', "languages/lo/screens.yaml": ""}
    with engine.begin() as tx:
        flows.store(tx, ONE, sources)
        flows.store(tx, ONE, {"flows/main.yaml": "a version never changes"})
        assert flows.sources(tx, ONE) == sources
        assert flows.sources(tx, TWO) is None


def test_the_newest_publication_is_current(engine: Engine) -> None:
    with engine.begin() as tx:
        published(tx, ONE, TWO, ONE)
        current = flows.current(tx)
        history = flows.history(tx)
    assert [(one.hash, one.forced) for one in history] == [(ONE, False), (TWO, True), (ONE, False)]
    assert current == Current(history[0].number, ONE)
    assert [one.number for one in history] == sorted((one.number for one in history), reverse=True)
    assert (history[0].at, history[0].note) == (AT, "now aaaaaa11")


def test_the_history_counts_conversations_that_are_open(engine: Engine) -> None:
    with engine.begin() as tx:
        published(tx, ONE, TWO)
        for flow_hash, status in (
            (ONE, "open"),
            (ONE, "open"),
            (ONE, "finished"),
            (TWO, "replaced"),
        ):
            walking(tx, flow_hash, status)
        assert [(one.hash, one.open) for one in flows.history(tx)] == [(TWO, 0), (ONE, 2)]


def test_versions_are_found_by_their_first_digits(engine: Engine) -> None:
    with engine.begin() as tx:
        published(tx, ONE, TWO)
        assert flows.beginning_with(tx, "aaaaaa") == [ONE, TWO]
        assert flows.beginning_with(tx, "aaaaaa2") == [TWO]
        assert flows.beginning_with(tx, "a%") == []


def test_only_a_stored_version_can_be_published(engine: Engine) -> None:
    with pytest.raises(IntegrityError), engine.begin() as tx:
        flows.publish(tx, ONE, "", forced=False, at=AT)


def test_what_is_current_is_read_from_the_index(engine: Engine) -> None:
    with engine.begin() as tx:
        published(tx, *[ONE, TWO] * 50)
        tx.execute(text("SET LOCAL enable_seqscan = off"))
        plan = tx.execute(text(f"EXPLAIN {flows._CURRENT}")).scalars().all()
    assert any("Index Scan Backward" in line for line in plan), plan
