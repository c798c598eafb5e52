"""siang tokens: making, listing and revoking what offices' systems show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app import create_app
from app.cli import main
from app.office import Office
from app.requests import tokens
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


@pytest.mark.parametrize(
    ("place", "told", "shown"),
    [
        (["--district", "0103"], "district 0103", "district 0103"),
        (["--province", "01"], "province 01", "province 01"),
        (["--country"], "the country", "country  LA"),
    ],
)
def test_readers_have_tokens_of_wider_places(
    siang: Siang, place: list[str], told: str, shown: str
) -> None:
    made = siang("add", *place, "--name", "a ministry")
    assert f"of {told}. It cannot be shown again" in made.stderr
    (line,) = siang("list").output.splitlines()
    assert shown in line
    assert line.endswith("a ministry")
    assert "results" not in line


def test_a_token_of_the_country_may_read_single_responses(siang: Siang, office: Office) -> None:
    token = siang("add", "--country", "--results", "--name", "statistics").stdout.strip()
    owner = tokens.owner(office.engine, token)
    assert owner is not None
    assert (owner.level, owner.place, owner.odsc, owner.results) == ("country", "LA", "", True)
    assert siang("list").output.rstrip().endswith("results  statistics")


@pytest.mark.parametrize("place", [["--odsc", "0103"], ["--district", "0103"]])
def test_no_other_token_may_read_single_responses(siang: Siang, place: list[str]) -> None:
    refused = siang("add", *place, "--results")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Only a token of the country may read single responses")
    assert siang("list").output.startswith("None yet")


def test_mistakes_are_one_sentence(siang: Siang) -> None:
    assert siang("list").output.startswith("None yet")
    assert siang("add", "--odsc", "9999").stderr.startswith("There is no ODSC 9999")
    assert siang("add", "--odsc", "").stderr.startswith("There is no ODSC ")
    assert siang("add", "--district", "0199").stderr.startswith("There is no district 0199")
    assert siang("add", "--province", "99").stderr.startswith("There is no province 99")
    for places in ([], ["--odsc", "0103", "--country"]):
        assert siang("add", *places).stderr == (
            "A token belongs to one place. Give --odsc, --district, --province or --country\n"
        )
    for again in range(2):
        assert siang("revoke", str(again)).exit_code == 2
