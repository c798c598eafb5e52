"""Tallies equal an independent recount, whatever order responses come in and however often.

`make recount-trial` does it with a million responses and shows the figures; every run of the
tests with some thousands. RECOUNT_SEED repeats one run's dice.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from app.feedback.cells import REASONS
from app.feedback.responses import drain
from app.insight import recount
from tests.talks import EXTRA, go_on, waiting

RESPONSES = int(os.environ.get("RECOUNT_RESPONSES", "20000"))
SEED = int(os.environ.get("RECOUNT_SEED", random.randrange(2**32)))
WORKERS = 3
NOW = datetime(2027, 6, 1, 5, tzinfo=UTC)
# Two years and some, so that every kind of turn of the year is in them.
SECONDS = 800 * 86_400
MIDNIGHT = datetime(2026, 12, 31, 17, tzinfo=UTC)
REQUESTS = 400
AT_ONCE = 50_000
TABLES = "contacts, conversations, answers, requests, request_flags, responses, comments, tallies"


@dataclass
class World:
    """Where conversations are made. `ids` are those of all that were made so far."""

    engine: Engine
    dice: random.Random
    odscs: Sequence[str]
    services: Sequence[str]
    requests: Sequence[tuple[int, str, str]]

    def __post_init__(self) -> None:
        self.ids: list[int] = []

    def some(self, share: float) -> list[int]:
        return self.dice.sample(self.ids, int(len(self.ids) * share))


# --- what citizens said -----------------------------------------------------------------------


def copy(tx: Connection, table: str, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """Rows by the quickest way in."""
    driver = tx.connection.driver_connection
    assert driver is not None
    with driver.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


def begun(engine: Engine, seed: int) -> World:
    """A contact, and requests of which every second shows signs of being invented."""
    dice = random.Random(seed)
    with engine.begin() as tx:
        odscs = list(tx.scalars(text("SELECT code FROM odscs ORDER BY code")))
        services = list(tx.scalars(text("SELECT key FROM services ORDER BY key")))
        tx.execute(
            text(
                "INSERT INTO contacts (id, phone_hash, phone_cipher)"
                " OVERRIDING SYSTEM VALUE VALUES (1, '', '')"
            )
        )
        filed = [(one, dice.choice(odscs), dice.choice(services)) for one in range(1, REQUESTS + 1)]
        rows = [(*one, str(one[0]), "collected", dice.choice((None, 9_000))) for one in filed]
        copy(tx, "requests", "id, odsc, service, number, status, fee_kip", rows)
        flagged = [(one, "burst", NOW) for one, _, _ in filed[::2]]
        copy(tx, "request_flags", "request_id, kind, at", flagged)
    return World(engine, dice, odscs, services, filed)


def said(world: World, odsc: str, service: str) -> dict[str, str]:
    """The answers of one conversation; some mean nothing."""
    dice = world.dice
    score = dice.choices("12345", (10, 10, 20, 30, 30))[0]
    given = {"odsc": odsc, "score": score}
    offered: dict[str, tuple[float, Sequence[str]]] = {
        "service": (0.8, (service, service, service, dice.choice(world.services), "teleport")),
        "reason": (0.9 if score in "123" else 0, (*REASONS, "rain")),
        "sex": (0.7, ("F", "F", "M", "X")),
        "paid": (0.3, ("0", "9000", "9001", "25000", "1000000", "9" * 30)),
        "again": (0.2, ("yes", "no", "perhaps")),
        "sufs_access": (0.2, (*EXTRA["sufs_access"], "6")),
        "comment": (0.02, ("ດີ", "ຖ້າດົນ")),
    }
    for question, (asked, answers) in offered.items():
        if dice.random() < asked:
            given[question] = dice.choice(answers)
    return given


def speak(world: World, count: int) -> None:
    """Conversations of all days, due in an order that has nothing to do with their days."""
    while count:
        written = min(count, AT_ONCE)
        write(world, written)
        count -= written


def write(world: World, count: int) -> None:
    dice, first = world.dice, len(world.ids) + 1
    talks, answers = [], []
    for number in range(first, first + count):
        request: int | None = None
        odsc, service = dice.choice(world.odscs), dice.choice(world.services)
        if dice.random() < 0.03:
            request, odsc, service = dice.choice(world.requests)
        at = NOW - timedelta(seconds=dice.randrange(SECONDS))
        if dice.random() < 0.05:
            at = MIDNIGHT + timedelta(seconds=dice.randint(-2, 1))
        status = dice.choice(("finished", "finished", "abandoned", "replaced"))
        due = NOW - timedelta(seconds=dice.randrange(86_400))
        talks.append(
            (number, 1, "simulator", "ussd", "-", "lo", "{}", request, status, at, at, due)
        )
        given = said(world, odsc, service)
        answers += [(number, question, value, at) for question, value in given.items()]
    with world.engine.begin() as tx:
        unhurried(tx)
        columns = "id, contact_id, channel, medium, flow, language, state, request_id, status,"
        copy(tx, "conversations", f"{columns} started_at, turned_at, due_at", talks)
        copy(tx, "answers", "conversation_id, question, value, at", answers)
    world.ids += range(first, first + count)


def unhurried(tx: Connection) -> None:
    """What waits long on a busy machine waits; only the figures are judged here."""
    tx.execute(text("SET LOCAL statement_timeout = 0"))
    tx.execute(text("SET LOCAL lock_timeout = 0"))


# --- what they changed later ------------------------------------------------------------------


def due_again(tx: Connection, ids: Sequence[int]) -> None:
    tx.execute(
        text("UPDATE conversations SET due_at = :now WHERE id = ANY(:ids)"),
        {"ids": list(ids), "now": NOW},
    )


def answer(tx: Connection, ids: Sequence[int], question: str, values: Sequence[str]) -> None:
    """Everybody's answer becomes one of the values, in turn; the moment is later than the first."""
    tx.execute(
        text(
            "INSERT INTO answers (conversation_id, question, value, at)"
            " SELECT id, :question, (CAST(:values AS text[]))[1 + id % cardinality(:values)], :now"
            " FROM unnest(CAST(:ids AS bigint[])) AS id"
            " ON CONFLICT (conversation_id, question)"
            " DO UPDATE SET value = excluded.value, at = excluded.at"
        ),
        {"ids": list(ids), "question": question, "values": list(values), "now": NOW},
    )
    due_again(tx, ids)


