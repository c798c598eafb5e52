"""The embedded servers, as real processes: start, share, leave, recover."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from app.embedded import (
    Postgres,
    connect_database_url,
    database,
    external_database,
    redis,
)
from app.errors import OperatorError

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
    import sys, time
    from pathlib import Path
    from app.embedded import database
    with database(Path(sys.argv[1])) as url:
        print(url, flush=True)
        sys.stdin.read()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def holder(home: Path) -> subprocess.Popen[str]:
    """Another process that uses the database until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(home)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql")
    return process


def ask(url: str, query: str) -> object:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def runs(home: Path) -> bool:
    return Postgres(home).alive()


def postmaster(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_it_starts_is_ours_and_stops(home: Path) -> None:
    with database(home) as url:
        assert ask(url, "SELECT current_database()") == "siang"
        assert ask(url, "SHOW server_encoding") == "UTF8"
        assert ask(url, "SHOW timezone") == "UTC"
        assert ask(url, "SHOW listen_addresses") == ""
        assert ask(url, "SHOW max_connections") == "60"
    assert not runs(home)


def test_the_last_one_out_stops_it(home: Path) -> None:
    with database(home):
        other = holder(home)
    assert runs(home)
    other.communicate()
    assert other.returncode == 0
    assert not runs(home)


def test_one_that_joins_leaves_it_running(home: Path) -> None:
    with database(home) as url:
        first = postmaster(home)
        with database(home) as same:
            assert same == url
        assert postmaster(home) == first
        assert ask(url, "SELECT 1") == 1


def test_a_killed_user_does_not_keep_it_alive(home: Path) -> None:
    other = holder(home)
    with database(home):
        other.kill()
        other.communicate()
    assert not runs(home)


def test_it_recovers_from_a_kill(home: Path) -> None:
    with database(home) as url:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        os.kill(postmaster(home).pid, signal.SIGKILL)
        server = Postgres(home)
        assert eventually(lambda: not server.alive())
        with database(home) as again:
            assert ask(again, "SELECT number FROM kept") == 7


# The id is fixed: parallel test processes must collect the same names.
@pytest.mark.parametrize(
    "left",
    [
        pytest.param("", id="empty"),
        pytest.param("12", id="cut"),
        pytest.param(f"{os.getpid()}\nelsewhere\n", id="reused"),
    ],
)
def test_a_leftover_pid_file_does_not_matter(home: Path, left: str) -> None:
    (home / "postgres" / "postmaster.pid").write_text(left)
    with database(home) as url:
        assert ask(url, "SELECT 1") == 1


def test_revive_starts_it_again(home: Path) -> None:
    server = Postgres(home)
    server.join()
    try:
        os.kill(postmaster(home).pid, signal.SIGKILL)

        def back() -> bool:
            server.revive()
            try:
                return ask(server.url, "SELECT 1") == 1
            except psycopg.OperationalError:
                return False

        assert eventually(back)
    finally:
        server.leave()
    assert not runs(home)


def test_deep_folders_and_a_broken_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LANG": "xx_YY", "LC_ALL": "zz", "PGDATA": "/no", "PGPORT": "9"}.items():
        monkeypatch.setenv(name, value)
    home = tmp_path / "with spaces, ' and ຊຽງ" / ("deep" * 30)
    with database(home) as url:
        assert ask(url, "SELECT 'ຊຽງ'") == "ຊຽງ"
    with redis(home) as redis_url:
        assert Path(redis_url.removeprefix("unix://")).is_socket()


def test_an_interrupted_set_up_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    with database(tmp_path) as url:
        assert ask(url, "SELECT 1") == 1


def test_redis_answers_and_is_gone_afterwards(tmp_path: Path) -> None:
    with redis(tmp_path) as url, redis(tmp_path) as second:
        path = Path(url.removeprefix("unix://"))
        assert path.is_socket()
        assert Path(second.removeprefix("unix://")).is_socket()
    assert not path.exists()


def test_the_environment_comes_first(tmp_path: Path) -> None:
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        environment = {"DATABASE_URL": f"{scheme}://a:b@c/d"}
        with connect_database_url(tmp_path / "unused", environment) as url:
            assert url == "postgresql+psycopg://a:b@c/d"
    assert not (tmp_path / "unused").exists()
    assert external_database({}) is None


def test_another_kind_of_database_is_refused_without_its_password() -> None:
    with pytest.raises(OperatorError, match="PostgreSQL") as caught:
        external_database({"DATABASE_URL": "mysql://somebody:secret@host/name"})
    assert "secret" not in str(caught.value)
