"""What a process does not need stays out of its memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.settings import ROOT

OPENED = "from app import settings; from app.channels import open_channels; "
OPENED += "open_channels(settings.load().channels)"
PROGRAMS = {
    # What only a sender needs, and the SDKs of kinds that nobody configured.
    OPENED: {"httpx", "requests", "africastalking", "twilio"},
    "import worker": {"httpx", "requests", "africastalking", "twilio", "flask", "alembic"},
    # These two start others and watch them.
    "import app.cli.run": {"sqlalchemy", "psycopg", "alembic", "flask", "httpx", "twilio"},
    "import app.cli.serve": {"sqlalchemy", "psycopg", "alembic", "flask", "httpx", "twilio"},
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_imports_no_large_library_that_it_does_not_need(program: str) -> None:
    told = [sys.executable, "-c", f"{program}; import sys; print(*sys.modules)"]
    imported = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not PROGRAMS[program] & set(imported.split())
