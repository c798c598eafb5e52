"""Tallies move exactly, weeks are read from them alone, and the recount finds what is wrong."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Engine, insert, text

from app.cli.tally import recount_command, tally_command
from app.clock import Week
from app.errors import OperatorError
from app.feedback.cells import Cell, Response, cells
from app.insight import recount
from app.storage import tallies
from app.storage.schema import contacts, conversations, responses

WEEK = Week(2026, 47)
FIVE = Cell(WEEK.monday, "0103", "", "score", "5", "F")
ONE = FIVE._replace(answer="1")


def count(tx: Connection) -> dict[tuple[object, ...], int]:
    return {tuple(row[:6]): row.n for row in tx.execute(text("SELECT * FROM tallies"))}


def test_move_goes_up_and_down(engine: Engine) -> None:
    with engine.begin() as tx:
        tallies.move(tx, Counter({FIVE: 3, ONE: 2}))
        tallies.move(tx, Counter({FIVE: -1, ONE: 1}))
        tallies.move(tx, Counter[Cell]())
        assert count(tx) == {FIVE: 2, ONE: 3}


def test_a_tally_at_zero_stays_and_counts_as_none(engine: Engine) -> None:
    with engine.begin() as tx:
        tallies.move(tx, Counter({FIVE: 1}))
        tallies.move(tx, Counter({FIVE: -1}))
        assert count(tx) == {FIVE: 0}
        assert recount.check(tx) is None


def test_a_tampered_tally_does_not_fall_below_zero(engine: Engine) -> None:
    with engine.begin() as tx:
        tallies.move(tx, Counter({FIVE: -2, ONE: 1}))
        assert count(tx) == {FIVE: 0, ONE: 1}


def test_a_week_is_monday_to_sunday_of_the_asked_odscs(engine: Engine) -> None:
    days = [
        WEEK.monday - timedelta(days=1),
        WEEK.monday,
        WEEK.sunday,
        WEEK.sunday + timedelta(days=1),
    ]
    cells_ = [
        FIVE._replace(day=day, odsc=odsc) for day in days for odsc in ("0103", "0901", "1610")
    ]
    with engine.begin() as tx:
        tallies.move(tx, Counter(cells_))
        found = tallies.of_days(tx, ["0103", "0901"], WEEK.monday, WEEK.sunday)
        assert found == [tallies.Count("score", "5", "F", 4)]
        assert tallies.of_days(tx, [], WEEK.monday, WEEK.sunday) == []


@pytest.fixture
def counted(engine: Engine) -> Engine:
    """Three responses with their tallies."""
    moment = datetime(2026, 11, 17, 3, tzinfo=UTC)
    with engine.begin() as tx:
        for number, sex in enumerate(("F", "M", None), start=1):
            contact = insert(contacts).values(phone_hash=b"%d" % number, phone_cipher=b"-")
            owner = tx.execute(contact.returning(contacts.c.id)).scalar_one()
            times = {"started_at": moment, "turned_at": moment}
            spoken = {"channel": "simulator", "language": "lo", "medium": "ussd", "flow": "-"}
            row = {"contact_id": owner, "state": {}, "status": "finished", **times, **spoken}
            talk = insert(conversations).values(row).returning(conversations.c.id)
            response = Response(
                conversation_id=tx.execute(talk).scalar_one(),
                odsc="0103",
                status="complete",
                at=moment,
                day=date(2026, 11, 17),
                channel="simulator",
                language="lo",
                score=5,
                service="id_card",
                overcharged=True,
                sex=sex,
            )
            tx.execute(insert(responses).values(asdict(response)))
            tallies.move(tx, Counter(cells(response)))
    return engine


def test_true_tallies_pass(counted: Engine) -> None:
    assert recount.run(counted) == recount.Verdict(12, None)


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE tallies SET n = n + 1 WHERE question = 'score' AND sex = 'F'", "score 5"),
        (
            "DELETE FROM tallies WHERE question = 'status' AND sex = 'M'",
            "sex M is 0; the responses say 1",
        ),
        ("UPDATE tallies SET n = 0 WHERE question = 'overcharged'", "overcharged yes"),
        (
            "INSERT INTO tallies VALUES ('2026-11-01', '1610', '', 'score', '1', '', 7)",
            "The tally of 2026-11-01 at ODSC 1610, score 1 is 7; the responses say 0",
        ),
        ("DELETE FROM responses WHERE sex = 'M'", "the responses say 0"),
        ("UPDATE responses SET score = 4 WHERE sex = 'M'", "score 4, service id_card, sex M is 0"),
    ],
)
def test_a_difference_is_found_and_named(counted: Engine, tampering: str, told: str) -> None:
    with counted.begin() as tx:
        tx.execute(text(tampering))
    difference = recount.run(counted).difference
    assert difference is not None
    assert told in str(difference)


def test_the_first_difference_is_always_the_same(counted: Engine) -> None:
    with counted.begin() as tx:
        tx.execute(text("UPDATE tallies SET n = n + 1"))
    found = recount.run(counted).difference
    assert found is not None
    assert (found.question, found.answer, found.sex) == ("overcharged", "yes", "")


def test_the_recount_reads_only(counted: Engine) -> None:
    recount.run(counted)
    with counted.begin() as tx:
        assert tx.execute(text("SHOW transaction_read_only")).scalar_one() == "off"
        assert tx.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"
        assert tx.execute(text("SHOW statement_timeout")).scalar_one() != "10min"


@pytest.fixture
def command_line(counted: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("DATABASE_URL", counted.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SIANG_HOME", str(tmp_path))
    return CliRunner()


def test_tally_for_people_and_for_programs(command_line: CliRunner) -> None:
    asked = ["--odsc", "0103", "--week", "2026-W47"]
    table = command_line.invoke(tally_command, asked)
    lines = {
        line.rsplit("  ", 1)[0].strip(): line.rsplit("  ", 1)[1]
        for line in table.output.splitlines()[1:]
    }
    assert (lines["Responses"], lines["women"], lines["Service: id_card"]) == ("3", "1", "3")
    assert lines["rate"] == "100% (95% interval 44% to 100%)"
    found = json.loads(command_line.invoke(tally_command, [*asked, "--json"]).output)
    assert (found["odsc"], found["week"], found["responses"]) == ("0103", "2026-W47", 3)
    assert found["scores"] == {"1": 0, "2": 0, "3": 0, "4": 0, "5": 3}
    assert found["dimensions"]["access"] == {"rate": 1.0, "n": 3}


def test_a_tally_is_named_by_its_area_and_period(command_line: CliRunner) -> None:
    asked = ["--province", "01", "--month", "2026-11"]
    found = json.loads(command_line.invoke(tally_command, [*asked, "--json"]).output)
    assert list(found)[:3] == ["province", "month", "responses"]
    assert (found["province"], found["month"], found["responses"]) == ("01", "2026-11", 3)
    table = command_line.invoke(tally_command, ["--country", "--quarter", "2026-Q4"]).output
    assert table.startswith("LA Lao PDR")
    assert "2026-Q4 (2026-10-01 to 2026-12-31)" in table


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--odsc", "9999", "--week", "2026-W47"], "There is no ODSC '9999'"),
        (["--district", "9999"], "There is no district '9999'. See config/registry/districts.csv"),
        (["--group", "none"], "There is no group 'none'. See config/registry/groups.csv"),
        (["--odsc", "0103", "--week", "soon"], "'soon' is no ISO week"),
        (["--odsc", "0103", "--day", "2026-02-30"], "there is no day 2026-02-30"),
        ([], "A tally belongs to one place"),
        (["--odsc", "0103", "--country"], "A tally belongs to one place"),
        (["--country", "--day", "2026-11-22", "--month", "2026-11"], "A tally is of one period"),
    ],
)
def test_tally_refuses_in_one_sentence(
    command_line: CliRunner, arguments: list[str], told: str
) -> None:
    error = command_line.invoke(tally_command, arguments).exception
    assert isinstance(error, OperatorError)
    assert told in str(error)


def test_recount_exits_with_its_verdict(command_line: CliRunner, counted: Engine) -> None:
    good = command_line.invoke(recount_command, ["--check"])
    assert (good.exit_code, good.output) == (0, "All 12 tallies equal the recount\n")
    with counted.begin() as tx:
        tx.execute(text("UPDATE tallies SET n = 9 WHERE question = 'score' AND sex = 'F'"))
    bad = command_line.invoke(recount_command, ["--check"])
    assert bad.exit_code == 1
    assert bad.output == (
        "The tally of 2026-11-17 at ODSC 0103, score 5, service id_card, sex F is 9; "
        "the responses say 1.\n"
    )
