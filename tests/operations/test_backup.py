"""Backups: one sealed file that is restored before it counts, and one day in earnest."""

from __future__ import annotations

import re
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_urlsafe

import pytest
from sqlalchemy import Engine, text

from app.conversation import arrivals
from app.people import sealed_files
from app.storage.database import open_engine
from app.storage.migrating import migrate
from tests import wire
from tests.journeys.test_spooling import away as away
from tests.journeys.test_spooling import cut_off, texts
from tests.operations.machine import KEYS, Machine
from tests.operations.machine import another as another
from tests.phones import Gateway, never

NUMBER = "+8562055512345"
MARK = "unmistakable words of a citizen"
SEALED = "words that are in the sealed one alone"


@pytest.fixture
def machine(engine: Engine, home: Path) -> Machine:
    return Machine(home, engine.url.render_as_string(hide_password=False), KEYS)


@pytest.fixture
def gateway(machine: Machine) -> Iterator[Gateway]:
    opened = machine.opened()
    yield opened
    opened.office.engine.dispose()


def brings(gateway: Gateway, said: str, provider_id: str) -> int:
    return wire.brings(
        gateway, "sms", {"sender": NUMBER, "text": said, "provider_id": provider_id}
    )[0]


def only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_after_losing_everything_each_acknowledged_message_is_there_once(
    machine: Machine, gateway: Gateway, another: Machine, tmp_path: Path, away: Engine
) -> None:
    assert [brings(gateway, f"0103 5 {n}", f"id-{n}") for n in range(20)] == [200] * 20
    gateway.work()
    cut = cut_off(gateway, away)
    assert [brings(cut, f"spooled {n}", f"spooled-{n}") for n in range(5)] == [200] * 5
    before, stop = gateway.tally(), threading.Event()

    def arriving() -> None:
        number = 0
        while not stop.is_set():
            brings(gateway, "while it is being made", f"later-{number}")
            arrivals.flush_spool(gateway.office.desk, gateway.office.post, never)
            number += 1

    feed = threading.Thread(target=arriving)
    feed.start()
    try:
        told = machine.does("backup", str(tmp_path / "backups"))
    finally:
        stop.set()
        feed.join()
    assert "restored and compared" in told
    path = only(tmp_path / "backups")
    assert re.fullmatch(r"siang-\d{8}T\d{6}Z\.backup", path.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    told = another.does("restore", str(tmp_path / "backups"))
    assert "equal the recount" in told
    restored = another.opened()
    arrivals.flush_spool(restored.office.desk, restored.office.post, never)
    arrived = [said for said in texts(restored) if said != "while it is being made"]
    restored.office.engine.dispose()
    expected = [f"0103 5 {n}" for n in range(20)] + [f"spooled {n}" for n in range(5)]
    assert sorted(map(str, arrived)) == sorted(expected)
    assert restored.tally()["complete"] == before["complete"]
    assert list((another.home / "spool").glob("*.arrival")) == []
    restored.office.engine.dispose()


def test_what_is_in_the_spool_and_in_the_database_is_stored_once(
    machine: Machine, gateway: Gateway, another: Machine, tmp_path: Path, away: Engine
) -> None:
    brings(cut_off(gateway, away), MARK, "one")
    spool = machine.home / "spool"
    kept = {path.name: path.read_bytes() for path in spool.glob("*.arrival")}
    arrivals.flush_spool(gateway.office.desk, gateway.office.post, never)
    for name, content in kept.items():
        # As it is between the commit and the removal of the file.
        (spool / name).write_bytes(content)
    machine.does("backup", str(tmp_path / "backups"))
    another.does("restore", str(tmp_path / "backups"))
    restored = another.opened()
    assert arrivals.flush_spool(restored.office.desk, restored.office.post, never) == 1
    assert texts(restored) == [MARK]
    restored.office.engine.dispose()


@pytest.fixture(scope="module")
def sealed(migrated: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup with one message in it."""
    folder = tmp_path_factory.mktemp("machine")
    (folder / "home").mkdir()
    machine = Machine(folder / "home", migrated.url.render_as_string(hide_password=False), KEYS)
    gateway = machine.opened()
    brings(gateway, SEALED, "sealed")
    gateway.office.engine.dispose()
    machine.does("backup", str(folder / "backups"))
    return only(folder / "backups")


@pytest.fixture
def backup(sealed: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    copy = tmp_path / sealed.name
    copy.write_bytes(sealed.read_bytes())
    return copy


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_a_backup_that_is_not_what_was_made_is_refused(backup: Path, another: Machine) -> None:
    content = backup.read_bytes()
    assert SEALED.encode() not in content
    spoilt: list[Callable[[bytes], bytes]] = [
        flipped,
        lambda whole: whole[:-1],
        lambda whole: whole[: sealed_files.HEADER + 5],
        lambda whole: whole[: sealed_files.HEADER],
        lambda whole: whole + b"x",
        lambda whole: whole[:20] + flipped(whole[20:60]) + whole[60:],
    ]
    for change in spoilt:
        backup.write_bytes(change(content))
        assert "was changed or is cut off" in another.refuses("restore", str(backup))
    backup.write_bytes(b"PK" + content)
    assert "is no backup of Siang" in another.refuses("restore", str(backup))
    backup.write_bytes(content)
    told = another.refuses("restore", str(backup), SIANG_BACKUP_KEY=token_urlsafe(32))
    assert "was made with another SIANG_BACKUP_KEY" in told
    told = another.refuses("restore", str(backup), SIANG_BACKUP_KEY="")
    assert "SIANG_BACKUP_KEY is not set" in told
    for name in ("SIANG_PHONE_KEY", "SIANG_HASH_KEY"):
        told = another.refuses("restore", str(backup), **{name: token_urlsafe(32)})
        assert "none of them would open" in told
    engine = open_engine(another.url)
    with engine.connect() as tx:
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert tx.execute(text(query)).scalar_one() == 0
    engine.dispose()


def test_a_file_that_is_cut_between_two_pieces_is_refused(tmp_path: Path) -> None:
    key, path = bytes(32), tmp_path / "file"
    with path.open("wb") as file:
        writer = sealed_files.SealedWriter(file, key)
        writer.write(bytes(3 * sealed_files.PIECE))
        writer.close()
    with path.open("rb") as file:
        assert b"".join(sealed_files.opened(file, key, "it")) == bytes(3 * sealed_files.PIECE)
    piece = sealed_files.PIECE + sealed_files.TAG
    path.write_bytes(path.read_bytes()[: sealed_files.HEADER + 2 * piece])
    with path.open("rb") as file, pytest.raises(Exception, match="is cut off"):
        list(sealed_files.opened(file, key, "it"))


def test_a_database_with_people_in_it_is_replaced_only_when_told_to(
    backup: Path, another: Machine
) -> None:
    another.does("restore", str(backup))
    assert (SEALED, "new", 1) in another.counts()
    told = another.refuses("restore", str(backup))
    assert "is not empty: it has" in told
    another.does("restore", "--replace", str(backup))
    assert (SEALED, "new", 1) in another.counts()


def test_a_database_that_is_used_or_not_ours_is_left_alone(backup: Path, another: Machine) -> None:
    engine = open_engine(another.url)
    with engine.begin() as tx:
        told = another.refuses("restore", "--replace", str(backup))
        assert "is in use by 1 other connections" in told
        tx.execute(text("CREATE TABLE salaries ()"))
    engine.dispose()
    assert "not Siang's: salaries" in another.refuses("restore", "--replace", str(backup))


def test_the_newest_backups_are_kept_and_noted(
    machine: Machine, engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(1, 4):
        (folder / f"siang-2020010{day}T000000Z.backup").touch()
    (folder / "notes.txt").touch()
    assert "Removed 2 older backups" in machine.does("backup", str(folder), "--keep", "2")
    kept = sorted(path.name for path in folder.iterdir())
    assert kept[:2] == ["notes.txt", "siang-20200103T000000Z.backup"]
    assert len(kept) == 3
    with engine.connect() as tx:
        (row,) = tx.execute(text("SELECT bytes, verified_at >= at FROM backups")).all()
    assert tuple(row) == ((folder / kept[2]).stat().st_size, True)


def test_the_key_is_made_once_and_its_place_is_told(machine: Machine, tmp_path: Path) -> None:
    told = machine.does("backup", str(tmp_path / "backups"), SIANG_BACKUP_KEY="")
    assert f"{machine.home / 'secrets.env'}: keep a copy of them elsewhere" in told
    assert "SIANG_BACKUP_KEY=" in (machine.home / "secrets.env").read_text()


def test_a_folder_that_cannot_be_is_said(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = machine.refuses("backup", str(tmp_path / "file" / "backups"))
    assert "cannot be written: Not a directory" in told
    (tmp_path / "empty").mkdir()
    assert "There is no backup in" in machine.refuses("restore", str(tmp_path / "empty"))


def test_a_backup_of_an_older_schema_is_brought_up_to_date(
    machine: Machine, another: Machine, tmp_path: Path
) -> None:
    old = open_engine(another.url)
    migrate(old, to="0003")
    old.dispose()
    another.does("backup", str(tmp_path / "backups"))
    engine = open_engine(another.url)
    with engine.connect() as tx:
        assert tx.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0003"
    engine.dispose()
    another.does("restore", str(tmp_path / "backups"))
    engine = open_engine(another.url)
    with engine.connect() as tx:
        assert tx.execute(text("SELECT count(*) FROM backups")).scalar_one() == 0
    engine.dispose()
