"""A package of single responses is what the specification wants, and tells of nobody."""

from __future__ import annotations

import hmac
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from frictionless import Dialect, Package, Resource, Schema
from sqlalchemy import Engine

from app.cli import main
from app.insight import packages
from app.insight.press import Press, open_press
from app.settings import ROOT
from tests.insight.citizens import HOUR, MINUTE, NUMBER, SECOND, WRITTEN, answered, person
from tests.insight.flow_results_spec import faults, faults_of_rows

EARLY, LATE = date(2026, 1, 5), date(2026, 3, 30)
Siang = Callable[..., Result]
Told = dict[str, Any]
Rows = list[list[Any]]
Export = Callable[..., tuple[Told, Rows]]

EVERYTHING: dict[str, Any] = {
    "score": 2,
    "service": "id_card",
    "reason": "money",
    "paid": 30_000,
    "overcharged": True,
    "sex": "F",
}


@pytest.fixture
def siang(database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Siang:
    """`siang export flow-results …`."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SIANG_HOME", str(home))
    return lambda *words: CliRunner().invoke(main, ["export", "flow-results", *map(str, words)])


@pytest.fixture(scope="module")
def press() -> Press:
    return open_press(ROOT / "config", b"a secret of 32 octets for a test", {})


@pytest.fixture
def export(engine: Engine, press: Press) -> Export:
    """Descriptor and rows of the package that is written there, by a press and of some days."""

    def written(
        out: Path, press: Press = press, first: date | None = None, last: date | None = None
    ) -> tuple[Told, Rows]:
        packages.write(engine, press, out, first, last, lambda done, days: None)
        return read(out)

    return written


def read(out: Path) -> tuple[Told, Rows]:
    told = json.loads((out / "datapackage.json").read_text("utf-8"))
    return told, json.loads((out / "responses.json").read_text("utf-8"))


def some_answers(engine: Engine, people: int = 3) -> None:
    """Each of them answers early and late, and says whatever can be said."""
    with engine.begin() as tx:
        for _ in range(people):
            who = person(tx)
            answered(tx, EARLY, who, **EVERYTHING)
            answered(tx, LATE, who, medium="sms", status="partial")


# --- what it is -------------------------------------------------------------------------------


def test_it_is_what_the_specification_wants(engine: Engine, export: Export, tmp_path: Path) -> None:
    some_answers(engine)
    told, rows = export(tmp_path / "out")
    assert faults(told) == []
    assert faults_of_rows(told, rows) == []
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "datapackage.json",
        "responses.json",
    }


def test_every_answer_is_a_row(engine: Engine, export: Export, tmp_path: Path) -> None:
    with engine.begin() as tx:
        answered(tx, EARLY, **EVERYTHING)
    told, rows = export(tmp_path / "out")
    assert {row[4]: row[5] for row in rows} == {"odsc": "0103", **EVERYTHING, "overcharged": "yes"}
    assert {(row[0], *row[6].items()) for row in rows} == {
        ("2026-01-05T00:00:00+07:00", ("channel", "ussd"), ("status", "complete"))
    }
    assert (told["created"], told["modified"]) == 2 * ("2026-01-05T00:00:00+07:00",)


def test_what_was_not_answered_is_no_row(engine: Engine, export: Export, tmp_path: Path) -> None:
    with engine.begin() as tx:
        answered(tx, EARLY)
    _, rows = export(tmp_path / "out")
    assert [(row[4], row[5]) for row in rows] == [("odsc", "0103"), ("score", 5)]


def test_questions_and_choices_are_named_in_both_languages(
    engine: Engine, export: Export, tmp_path: Path
) -> None:
    some_answers(engine)
    told, _ = export(tmp_path / "out")
    questions = told["resources"][0]["schema"]["questions"]
    assert questions["service"]["choice_labels"]["id_card"] == {"eng": "ID card", "lao": "ບັດປະຈຳຕົວ"}
    assert questions["odsc"]["choice_labels"]["0103"]["eng"] == "Xaysetha"
    assert questions["score"]["type_options"] == {"range": [1, 5]}
    assert questions["reason"]["label"] == "What was the main problem?"
    assert all(question["labels"].keys() == {"eng", "lao"} for question in questions.values())


def test_frictionless_takes_it_and_notices_what_is_spoilt(
    engine: Engine, export: Export, tmp_path: Path
) -> None:
    some_answers(engine)
    out = tmp_path / "out"
    told, rows = export(out)
    assert Package(str(out / "datapackage.json")).validate().valid

    def by_schema(rows: Rows) -> list[list[Any]]:
        schema = Schema.from_descriptor(told["resources"][0]["schema"])
        dialect = Dialect.from_descriptor(told["resources"][0]["dialect"])
        table = Resource(name="rows", data=rows, schema=schema, dialect=dialect)
        return list(table.validate().flatten(["rowNumber", "type"]))

    assert by_schema(rows) == []
    assert by_schema([*rows[:4], ["yesterday", *rows[4][1:]]]) == [[5, "type-error"]]
    written = (out / "responses.json").read_bytes()
    (out / "responses.json").write_bytes(written.replace(b"id_card", b"id_cart", 1))
    spoilt = Package(str(out / "datapackage.json")).validate()
    assert [kind for (kind,) in spoilt.flatten(["type"])] == ["hash-count"]


def test_extra_questions_are_asked_of_the_file_that_declares_them(
    engine: Engine, export: Export, tmp_path: Path
) -> None:
    languages = tmp_path / "config" / "languages"
    shutil.copytree(ROOT / "config" / "languages", languages)
    with (languages / "en" / "screens.yaml").open("a") as screens:
        screens.write('sufs_access: "Was it easy to come?"\n')
    with engine.begin() as tx:
        answered(tx, EARLY, extra={"sufs_access": "4", "forgotten": "1"})
        answered(tx, LATE, extra={"sufs_access": WRITTEN})
    declared = {"sufs_access": ("1", "2", "3", "4", "5"), "sufs_quality": ("1", "2")}
    told, rows = export(tmp_path / "out", open_press(tmp_path / "config", b"secret", declared))
    questions = told["resources"][0]["schema"]["questions"]
    assert questions["sufs_access"]["label"] == "Was it easy to come?"
    assert questions["sufs_quality"]["label"] == "sufs_quality"
    extra = [(row[4], row[5]) for row in rows if row[4] not in ("odsc", "score")]
    assert extra == [("sufs_access", "4")]
    assert faults(told) + faults_of_rows(told, rows) == []


# --- whom it tells of -------------------------------------------------------------------------


def test_no_byte_tells_who_it_was_or_when(engine: Engine, export: Export, tmp_path: Path) -> None:
    some_answers(engine)
    with engine.begin() as tx:
        answered(tx, EARLY, extra={"comment": WRITTEN, "problem": WRITTEN})
    export(tmp_path / "out")
    written = "".join(path.read_text("utf-8") for path in (tmp_path / "out").iterdir())
    for secret in (NUMBER, NUMBER[4:], WRITTEN, "HYPERLINK", "ນາງ", "simulator", 'comment"'):
        assert secret not in written
    local = HOUR + 7
    for time in (f"{local}:{MINUTE}", f"0{HOUR}:{MINUTE}", f":{MINUTE}", f":{SECOND}"):
        assert time not in written


def test_the_same_answers_are_the_same_bytes(
    engine: Engine, export: Export, tmp_path: Path
) -> None:
    some_answers(engine)
    for name in ("one", "two"):
        export(tmp_path / name)
    for file in ("datapackage.json", "responses.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_two_packages_share_no_name_of_anybody(
    engine: Engine, export: Export, tmp_path: Path
) -> None:
    some_answers(engine)
    one, rows = export(tmp_path / "one")
    two, others = export(tmp_path / "two", last=date(2026, 3, 31))
    assert one["id"] != two["id"]
    for column in (1, 2, 3):
        assert not {row[column] for row in rows} & {row[column] for row in others}


def test_a_name_is_the_keyed_hash_of_an_id(
    engine: Engine, export: Export, press: Press, tmp_path: Path
) -> None:
    """Written out once more: with another formula a package would be another one tomorrow."""
    with engine.begin() as tx:
        talk = answered(tx, EARLY)
    _, rows = export(tmp_path / "out")
    key = hmac.digest(press.secret, b"flow results\nLA 2026-01-05 2026-01-05", sha256)
    name = hmac.digest(hmac.digest(key, b"session", sha256), talk.to_bytes(8), sha256)[:16].hex()
    assert {(row[1], row[3]) for row in rows} == {
        (f"20260105-{name}-odsc", name),
        (f"20260105-{name}-score", name),
    }


def test_another_gateway_has_other_names(
    engine: Engine, export: Export, press: Press, tmp_path: Path
) -> None:
    some_answers(engine)
    _, rows = export(tmp_path / "one")
    _, others = export(tmp_path / "two", replace(press, secret=b"another secret"))
    assert not {row[2] for row in rows} & {row[2] for row in others}


def test_who_answers_twice_has_one_name(engine: Engine, export: Export, tmp_path: Path) -> None:
    some_answers(engine, people=3)
    _, rows = export(tmp_path / "out")
    sessions = {(row[2], row[3]) for row in rows}
    assert (len({contact for contact, _ in sessions}), len(sessions)) == (3, 6)


def test_the_order_within_a_day_is_not_that_of_arrival(
    engine: Engine, export: Export, tmp_path: Path
) -> None:
    with engine.begin() as tx:
        for position in range(20):
            answered(tx, LATE, paid=position)
        answered(tx, EARLY)
    _, rows = export(tmp_path / "out")
    ids = [row[1] for row in rows]
    assert ids == sorted(ids)
    assert rows[0][0] == "2026-01-05T00:00:00+07:00"
    arrived = [row[5] for row in rows if row[4] == "paid"]
    assert sorted(arrived) == list(range(20)) != arrived


def test_answers_that_look_invented_are_left_out(
    engine: Engine, export: Export, tmp_path: Path
) -> None:
    with engine.begin() as tx:
        answered(tx, date(2026, 1, 2), flagged=True, paid=7)
        answered(tx, EARLY, paid=8)
    told, rows = export(tmp_path / "out")
    assert [row[5] for row in rows if row[4] == "paid"] == [8]
    assert told["created"].startswith("2026-01-05")


# --- which days, and where --------------------------------------------------------------------


def test_days_are_chosen_with_both_ends(engine: Engine, export: Export, tmp_path: Path) -> None:
    with engine.begin() as tx:
        for day in range(1, 9):
            answered(tx, date(2026, 1, day))
    told, rows = export(tmp_path / "out", first=date(2026, 1, 3), last=date(2026, 1, 5))
    assert {row[0][:10] for row in rows} == {"2026-01-03", "2026-01-04", "2026-01-05"}
    assert told["name"] == "siang-2026-01-03-2026-01-05"


def test_nothing_is_left_of_what_was_not_finished(
    engine: Engine, press: Press, tmp_path: Path
) -> None:
    some_answers(engine)

    def interrupted(done: int, days: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        packages.write(engine, press, tmp_path / "out", None, None, interrupted)
    assert list(tmp_path.iterdir()) == []


def test_an_operator_writes_a_package_to_an_empty_folder(
    engine: Engine, siang: Siang, tmp_path: Path
) -> None:
    some_answers(engine)
    out = tmp_path / "out"
    out.mkdir()
    done = siang("--out", out, "--from", "2026-01-01", "--to", "2026-03-31")
    assert done.exit_code == 0, done.output
    counted = "6 responses in 27 rows, 2026-01-01 to 2026-03-31"
    assert done.output == f"{counted}: {out / 'datapackage.json'}\n"
    told, rows = read(out)
    assert (told["title"].split(", ")[1], len(rows)) == (
        "quarter 1 of 2026 (2026-01-01 to 2026-03-31)",
        27,
    )
    again = siang("--out", out)
    assert (again.exit_code, "is not empty. Name a new folder" in again.output) == (2, True)


@pytest.mark.parametrize(
    ("out", "words", "told"),
    [
        ("out", (), "There are no responses"),
        ("out", ("--from", "2026-02-02", "--to", "2026-02-01"), "--from is behind --to"),
        ("no/out", ("--to", "2026-01-31"), "cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_leaves_nothing_behind(
    engine: Engine, siang: Siang, tmp_path: Path, out: str, words: tuple[str, ...], told: str
) -> None:
    if words:
        some_answers(engine)
    before = set(tmp_path.iterdir())
    done = siang("--out", tmp_path / out, *words)
    assert (done.exit_code, told in done.output) == (2, True)
    assert set(tmp_path.iterdir()) == before
