"""The registry that Siang comes with is valid, honest and written in one spelling."""

from __future__ import annotations

import unicodedata
from dataclasses import astuple
from datetime import date

import pytest

from app.registry import files
from app.registry.layouts import FILES
from app.settings import ROOT
from app.storage.registry import Registry
from app.text.lao import canonical, is_lao

FOLDER = ROOT / "config" / "registry"


@pytest.fixture(scope="module")
def sample() -> Registry:
    return files.read(FOLDER)


def test_it_has_every_province_every_district_and_the_centers_that_sources_name(
    sample: Registry,
) -> None:
    assert len(sample.provinces) == 18
    assert len(sample.districts) == 148
    assert [odsc.code for odsc in sample.odscs] == ["0103", "0901", "1610"]
    assert all(odsc.source for odsc in sample.odscs)


def test_an_odsc_has_its_districts_code_and_name(sample: Registry) -> None:
    names = {district.code: district.names for district in sample.districts}
    assert all(odsc.code == odsc.district for odsc in sample.odscs)
    assert all(odsc.names == names[odsc.district] for odsc in sample.odscs)


def test_the_commonest_service_is_first_and_other_last(sample: Registry) -> None:
    keys = [service.key for service in sample.services]
    assert [service.position for service in sample.services] == list(range(1, len(keys) + 1))
    assert (keys[0], keys[-1]) == ("id_card", "other")
    assert "passport" not in keys


def test_no_fee_of_it_is_in_force(sample: Registry) -> None:
    assert all(fee.valid_to and fee.valid_to < date(2017, 1, 1) for fee in sample.fees)


def test_it_has_no_targets_and_no_groups_since_no_source_names_any(sample: Registry) -> None:
    assert (sample.targets, sample.groups, sample.group_districts) == ((), (), ())


@pytest.mark.parametrize("name", FILES)
def test_lao_is_stored_in_one_spelling(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)
    assert "\u0ecd\u0eb2" not in text
    assert canonical(text) == text


def test_every_name_is_lao_and_english(sample: Registry) -> None:
    tables = (sample.provinces, sample.districts, sample.odscs, sample.services)
    names = [one.names for table in tables for one in table]
    assert all(is_lao(name["lo"]) and not is_lao(name["en"]) for name in names)


def test_it_says_nothing_in_the_words_of_a_spreadsheet(sample: Registry) -> None:
    cells = [cell for service in sample.services for cell in astuple(service)]
    assert not [cell for cell in cells if isinstance(cell, str) and cell.startswith("=")]
