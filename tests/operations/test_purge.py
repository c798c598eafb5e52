"""Retention: who was silent for long enough is nobody, and every figure stays as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis
from sqlalchemy import text

from app import embedded, upkeep
from app.bell import Bell
from app.cli import main
from app.clock import Week, local_day, now
from app.feedback.reading import closed
from app.insight import recount, releases
from app.people import retention
from app.people.retention import Terms
from app.spool import SET_ASIDE
from app.storage import people
from app.storage import retention as storage
from tests.counter import Counter
from tests.journeys.conftest import gateway as gateway
from tests.phones import Gateway, never

PERSON, OTHER = "02055512345", "02077712345"
NUMBER = "+8562055512345"
WORDS = "they laughed at my buffalo"
BEGUN = datetime.fromisoformat("2026-11-18T03:00:00+00:00")
TERMS = Terms(timedelta(days=180), timedelta(days=740), timedelta(days=90), closed({}))


@pytest.fixture
def counter(gateway: Gateway) -> Counter:
    return Counter(gateway.office)


@pytest.fixture
def person(counter: Counter) -> Counter:
    """Somebody who filed a request, rated, told a story, wrote, and was answered."""
    counter.collects(PERSON)
    phone = counter.phone(PERSON)
    phone.dial().press("1", "0103", "2", "1", "1").hangs_up()
    phone.sends(f"0103 2 {WORDS}")
    for _ in range(3):
        # Asked how it was, asked once more, and left in peace.
        counter.waits(hours=200)
    return counter


def everything(counter: Counter) -> str:
    """All rows of all tables, as text; bytes as hexadecimal digits."""
    names = counter.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return "\n".join(
        str(row) for (name,) in names for row in counter.rows(f"SELECT {name}::text FROM {name}")
    )


def traces(counter: Counter) -> list[str]:
    """What leads to the person: number, hash, words."""
    vault = counter.office.desk.vault
    hashed = vault.hash(NUMBER).hex()
    return ["55512345", hashed, WORDS, "buffalo"]


def later(counter: Counter, days: float) -> datetime:
    return counter.clock.at + timedelta(days=days)


def purge(counter: Counter, at: datetime, terms: Terms = TERMS) -> dict[str, int]:
    return dict(retention.purge(counter.office.engine, terms, (), at, never))


def figures(counter: Counter) -> tuple[object, ...]:
    """Every figure there is: tallies, responses as they are counted, releases."""
    counted = "day, odsc, score, service, reason, paid, overcharged, sex, status, flagged, extra"
    return (
        counter.rows("SELECT * FROM tallies ORDER BY 1, 2, 3, 4, 5, 6"),
        counter.rows(f"SELECT id, {counted} FROM responses ORDER BY id"),
        counter.rows("SELECT * FROM released_figures ORDER BY 1, 2, 3"),
        counter.rows("SELECT sum(cost_kip), sum(segments) FROM outbox"),
        counter.gateway.tally(),
        recount.run(counter.office.engine),
    )


def test_a_person_is_found_nowhere_when_the_time_is_over(
    person: Counter, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = everything(person)
    assert all(trace in before for trace in traces(person)[1:])
    with embedded.redis(tmp_path) as url:
        desk = replace(person.office.desk, bell=Bell(url), now=lambda: later(person, 741))
        office = replace(person.office, desk=desk)
        for _ in range(2):
            upkeep.look_after(office, never)
        redis = Redis.from_url(url)
        said = b"".join(redis.dump(key) or b"" for key in redis.scan_iter()).decode(
            errors="replace"
        )
    spooled = [path.read_text(errors="replace") for path in tmp_path.rglob("spool/*")]
    output = capfd.readouterr()
    after = "\n".join([everything(person), said, *spooled, output.out, output.err])
    assert [trace for trace in traces(person) if trace in after] == []
    # Nor does any cipher that is left open.
    assert person.rows("SELECT count(*) FROM contacts WHERE phone_cipher <> ''") == [(0,)]
    assert person.rows("SELECT state, session FROM conversations WHERE state <> '{}'") == []


def test_every_figure_is_the_same_before_and_after(person: Counter) -> None:
    week = Week.of(local_day(BEGUN))
    releases.make(person.office.engine, week, later(person, 30), {})
    before = figures(person)
    assert before[1]
    erased = purge(person, later(person, 741))
    assert erased["comments"] == erased["answers"] == 1
    assert figures(person) == before


def test_a_dry_run_says_the_same_and_changes_nothing(person: Counter) -> None:
    at, before = later(person, 741), everything(person)
    said = retention.due(person.office.engine, TERMS, (), at)
    assert everything(person) == before
    assert purge(person, at) == dict(said)
    assert not any(purge(person, at).values())
    assert not any(retention.due(person.office.engine, TERMS, (), at).values())


OWED = [
    "UPDATE conversations SET status = 'open' WHERE id = (SELECT max(id) FROM conversations)",
    "UPDATE requests SET status = 'in_process'",
    "UPDATE inbound SET state = 'new'",
    "UPDATE outbox SET state = 'queued'",
    "UPDATE invitations SET due_at = now()",
    "INSERT INTO staff (contact_id, level, language) SELECT id, 'country', 'lo' FROM contacts",
    "INSERT INTO cases (conversation_id, contact_id, kind, opened_at, open_until) "
    "SELECT id, contact_id, 'problem', now(), '2039-01-01' FROM conversations",
]


def test_who_is_owed_something_keeps_their_number(person: Counter) -> None:
    cut = {"numbers": later(person, 500), "now": later(person, 741)}
    with person.office.engine.connect() as tx:
        for owed in OWED:
            assert storage.due_numbers(tx, cut) == 1
            tx.execute(text(owed))
            assert storage.due_numbers(tx, cut) == 0, owed
            tx.rollback()


def test_each_kind_has_a_time_of_its_own(person: Counter) -> None:
    assert not any(purge(person, later(person, 60)).values())
    messages = purge(person, later(person, 100))
    assert messages["texts received"] == 1
    assert messages["texts sent"] > 1
    assert messages["numbers"] == messages["comments"] == 0
    assert purge(person, later(person, 181))["numbers"] == 1
    assert WORDS in everything(person)
    assert purge(person, later(person, 741))["comments"] == 1


def notes(counter: Counter) -> tuple[list[object], list[object]]:
    """Those of requests, and those of their history."""
    tables = ("requests", "request_history")
    kept = [counter.rows(f"SELECT note FROM {one} WHERE note <> ''") for one in tables]
    return [note for (note,) in kept[0]], [note for (note,) in kept[1]]


def test_what_offices_noted_about_people_goes_with_the_texts(counter: Counter) -> None:
    request = counter.files(PERSON)
    counter.moves(request, "need_documents", WORDS)
    assert not purge(counter, later(counter, 739))["notes"]
    # The office speaks of it again: what it says now is young, what it said is not.
    counter.clock.at = later(counter, 700)
    counter.moves(request, "need_documents", "the family book")
    erased = purge(counter, later(counter, 41))
    assert (erased["notes"], erased["notes of the history"]) == (0, 1)
    assert notes(counter) == (["the family book"], ["the family book"])
    erased = purge(counter, later(counter, 741))
    assert (erased["notes"], erased["notes of the history"]) == (1, 1)
    assert notes(counter) == ([], [])
    assert WORDS not in everything(counter)
    told = counter.rows("SELECT erased ->> 'notes of the history' FROM purges ORDER BY id")
    assert told == [("0",), ("1",), ("1",)]


def test_who_comes_back_is_a_new_person(person: Counter) -> None:
    purge(person, later(person, 181))
    person.clock.at = later(person, 182)
    phone = person.phone(PERSON)
    phone.dial().press("1", "0103", "5").hangs_up()
    phone.sends("0103 5")
    phone.gets("ຂອບໃຈ")
    assert person.rows("SELECT count(*) FROM contacts WHERE phone_cipher <> ''") == [(1,)]
    assert person.rows("SELECT count(DISTINCT contact_id) FROM conversations") == [(2,)]


def test_a_stop_outlives_the_number_and_leads_to_no_past(person: Counter) -> None:
    phone = person.phone(PERSON)
    phone.sends("STOP")
    purge(person, later(person, 181))
    vault, engine = person.office.desk.vault, person.office.engine
    with engine.connect() as tx:
        kept = people.find(tx, vault.hash(NUMBER))
        assert kept is not None
        assert people.by_id(tx, kept).stopped
        assert people.sealed(tx, kept)[1] == b""
    assert person.rows(f"SELECT count(*) FROM conversations WHERE contact_id = {kept}") == [(0,)]
    assert purge(person, later(person, 999))["numbers"] == 0
    person.clock.at = later(person, 182)
    # An office files the number anew: nothing is sent to it. Its owner may change their mind.
    sent = len(phone.inbox)
    person.collects(PERSON)
    person.waits(hours=4)
    assert len(phone.inbox) == sent
    phone.sends("START")
    assert len(phone.inbox) == sent + 1


def test_upkeep_does_it_once_a_day_and_goes_on_where_it_stopped(person: Counter) -> None:
    asked: Iterator[bool] = iter([False, False, False, True])
    engine, at = person.office.engine, later(person, 741)

    def look() -> dict[str, int]:
        return dict(retention.look(engine, TERMS, (), at, lambda: next(asked, False)))

    first = look()
    assert "numbers" not in first
    rest = look()
    assert rest["numbers"] == 1
    assert look() == {}
    told = "SELECT sum(n::int) FROM purges, jsonb_each_text(erased) AS one (kind, n)"
    assert person.rows(told) == [(sum([*first.values(), *rest.values()]),)]


def test_what_was_set_aside_in_the_spool_goes_with_the_numbers(
    person: Counter, tmp_path: Path
) -> None:
    at = now()
    names = [
        f"{int((at - timedelta(days=days)).timestamp()) * 10**9:020d}-ab-cd" for days in (9, 181)
    ]
    files = [tmp_path / f"{name}.arrival{SET_ASIDE}" for name in names]
    for file in files:
        file.touch()
    erased = retention.purge(person.office.engine, TERMS, files, at, never)
    assert erased[retention.FILES] == 1
    assert [file.exists() for file in files] == [True, False]


def test_the_command_prints_what_it_erases(person: Counter, home: Path, database_url: str) -> None:
    environment = {"SIANG_HOME": str(home), "DATABASE_URL": database_url}
    with person.office.engine.begin() as tx:
        tx.execute(text("UPDATE inbound SET received_at = now() - interval '91 days'"))
    told = [
        CliRunner().invoke(main, ["purge", *options], env=environment).output
        for options in (["--dry-run"], [], [])
    ]
    assert "        1  texts received" in told[0]
    assert told[0].splitlines()[:-1] == told[1].splitlines()[:-1]
    assert "        0  texts received" in told[2]
    (receipt, _) = person.rows("SELECT erased FROM purges ORDER BY id")
    assert json.loads(json.dumps(receipt[0]))["texts received"] == 1
