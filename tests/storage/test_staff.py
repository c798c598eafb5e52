"""Staff phones: registering them, listing them, and who answers for an ODSC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, Engine

from app.cli import main
from app.storage import people
from app.storage.levels import Level, StaffLevel

MORNING = datetime(2026, 11, 18, 3, tzinfo=UTC)
PHONE = "02055512345"
PLACES: list[tuple[StaffLevel, str]] = [
    ("operator", ""),
    ("province", "01"),
    ("district", "0103"),
    ("odsc", "0103"),
    ("country", "LA"),
]
Siang = Callable[..., Result]


@pytest.fixture
def tx(engine: Engine) -> Iterator[Connection]:
    """A transaction that is never committed."""
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def siang(engine: Engine, database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Siang:
    """`siang staff …`."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SIANG_HOME", str(home))
    return lambda *words: CliRunner().invoke(main, ["staff", *words])


def hired(tx: Connection, level: StaffLevel, place: str) -> int:
    """The contact of a phone of its own that is registered for a place."""
    name = f"{level} {place}".encode()
    contact = people.ensure(tx, name, name)
    people.add_staff(tx, contact, level, place, "lo")
    return contact


# --- registering ----------------------------------------------------------------------------


def test_everybody_has_a_level_and_a_place(tx: Connection) -> None:
    for level, place in PLACES:
        hired(tx, level, place)
    assert [(one.level, one.place) for one in people.staff(tx)] == PLACES


@pytest.mark.parametrize(("level", "place"), PLACES)
def test_whoever_is_registered_again_gets_another_language_alone(
    tx: Connection, level: StaffLevel, place: str
) -> None:
    contact = people.ensure(tx, b"hash", b"cipher")
    assert people.add_staff(tx, contact, level, place, "lo")
    assert not people.add_staff(tx, contact, level, place, "en")
    (only,) = people.staff(tx, contact)
    assert (only.level, only.place, only.language) == (level, place, "en")
    assert people.remove_staff(tx, only.id, MORNING)
    assert people.staff(tx, contact) == []
    assert people.add_staff(tx, contact, level, place, "lo")


def test_one_phone_may_answer_for_several_places(tx: Connection) -> None:
    contact = people.ensure(tx, b"hash", b"cipher")
    assert all(people.add_staff(tx, contact, level, place, "lo") for level, place in PLACES)
    assert len(people.staff(tx, contact)) == len(PLACES)


# --- who answers for an ODSC ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "place"),
    [("odsc", "0103"), ("district", "0103"), ("province", "01"), ("country", "LA")],
)
def test_each_level_answers_for_its_own_odscs(tx: Connection, level: Level, place: str) -> None:
    for other, elsewhere in (*PLACES, ("odsc", "0901"), ("district", "0901"), ("province", "09")):
        hired(tx, other, elsewhere)
    (one,) = people.responsible(tx, "0103", level)
    assert (one.level, one.place) == (level, place)


def test_who_stopped_messages_or_left_answers_for_nothing(tx: Connection) -> None:
    left, stopped, stays = (people.ensure(tx, name, name) for name in (b"a", b"b", b"c"))
    for contact in (left, stopped, stays):
        people.add_staff(tx, contact, "province", "01", "lo")
    people.set_stopped(tx, stopped, MORNING)
    people.remove_staff(tx, people.staff(tx, left)[0].id, MORNING)
    assert [one.contact_id for one in people.responsible(tx, "0103", "province")] == [stays]


def test_nobody_answers_for_an_odsc_that_is_not_there(tx: Connection) -> None:
    hired(tx, "country", "LA")
    assert people.responsible(tx, "9999", "country") == []


# --- the command ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "told", "shown"),
    [
        (["--odsc", "0103"], "ODSC 0103", "odsc     0103"),
        (["--district", "0103"], "district 0103", "district 0103"),
        (["--province", "01"], "province 01", "province 01"),
        (["--country"], "the country", "country  LA"),
        (["--operator"], "operator", "operator "),
    ],
)
def test_staff_of_every_level_come_and_go(
    siang: Siang, place: list[str], told: str, shown: str
) -> None:
    add = ("add", "--phone", PHONE, *place, "--language", "lo")
    assert siang(*add).output == f"Registered: {told}, lo\n"
    assert siang(*add).output == f"Was registered already: {told}, lo\n"
    listed = siang("list").output
    assert shown in listed
    assert "55512345" not in listed
    assert siang("remove", listed.split()[0]).exit_code == 0
    assert siang("list").output.startswith("Nobody yet")


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (["--odsc", "0199"], "There is no ODSC 0199. See config/registry/odscs.csv"),
        (["--district", "0199"], "There is no district 0199. See config/registry/districts.csv"),
        (["--province", "0103"], "There is no province 0103. See config/registry/provinces.csv"),
        (
            ["--province", "01", "--country"],
            "A staff phone belongs to one place. "
            "Give --odsc, --district, --province, --country or --operator",
        ),
        (
            [],
            "A staff phone belongs to one place. "
            "Give --odsc, --district, --province, --country or --operator",
        ),
    ],
)
def test_a_place_that_is_not_clear_is_refused(
    siang: Siang, place: list[str], sentence: str
) -> None:
    refused = siang("add", "--phone", PHONE, *place)
    assert (refused.exit_code, refused.stderr) == (2, f"{sentence}\n")
    assert siang("list").output.startswith("Nobody yet")
