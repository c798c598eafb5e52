"""siang tokens: making, listing and revoking what offices' systems show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app import create_app
from app.cli import main
from app.office import Office
from tests.web.system import System, filed

Siang = Callable[..., Result]


@pytest.fixture
def siang(office: Office, database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Siang:
    """`siang tokens …`."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SIANG_HOME", str(home))
    return lambda *words: CliRunner().invoke(main, ["tokens", *words])


def test_a_token_is_shown_once_and_opens_the_door(siang: Siang, office: Office) -> None:
    made = siang("add", "--odsc", "0103", "--name", "the register")
    assert made.exit_code == 0
    token = made.stdout.strip()
    assert filed(System(create_app(office), token).files())["odsc"] == "0103"
    listed = siang("list").output
    assert "0103" in listed
    assert "the register" in listed
    assert token not in listed + made.stderr


def test_a_revoked_token_stays_in_the_list_and_opens_nothing(siang: Siang, office: Office) -> None:
    token = siang("add", "--odsc", "0103").stdout.strip()
    (token_id, *_) = siang("list").output.split()
    assert siang("revoke", token_id).exit_code == 0
    assert System(create_app(office), token).files().status_code == 401
    assert " to " in siang("list").output


def test_mistakes_are_one_sentence(siang: Siang) -> None:
    assert siang("list").output.startswith("None yet")
    assert siang("add", "--odsc", "9999").stderr.startswith("There is no ODSC 9999")
    for again in range(2):
        assert siang("revoke", str(again)).exit_code == 2
