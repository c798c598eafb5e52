"""Registry files for tests: a good folder, rows with other cells, and what is wrong with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import Problem, RegistryError
from app.registry import files

Table = list[dict[str, str]]
Folder = Callable[..., Path]

GOOD: dict[str, Table] = {
    "provinces": [
        {"code": "01", "iso": "LA-VT", "name_lo": "ນະຄອນຫຼວງວຽງຈັນ", "name_en": "Vientiane"},
        {"code": "09", "iso": "LA-XI", "name_lo": "ຊຽງຂວາງ", "name_en": "Xieng Khouang"},
    ],
    "districts": [
        {"code": "0103", "province": "01", "name_lo": "ໄຊເສດຖາ", "name_en": "Xaysetha"},
        {"code": "0901", "province": "09", "name_lo": "ແປກ", "name_en": "Pek"},
    ],
    "place_aliases": [
        {"code": "09", "level": "province", "alias": "Xiengkhouang"},
        {"code": "0901", "level": "district", "alias": "Paek"},
    ],
    "odscs": [
        {
            "code": "0901",
            "district": "0901",
            "name_lo": "ແປກ",
            "name_en": "Pek",
            "opened": "2008-05",
            "source": "UNDP 2012",
        },
    ],
    "services": [
        {
            "key": "id_card",
            "position": "1",
            "name_lo": "ບັດປະຈຳຕົວ",
            "name_en": "ID card",
            "papers_lo": "ສຳມະໂນຄົວ",
            "papers_en": "Family book",
            "days": "3",
            "source": "UNDP 2012",
        },
    ],
    "fees": [
        {
            "service": "id_card",
            "odsc": "",
            "fee_kip": "8000",
            "charge_kip": "",
            "valid_from": "2014-01-01",
            "valid_to": "2016-12-31",
            "legal_ref": "",
            "source": "a notice",
        },
    ],
}


def as_csv(rows: Table) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def row(table: str, **cells: str) -> dict[str, str]:
    """The table's first good row with other cells."""
    return {**GOOD[table][0], **cells}


def problems(folder: Path) -> list[Problem]:
    with pytest.raises(RegistryError) as caught:
        files.read(folder)
    return caught.value.problems


def only(folder: Path) -> Problem:
    [problem] = problems(folder)
    return problem
