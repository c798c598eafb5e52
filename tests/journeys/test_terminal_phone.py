"""siang dial and siang sms: a phone in the terminal, with no gateway running beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from app.cli import main, phone
from app.settings import ROOT

THANKS = "ຂອບໃຈທີ່ໃຫ້ຄະແນນ"


@pytest.fixture(autouse=True)
def gateway(engine: Engine, database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home and a database that no command has seen yet."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SIANG_HOME", str(home))


def _siang(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, list(words), input=typed)


def _tally() -> dict[str, object]:
    told = _siang("tally", "--odsc", "0103", "--json")
    assert told.exit_code == 0, told.output
    tally: dict[str, object] = json.loads(told.stdout)
    return tally


def _headers(result: Result) -> list[str]:
    return [line for line in result.stdout.splitlines() if line.startswith("> ")]


def test_keys_print_every_screen() -> None:
    dialled = _siang("dial", "*1616#", "--keys", "1,0103,4")
    assert dialled.exit_code == 0
    assert _headers(dialled) == ["> *1616#", "> 1", "> 0103", "> 4"]
    assert dialled.stdout.startswith("> *1616#\nສຽງ\n1 ໃຫ້ຄະແນນ\n")
    assert "ທ່ານພໍໃຈປານໃດ?" in dialled.stdout
    assert "still open" in dialled.stderr


def test_half_a_session_is_in_the_tally() -> None:
    _siang("dial", "*1616#", "--keys", "1,0103,4")
    assert _tally()["responses"] == 1


def test_a_whole_session_ends_by_itself() -> None:
    dialled = _siang("dial", "*1616*0103#", "--keys", "5,1,1,3,7")
    assert dialled.exit_code == 0
    assert THANKS in dialled.stdout
    assert _headers(dialled) == ["> *1616*0103#", "> 5", "> 1", "> 1", "> 3"]
    assert "(The session has ended.)" in dialled.stderr
    assert "(1 of the keys came after its end.)" in dialled.stderr
    assert _tally()["responses"] == 1


def test_without_keys_each_line_is_an_answer_and_an_empty_one_is_none() -> None:
    dialled = _siang("dial", "*1616#", typed="\n0103\n\n2\n")
    assert dialled.exit_code == 0
    assert "ທ່ານພໍໃຈປານໃດ?" in dialled.stdout
    assert "ທ່ານໃຊ້ບໍລິການໃດ?" in dialled.stdout
    assert _tally()["responses"] == 1


def test_the_screens_are_all_there_is_on_stdout(database_url: str, home: Path) -> None:
    command = "from app.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", command, "dial", "*1616*0103#", "--keys", "5"],
        env={"DATABASE_URL": database_url, "SIANG_HOME": str(home), "PYTHONUTF8": "1"},
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    before, dialled, rest = ran.stdout.partition("> *1616*0103#\n")
    score, answered, service = rest.partition("\n> 5\n")
    assert (before, dialled, answered) == ("", "> *1616*0103#\n", "\n> 5\n")
    # No more than two screens' worth: no line of a log is among them.
    assert "ທ່ານພໍໃຈປານໃດ?" in score
    assert len(score) <= 70
    assert service.startswith("ທ່ານໃຊ້ບໍລິການໃດ?\n")
    assert len(service.strip()) <= 70
    assert ran.stderr == "(The session is still open.)\n"


def test_an_sms_is_thanked_and_counted() -> None:
    sent = _siang("sms", "1616", "0103 5 ດີຫຼາຍ", "--from", "020 55 512 346")
    assert sent.exit_code == 0
    assert THANKS in sent.stdout
    assert _tally()["responses"] == 1


def test_only_what_is_new_is_printed() -> None:
    first = _siang("sms", "1616", "0103 5")
    second = _siang("sms", "1616", "0103 4")
    assert first.stdout.count(THANKS) == second.stdout.count(THANKS) == 1


def test_a_phone_that_said_stop_is_told_why_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone, "WAIT_SECONDS", 0.3)
    assert "START" in _siang("sms", "1616", "STOP").stdout
    silent = _siang("sms", "1616", "0103 5")
    assert silent.exit_code == 0
    assert silent.stdout.startswith("No answer came")


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["dial", "*1617#"], "Dial '*1616#'"),
        (["dial", "*1616"], "Dial '*1616#'"),
        (["dial", "*16160#"], "Dial '*1616#'"),
        (["dial", "1616"], "Dial '*1616#'"),
        (["dial", "*1616#", "--keys", "1,,4"], "Write it like 1,0103,4"),
        (["dial", "*1616#", "--from", "12345"], "write it like 020 55 512 345"),
        (["sms", "1617", "0103 5"], "Send to 1616"),
        (["sms", "1616", "0103 5", "--from", "MINISTRY"], "alphanumeric"),
        # Real phones and real bills are behind it.
        (["sms", "1616", "0103 5", "--channel", "kannel"], "Use one of simulator"),
        (["dial", "*1616#", "--channel", "nothing"], "Use one of simulator"),
    ],
)
def test_mistakes_get_one_sentence(words: list[str], remedy: str) -> None:
    refused = _siang(*words)
    assert refused.exit_code == 2
    assert remedy in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert refused.stdout == ""


def test_what_the_terminal_garbled_is_still_sent() -> None:
    assert _siang("dial", "*1616#", "--keys", "\udcff\udcfe").exit_code == 0
