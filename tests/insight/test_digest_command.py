"""Whoever gets digests texts D and reads the newest at once; nobody else does."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert, text

from app.clock import Week, local_moment
from app.feedback.cells import Cell
from app.insight import digest_command, releases
from app.insight.sentences import load_all
from app.settings import ROOT
from app.storage import people, registry, tallies
from app.storage.levels import StaffLevel
from app.storage.schema import contacts, targets
from app.text.encoding import segment_count

WORDS = load_all(ROOT / "config" / "languages")
WEEK = Week(2026, 47)
MONDAY = local_moment(WEEK.shifted(1).monday, 8)
NUMBERS = itertools.count(1)


def staff(engine: Engine, *places: tuple[StaffLevel, str], language: str = "en") -> int:
    """A phone that is on the list for these places."""
    with engine.begin() as tx:
        values = {"phone_hash": b"d%d" % next(NUMBERS), "phone_cipher": b"-"}
        made = tx.execute(insert(contacts).values(**values).returning(contacts.c.id))
        contact = int(made.scalar_one())
        for level, place in places:
            people.add_staff(tx, contact, level, place, language)
    return contact


def answered(engine: Engine, odsc: str, week: Week, score: int, times: int) -> None:
    cell = Cell(week.monday, odsc, "", "score", str(score), "")
    with engine.begin() as tx:
        tallies.move(tx, Counter({cell: times}))


def released(engine: Engine, *weeks: Week) -> None:
    for week in weeks:
        releases.make(engine, week, MONDAY, {})


def texts(engine: Engine, contact: int, written: str) -> Sequence[str] | None:
    with engine.begin() as tx:
        return digest_command.answer(WORDS, 8, tx, contact, written, MONDAY)


@pytest.mark.parametrize("written", ["D", "d", " d. ", "ດ", "Digest", "D 0103", "d0103"])
def test_the_newest_digest_comes_at_once(engine: Engine, written: str) -> None:
    answered(engine, "0103", WEEK.shifted(-1), 1, 30)
    answered(engine, "0103", WEEK, 5, 30)
    released(engine, WEEK.shifted(-1), WEEK)
    told = texts(engine, staff(engine, ("odsc", "0103")), written)
    assert told is not None
    assert len(told) == 1
    assert told[0].startswith("Xaysetha 47/2026\n1 Answers 30 (women 0)\n2 Satisfied 100% up 100")


@pytest.mark.parametrize("written", ["D 2", "d2", "D໒", "ດ ໒", "D 0103 2", "d 2 0103", "digest 2"])
def test_a_number_brings_what_is_behind_that_line(engine: Engine, written: str) -> None:
    answered(engine, "0103", WEEK.shifted(-1), 1, 30)
    answered(engine, "0103", WEEK, 5, 30)
    released(engine, WEEK.shifted(-1), WEEK)
    told = texts(engine, staff(engine, ("odsc", "0103")), written)
    assert told is not None
    assert told[0].split("\n")[1:] == [
        "2 Satisfied 100% of 30 (between 88 and 100%)",
        "Mean score 5.0 of 5",
        "Week: 46 0%, 47 100%",
    ]


def test_the_target_of_a_center_is_told(engine: Engine) -> None:
    with engine.begin() as tx:
        tx.execute(insert(targets).values(odsc="0103", target=80, baseline=61, source="a test"))
        assert "0103" in registry.targets(tx)
    answered(engine, "0103", WEEK, 5, 30)
    released(engine, WEEK)
    told = texts(engine, staff(engine, ("odsc", "0103")), "D 2")
    assert told is not None
    assert told[0].endswith("Target 80%\nBefore 61%")


def test_above_a_center_the_areas_below_are_told(engine: Engine) -> None:
    answered(engine, "0103", WEEK, 5, 30)
    answered(engine, "0901", WEEK, 1, 30)
    released(engine, WEEK)
    told = texts(engine, staff(engine, ("country", "LA")), "D 2")
    assert told is not None
    assert told[0].endswith(
        "4 weeks, lowest first: Xieng Khouang 0% of 30, Vientiane Capital 100% of 30"
    )


def test_everybody_reads_their_own_language(engine: Engine) -> None:
    released(engine, WEEK)
    lao = texts(engine, staff(engine, ("province", "01"), language="lo"), "D")
    assert lao == ["ນະຄອນຫຼວງວຽງຈັນ 47/2026\n1 ຍັງບໍ່ມີການໃຫ້ຄະແນນ\n6 ກ່ອນ: ຕິດໂປສເຕີ"]
    unwritten = texts(engine, staff(engine, ("province", "01"), language="khmu"), "D")
    assert unwritten == lao


def test_of_several_places_three_are_told_and_a_code_picks_one(engine: Engine) -> None:
    released(engine, WEEK)
    places: list[tuple[StaffLevel, str]] = [
        ("odsc", "0103"),
        ("odsc", "0901"),
        ("district", "1610"),
        ("province", "01"),
        ("country", "LA"),
    ]
    contact = staff(engine, *places)
    told = texts(engine, contact, "D")
    assert told is not None
    assert [one.split(" 47")[0] for one in told] == ["Xaysetha", "Pek", "Khong"]
    for code, name in (("01", "Vientiane Capital"), ("LA", "Lao PDR"), ("0901", "Pek")):
        told = texts(engine, contact, f"D {code}")
        assert told is not None
        assert [one.split(" 47")[0] for one in told] == [name]
    assert texts(engine, contact, "D 0102") == ["This phone gets no digest of 0102."]


@pytest.mark.parametrize("written", ["D 7", "D 0", "D help", "D 12345", "D 2 x"])
def test_what_cannot_be_told_is_answered_with_help(engine: Engine, written: str) -> None:
    released(engine, WEEK)
    for language, words in WORDS.items():
        told = texts(engine, staff(engine, ("odsc", "0103"), language=language), written)
        assert told == [words["help"]]
        assert segment_count(words["help"]) <= 2


def test_before_there_is_one_the_first_is_announced(engine: Engine) -> None:
    contact = staff(engine, ("odsc", "0103"), ("odsc", "0901"))
    assert texts(engine, contact, "D") == ["There is no digest yet. The first comes on 30/11/2026."]
    with engine.begin() as tx:
        early = MONDAY - timedelta(hours=1)
        told = digest_command.answer(WORDS, 8, tx, contact, "D", early)
    assert told == ["There is no digest yet. The first comes on 23/11/2026."]


def test_a_citizen_or_an_operator_texts_an_ordinary_message(engine: Engine) -> None:
    released(engine, WEEK)
    for contact in (staff(engine), staff(engine, ("operator", ""))):
        assert texts(engine, contact, "D") is None
        assert texts(engine, contact, "D 2") is None


def test_who_was_taken_off_the_list_reads_nothing(engine: Engine) -> None:
    released(engine, WEEK)
    contact = staff(engine, ("odsc", "0103"))
    with engine.begin() as tx:
        tx.execute(
            text("UPDATE staff SET removed_at = now() WHERE contact_id = :id"), {"id": contact}
        )
    assert texts(engine, contact, "D") is None


@pytest.mark.parametrize("written", ["do you open today", "ດີຫຼາຍ", "5", "", "d was very rude"])
def test_staff_too_may_tell_something_else(engine: Engine, written: str) -> None:
    released(engine, WEEK)
    assert texts(engine, staff(engine, ("odsc", "0103")), written) is None
