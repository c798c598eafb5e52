"""Upgrades without a stop: the release before goes on answering on the new tables."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import textwrap
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app import settings
from app.cli.prepare import prepare
from app.errors import OperatorError
from app.settings import ROOT
from app.storage.database import open_engine
from app.storage.migrating import migrate
from tests.operations.machine import KEYS, Machine
from tests.operations.machine import another as another

# The last one before the tables of insight and operations.
RELEASE_BEFORE = "bddcacd"
KEYS_BEFORE = {name: key for name, key in KEYS.items() if name != "SIANG_BACKUP_KEY"}
OLD_GATEWAY = """
    import json, os, sys
    from app import open_office, settings
    from app.cli.run import prepare
    from app.storage.database import open_engine
    from tests.phones import Gateway

    loaded = settings.load()
    url = os.environ["DATABASE_URL"]
    prepare(loaded, open_engine(url))
    office = open_office(loaded, url)
    office.desk.books.open(office.engine)
    gateway = Gateway(office)
    rating = gateway.phone("+8562055512345").dial().press("1", "0103", "5")
    print("serving", file=sys.stderr, flush=True)
    sys.stdin.readline()
    rating.press("1").hangs_up()
    gateway.phone("+8562077712345").sends("0103 2").gets()
    gateway.phone("+8562077754321").dial("*1616*0103*4#").hangs_up()
    print(json.dumps(gateway.tally()), file=sys.stderr, flush=True)
"""


@pytest.fixture
def release_before(tmp_path: Path) -> Path:
    """Its code, as it was."""
    archived = subprocess.run(
        ["git", "archive", RELEASE_BEFORE, "app", "config", "tests", "worker.py"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if archived.returncode:
        pytest.skip(f"The release before, {RELEASE_BEFORE}, is not in a git history here")
    folder = tmp_path / "before"
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def test_the_release_before_answers_on_the_new_tables_and_the_new_one_takes_over(
    release_before: Path, another: Machine
) -> None:
    ours = {"SIANG_HOME": str(another.home), "DATABASE_URL": another.url}
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OLD_GATEWAY)],
        cwd=release_before,
        env={**kept, **KEYS_BEFORE, **ours, "PYTHONPATH": str(release_before)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said: list[str] = []
        while said[-1:] != ["serving\n"]:
            said.append(process.stderr.readline())
            assert said[-1], "".join(said)
        engine = open_engine(another.url)
        prepare(settings.load({"SIANG_HOME": str(another.home), **another.environment}), engine)
        engine.dispose()
        _, told = process.communicate("\n", timeout=60)
    assert process.returncode == 0, told
    tally = json.loads(told.splitlines()[-1])
    assert (tally["responses"], tally["satisfied"]) == (3, 2)

    gateway = another.opened()
    gateway.phone("+8562055598765").dial().press("1", "0103", "4").hangs_up()
    assert gateway.tally()["responses"] == 4
    gateway.office.engine.dispose()


# --- locks ------------------------------------------------------------------------------------


@pytest.fixture
def empty(another: Machine) -> Engine:
    """A database without tables."""
    return open_engine(another.url, pool=8)


def version(engine: Engine) -> object:
    with engine.connect() as tx:
        return tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one()


def test_a_change_that_waits_for_a_lock_lets_others_pass_and_tries_again(empty: Engine) -> None:
    migrate(empty, to="0004")
    told: list[str] = []
    pauses: list[float] = []
    with empty.connect() as reader:
        reader.execute(text("SELECT count(*) FROM outbox"))

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            reader.rollback()

        migrate(empty, told.append, pause=pause)
    assert len(told) == len(pauses) == 1
    assert "waited 1 s for a lock and lets others pass" in told[0]
    assert version(empty) != "0004"
    with empty.connect() as tx:
        # What is set for migrations alone does not come out of the pool.
        assert tx.execute(text("SHOW lock_timeout")).scalar_one() == "10s"
        assert tx.execute(text("SHOW statement_timeout")).scalar_one() == "30s"
    empty.dispose()


def test_two_starts_at_once_migrate_once(empty: Engine) -> None:
    failures: list[Exception] = []

    def start() -> None:
        try:
            migrate(empty, lambda line: None)
        except Exception as error:
            failures.append(error)

    starts = [threading.Thread(target=start) for _ in range(3)]
    for one in starts:
        one.start()
    for one in starts:
        one.join()
    assert failures == []
    assert version(empty)
    empty.dispose()


def test_tables_of_a_newer_version_are_left_alone(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(OperatorError, match="newer version of Siang"):
        migrate(empty)
    empty.dispose()
