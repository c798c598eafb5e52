"""Engines: how long their transactions wait."""

from __future__ import annotations

from sqlalchemy import Engine, text

from app.storage.database import with_lock_timeout


def lock_timeout(engine: Engine) -> str:
    with engine.begin() as tx:
        return str(tx.execute(text("SHOW lock_timeout")).scalar_one())


def test_who_is_in_a_hurry_lets_the_others_wait_as_before(engine: Engine) -> None:
    hurried = with_lock_timeout(engine, 0.5)
    assert [lock_timeout(one) for one in (engine, hurried, engine)] == ["10s", "500ms", "10s"]