def take_back(tx: Connection, ids: Sequence[int], question: str) -> None:
    tx.execute(
        text("DELETE FROM answers WHERE conversation_id = ANY(:ids) AND question = :question"),
        {"ids": list(ids), "question": question},
    )
    due_again(tx, ids)


def change(world: World) -> None:
    """After everything was stored once: other scores, centers, none at all, new signs."""
    with world.engine.begin() as tx:
        unhurried(tx)
        answer(tx, world.some(0.1), "score", "12345")
        answer(tx, world.some(0.03), "odsc", world.odscs)
        answer(tx, world.some(0.03), "service", (*world.services, "teleport"))
        answer(tx, world.some(0.03), "again", ("yes", "no", "perhaps"))
        take_back(tx, world.some(0.02), "sex")
        take_back(tx, world.some(0.02), "score")
        newly = [number for number, _, _ in world.requests[::3]]
        copy(tx, "request_flags", "request_id, kind, at", [(one, "late", NOW) for one in newly])
        due = text("UPDATE conversations SET due_at = :now WHERE request_id = ANY(:newly)")
        tx.execute(due, {"now": NOW, "newly": newly})


def disturb(world: World) -> None:
    """While workers drain: the same again, and answers beside the score that change."""
    for _ in range(RESPONSES // 1000):
        with world.engine.begin() as tx:
            unhurried(tx)
            due_again(tx, world.dice.sample(world.ids, 50))
        with world.engine.begin() as tx:
            unhurried(tx)
            ids = world.dice.sample(world.ids, 50)
            answer(tx, ids, world.dice.choice(("sex", "again")), ("F", "yes"))


# --- the trial --------------------------------------------------------------------------------


def together(world: World) -> int:
    """Drain in several threads at once while turns go on; how many conversations were read."""

    def work() -> int:
        done = 0
        while waiting(world.engine):
            done += drain(world.engine, NOW, go_on, extra=EXTRA)
        return done

    with ThreadPoolExecutor(WORKERS + 1) as pool:
        turns = pool.submit(disturb, world)
        drained = sum(one.result() for one in [pool.submit(work) for _ in range(WORKERS)])
        turns.result()
    return drained + work()


@contextmanager
def timed(what: Callable[[float], str]) -> Iterator[None]:
    begun = time.monotonic()
    yield
    show(what(time.monotonic() - begun))


def show(line: str) -> None:
    sys.stderr.write(f"{line}\n")


@pytest.fixture
def emptied(engine: Engine) -> Iterator[Engine]:
    """So many rows are not for the next test to delete."""
    yield engine
    with engine.begin() as tx:
        tx.execute(text(f"TRUNCATE {TABLES} CASCADE"))


def test_tallies_equal_a_recount_from_what_was_said(emptied: Engine) -> None:
    show(f"RECOUNT_SEED={SEED}, {RESPONSES} conversations")
    world = begun(emptied, SEED)
    read = 0
    with timed(lambda seconds: f"made in {seconds:.1f} s"):
        speak(world, RESPONSES * 9 // 10)
    with timed(lambda seconds: f"{read} read in {seconds:.1f} s"):
        read = together(world)
    change(world)
    speak(world, RESPONSES - len(world.ids))
    with timed(lambda seconds: f"{read} more read in {seconds:.1f} s"):
        read = together(world)
    assert_nothing_differs(emptied)
    with timed(lambda seconds: f"siang recount in {seconds:.1f} s"):
        verdict = recount.run(emptied)
    assert verdict.difference is None
    assert verdict.compared > RESPONSES / 4


def assert_nothing_differs(engine: Engine) -> None:
    with engine.begin() as tx:
        unhurried(tx)
        with timed(lambda seconds: f"recounted from the answers in {seconds:.1f} s"):
            rows = tx.execute(text(RECOUNT)).all()
        by_question = {row.question: row for row in rows}
        asked = {"status", "score", "service", "reason", "overcharged", *EXTRA}
        assert by_question.keys() == asked
        for row in rows:
            assert (row.stored, row.different) == (row.said, 0), row
        flagged = text("SELECT sum(n) FROM tallies WHERE answer = 'flagged'")
        assert int(tx.execute(flagged).scalar_one()) > RESPONSES / 200
        responses = tx.execute(text("SELECT count(*) FROM responses")).scalar_one()
        assert by_question["status"].stored == responses > RESPONSES * 0.9


# From the answers themselves: neither the responses nor any code of the product is asked.
RECOUNT = """
    WITH given AS (
        SELECT conversation_id AS id,
            max(value) FILTER (WHERE question = 'odsc') AS odsc,
            max(value) FILTER (WHERE question = 'score') AS score,
            max(value) FILTER (WHERE question = 'service' AND value <> 'teleport') AS service,
            max(value) FILTER (WHERE question = 'reason' AND value <> 'rain') AS reason,
            coalesce(max(value) FILTER (WHERE question = 'sex' AND value IN ('F', 'M')), '') AS sex,
            max(CAST(value AS numeric)) FILTER (WHERE question = 'paid') AS paid,
            max(value) FILTER (WHERE question = 'again' AND value IN ('yes', 'no')) AS again,
            max(value) FILTER (WHERE question = 'sufs_access' AND value <> '6') AS access
        FROM answers GROUP BY conversation_id
    ), talks AS (
        SELECT given.*, CAST(started_at AT TIME ZONE 'Asia/Vientiane' AS date) AS day,
            CASE conversations.status WHEN 'finished' THEN 'complete' ELSE 'partial' END AS status,
            CASE WHEN requests.service = given.service THEN fee_kip END AS filed,
            EXISTS (SELECT FROM request_flags WHERE request_flags.request_id = requests.id)
                AS flagged
        FROM given JOIN conversations USING (id)
        LEFT JOIN requests ON requests.id = request_id AND requests.odsc = given.odsc
        WHERE score IS NOT NULL
    ), told AS (
        SELECT talks.*, paid < 1e15 AND paid > coalesce(filed, (
            SELECT coalesce(fees.fee_kip + fees.charge_kip, fees.fee_kip, fees.charge_kip)
            FROM fees
            WHERE fees.service = talks.service AND coalesce(fees.odsc, talks.odsc) = talks.odsc
              AND talks.day BETWEEN valid_from AND coalesce(valid_to, 'infinity')
            ORDER BY fees.odsc IS NULL, valid_from DESC LIMIT 1
        )) AS overcharged
        FROM talks
    ), cells AS (
        SELECT day, odsc, service, 'status' AS question, status AS answer, sex, flagged FROM told
        UNION ALL SELECT day, odsc, service, 'score', score, sex, flagged FROM told
        UNION ALL SELECT day, odsc, service, 'service', service, sex, flagged FROM told
        UNION ALL SELECT day, odsc, service, 'reason', reason, sex, flagged FROM told
        UNION ALL SELECT day, odsc, service, 'overcharged', 'yes', sex, flagged FROM told
            WHERE overcharged
        UNION ALL SELECT day, odsc, service, 'again', again, sex, flagged FROM told
        UNION ALL SELECT day, odsc, service, 'sufs_access', access, sex, flagged FROM told
    ), truth AS (
        SELECT day, odsc, coalesce(service, '') AS service, question,
            CASE WHEN flagged THEN 'flagged' ELSE answer END AS answer, sex, count(*) AS n
        FROM cells WHERE answer IS NOT NULL AND (question = 'status' OR NOT flagged)
        GROUP BY 1, 2, 3, 4, 5, 6
    ), kept AS (
        SELECT * FROM tallies WHERE n <> 0
    )
    SELECT question, coalesce(sum(kept.n), 0) AS stored, coalesce(sum(truth.n), 0) AS said,
        count(*) FILTER (WHERE kept.n IS DISTINCT FROM truth.n) AS different
    FROM truth FULL JOIN kept USING (day, odsc, service, question, answer, sex)
    GROUP BY question
"""
