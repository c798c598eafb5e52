"""siang requests …: what an operator does and sees, never a phone number."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from app import clock
from app.cli import main
from app.requests import numbers
from app.requests.filing import Registrar
from app.requests.looking import Pace, look_up
from app.storage import requests as storage
from app.storage.requests import Request
from tests.requests.desk import PHONE, Desk
from tests.requests.files import Row, row, written

Siang = Callable[..., Result]
SET = ("--odsc", "0103", "--service", "id_card", "--status")


@pytest.fixture
def siang(engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch) -> Siang:
    url = engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", url.replace("postgresql+psycopg", "postgresql"))
    monkeypatch.setenv("SIANG_HOME", str(home))
    return lambda *words: CliRunner().invoke(main, ["requests", *map(str, words)])


@pytest.fixture
def by_alias(engine: Engine) -> Callable[[str], Request]:
    def find(alias: str) -> Request:
        with engine.connect() as tx:
            (found,) = storage.by_alias(tx, alias)
            return found

    return find


def file(folder: Path, *rows: Row) -> Path:
    path = folder / "requests.csv"
    path.write_bytes(written(rows))
    return path


# --- set ----------------------------------------------------------------------------------------


def test_a_request_is_filed_and_moved_on_by_hand(
    siang: Siang, by_alias: Callable[[str], Request]
) -> None:
    filed = siang("set", "ks-123", *SET, "received", "--phone", PHONE, "--texts").output
    request = by_alias("KS123")
    assert filed == (f"Filed as {numbers.shown(request.number)}\nRequest ks-123: received\n")
    assert request.texts
    moved = siang("set", numbers.shown(request.number), *SET, "need_documents", "--note", "ຮູບ")
    assert moved.output == f"Request {numbers.shown(request.number)}: need_documents\n"
    siang("set", "KS123", *SET, "ready", "--no-texts")
    request = by_alias("KS123")
    assert (request.status, request.note, request.texts) == ("ready", "", False)


def test_a_request_may_be_filed_under_a_number_of_ours(siang: Siang, engine: Engine) -> None:
    number = numbers.new("0103", 42)
    assert siang("set", number, *SET, "ready").exit_code == 0
    with engine.connect() as tx:
        found = storage.by_number(tx, number)
    assert found is not None
    assert (found.status, found.alias) == ("ready", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("KS1", "--odsc", "9999", *SET[2:], "ready"), "--odsc: there is no such ODSC"),
        (("KS1", *SET[:3], "tea", "--status", "ready"), "--service: there is no such service"),
        (("K1", *SET, "ready"), "NUMBER: an office's own number has 3 to 30 letters and digits"),
        (("", *SET, "ready"), "NUMBER: there is no number"),
        (("010300000421", *SET, "ready"), "NUMBER: this is no number of that ODSC"),
        (("KS1", *SET, "rejected"), "--note: rejected needs a note for the citizen"),
        (("KS1", *SET, "ready", "--phone", "12"), "--phone: this is no phone number"),
        (("DONE1", *SET, "ready"), "--status: after collected there is no ready"),
        (
            ("DONE1", *SET[:3], "family_book", "--status", "ready"),
            "This request was filed for id_card. Give that --service",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    siang: Siang, words: tuple[str, ...], sentence: str
) -> None:
    siang("set", "DONE1", *SET, "collected")
    result = siang("set", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith(sentence)
    assert result.stdout == ""


# --- import -------------------------------------------------------------------------------------


def test_a_file_is_imported_and_again_nothing_changes(siang: Siang, tmp_path: Path) -> None:
    today = f"{clock.local_day(clock.now())}"
    rows = [row(f"KS{serial:04d}", phone=PHONE) for serial in range(1200)]
    ready = row("KS9999", phone=PHONE, texts="yes", status="ready", status_on=today)
    path = file(tmp_path, *rows, ready)
    assert siang("import", path).output.splitlines() == [
        "1,201 requests: 1,201 new, 0 changed, 0 as before",
        "1 SMS to applicants",
    ]
    assert siang("import", path).output == "1,201 requests: nothing changed\n"
    moved = siang("import", file(tmp_path, rows[0], row("KS0001", status="ready")))
    assert moved.output == "2 requests: 0 new, 1 changed, 1 as before\n"


def test_a_file_with_mistakes_is_refused_as_a_whole(siang: Siang, tmp_path: Path) -> None:
    result = siang("import", file(tmp_path, row("KS1", odsc="9999"), row("KS2", phone="12")))
    assert result.exit_code == 2
    assert result.stdout == ""
    heading, first, second = result.stderr.splitlines()
    assert heading == "Nothing was imported. Mend these 2 problems, then import again:"
    assert first.startswith("requests.csv:2: row 2, column odsc:")
    assert second.startswith("requests.csv:3: row 3, column phone:")


def test_a_file_of_one_odsc(siang: Siang, tmp_path: Path) -> None:
    path = file(tmp_path, row("KS1", odsc=""))
    assert siang("import", path, "--odsc", "0901").exit_code == 0
    assert "odsc:        0901" in siang("show", "KS1").output
    unknown = siang("import", path, "--odsc", "9999")
    assert (unknown.exit_code, unknown.stderr) == (2, "--odsc: there is no such ODSC\n")


# --- show ---------------------------------------------------------------------------------------


def test_everything_about_a_request_but_the_phone(siang: Siang) -> None:
    siang("set", "KS1", *SET, "received", "--phone", PHONE)
    siang("set", "KS1", *SET, "need_documents", "--note", "ຮູບຖ່າຍ")
    shown = siang("show", "ks 1").output
    assert "phone:       known" in shown
    assert re.search(r"^  \d{4}-\d\d-\d\d \d\d:\d\d  need_documents  ຮູບຖ່າຍ  command", shown, re.M)
    (document,) = json.loads(siang("show", "KS1", "--json").output)
    assert document["status"] == "need_documents"
    assert [line["status"] for line in document["history"]] == ["received", "need_documents"]
    assert "512" not in shown + json.dumps(document)


def test_a_number_that_two_offices_gave_shows_both(siang: Siang) -> None:
    siang("set", "KS1", *SET, "received")
    siang("set", "KS1", "--odsc", "0901", *SET[2:], "ready")
    assert len(json.loads(siang("show", "KS1", "--json").output)) == 2
    (only,) = json.loads(siang("show", "KS1", "--odsc", "0901", "--json").output)
    assert only["status"] == "ready"
    assert siang("show", "KS2").stderr.startswith("There is no such request. Check the number")


# --- lists --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "nothing"),
    [
        ("overdue", "Nothing is overdue"),
        ("tries", "Nobody guesses"),
        ("rate", "Nobody was asked yet"),
        ("flags", "No sign of invented numbers"),
    ],
)
def test_an_empty_list_says_so(siang: Siang, name: str, nothing: str) -> None:
    assert siang(name).output == f"{nothing}\n"
    assert json.loads(siang(name, "--json").output) == []


def test_what_is_overdue_the_latest_first(
    siang: Siang, registrar: Registrar, engine: Engine
) -> None:
    now = clock.now()
    with engine.begin() as tx:
        desk = Desk(registrar, tx, now)
        for days, odsc, status in (
            (60, "0103", "received"),
            (90, "0901", "in_process"),
            (90, "0103", "ready"),
            (1, "0103", "received"),
        ):
            desk.file(
                odsc=odsc,
                service="construction_permit",
                status=status,
                phone=PHONE,
                alias=f"KS{days}{status[0]}",
                filed_at=now - timedelta(days=days),
            )
    found = json.loads(siang("overdue", "--json").output)
    assert [one["own_number"] for one in found] == ["KS90I", "KS60R"]
    today = clock.local_day(now)
    assert all(one["due_on"] < f"{today}" and one["days_late"] > 0 for one in found)
    head, line = siang("overdue", "--odsc", "0103").output.splitlines()
    assert head.split()[:2] == ["number", "own_number"]
    assert "KS60R" in line


def test_phones_that_guess_are_listed_without_their_numbers(
    siang: Siang, registrar: Registrar, engine: Engine
) -> None:
    now = clock.now()
    with engine.begin() as tx:
        contact = Desk(registrar, tx).contact("+8562077123456")
        for serial in range(4):
            number = numbers.new("0103", serial)
            look_up(tx, registrar.vault, Pace(), contact, number, now)
    (line,) = json.loads(siang("tries", "--json").output)
    assert (line["contact"], line["tries"], line["misses"]) == (contact.id, 4, 4)
    assert line["different_numbers"] == 4
    assert siang("tries", "--misses", "5").output == "Nobody guesses\n"
    assert "7123456" not in siang("tries").output


def test_phones_of_one_box_are_seen_to_be_of_one_box(
    siang: Siang, registrar: Registrar, engine: Engine
) -> None:
    with engine.begin() as tx:
        for phone in ("+8562077123456", "+8562077120000", "+8562077130000"):
            contact = Desk(registrar, tx).contact(phone)
            look_up(tx, registrar.vault, Pace(), contact, numbers.new("0103", 1), clock.now())
    found = json.loads(siang("tries", "--misses", "1", "--json").output)
    first, second, third = (one["block"] for one in found)
    assert first == second != third


def test_how_many_answered_and_what_looks_invented(
    siang: Siang, registrar: Registrar, engine: Engine
) -> None:
    now = clock.now()
    with engine.begin() as tx:
        desk = Desk(registrar, tx, now)
        for serial in range(3):
            request = desk.file(phone=f"0205551234{serial}", status="collected")
            values = {"id": request.id, "now": now, "answered": now if serial == 0 else None}
            desk.sql(
                "UPDATE invitations SET sent_at = :now, answered_at = :answered "
                "WHERE request_id = :id",
                **values,
            )
        desk.sql(
            "INSERT INTO request_flags (request_id, kind, at) SELECT id, 'burst', :now "
            "FROM requests",
            now=now,
        )
    (line,) = json.loads(siang("rate", "--json").output)
    assert line == {"odsc": "0103", "sent": 3, "answered": 1, "percent": 33.3, "flagged": 1}
    (sign,) = json.loads(siang("flags", "--json").output)
    assert (sign["odsc"], sign["sign"], sign["requests"]) == ("0103", "burst", 3)
