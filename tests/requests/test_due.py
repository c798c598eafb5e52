"""Until when an office is in time: its own working days, and what changes them later."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from app import clock
from app.cli import main
from app.cli.prepare import prepare
from app.registry import loading
from app.requests import due
from app.requests.filing import Registrar
from app.settings import ROOT, Settings
from app.storage.request_due import ZONE
from app.words import REQUEST_STATUSES
from tests.requests.desk import Desk

SAMPLE = ROOT / "config" / "registry"
CLOSED = "INSERT INTO closed_days (odsc, day, name, source) VALUES (:odsc, :day, 'x', 'a test')"


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T05:00:00+00:00")


@pytest.mark.parametrize(
    ("filed", "days", "closed", "due_on"),
    [
        ("2026-11-23", 1, [], "2026-11-24"),
        ("2026-11-20", 1, [], "2026-11-23"),  # a Friday
        ("2026-11-21", 1, [], "2026-11-23"),  # a Saturday
        ("2026-04-10", 5, [], "2026-04-22"),  # Lao New Year, 14 to 16 April
        ("2026-03-06", 1, [], "2026-03-10"),  # Women's Day on a Sunday, so Monday too
        ("2026-12-01", 1, [], "2026-12-03"),  # National Day
        ("2026-11-23", 1, [("0103", "2026-11-24")], "2026-11-25"),
        ("2026-11-23", 1, [(None, "2026-11-24")], "2026-11-25"),
        ("2026-11-23", 1, [("0901", "2026-11-24")], "2026-11-24"),
        ("2026-11-23", 2, [("0103", "2026-11-24"), (None, "2026-11-25")], "2026-11-27"),
        ("2026-11-23", 1, [("0103", "2026-11-23")], "2026-11-24"),
    ],
)
def test_due_dates_go_by_the_office_s_working_days(
    desk: Desk, filed: str, days: int, closed: list[tuple[str | None, str]], due_on: str
) -> None:
    desk.now = datetime(2027, 1, 1, tzinfo=UTC)
    desk.sql("UPDATE services SET days = :days WHERE key = 'id_card'", days=days)
    for odsc, day in closed:
        desk.sql(CLOSED, odsc=odsc, day=day)
    assert desk.file(filed_at=noon(filed)).due_on == date.fromisoformat(due_on)


def test_there_is_no_due_date_where_no_source_says_how_long_it_takes(desk: Desk) -> None:
    desk.sql("UPDATE services SET days = NULL WHERE key = 'id_card'")
    assert desk.file().due_on is None


def test_the_database_counts_days_as_the_clock_does() -> None:
    assert clock.VIENTIANE.key == ZONE


# --- what changes later -------------------------------------------------------------------------


@pytest.fixture
def closed_days(engine: Engine) -> Iterator[Engine]:
    """For tests that commit closed days or a registry: the sample is put back after them."""
    yield engine
    with engine.begin() as tx:
        for table in ("request_history", "requests"):
            tx.execute(text(f"DELETE FROM {table}"))
    loading.load(engine, SAMPLE)


def filed_everywhere(registrar: Registrar, engine: Engine) -> None:
    """A request in every status, at two ODSCs, of a service with 30 days and one with none."""
    with engine.begin() as tx:
        desk = Desk(registrar, tx)
        for odsc in ("0103", "0901"):
            for status in REQUEST_STATUSES:
                for service in ("construction_permit", "id_card"):
                    desk.file(odsc=odsc, service=service, status=status, note="x")


def due_dates(engine: Engine, odsc: str, service: str) -> dict[str, date | None]:
    query = "SELECT status, due_on FROM requests WHERE odsc = :odsc AND service = :service"
    with engine.connect() as tx:
        rows = tx.execute(text(query), {"odsc": odsc, "service": service})
        return {row.status: row.due_on for row in rows}


def test_a_day_that_is_closed_later_moves_what_is_not_done(
    registrar: Registrar, closed_days: Engine
) -> None:
    filed_everywhere(registrar, closed_days)
    before = due_dates(closed_days, "0103", "construction_permit")
    assert set(before.values()) == {date(2027, 1, 6)}
    assert due.renew(closed_days) == 0
    with closed_days.begin() as tx:
        tx.execute(text(CLOSED), {"odsc": "0103", "day": "2026-12-31"})
    assert due.renew(closed_days) == 3
    after = due_dates(closed_days, "0103", "construction_permit")
    running = {"received", "in_process", "need_documents"}
    assert {status for status in after if after[status] == date(2027, 1, 7)} == running
    assert {after[status] for status in REQUEST_STATUSES if status not in running} == {
        date(2027, 1, 6)
    }
    assert set(due_dates(closed_days, "0901", "construction_permit").values()) == {date(2027, 1, 6)}
    assert set(due_dates(closed_days, "0103", "id_card").values()) == {None}


def test_a_registry_that_is_loaded_moves_due_dates(
    registrar: Registrar,
    closed_days: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
) -> None:
    filed_everywhere(registrar, closed_days)
    folder = Path(shutil.copytree(SAMPLE, tmp_path / "registry"))
    with (folder / "closed_days.csv").open("a", encoding="utf-8") as file:
        file.write("0901,2026-12-31,A feast,a test,\n,2026-12-30,Another,a test,\n")
    url = closed_days.url.render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", url.replace("postgresql+psycopg", "postgresql"))
    monkeypatch.setenv("SIANG_HOME", str(home))
    result = CliRunner().invoke(main, ["registry", "load", str(folder)])
    assert result.output.splitlines()[-1] == "requests: 6 due dates moved"
    assert due_dates(closed_days, "0901", "construction_permit")["received"] == date(2027, 1, 8)
    assert due_dates(closed_days, "0103", "construction_permit")["received"] == date(2027, 1, 7)


def test_a_start_mends_due_dates(
    registrar: Registrar, closed_days: Engine, loaded: Settings
) -> None:
    filed_everywhere(registrar, closed_days)
    with closed_days.begin() as tx:
        # As if a holiday had been unknown to the library when these were filed.
        tx.execute(text("UPDATE requests SET due_on = due_on - 1 WHERE due_on IS NOT NULL"))
    prepare(loaded, closed_days)
    assert due_dates(closed_days, "0103", "construction_permit")["received"] == date(2027, 1, 6)
