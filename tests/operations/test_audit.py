"""make audit: what a vulnerability service says is found, and what it cannot say is told.

The service is one of our own, on this machine; the other searches find nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.settings import ROOT
from tests.stack.running import free_port

Answer = Callable[[str], tuple[int, object]]
"""What the service says of a library: status and JSON."""

# In the Open Source Vulnerability format, https://ossf.github.io/osv-schema/.
HOLE = {
    "id": "GHSA-made-up",
    "summary": "Made up.",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "flask"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
    ],
}
NOTHING = {"bandit": {"errors": [], "results": []}, "detect_secrets": {"results": {}}}


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A folder with stand-ins for the searches that are not tried here."""
    for name, found in NOTHING.items():
        (tmp_path / f"{name}.py").write_text(f"print({json.dumps(found)!r})")
    return tmp_path


@contextmanager
def service(answer: Answer) -> Iterator[str]:
    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, said = answer(asked["package"]["name"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def audit(url: str, others: Path) -> tuple[int, list[str]]:
    """Exit status, and the lines that are printed."""
    asked = {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": url}
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "audit.py"],
        env={**os.environ, **asked, "PYTHONPATH": str(others), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_a_library_with_a_known_hole_fails_the_build(others: Path) -> None:
    with service(lambda name: (200, {"vulns": [HOLE]} if name == "flask" else {})) as url:
        status, told = audit(url, others)
    assert status == 1
    (line,) = told
    assert line.startswith("requirements.lock: flask ")
    assert line.endswith(": GHSA-made-up, mended in 99.1")


def test_without_a_hole_nothing_is_found(others: Path) -> None:
    with service(lambda name: (200, {})) as url:
        assert audit(url, others) == (0, ["audit: nothing found"])


def test_a_service_that_says_nothing_is_told_of_and_no_finding(others: Path) -> None:
    said = "audit: the vulnerability service cannot be reached; libraries were not checked"
    silent = f"http://127.0.0.1:{free_port()}/"
    with service(lambda name: (500, {})) as broken:
        for url in (silent, broken):
            assert audit(url, others) == (0, [said, "audit: nothing found"])
