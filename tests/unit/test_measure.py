"""siang measure: figures for texts, with nothing set up."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.cli.measure import HEADER
from app.settings import ROOT
from app.text.encoding import units

SENTENCE = "ກະລຸນາເລືອກບໍລິການທີ່ທ່ານຕ້ອງການ ແລະ ຕອບກັບດ້ວຍຕົວເລກ "
START = [sys.executable, "-c", "from app.cli import main; main()", "measure"]


def measured(*texts: str, given: bytes | None = None) -> list[dict[str, object]]:
    done = CliRunner().invoke(main, ["measure", "--json", "--", *texts], input=given)
    assert (done.exit_code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def told(*arguments: str | bytes) -> str:
    done = CliRunner().invoke(main, ["measure", "--", *map(os.fsdecode, arguments)])
    assert done.exit_code == 0
    return done.stdout


def test_each_text_has_its_figures_in_order() -> None:
    assert measured("5 €", "ສະບາຍດີ", "") == [
        {"text": "5 €", "encoding": "GSM-7", "units": 4, "segments": 1, "ussd_pages": ["5 €"]},
        {
            "text": "ສະບາຍດີ",
            "encoding": "UCS-2",
            "units": 7,
            "segments": 1,
            "ussd_pages": ["ສະບາຍດີ"],
        },
        {"text": "", "encoding": "GSM-7", "units": 0, "segments": 1, "ussd_pages": [""]},
    ]


@pytest.mark.parametrize(
    ("text", "count", "segments", "pages"),
    [
        ("a" * 160, 160, 1, 1),
        ("a" * 161, 161, 2, 2),
        ("ກ" * 70, 70, 1, 1),
        ("ກ" * 71, 71, 2, 2),
        ("😀" * 36, 72, 2, 2),
        (SENTENCE * 3, 162, 3, 3),
    ],
)
def test_a_long_text_takes_several(text: str, count: int, segments: int, pages: int) -> None:
    (one,) = measured(text)
    shown = one["ussd_pages"]
    assert isinstance(shown, list)
    assert (one["units"], one["segments"], len(shown)) == (count, segments, pages)
    assert all(units(page) <= (160 if page.isascii() else 70) for page in shown)
    assert "".join("".join(shown).split()) == "".join(text.split())


def test_every_line_of_standard_input_is_a_text() -> None:
    texts = [one["text"] for one in measured(given="a\r\n\n ກ\f\u2028b\n".encode())]
    assert texts == ["a", "", " ກ\f\u2028b"]
    assert [one["text"] for one in measured(given=b"a\nb")] == ["a", "b"]
    assert measured(given=b"") == []


def test_arguments_go_before_standard_input() -> None:
    assert [one["text"] for one in measured("a", given=b"b\n")] == ["a"]


def test_what_is_no_text_counts_as_a_replacement_character() -> None:
    assert [one["text"] for one in measured(given=b"a\xffb\n")] == ["a\ufffdb"]
    for broken in ("a\udcffb", "a\ud83db"):
        (one,) = measured(broken)
        assert (one["text"], one["encoding"], one["units"]) == ("a\ufffdb", "UCS-2", 3)
    assert "a\ufffdb" in told(b"a\xffb")


def test_the_table_has_a_line_a_text_and_a_line_a_page() -> None:
    lines = told("hello", SENTENCE * 2).splitlines()
    assert lines[0] == HEADER
    assert lines[1] == "GSM-7         5         1      1  hello"
    assert lines[2] == f"UCS-2       108         2      2  {SENTENCE * 2}"
    assert [line.strip()[:2] for line in lines[3:]] == ["1:", "2:"]


def test_the_table_does_not_obey_what_it_shows() -> None:
    assert told("a\nb\x1b[2J\u200b").splitlines()[1].endswith(r"  a\nb\x1b[2J\u200b")


def test_nothing_has_to_be_set_up_and_nothing_is_made(tmp_path: Path) -> None:
    away = tmp_path / "away"
    nowhere = {"SIANG_CONFIG": str(away), "SIANG_HOME": str(away), "DATABASE_URL": "no://where"}
    done = subprocess.run(
        [*START, "--json", b"\xe0\xba\x81\xff"],
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", **nowhere},
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert (json.loads(done.stdout)[0]["text"], done.stderr) == ("ກ\ufffd", b"")
    assert list(tmp_path.iterdir()) == []


def test_at_a_terminal_it_asks_for_a_text() -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(START, stdin=theirs, cwd=ROOT, capture_output=True, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 2
    assert b"Give a TEXT" in done.stderr
