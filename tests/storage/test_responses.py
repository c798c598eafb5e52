"""The drain: whatever it is called, how often and how many at once, with the effect of once."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import Engine, event, insert, select, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from app.clock import local_day
from app.feedback.cells import REASONS
from app.feedback.responses import drain
from app.insight import recount
from app.storage.schema import answers, comments, conversations, fees, responses
from tests.talks import (
    DAY,
    EXTRA,
    NOW,
    Key,
    go_on,
    say,
    stored,
    tallied,
    turn,
    turn_later,
    waiting,
)

NATIONAL_FEE = 20_000


@contextmanager
def at_each(engine: Engine, moment: str, look: Callable[[str], None]) -> Iterator[None]:
    """Show every statement to `look`, before or after it runs."""

    def hook(*args: object) -> None:
        look(str(args[2]))

    event.listen(engine, f"{moment}_cursor_execute", hook)
    try:
        yield
    finally:
        event.remove(engine, f"{moment}_cursor_execute", hook)


@pytest.fixture
def fee(engine: Engine) -> Iterator[None]:
    """One fee for ID cards, national; the registry's own come back, since it outlives a test."""
    of_cards = fees.c.service == "id_card"
    with engine.begin() as tx:
        columns = [column for column in fees.c if column.name != "id"]
        registered = [dict(row._mapping) for row in tx.execute(select(*columns).where(of_cards))]
        tx.execute(fees.delete().where(of_cards))
        row = {"service": "id_card", "fee_kip": 15_000, "charge_kip": 5_000, "source": "a test"}
        tx.execute(insert(fees).values(valid_from=date(2000, 1, 1), **row))
    yield
    with engine.begin() as tx:
        tx.execute(fees.delete().where(of_cards))
        if registered:
            tx.execute(insert(fees), registered)


def test_a_score_alone_is_a_partial_response_at_once(engine: Engine) -> None:
    say(engine, odsc="0103", score="4")
    assert drain(engine, NOW, go_on) == 1
    said = ("status", "partial"), ("score", "4")
    assert tallied(engine) == {(DAY, "0103", "", *one, ""): 1 for one in said}
    assert waiting(engine) == 0


def test_partial_then_complete_moves_the_tallies_exactly(engine: Engine) -> None:
    talk = say(engine, odsc="0103", score="2")
    drain(engine, NOW, go_on)
    turn_later(engine, talk, status="finished", service="id_card", reason="waiting", sex="F")
    drain(engine, NOW, go_on)
    start = (DAY, "0103", "id_card")
    given = {"status": "complete", "score": "2", "service": "id_card", "reason": "waiting"}
    assert tallied(engine) == {(*start, name, value, "F"): 1 for name, value in given.items()}
    assert len(stored(engine)) == 1


def test_a_changed_score_is_counted_once_on_its_first_day(engine: Engine) -> None:
    evening = datetime(2026, 11, 18, 16, 59, tzinfo=UTC)
    talk = say(engine, at=evening, odsc="0103", score="1")
    drain(engine, evening, go_on)
    turn_later(engine, talk, evening + timedelta(minutes=2), score="5")
    drain(engine, evening, go_on)
    said = ("status", "partial"), ("score", "5")
    assert tallied(engine) == {(DAY, "0103", "", *one, ""): 1 for one in said}


def test_a_score_taken_back_takes_its_tallies_along(engine: Engine) -> None:
    talk = say(engine, odsc="0103", score="1", comment="ດີ")
    drain(engine, NOW, go_on)
    turn_later(engine, talk, score=None, comment=None)
    drain(engine, NOW, go_on)
    assert tallied(engine) == {}
    assert stored(engine) == []
    with engine.connect() as tx:
        assert tx.execute(select(comments)).all() == []


def test_comments_follow_what_was_written(engine: Engine) -> None:
    rating = say(engine, odsc="0103", score="1", comment="ດີ")
    problem = say(engine, odsc="0901", problem="ຖ້າດົນ")
    drain(engine, NOW, go_on)
    turn_later(engine, rating, comment="ດີຫຼາຍ")
    drain(engine, NOW, go_on)
    with engine.connect() as tx:
        columns = (comments.c.conversation_id, comments.c.kind, comments.c.odsc, comments.c.text)
        found = tx.execute(select(*columns).order_by(comments.c.conversation_id)).all()
    assert [tuple(row) for row in found] == [
        (rating, "rating", "0103", "ດີຫຼາຍ"),
        (problem, "problem", "0901", "ຖ້າດົນ"),
    ]
    assert len(stored(engine)) == 1


