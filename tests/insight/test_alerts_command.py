"""siang alerts: what is wrong at centers, and what was done."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from app import clock
from app.cli.alerts import alerts_command
from tests.insight.alert_desk import AlertDesk


@pytest.fixture
def desk(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AlertDesk:
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SIANG_HOME", str(tmp_path))
    return AlertDesk(engine, now=clock.now())


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(alerts_command, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_without_any_it_says_so(desk: AlertDesk) -> None:
    assert shown() == "No alerts\n"
    assert json.loads(shown("--json")) == []


def test_it_shows_who_was_told_and_what_was_done(desk: AlertDesk) -> None:
    desk.staff()
    desk.many_bad()
    desk.look()
    alert = desk.newest()
    (line,) = shown().splitlines()
    assert f"  {alert}  0103  bad_scores: OPEN; told up to odsc, not acknowledged" in line
    desk.says(desk.staff("district", "0103"), f"OK {alert} price list is up")
    ((staff,),) = desk.rows("SELECT staff_id FROM alert_notes")
    line, note = shown().splitlines()
    assert f"by staff {staff}" in line
    assert note.endswith(f"  staff {staff}: price list is up")
    (told,) = json.loads(shown("--json"))
    assert (told["id"], told["acknowledged_by"], told["cleared_at"]) == (alert, staff, None)
    assert [(one["staff"], one["text"]) for one in told["notes"]] == [(staff, "price list is up")]
    assert "+85620" not in shown() + shown("--json")


def test_what_is_long_over_is_left_out(desk: AlertDesk) -> None:
    desk.now -= timedelta(days=60)
    desk.many_bad()
    desk.look()
    desk.answers(5, 20)
    desk.wait(hours=1)
    assert shown() == "No alerts\n"
    assert "bad_scores: over since" in shown("--days", "90")


def test_an_operator_need_not_wait_for_the_full_hour(desk: AlertDesk) -> None:
    desk.staff()
    desk.look()
    desk.many_bad()
    # This hour's turn is over.
    desk.look()
    assert shown() == "No alerts\n"
    assert "bad_scores: OPEN" in shown("--weigh")
    assert shown("--weigh").count("OPEN") == 1
