"""pg_dump and psql: a database as a script, and back again, through pipes and in one transaction.

Nothing passes over a disk, and what psql says of an error is cut down to its code: a message of
PostgreSQL's may repeat a row.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from app.errors import OperatorError

# One read of a pipe.
READ = 1 << 18
LOCK_SECONDS = 60
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_CODE = re.compile(r"(?:ERROR|FATAL): +([0-9A-Z]{5})")
_LOCKED = "55P03"


def programs(major: int, folders: Sequence[Path]) -> Path:
    """The folder of pg_dump and psql of this major version. Raises OperatorError if there is none.

    A newer pg_dump reads an older server, but what it writes that server does not understand.
    """
    installed = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    debian = Path("/usr/lib/postgresql") / str(major) / "bin"
    for folder in (*folders, debian, *installed):
        if _major(folder / "pg_dump") == major and _major(folder / "psql") == major:
            return folder
    raise OperatorError(
        f"The server is PostgreSQL {major}, and there is no pg_dump and psql {major} here",
        f"Install PostgreSQL's client programs of that version (Debian: postgresql-client-{major})",
    )


def _major(program: Path) -> int | None:
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20)
        if found := _VERSION.search(said.stdout):
            return int(found[1])
    return None


def dump(folder: Path, url: str, snapshot: str) -> Iterator[bytes]:
    """The database as a script, as the exported `snapshot` sees it."""
    command = [str(folder / "pg_dump"), "--format=plain", "--no-owner", "--no-privileges"]
    command += ["--encoding=UTF8", f"--snapshot={snapshot}", "--no-password"]
    command += [f"--lock-wait-timeout={LOCK_SECONDS * 1000}", f"--dbname={_address(url)}"]
    with subprocess.Popen(
        command,
        env=_environment(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        said = _Listener(process)
        try:
            while piece := process.stdout.read(READ):
                yield piece
        except BaseException:
            process.kill()
            raise
        if process.wait():
            raise _failure("pg_dump could not read the database", said.all())


def play(folder: Path, url: str, clearing: str, pieces: Iterable[bytes]) -> None:
    """Run a script after `clearing`, all in one transaction: it is there whole or nothing changed.

    COMMIT is sent only after the last piece, so that a script that ends too early, or a process
    that is killed, changes nothing.
    """
    command = [str(folder / "psql"), "--no-psqlrc", "--quiet", "--no-password", "--file=-"]
    command += ["--set=ON_ERROR_STOP=1", "--set=VERBOSITY=sqlstate", f"--dbname={_address(url)}"]
    with subprocess.Popen(
        command,
        env=_environment(url),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        said = _Listener(process)
        try:
            _send(process, clearing, pieces)
        except BaseException:
            process.kill()
            raise
        if process.wait():
            raise _failure("psql could not restore the database", said.all())


def _send(process: subprocess.Popen[bytes], clearing: str, pieces: Iterable[bytes]) -> None:
    assert process.stdin is not None
    # A pipe breaks where psql has ended: its exit status says why.
    with suppress(BrokenPipeError):
        process.stdin.write(f"BEGIN;\n{clearing}\n".encode())
        for piece in pieces:
            process.stdin.write(piece)
        process.stdin.write(b"\nCOMMIT;\nANALYZE;\n")
    with suppress(BrokenPipeError):
        process.stdin.close()


class _Listener:
    """Reads what a program complains of, so that it never waits for a full pipe."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self._said = process, b""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        while piece := self._process.stderr.read(READ):
            self._said = (self._said + piece)[-READ:]

    def all(self) -> str:
        self._thread.join()
        return self._said.decode(errors="replace")


def _failure(what: str, said: str) -> OperatorError:
    codes = _CODE.findall(said)
    if _LOCKED in codes or "lock timeout" in said:
        return OperatorError(f"{what}: something else holds it locked", "Stop the gateway first")
    code = f" (PostgreSQL's error {codes[0]})" if codes else ""
    return OperatorError(f"{what}{code}", "Its log has the whole story; nothing was changed")


def _address(url: str) -> str:
    """For a command line, which everybody on the machine can read: without the password."""
    parsed = make_url(url)
    query = {name: value for name, value in parsed.query.items() if name != "password"}
    bare = URL.create(
        "postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database, query
    )
    return bare.render_as_string(hide_password=False)


def _environment(url: str) -> dict[str, str]:
    parsed = make_url(url)
    password = parsed.password or parsed.query.get("password") or os.environ.get("PGPASSWORD")
    kept = {name: os.environ[name] for name in ("HOME", "PGPASSFILE") if name in os.environ}
    return kept | {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "PGCONNECT_TIMEOUT": "10",
        "PGOPTIONS": f"-c lock_timeout={LOCK_SECONDS}s -c timezone=UTC",
        **({"PGPASSWORD": str(password)} if password else {}),
    }
