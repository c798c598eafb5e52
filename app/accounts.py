"""As whom the embedded servers run, and what they see of the environment."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

from app.errors import OperatorError

ACCOUNT = "pgserver"


def environment() -> dict[str, str]:
    """A broken LANG or a stray PGDATA of the user must not reach the servers."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def root_account(data: Path) -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: then it is the data's owner, or an account of its own."""
    if os.geteuid() != 0:
        return None
    with suppress(FileNotFoundError, KeyError):
        if owner := data.stat().st_uid:
            return pwd.getpwuid(owner)
    with suppress(KeyError):
        return pwd.getpwnam(ACCOUNT)
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", ACCOUNT]
    with suppress(FileNotFoundError):
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        subprocess.run(command, env={"PATH": path}, check=False, capture_output=True)
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        reason = f"PostgreSQL cannot run as root and no account {ACCOUNT} could be made"
        raise OperatorError(reason, "Run as an ordinary user or set DATABASE_URL.") from None


def as_account(account: pwd.struct_passwd, initdb: Path, data: Path) -> list[str]:
    """The words before a command that make root run it as `account`, even below closed folders."""
    change = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    caps = "-all,+dac_read_search"
    reading = [*change, f"--inh-caps={caps}", f"--ambient-caps={caps}"]
    # Or access(2), which initdb asks about its neighbours, would leave that right out.
    reading.append("--securebits=+no_setuid_fixup")
    probe = [*reading, str(initdb), "--show", "-U", "postgres", "-D", str(data)]
    if not subprocess.run(probe, env=environment(), capture_output=True).returncode:
        return reading
    # A container may withhold that right: then let others pass (not list) the folders above.
    for folder in {*initdb.parents, *data.parents}:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
    return change
