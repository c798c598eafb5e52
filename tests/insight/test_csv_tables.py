"""Released figures as tables: tidy, described, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import frictionless
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from app import clock
from app.cli import main
from app.clock import Week
from app.errors import RegistryError
from app.feedback.cells import Cell
from app.insight import csv_tables, releases, rules, table_words
from app.insight.csv_tables import AREAS, DICTIONARY, FIGURES, Words, cell
from app.registry import loading
from app.settings import ROOT
from app.storage import tallies

WEEK = Week(2026, 46)
Rows = list[dict[str, str]]


@pytest.fixture
def released(engine: Engine) -> Engine:
    """Two weeks of two centers; in the first a third one has too few answers."""
    with engine.begin() as tx:
        for week in (WEEK.shifted(-1), WEEK):
            for odsc, score, sex, times in (
                ("0103", "5", "F", 20),
                ("0103", "2", "M", 12),
                ("0901", "4", "F", 15),
                ("1610", "1", "M", 3 if week < WEEK else 0),
            ):
                said = Cell(week.monday, odsc, "id_card", "score", score, sex)
                tallies.move(tx, Counter({said: times}))
    for week in (WEEK.shifted(-1), WEEK):
        releases.make(engine, week, clock.local_moment(WEEK.shifted(1).monday, 8), {})
    return engine


@pytest.fixture
def siang(
    released: Engine, database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> CliRunner:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SIANG_HOME", str(home))
    return CliRunner()


def exported(siang: CliRunner, out: Path, *words: str) -> Result:
    return siang.invoke(main, ["export", "csv", "--out", str(out), *words])


def words() -> Words:
    config = ROOT / "config"
    return Words(table_words.meanings(config / "languages"), rules.load(config).dimensions)


def rows(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def figure(found: Rows, **where: str) -> dict[str, str]:
    """The one row of a place and measure in the newest week."""
    asked = {"week": str(WEEK), "answer": "", "sex": "", "service": "", **where}
    (one,) = [row for row in found if asked.items() <= row.items()]
    return one


# --- what stands in them ----------------------------------------------------------------------


def test_a_row_is_an_observation(released: Engine, tmp_path: Path) -> None:
    written = csv_tables.write(released, words(), tmp_path / "out", None, None)
    found = rows(tmp_path / "out" / "figures.csv")
    assert (list(written.weeks), written.rows) == (["2026-W45", "2026-W46"], len(found))
    assert list(found[0]) == list(FIGURES.columns)
    rate = figure(found, level="odsc", code="0103", measure="satisfaction")
    assert rate == {
        **{"week": "2026-W46", "from": "2026-11-09", "to": "2026-11-15"},
        **{"level": "odsc", "code": "0103", "name_lo": "ໄຊເສດຖາ", "name_en": "Xaysetha"},
        **{"province": "01", "measure": "satisfaction", "answer": "", "sex": "", "service": ""},
        **{"value": "0.625", "n": "32", "low": "0.452544", "high": "0.770661", "note": ""},
    }
    women = figure(found, level="odsc", code="0103", measure="satisfied", sex="F")
    assert (women["value"], women["n"]) == ("20", "20")
    key = {tuple(row[name] for name in FIGURES.key) for row in found}
    assert len(key) == len(found)


def test_what_is_left_out_says_so(released: Engine, tmp_path: Path) -> None:
    before = WEEK.shifted(-1)
    csv_tables.write(released, words(), tmp_path / "out", before, before)
    found = rows(tmp_path / "out" / "figures.csv")
    assert {row["week"] for row in found} == {"2026-W45"}
    khong = {"week": "2026-W45", "level": "odsc", "code": "1610"}
    few = figure(found, **khong, measure="satisfied")
    assert (few["value"], few["note"]) == ("", "too few")
    assert figure(found, **khong, measure="answers")["value"] == "3"
    where = {"week": "2026-W45", "level": "district", "code": "0102"}
    nobody = figure(found, **where, measure="satisfaction")
    assert (nobody["value"], nobody["n"], nobody["note"]) == ("", "0", "no answers")
    assert all((row["value"] == "") == (row["note"] != "") for row in found)


def test_the_dictionary_has_every_word(released: Engine, tmp_path: Path) -> None:
    csv_tables.write(released, words(), tmp_path / "out", None, None)
    told = rows(tmp_path / "out" / "dictionary.csv")
    known = {(row["kind"], row["name"]) for row in told}
    found = rows(tmp_path / "out" / "figures.csv")
    columns = {*FIGURES.columns, *AREAS.columns, *DICTIONARY.columns}
    assert {name for kind, name in known if kind == "column"} == columns
    for kind in ("measure", "level", "sex", "service", "note"):
        assert {(kind, row[kind]) for row in found if row[kind]} <= known
    assert all(row["meaning_lo"] and row["meaning_en"] for row in told)
    (rate,) = [row for row in told if row["name"] == "satisfaction"]
    assert (rate["unit"], rate["indicator"]) == ("share, 0 to 1", "SDG 16.6.2")


def test_areas_say_where_they_are(released: Engine, tmp_path: Path) -> None:
    csv_tables.write(released, words(), tmp_path / "out", None, None)
    found = {(row["level"], row["code"]): row for row in rows(tmp_path / "out" / "areas.csv")}
    assert (found["odsc", "0103"]["district"], found["odsc", "0103"]["province"]) == ("0103", "01")
    assert found["country", "LA"]["province"] == ""


# --- as files ---------------------------------------------------------------------------------


def test_frictionless_finds_nothing_wrong(released: Engine, tmp_path: Path) -> None:
    csv_tables.write(released, words(), tmp_path / "out", None, None)
    report = frictionless.validate(str(tmp_path / "out" / "datapackage.json"))
    assert report.valid, report.flatten(["rowNumber", "fieldName", "message"])[:5]
    assert report.stats["tasks"] == 3


def test_the_same_releases_make_the_same_bytes(released: Engine, tmp_path: Path) -> None:
    for name in ("one", "two"):
        csv_tables.write(released, words(), tmp_path / name, None, None)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["areas.csv", "datapackage.json", "dictionary.csv", "figures.csv"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    told = json.loads((tmp_path / "one" / "datapackage.json").read_bytes())
    for resource in told["resources"]:
        octets = (tmp_path / "one" / resource["path"]).read_bytes()
        assert resource["bytes"] == len(octets)
        assert resource["hash"] == f"sha256:{hashlib.sha256(octets).hexdigest()}"
        assert octets.startswith("\ufeff".encode())
        assert octets.count(b"\n") == octets.count(b"\r\n")


def test_a_folder_with_something_in_it_is_refused(siang: CliRunner, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert exported(siang, out).exit_code == 0
    again = exported(siang, out)
    assert again.exit_code == 2
    assert "is not empty. Name a new folder, or empty this one" in again.stderr
    nowhere = exported(siang, tmp_path / "no" / "where")
    assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (2, True)


def test_weeks_are_chosen_and_mistakes_are_one_sentence(siang: CliRunner, tmp_path: Path) -> None:
    told = exported(siang, tmp_path / "out", "--from", "2026-W46", "--to", "2026-W50")
    assert "figures of 1 weeks, 2026-W46 to 2026-W46" in told.stdout
    assert (
        "No week of these is released"
        in exported(siang, tmp_path / "none", "--to", "2026-W01").stderr
    )
    assert (
        "is behind"
        in exported(siang, tmp_path / "none", "--from", "2026-W46", "--to", "2026-W45").stderr
    )
    assert "no ISO week" in exported(siang, tmp_path / "none", "--from", "yesterday").stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "out"]


# --- in a spreadsheet -------------------------------------------------------------------------

BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
FORMULAS = (
    "1+1",
    "SUM(A1:A9)",
    'HYPERLINK("http://x.la")',
    "cmd|' /C calc'!A0",
    "A1&A2",
    'IMPORTXML("x")',
    "2",
    "-3",
    "ສູນ",
)
PAYLOADS = [start + formula for start in BEGINNINGS for formula in FORMULAS]
PAYLOADS += [one + '",' + two + formula for one in "=+-@" for two in "=+-@＝\t" for formula in "12"]
PAYLOADS += [f"{one}{two}{n}" for one in "=@" for two in "=-" for n in range(12)]


def test_no_text_begins_like_a_formula() -> None:
    assert len(set(PAYLOADS)) >= 200
    for payload in PAYLOADS:
        assert cell(payload) == f"'{payload}"
    assert [cell(one) for one in ("", "A=1", " =1", "'=1", "0103")] == [
        *("", "A=1", " =1", "'=1", "0103")
    ]


def test_numbers_stay_numbers() -> None:
    assert [cell(one) for one in (None, 0, -3, 1.0, 0.5, 1 / 3, 0.0000004)] == [
        *("", "0", "-3", "1", "0.5", "0.333333", "0")
    ]


@pytest.fixture
def named(migrated: Engine, engine: Engine, tmp_path: Path) -> Iterator[list[str]]:
    """ODSCs with the names that the registry takes, and with the others as if it did."""
    folder = tmp_path / "registry"
    shutil.copytree(ROOT / "config" / "registry", folder)
    taken = [one for one in PAYLOADS if registered(engine, folder, [one])]
    refused = [one for one in PAYLOADS if one not in taken and "\0" not in one]
    assert registered(engine, folder, taken)
    with engine.begin() as tx:
        for number, name in enumerate(refused):
            tx.execute(
                text("INSERT INTO odscs VALUES (:code, '0102', :name, :name, '', '')"),
                {"code": f"{5000 + number}", "name": name},
            )
    yield [*taken, *refused]
    with engine.begin() as tx:
        tx.execute(text("DELETE FROM tallies"))
    loading.load(engine, ROOT / "config" / "registry")


def registered(engine: Engine, folder: Path, names: list[str]) -> bool:
    with (folder / "odscs.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("code", "district", "name_lo", "name_en", "opened", "source"))
        for number, name in enumerate(names):
            writer.writerow((f"{4000 + number}", "0102", "ສູນ", name, "", "-"))
    try:
        loading.load(engine, folder)
    except RegistryError:
        return False
    return True


def test_names_from_offices_files_calculate_nothing(
    named: list[str], engine: Engine, tmp_path: Path
) -> None:
    releases.make(engine, WEEK, clock.local_moment(WEEK.shifted(1).monday, 8), {})
    csv_tables.write(engine, words(), tmp_path / "out", None, None)
    for name in ("figures", "areas", "dictionary"):
        found = rows(tmp_path / "out" / f"{name}.csv")
        written = {value for row in found for value in row.values()}
        assert not [value for value in written if value.startswith(BEGINNINGS)]
    names = {row["name_en"] for row in rows(tmp_path / "out" / "areas.csv")}
    assert {f"'{name}" for name in named if name.startswith(BEGINNINGS)} <= names
    assert frictionless.validate(str(tmp_path / "out" / "datapackage.json")).valid
