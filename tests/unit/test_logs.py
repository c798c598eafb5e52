"""Logs: ids and constant names; never a phone number, a token or what a citizen wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logs import BLOT, blot, where
from app.settings import ROOT

NUMBERS = [
    "+8562055512345",
    "+856 20 5551 2345",
    "+856 20 55 512 345",
    "+856-20-55512345",
    "8562055512345",
    "00856 20 55512345",
    "020 5551 2345",
    "020 55 512 345",
    "020-5551-2345",
    "02055512345",
    "2055512345",
    "20 5551 2345",
    "030 55 51 234",
    "0305551234",
    "+856 21 212 345",
    "+66812345678",
    "020\u00a05551\u00a02345",
]
HARMLESS = [
    "0103",
    "42",
    "1616",
    "*1616*0103*5#",
    "2026-W47",
    "23/11/2026",
    "20261123",
    "2026-11-23T12:30:05.123456+07:00",
    "12:30:05",
    "50.000",
    "1.000.000.000",
    "1763899200",
    "ATUid_6a3f",
    "conversation=20555 turns=3",
    "3f1b6c2e-9d4a-4b7e-8c1d-5e6f7a8b9c0d",
    "203.0.113.45:8000",
    "worker.py:120",
    "ທ່ານພໍໃຈປານໃດ? 1=ບໍ່ດີເລີຍ",
]


def figures(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("line", ["{}", "from {} to 1616", "from={}&to=1616", "('{}',)", "<{}>"])
def test_a_number_is_blotted_in_every_dress(number: str, line: str) -> None:
    assert blot(line.format(number)) == line.format(BLOT)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_number_stays(text: str) -> None:
    assert blot(text) == text


groupings = st.sampled_from([(8,), (4, 4), (2, 3, 3), (2, 2, 2, 2), (1, 7)])
prefixes = st.sampled_from(["+856 20", "+85620", "00856-20", "856 20", "020", "20"])


def grouped(local: str, sizes: Sequence[int], mark: str) -> str:
    ends = [sum(sizes[: index + 1]) for index in range(len(sizes))]
    return mark.join(local[end - size : end] for size, end in zip(sizes, ends, strict=True))


@given(
    st.sampled_from("23579"),
    st.integers(0, 9_999_999),
    prefixes,
    groupings,
    st.sampled_from(["", " ", "-"]),
)
def test_no_lao_mobile_gets_through(
    operator: str, rest: int, prefix: str, sizes: tuple[int, ...], mark: str
) -> None:
    local = f"{operator}{rest:07}"
    number = f"{prefix}{mark}{grouped(local, sizes, mark)}"
    left = blot(f"turn of {number}.")
    assert local not in figures(left)
    assert len(figures(left)) <= 2, left


@given(st.integers(0, 99_999_999))
def test_an_id_of_up_to_eight_figures_stays(number: int) -> None:
    assert blot(f"inbound={number}") == f"inbound={number}"


@given(st.text(max_size=60))
def test_blotting_again_changes_nothing(text: str) -> None:
    assert blot(blot(text)) == blot(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/channels/kannel/sms?token=s3cr3t-of_it", "/channels/kannel/sms?token=<token>"),
        ("?token=s3cr3t&id=7", "?token=<token>&id=7"),
        ('GET "/x?id=7&token=s3cr3t" 200', 'GET "/x?id=7&token=<token>" 200'),
    ],
)
def test_a_channels_token_is_blotted(text: str, left: str) -> None:
    assert blot(text) == left


# --- errors -----------------------------------------------------------------------------------


def raised(words: str) -> ValueError:
    try:
        raise ValueError(words)
    except ValueError as error:
        return error


@given(st.text("abc ກຂຄ0123456789+", min_size=6, max_size=30))
def test_where_tells_the_kind_and_the_line_and_nothing_of_the_words(words: str) -> None:
    told = where(raised(f"<{words}>"))
    assert told.startswith("ValueError at test_logs.py:")
    assert f"<{words}>" not in told
    assert told == where(raised("others"))


def test_an_error_that_was_never_raised_has_no_line() -> None:
    assert where(KeyError("02055512345")) == "KeyError at ?"


# --- whole lines ------------------------------------------------------------------------------

SCRIPT = """
import logging, structlog, sys
from app import logs
logs.set_up(sys.argv[1])
structlog.get_logger().info("turn_taken", conversation=7, sender="+8562055512345")
structlog.get_logger().info("called", path="/x?token=s3cr3t-token")
logging.getLogger("library").warning("refused %s", "020 5551 2345")
logging.getLogger("library").warning("at %r", {"to": ["+8562055512345"]})
logging.getLogger("httpx").info("GET http://127.0.0.1/?to=x")
"""


@pytest.mark.parametrize("style", ["text", "json"])
def test_no_line_of_ours_or_of_a_library_holds_a_number_or_a_token(style: str) -> None:
    written = subprocess.run(
        [sys.executable, "-c", SCRIPT, style], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout
    lines = written.splitlines()
    assert len(lines) == 4, written
    assert "55512345" not in written.replace(" ", "")
    assert "s3cr3t" not in written
    assert [BLOT in line for line in lines] == [True, False, True, True]
    if style == "json":
        first = json.loads(lines[0])
        assert (first["event"], first["conversation"], first["sender"]) == ("turn_taken", 7, BLOT)
