"""The registry in the database: read by conversations, replaced as a whole, loaded by a start."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, Engine, delete, insert, select

from app.cli import main
from app.errors import RegistryError
from app.registry import files, loading
from app.settings import ROOT
from app.storage import places, registry, registry_loading
from app.storage.registry import Fee, Odsc, Registry
from app.storage.registry_loading import Count
from app.storage.schema import requests, runs, tallies

SAMPLE = ROOT / "config" / "registry"
PEK = Odsc("0902", "ຄຳ", "Kham", district="0902", opened="", source="a test")
OLD = date(2015, 6, 1)


@pytest.fixture
def sample() -> Registry:
    return files.read(SAMPLE)


@pytest.fixture
def tx(engine: Engine) -> Iterator[Connection]:
    """A transaction that is never committed: the sample stays as it is."""
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def restored(engine: Engine) -> Iterator[Engine]:
    """For tests that commit another registry: the sample is put back after them."""
    yield engine
    with engine.begin() as tx:
        tx.execute(delete(requests))
        registry_loading.replace(tx, files.read(SAMPLE))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder of one's own with the sample's files."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "registry"))


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(change(lines)) + "\n", encoding="utf-8")


def without_khong(folder: Path) -> Path:
    edit(folder / "odscs.csv", lambda lines: [line for line in lines if "Khong" not in line])
    return folder


def changed(changes: registry_loading.Changes) -> dict[str, Count]:
    return {table: count for table, count in changes.tables.items() if count != Count()}


def codes(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return [
            odsc.code
            for place in registry.provinces_with_odscs(connection)
            for district in registry.districts_with_odscs(connection, place.code)
            for odsc in places.centers_in(connection, district.code)
        ]


def a_fee(odsc: str | None, kip: int, start: date, end: date | None = None) -> Fee:
    return Fee("id_card", odsc, kip, None, start, end, "", "a test")


# --- reading --------------------------------------------------------------------------------


def test_an_odsc_is_found_by_its_code(tx: Connection) -> None:
    found = registry.odsc(tx, "0103")
    assert found is not None
    assert (found.names, found.district) == ({"lo": "ໄຊເສດຖາ", "en": "Xaysetha"}, "0103")
    assert registry.odsc(tx, "9999") is None
    assert registry.odsc(tx, "0103'; --") is None


def test_a_district_is_found_by_its_code(tx: Connection) -> None:
    found = registry.district(tx, "1701")
    assert found is not None
    assert (found.names["en"], found.province) == ("Xaysetha", "17")
    assert registry.district(tx, "1799") is None


def test_places_lead_to_centers_and_places_without_one_are_left_out(tx: Connection) -> None:
    provinces = registry.provinces_with_odscs(tx)
    assert [(place.code, place.names["en"]) for place in provinces] == [
        ("01", "Vientiane Capital"),
        ("09", "Xieng Khouang"),
        ("16", "Champasak"),
    ]
    assert [place.code for place in registry.districts_with_odscs(tx, "16")] == ["1610"]
    assert registry.districts_with_odscs(tx, "17") == []
    assert [odsc.names["en"] for odsc in places.centers_in(tx, "1610")] == ["Khong"]
    assert places.centers_in(tx, "0102") == []


def test_services_come_in_their_order(tx: Connection, sample: Registry) -> None:
    assert registry.services(tx) == list(sample.services)
    permit = registry.service(tx, "construction_permit")
    assert permit is not None
    assert (permit.days, permit.papers["en"][:18]) == (30, "Application letter")
    assert registry.service(tx, "passport") is None


def test_no_fee_is_in_force_today(tx: Connection, sample: Registry) -> None:
    today = date(2026, 11, 22)
    assert {registry.fee_in_force(tx, one.key, "0103", today) for one in sample.services} == {None}


def test_a_fee_holds_from_its_first_to_its_last_day(tx: Connection) -> None:
    days = (date(2013, 12, 31), date(2014, 1, 1), date(2016, 12, 31), date(2017, 1, 1))
    found = [registry.fee_in_force(tx, "road_tax", None, day) for day in days]
    assert [fee and fee.fee_kip for fee in found] == [None, 8000, 8000, None]


def test_an_odscs_own_fee_goes_before_the_national_one(tx: Connection, sample: Registry) -> None:
    national, own = a_fee(None, 5000, OLD), a_fee("0901", 7000, OLD, date(2015, 12, 31))
    registry_loading.replace(tx, replace(sample, fees=(national, own)))
    assert registry.fee_in_force(tx, "id_card", "0901", OLD) == own
    assert registry.fee_in_force(tx, "id_card", "0103", OLD) == national
    assert registry.fee_in_force(tx, "id_card", None, OLD) == national
    assert registry.fee_in_force(tx, "id_card", "0901", date(2016, 1, 1)) == national


# --- replacing ------------------------------------------------------------------------------


def test_the_same_registry_again_changes_nothing(tx: Connection, sample: Registry) -> None:
    changes = registry_loading.replace(tx, sample)
    assert changes.nothing
    assert list(changes.tables) == list(Registry.__dataclass_fields__)


def test_rows_come_change_and_go_and_are_counted(tx: Connection, sample: Registry) -> None:
    xaysetha, pek, _ = sample.odscs
    wanted = replace(sample, odscs=(replace(xaysetha, opened="2007"), pek, PEK))
    assert changed(registry_loading.replace(tx, wanted)) == {"odscs": Count(1, 1, 1)}
    assert registry.odsc(tx, "0902") == PEK
    assert registry.odsc(tx, "1610") is None
    assert registry_loading.replace(tx, wanted).nothing


def test_fees_with_and_without_an_odsc_are_told_apart(tx: Connection, sample: Registry) -> None:
    both = (a_fee(None, 1, OLD), a_fee("0103", 2, OLD))
    registry_loading.replace(tx, replace(sample, fees=both))
    dearer = (a_fee(None, 9, OLD), a_fee("0103", 2, OLD))
    assert changed(registry_loading.replace(tx, replace(sample, fees=dearer))) == {
        "fees": Count(0, 1, 0)
    }
    own = dearer[1:]
    assert changed(registry_loading.replace(tx, replace(sample, fees=own))) == {
        "fees": Count(0, 0, 1)
    }
    assert registry.fee_in_force(tx, "id_card", None, OLD) is None
    assert registry.fee_in_force(tx, "id_card", "0103", OLD) == own[0]


def test_services_may_swap_their_positions(tx: Connection, sample: Registry) -> None:
    first, second, *others = sample.services
    swapped = (replace(second, position=1), replace(first, position=2), *others)
    changes = registry_loading.replace(tx, replace(sample, services=swapped))
    assert changed(changes) == {"services": Count(0, 2, 0)}
    assert [one.key for one in registry.services(tx)][:2] == [second.key, first.key]


def test_a_new_service_may_take_the_place_of_one_that_goes(
    tx: Connection, sample: Registry
) -> None:
    *others, last = sample.services
    wanted = replace(sample, services=(*others, replace(last, key="anything")))
    assert changed(registry_loading.replace(tx, wanted)) == {"services": Count(1, 0, 1)}


def test_provinces_may_swap_their_iso_codes(tx: Connection, sample: Registry) -> None:
    first, second, *others = sample.provinces
    swapped = (replace(first, iso=second.iso), replace(second, iso=first.iso), *others)
    changes = registry_loading.replace(tx, replace(sample, provinces=swapped))
    assert changed(changes) == {"provinces": Count(0, 2, 0)}


def test_everything_may_go_when_nobody_has_spoken_yet(tx: Connection, sample: Registry) -> None:
    counts = registry_loading.replace(tx, Registry()).tables
    assert counts["districts"] == Count(0, 0, 148)
    assert counts["odscs"] == Count(0, 0, 3)
    assert registry_loading.replace(tx, sample).tables["provinces"] == Count(18, 0, 0)


def test_a_row_that_is_needed_must_stay(tx: Connection, sample: Registry) -> None:
    tx.execute(
        insert(requests).values(number="1", odsc="1610", service="id_card", status="received")
    )
    tx.execute(
        insert(tallies).values(
            day=OLD, odsc="0901", service="land_tax", question="score", answer="5", sex="", n=1
        )
    )
    kept = tuple(one for one in sample.services if one.key not in ("id_card", "land_tax"))
    with pytest.raises(RegistryError) as caught:
        registry_loading.replace(tx, replace(sample, odscs=sample.odscs[:1], services=kept))
    assert sorted(map(str, caught.value.problems)) == [
        f"{file}.csv:1: column {key}: there is no row {code} any more, but {table} in the "
        "database need it. Keep the row"
        for file, key, code, table in (
            ("odscs", "code", "0901", "tallies"),
            ("odscs", "code", "1610", "requests"),
            ("services", "key", "id_card", "requests"),
            ("services", "key", "land_tax", "tallies"),
        )
    ]


# --- loading --------------------------------------------------------------------------------


def test_a_load_is_all_or_nothing(restored: Engine, copy: Path) -> None:
    with restored.begin() as tx:
        tx.execute(
            insert(requests).values(number="1", odsc="1610", service="id_card", status="received")
        )
    edit(
        without_khong(copy) / "provinces.csv",
        lambda lines: [line.replace("Bokeo", "Bo") for line in lines],
    )
    with pytest.raises(RegistryError, match="Keep the row"):
        loading.load(restored, copy)
    with restored.connect() as tx:
        assert registry_loading.replace(tx, files.read(SAMPLE)).nothing


def test_two_loads_at_once_do_no_harm(restored: Engine, copy: Path) -> None:
    without_khong(copy)
    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(loading.load, restored, folder) for folder in (SAMPLE, copy) * 4]
        assert all(load.result() for load in loads)
    with restored.connect() as tx:
        after = registry_loading.replace(tx, files.read(copy))
        assert changed(after) in ({}, {"odscs": Count(0, 0, 1)})
        assert tx.execute(select(runs.c.name)).scalars().all() == ["registry"]


def test_a_start_loads_the_configured_files_once(restored: Engine, copy: Path) -> None:
    assert loading.load_if_changed(restored, copy)
    assert not loading.load_if_changed(restored, copy)
    without_khong(copy)
    assert loading.load_if_changed(restored, copy)
    assert codes(restored) == ["0103", "0901"]


def test_a_start_goes_back_with_the_configured_files(restored: Engine, copy: Path) -> None:
    before = (copy / "odscs.csv").read_bytes()
    loading.load_if_changed(restored, copy)
    loading.load_if_changed(restored, without_khong(copy))
    (copy / "odscs.csv").write_bytes(before)
    assert loading.load_if_changed(restored, copy)
    assert codes(restored) == ["0103", "0901", "1610"]


@pytest.mark.parametrize("started_before", [True, False])
def test_a_start_keeps_what_was_loaded_by_hand_until_the_configured_files_change(
    restored: Engine, copy: Path, tmp_path: Path, started_before: bool
) -> None:
    ministry = without_khong(Path(shutil.copytree(SAMPLE, tmp_path / "ministry")))
    if started_before:
        loading.load_if_changed(restored, copy)
    loading.load(restored, ministry, configured=copy)
    assert not loading.load_if_changed(restored, copy)
    assert codes(restored) == ["0103", "0901"]
    edit(copy / "odscs.csv", lambda lines: [line.replace("2006", "2007") for line in lines])
    assert loading.load_if_changed(restored, copy)
    assert codes(restored) == ["0103", "0901", "1610"]


def test_a_start_takes_configured_files_that_were_loaded_by_hand_as_loaded(
    restored: Engine, copy: Path
) -> None:
    loading.load_if_changed(restored, copy)
    loading.load(restored, without_khong(copy), configured=copy)
    assert not loading.load_if_changed(restored, copy)


def test_a_load_by_hand_needs_no_configured_folder(restored: Engine, tmp_path: Path) -> None:
    assert loading.load(restored, SAMPLE, configured=tmp_path / "nowhere").nothing


def test_a_start_refuses_configured_files_with_a_mistake(restored: Engine, copy: Path) -> None:
    (copy / "fees.csv").write_text("service\n", encoding="utf-8")
    with pytest.raises(RegistryError, match="the column is missing"):
        loading.load_if_changed(restored, copy)


# --- the command ----------------------------------------------------------------------------


@pytest.fixture
def siang(restored: Engine, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    url = restored.url.render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", url.replace("postgresql+psycopg", "postgresql"))
    monkeypatch.setenv("SIANG_HOME", str(home))
    return lambda *words: CliRunner().invoke(main, ["registry", *map(str, words)])


def test_the_command_tells_what_changed(siang: Callable[..., Result], copy: Path) -> None:
    assert siang("load", copy).output == "nothing changed\n"
    result = siang("load", without_khong(copy))
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        [
            "provinces: 0 new, 0 changed, 0 removed",
            "districts: 0 new, 0 changed, 0 removed",
            "place_aliases: 0 new, 0 changed, 0 removed",
            "odscs: 0 new, 0 changed, 1 removed",
            "services: 0 new, 0 changed, 0 removed",
            "fees: 0 new, 0 changed, 0 removed",
            "closed_days: 0 new, 0 changed, 0 removed",
            "targets: 0 new, 0 changed, 0 removed",
            "groups: 0 new, 0 changed, 0 removed",
            "group_districts: 0 new, 0 changed, 0 removed",
        ],
    )


def test_the_command_tells_every_problem_on_a_line_of_its_own(
    siang: Callable[..., Result], copy: Path
) -> None:
    edit(copy / "odscs.csv", lambda lines: [line.replace("0901", "901") for line in lines])
    result = siang("load", copy)
    assert result.exit_code == 2
    heading, first, second = result.stderr.splitlines()
    assert heading == "Nothing was loaded. Mend these 2 problems, then load again:"
    assert first.startswith("odscs.csv:3: row 3, column code: '901' is no code of 4 digits. Write")
    assert second.startswith("odscs.csv:3: row 3, column district: ")
    assert result.stdout == ""


def test_the_command_leaves_the_mark_that_a_start_heeds(
    siang: Callable[..., Result], restored: Engine, copy: Path
) -> None:
    siang("load", without_khong(copy))
    assert not loading.load_if_changed(restored, SAMPLE)
    assert codes(restored) == ["0103", "0901"]
