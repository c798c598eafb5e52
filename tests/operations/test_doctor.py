"""siang doctor: every line of the page, with what it finds and what it tells to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, Engine, text

from app import clock, settings
from app.channels import open_channels
from app.cli import main
from app.cli.doctor import CHECKS, examine
from app.cli.doctor_findings import Finding, Place
from app.conversation.books import publish_first
from app.people.vault import Vault
from app.settings import ROOT
from app.storage import alarms, channels, operations, people, releases

NUMBER = "+8562055512345"
KEYS = {
    "SIANG_PHONE_KEY": "cGhvbmUta2V5LXBob25lLWtleS1waG9uZS1rZXktMTI",
    "SIANG_HASH_KEY": "aGFzaC1rZXktLWhhc2gta2V5LS1oYXNoLWtleS0tMTI",
}
# A Sunday: the week before was released on the Monday.
SUNDAY = datetime(2026, 11, 22, 5, tzinfo=UTC)


@pytest.fixture
def place(engine: Engine, home: Path) -> Iterator[Place]:
    """A machine on which nothing was done yet but to make the tables and load the registry."""
    loaded = settings.load({**KEYS, "SIANG_HOME": str(home)})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield Place(
            settings=loaded,
            environment=KEYS,
            channels=open_channels(loaded.channels),
            vault=Vault(loaded.phone_key, loaded.hash_key),
            now=SUNDAY,
            connection=connection,
            ready=True,
        )


def found(place: Place, name: str) -> Finding:
    return next(one for one in examine(place) if one.name == name)


def state(place: Place, name: str) -> str:
    return found(place, name).state


def tables(place: Place) -> Connection:
    return place.tables


def change(place: Place, statement: str) -> None:
    place.tables.execute(text(statement))


# --- the page ---------------------------------------------------------------------------------


def test_every_check_makes_the_line_of_its_name(place: Place) -> None:
    findings = examine(place)
    assert [one.name for one in findings] == list(CHECKS)
    assert {one.state for one in findings} <= {"ok", "warn", "fail"}
    for one in findings:
        assert one.said
        assert bool(one.remedy) == (one.state != "ok"), one


def test_with_the_database_away_what_needs_it_is_not_asked(place: Place) -> None:
    away = replace(
        place, connection=None, ready=False, why="It does not answer: Connection refused"
    )
    states = {one.name: one.state for one in examine(away)}
    assert states.pop("database") == "fail"
    alone = {"redis", "disk", "keys", "spool", "money"}
    assert {name for name, state in states.items() if state != "not asked"} == alone
    assert all(states[name] in ("ok", "warn") for name in alone)


def test_without_tables_only_these_are_missed(place: Place) -> None:
    empty = replace(place, ready=False)
    assert state(empty, "database") == "ok"
    assert state(empty, "clocks") == "ok"
    assert state(empty, "outbox") == "not asked"


# --- the machine ------------------------------------------------------------------------------


def test_tables_of_an_older_release_fail(place: Place, engine: Engine) -> None:
    newest = operations.newest_revision()
    assert state(place, "migrations") == "ok"
    try:
        change(place, "UPDATE alembic_version SET version_num = '0001'")
        assert found(place, "migrations").remedy == "siang prepare"
        assert state(place, "migrations") == "fail"
        change(place, "UPDATE alembic_version SET version_num = '9999'")
        assert state(place, "migrations") == "warn"
    finally:
        change(place, f"UPDATE alembic_version SET version_num = '{newest}'")


def test_keys_that_do_not_open_what_is_stored_fail(place: Place) -> None:
    sealed = place.vault.seal(NUMBER)
    people.ensure(tables(place), sealed.hash, sealed.cipher)
    assert found(place, "keys").state == "ok"
    assert "1 of the stored numbers open" in found(place, "keys").said
    other = replace(place, vault=Vault(b"x" * 32, place.settings.hash_key))
    assert state(other, "keys") == "fail"
    other = replace(place, vault=Vault(place.settings.phone_key, b"x" * 32))
    assert state(other, "keys") == "fail"


def test_keys_that_were_made_here_are_to_be_kept_elsewhere(place: Place) -> None:
    assert state(replace(place, environment={}), "keys") == "warn"


def test_without_redis_nothing_fails(place: Place) -> None:
    url = "redis://:hunter2@127.0.0.1:1/0"
    away = replace(place, settings=replace(place.settings, redis_url=url))
    assert state(away, "redis") == "warn"
    assert "hunter2" not in found(away, "redis").said


# --- the work ---------------------------------------------------------------------------------


def test_a_process_that_says_that_it_lives_is_alive(place: Place) -> None:
    assert state(place, "web") == "fail"
    operations.beat(tables(place), "one", 7, "web", SUNDAY)
    assert state(place, "web") == "ok"


def test_all_three_workers_are_needed(place: Place) -> None:
    for pid, name in enumerate(("turns", "responses")):
        operations.beat(tables(place), "one", pid, name, SUNDAY)
    assert found(place, "workers").said.startswith("Nobody works as outbox")
    operations.beat(tables(place), "two", 1, "outbox", SUNDAY)
    assert state(place, "workers") == "ok"


def test_one_that_fell_silent_is_named(place: Place) -> None:
    for pid in (1, 2):
        operations.beat(tables(place), "one", pid, "upkeep", SUNDAY)
    change(place, "UPDATE processes SET seen_at = now() - interval '5 min' WHERE pid = 2")
    told = found(place, "upkeep")
    assert (told.state, "not heard for 5 min: upkeep on one (pid 2)" in told.said) == ("warn", True)
    change(place, "UPDATE processes SET seen_at = now() - interval '5 min'")
    assert state(place, "upkeep") == "fail"


def waits(place: Place, table: str, since: timedelta) -> None:
    sealed = place.vault.seal(NUMBER)
    contact = people.ensure(tables(place), sealed.hash, sealed.cipher)
    at = place.now - since
    rows = {
        "inbound": "INSERT INTO inbound (channel, provider_id, contact_id, text, state, "
        "received_at, next_at) VALUES ('simulator', '1', :contact, 'x', 'new', :at, :at)",
        "outbox": "INSERT INTO outbox (contact_id, channel, purpose, text, encoding, segments, "
        "state, created_at, next_at, expires_at) VALUES (:contact, 'simulator', 'reply', 'x', "
        "'GSM-7', 1, 'queued', :at, :at, :at)",
    }
    tables(place).execute(text(rows[table]), {"contact": contact, "at": at})


@pytest.mark.parametrize(("table", "line"), [("inbound", "waiting"), ("outbox", "outbox")])
def test_what_waits_long_is_told(place: Place, table: str, line: str) -> None:
    assert state(place, line) == "ok"
    waits(place, table, timedelta(minutes=7))
    assert state(place, line) == "warn"
    later = replace(place, now=place.now + timedelta(hours=3))
    assert state(later, line) == "fail"


def test_dead_letters_are_told_for_a_week(place: Place) -> None:
    waits(place, "outbox", timedelta())
    change(place, f"UPDATE outbox SET state = 'dead', settled_at = '{SUNDAY}'")
    assert found(place, "outbox").remedy.startswith("siang messages dead")
    later = replace(place, now=place.now + timedelta(days=8))
    assert state(later, "outbox") == "ok"


def test_a_spool_that_cannot_be_written_fails(place: Place) -> None:
    assert state(place, "spool") == "ok"
    folder = place.settings.home / "spool"
    (folder / "1-a-b.arrival.corrupt").touch()
    assert state(place, "spool") == "warn"
    (folder / "1-a-b.arrival.corrupt").unlink()
    folder.rmdir()
    folder.touch()
    assert state(place, "spool") == "fail"


def test_a_channel_without_its_password_is_named(place: Place) -> None:
    assert "kannel has no password" in found(place, "channels").said


def test_a_channel_that_is_down_is_named(place: Place) -> None:
    for _ in range(channels.BREAKS_AT):
        channels.failed(tables(place), "simulator", place.now)
    assert "simulator is down for 0 s" in found(place, "channels").said


def test_only_a_channel_with_a_trouble_is_named(place: Place) -> None:
    def named() -> list[str]:
        return [name for name in place.channels if name in found(place, "channels").said]

    assert named() == ["africastalking", "kannel"]
    assert "; 1 of 3 well, nothing heard yet" in found(place, "channels").said
    arrived = f"'{place.now - timedelta(minutes=5)}'"
    change(
        place,
        "INSERT INTO inbound (channel, provider_id, text, state, received_at, next_at) "
        f"VALUES ('simulator', 'one', '', 'done', {arrived}, {arrived})",
    )
    assert found(place, "channels").said.endswith("; 1 of 3 well, heard 5 min ago")
    assert len(found(place, "channels").said) < 120


def test_open_alarms_are_named_without_numbers(place: Place) -> None:
    assert state(place, "alarms") == "ok"
    alarms.notice(tables(place), kind="device_silent", subject=NUMBER, detail="x", now=place.now)
    told = found(place, "alarms")
    assert (told.state, "device_silent <number>" in told.said) == ("warn", True)


# --- what is kept -----------------------------------------------------------------------------


def test_nothing_published_fails_and_something_else_warns(place: Place, engine: Engine) -> None:
    assert state(place, "flows") == "fail"
    publish_first(engine, ROOT / "config", "main", "lo")
    assert state(place, "flows") == "ok"
    change(place, "INSERT INTO flow_versions (hash, sources) VALUES ('00', '{}')")
    change(place, "INSERT INTO flow_publications (hash) VALUES ('00')")
    assert found(place, "flows").remedy == "siang flows diff, then siang flows publish"


def test_the_last_week_that_is_over_is_to_be_released(place: Place) -> None:
    assert state(place, "releases") == "warn"
    releases.win(tables(place), "2026-W45", place.now)
    assert found(place, "releases").said == "2026-W45 is the newest, 2026-W46 is over"
    releases.win(tables(place), "2026-W46", place.now)
    assert state(place, "releases") == "ok"


def test_a_backup_is_to_be_new_and_tried(place: Place) -> None:
    assert state(place, "backups") == "warn"
    change(place, f"INSERT INTO backups (bytes, at) VALUES (5000000, '{SUNDAY}')")
    assert "none was ever tried" in found(place, "backups").said
    change(place, f"UPDATE backups SET verified_at = '{SUNDAY}'")
    assert state(place, "backups") == "ok"
    assert state(replace(place, now=SUNDAY + timedelta(days=3)), "backups") == "warn"


def test_what_is_too_old_is_to_be_erased(place: Place) -> None:
    assert state(place, "retention") == "warn"
    change(
        place,
        "INSERT INTO purges (at, numbers_before, texts_before, erased) "
        f"VALUES ('{SUNDAY}', '2026-01-01', '2026-01-01', '{{}}')",
    )
    assert state(place, "retention") == "ok"
    assert state(replace(place, now=SUNDAY + timedelta(days=3)), "retention") == "warn"


def test_holidays_of_next_year_are_asked_for_late_in_this_one(place: Place) -> None:
    assert state(place, "holidays") == "warn"
    assert state(replace(place, now=SUNDAY - timedelta(days=90)), "holidays") == "ok"


# --- the command ------------------------------------------------------------------------------

Siang = Callable[..., Result]


@pytest.fixture
def siang(engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch) -> Siang:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SIANG_HOME", str(home))
    return lambda *words: CliRunner().invoke(main, list(words))


def test_what_fails_is_the_exit_status(siang: Siang, engine: Engine) -> None:
    ran = siang("doctor")
    assert ran.exit_code == 1
    assert "fail      web         Nobody works as web\n" in ran.output
    publish_first(engine, ROOT / "config", "main", "lo")
    with engine.begin() as tx:
        for pid, name in enumerate(("web", "turns", "responses", "outbox", "upkeep")):
            operations.beat(tx, "one", pid, name, clock.now())
    ran = siang("doctor", "--json")
    told = json.loads(ran.output)
    assert ran.exit_code == 0, [one for one in told if one["state"] == "fail"]
    assert [one["name"] for one in told] == list(CHECKS)


def test_with_the_database_away_the_command_says_why_and_shows_no_password(
    siang: Siang, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://siang:hunter2@127.0.0.1:1/siang")
    ran = siang("doctor")
    assert ran.exit_code == 1
    assert "fail      database    It does not answer: Connection refused" in ran.output
    assert "hunter2" not in ran.output