@pytest.mark.usefixtures("fee")
def test_overcharged_is_fee_and_charge_together(engine: Engine) -> None:
    say(engine, odsc="0103", score="1", service="id_card", paid="20000")
    say(engine, odsc="0103", score="1", service="id_card", paid="20001")
    drain(engine, NOW, go_on)
    assert tallied(engine)[(DAY, "0103", "id_card", "overcharged", "yes", "")] == 1


def test_invalid_answers_do_not_stop_the_batch_and_are_never_logged(engine: Engine) -> None:
    bad = say(engine, odsc="0103", score="5", service="teleport", sex="X", paid="9" * 40)
    say(engine, odsc="nowhere", score="5")
    say(engine, odsc="0103", score="3")
    with capture_logs() as logs:
        assert drain(engine, NOW, go_on) == 3
    warnings = [entry for entry in logs if entry["event"] == "answer_left_out"]
    named = [one["question"] for one in warnings if one["conversation"] == bad]
    assert named == ["paid", "service", "sex"]
    assert len(warnings) == 4
    assert "teleport" not in repr(logs)
    assert len(stored(engine)) == 2
    assert waiting(engine) == 0


def test_twice_is_once(engine: Engine) -> None:
    ids = [say(engine, odsc="0103", score="4", sex="F") for _ in range(5)]
    drain(engine, NOW, go_on)
    once, tallies_once = stored(engine), tallied(engine)
    assert drain(engine, NOW, go_on) == 0
    with engine.begin() as tx:
        tx.execute(update(conversations).where(conversations.c.id.in_(ids)).values(due_at=NOW))
    assert drain(engine, NOW, go_on) == 5
    assert (stored(engine), tallied(engine)) == (once, tallies_once)


def together(engine: Engine, workers: int, batch: int) -> int:
    """Drain in several threads at once; how many conversations they read between them."""
    gate = threading.Barrier(workers)

    def work() -> int:
        gate.wait()
        done = 0
        # Until nothing is due: a drain ends early when the rest is in another's hands.
        while waiting(engine):
            done += drain(engine, NOW, go_on, batch=batch)
        return done

    with ThreadPoolExecutor(workers) as pool:
        started = [pool.submit(work) for _ in range(workers)]
    return sum(one.result() for one in started)


def test_four_at_once_are_one(engine: Engine) -> None:
    dice, talks = random.Random(7), list[int]()
    for _ in range(120):
        given: dict[str, str | None] = {"odsc": dice.choice(["0103", "0901", "1610"])}
        given |= {"score": str(dice.randint(1, 5)), "sex": dice.choice("FM")}
        talks.append(say(engine, "finished", NOW, **given))
    assert together(engine, workers=4, batch=7) == 120
    # Again, each changed, so that rows also go down while others go up.
    with engine.begin() as tx:
        for talk in talks:
            service = dice.choice(["id_card", "family_book"])
            turn(tx, talk, score=str(dice.randint(1, 5)), service=service)
    assert together(engine, workers=4, batch=7) == 120
    assert len(stored(engine)) == 120
    with engine.connect() as tx:
        assert recount.check(tx) is None


def test_a_failed_batch_leaves_nothing_and_is_done_later(engine: Engine) -> None:
    say(engine, odsc="0103", score="4", comment="ດີ")

    def fail(statement: str) -> None:
        if "SET due_at = NULL" in statement:
            raise KeyboardInterrupt

    with at_each(engine, "before", fail), pytest.raises(KeyboardInterrupt):
        drain(engine, NOW, go_on)
    assert (stored(engine), tallied(engine), waiting(engine)) == ([], {}, 1)
    assert drain(engine, NOW, go_on) == 1
    assert sum(tallied(engine).values()) == 2


def test_a_deadlock_is_tried_again(engine: Engine) -> None:
    say(engine, odsc="0103", score="4")
    left = [OperationalError("", {}, DeadlockDetected()) for _ in range(2)]

    def fail(statement: str) -> None:
        if "INTO tallies" in statement and left:
            raise left.pop()

    with at_each(engine, "before", fail):
        assert drain(engine, NOW, go_on) == 1
    assert sum(tallied(engine).values()) == 2


def test_a_turn_during_the_drain_is_not_lost(engine: Engine) -> None:
    """The turn waits for our lock on its conversation, then makes it due again."""
    talk = say(engine, odsc="0103", score="1")
    ended = threading.Event()

    def late_turn() -> None:
        turn_later(engine, talk, NOW + timedelta(seconds=1), "finished", score="5")
        ended.set()

    thread = threading.Thread(target=late_turn)

    def interleave(statement: str) -> None:
        if "FROM answers" in statement:
            thread.start()
        if "SET due_at = NULL" in statement:
            assert not ended.wait(0.3)

    with at_each(engine, "after", interleave):
        assert drain(engine, NOW, go_on) == 1
    thread.join()
    assert waiting(engine) == 1
    drain(engine, NOW, go_on)
    assert sorted(key[3:5] for key in tallied(engine)) == [("score", "5"), ("status", "complete")]


