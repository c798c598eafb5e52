"""Who hears of what an office's file tells: applicants, while it is news."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from app.requests import numbers
from tests.requests.desk import NOW, PHONE
from tests.requests.files import Files, row

TODAY = "2026-11-23"


def news(days: int, **given: str) -> dict[str, str]:
    """A status of so many days ago, of a request of a phone that wants texts."""
    since = f"{date.fromisoformat(TODAY) - timedelta(days=days)}"
    wanted = {"phone": PHONE, "texts": "yes", "status": "ready", "status_on": since}
    return wanted | {"filed_on": "2026-11-02"} | given


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (news(0), True),
        (news(3), True),
        (news(4), False),
        (news(0, texts=""), False),
        (news(0, phone=""), False),
        (news(0, status="in_process"), False),
        (news(0, status_on=""), False),
        (news(0, status_on="", filed_on="2026-11-22"), True),
    ],
)
def test_a_request_that_is_new_here_is_told_if_it_is_news(
    files: Files, given: dict[str, str], told: bool
) -> None:
    done = files.imported(row("KS1", **given))
    assert (done.texts, len(files.texts())) == (told, told)


@pytest.mark.parametrize(("days", "told"), [(0, True), (3, True), (4, False)])
def test_a_request_that_moved_on_is_told_if_it_is_news(files: Files, days: int, told: bool) -> None:
    received = news(10, status="received", status_on="")
    files.imported(row("KS1", **received))
    assert files.texts() == []
    files.imported(row("KS1", **news(days)))
    shown = numbers.shown(files.request().number)
    assert files.texts() == [f"ບັດປະຈຳຕົວ {shown}: ມາຮັບໄດ້ແລ້ວ"] * told
    files.imported(row("KS1", **news(days)))
    assert len(files.texts()) == told, "nobody is told twice"


def test_a_status_that_moved_without_a_day_moved_now(files: Files) -> None:
    files.imported(row("KS1", phone=PHONE, texts="yes", filed_on="2026-11-02"))
    files.imported(row("KS1", status="ready"))
    assert len(files.texts()) == 1


def test_a_stopped_phone_is_left_in_peace(files: Files) -> None:
    files.imported(row("KS1", phone=PHONE, texts="yes"))
    files.sql("UPDATE contacts SET stopped_at = now()")
    assert files.imported(row("KS1", status="ready")).texts == 0
    assert files.texts() == []


@pytest.mark.parametrize(("days", "asked"), [(0, True), (3, True), (4, False)])
def test_whoever_collected_lately_is_asked_how_it_was(files: Files, days: int, asked: bool) -> None:
    files.imported(row("KS1", **news(days, status="collected", texts="no")))
    files.imported(row("KS2", phone=PHONE, filed_on="2026-11-02"))
    files.imported(row("KS2", **news(days, status="collected", texts="no")))
    with files.engine.connect() as tx:
        due = tx.execute(text("SELECT due_at FROM invitations")).scalars().all()
    assert due == [NOW + timedelta(hours=3)] * (2 * asked)
