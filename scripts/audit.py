"""make audit: bandit over the code, a search for secrets, known holes in the pinned libraries.

What is left out, and why, stands in pyproject.toml. A vulnerability service that cannot be reached
is said in one line and is no finding.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 20
LOCK = "requirements.lock"


def main() -> int:
    """0 where nothing was found."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["audit"]
    found = [*_bandit(rules["code"]), *_secrets(rules), *_holes()]
    print(*found or ["audit: nothing found"], sep="\n")
    return 1 if found else 0


def _ran(*command: str, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def _bandit(code: list[str]) -> list[str]:
    ran = _ran("bandit", "-q", "-c", "pyproject.toml", "-f", "json", "-r", *code)
    told = _told(ran)
    broken = [f"{one['filename']}: {one['reason']}" for one in told["errors"]]
    return broken + [
        f"{one['filename']}:{one['line_number']}: {one['test_id']} {one['issue_text']}"
        for one in told["results"]
    ]


def _secrets(rules: dict[str, Any]) -> list[str]:
    left_out = [part for line in rules["no-secrets"] for part in ("--exclude-lines", line)]
    ran = _ran("detect_secrets", "scan", "--all-files", *left_out, *rules["secrets-in"])
    return [
        f"{file}:{one['line_number']}: {one['type']}"
        for file, every in _told(ran)["results"].items()
        for one in every
    ]


def _holes() -> list[str]:
    """Known vulnerabilities of what requirements.lock pins."""
    try:
        ran = _ran(
            *("pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"),
            *("--format", "json", "-r", LOCK),
            seconds=PATIENCE_SECONDS,
        )
        asked = json.loads(ran.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        asked = []
    answered = [one for one in asked if "skip_reason" not in one]
    if not answered:
        print("audit: the vulnerability service cannot be reached; libraries were not checked")
    return [
        f"{LOCK}: {one['name']} {one['version']}: {hole['id']}, mended in "
        f"{', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in answered
        for hole in one["vulns"]
    ]


def _told(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    try:
        return dict(json.loads(ran.stdout))
    except ValueError:
        sys.exit(f"audit: {' '.join(ran.args[2:4])} failed: {ran.stderr[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