def test_a_conversation_in_a_turn_is_stepped_over(engine: Engine) -> None:
    first = say(engine, odsc="0103", score="1")
    say(engine, odsc="0103", score="2")
    with engine.begin() as tx:
        turn(tx, first, score="3")
        assert drain(engine, NOW, go_on) == 1
    assert drain(engine, NOW, go_on) == 1


def test_it_stops_between_batches_when_told(engine: Engine) -> None:
    for _ in range(5):
        say(engine, odsc="0103", score="1")
    asked = iter([False, False, True])
    assert drain(engine, NOW, lambda: next(asked), batch=2) == 4
    assert waiting(engine) == 1


def test_the_longest_due_come_first(engine: Engine) -> None:
    say(engine, at=NOW, odsc="0103", score="1")
    early = say(engine, at=NOW - timedelta(hours=1), odsc="0103", score="1")
    asked = iter([False, True])
    drain(engine, NOW, lambda: next(asked), batch=1)
    with engine.connect() as tx:
        assert list(tx.scalars(select(responses.c.conversation_id))) == [early]


def brute_force(engine: Engine, days: dict[int, date]) -> Counter[Key]:
    """The tallies from raw answers alone, without the product's code or the responses table."""
    with engine.connect() as tx:
        status = {row.id: row.status for row in tx.execute(select(conversations))}
        said: dict[int, dict[str, str]] = {}
        for row in tx.execute(select(answers)):
            said.setdefault(row.conversation_id, {})[row.question] = row.value
    n: Counter[Key] = Counter()
    for talk, given in said.items():
        if given.get("odsc") not in {"0103", "0901", "1610"} or "score" not in given:
            continue
        service = given.get("service") if given.get("service") != "teleport" else None
        over = service == "id_card" and int(given.get("paid", 0)) > NATIONAL_FEE
        counted = {
            "status": "complete" if status[talk] == "finished" else "partial",
            "score": given["score"],
            "service": service,
            "reason": given.get("reason"),
            "overcharged": "yes" if over else None,
            **{one: given[one] for one in EXTRA if given.get(one) in EXTRA[one]},
        }
        start = (days[talk], given["odsc"], service or "")
        n.update((*start, q, a, given.get("sex", "")) for q, a in counted.items() if a)
    return n


def random_turn(dice: random.Random) -> dict[str, str | None]:
    offered: dict[str, list[str | None]] = {
        "score": [None, "1", "2", "3", "4", "5"],
        "odsc": ["0103", "0901", "1610", "7777"],
        "service": [None, "id_card", "family_book", "teleport"],
        "reason": [None, *REASONS],
        "paid": [None, "0", "20000", "20001", "999999"],
        "sex": [None, "F", "M"],
        "comment": [None, "ດີ", "ບໍ່ດີ"],
        "again": [None, "yes", "no", "perhaps"],
    }
    asked = dice.sample(sorted(offered), dice.randint(1, 4))
    return {question: dice.choice(offered[question]) for question in asked}


@pytest.mark.usefixtures("fee")
@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_of_turns_and_drains_equals_the_brute_force(engine: Engine, seed: int) -> None:
    dice = random.Random(seed)
    ids, days, at = list[int](), dict[int, date](), NOW
    for _ in range(150):
        at += timedelta(minutes=dice.randint(0, 40))
        step = dice.random()
        if step < 0.25 or not ids:
            ids.append(say(engine, at=at, odsc="0103", **{"score": dice.choice("12345")}))
        elif step < 0.75:
            status = dice.choice([None, "finished", "abandoned"])
            turn_later(engine, dice.choice(ids), at, status, **random_turn(dice))
        elif step < 0.8:
            with engine.begin() as tx:
                tx.execute(update(conversations).values(due_at=at))
        drain(engine, at, go_on, batch=dice.choice([1, 3, 300]), extra=EXTRA)
        with engine.connect() as tx:
            kept = {row.conversation_id: row.day for row in tx.execute(select(responses))}
            scored = tx.execute(select(answers).where(answers.c.question == "score"))
            moments = {row.conversation_id: local_day(row.at) for row in scored}
        # A day is the score's own when the response appears, and stays while it exists.
        days = {talk: days.get(talk, moments[talk]) for talk in kept}
        assert kept == days
    assert tallied(engine) == brute_force(engine, days)
    with engine.connect() as tx:
        assert recount.check(tx) is None
