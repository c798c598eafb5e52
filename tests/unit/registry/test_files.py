"""Registry files: what is refused, where it is, and what the message says to do."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from app.registry import files
from tests.unit.registry.folders import GOOD, Folder, as_csv, only, problems, row


def test_a_good_folder_is_read(folder: Folder) -> None:
    registry = files.read(folder())
    assert [place.code for place in registry.provinces] == ["01", "09"]
    assert registry.odscs[0].names == {"lo": "ແປກ", "en": "Pek"}
    assert registry.services[0].papers == {"lo": "ສຳມະໂນຄົວ", "en": "Family book"}
    assert (registry.fees[0].fee_kip, registry.fees[0].charge_kip) == (8000, None)
    assert registry.fees[0].valid_to == date(2016, 12, 31)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(folder: Folder) -> None:
    windows = "\ufeff" + as_csv(GOOD["provinces"]).replace("\n", "\r\n")
    assert len(files.read(folder(provinces=windows)).provinces) == 2


def test_lao_typed_otherwise_is_brought_into_one_spelling(folder: Folder) -> None:
    typed = "ບັດປະຈ\u0ecd\u0eb2ຕົວ\u200b"
    registry = files.read(folder(services=[row("services", name_lo=typed)]))
    assert registry.services[0].name_lo == "ບັດປະຈຳຕົວ"


def test_lao_digits_are_digits(folder: Folder) -> None:
    registry = files.read(folder(services=[row("services", days="໑໐")]))
    assert registry.services[0].days == 10


def test_a_note_is_allowed_anywhere_and_ignored(folder: Folder) -> None:
    registry = files.read(folder(odscs=[{"note": "=SUM(A1)", **GOOD["odscs"][0]}]))
    assert registry.odscs[0].code == "0901"


def test_columns_may_stand_in_any_order_and_lines_be_empty(folder: Folder) -> None:
    text = "name_en,name_lo,code,iso\n\nVientiane,ວຽງຈັນ,01,LA-VT,,\n,,,\nX,ຊຽງຂວາງ,09,LA-XI\n"
    assert [place.name_en for place in files.read(folder(provinces=text)).provinces] == [
        "Vientiane",
        "X",
    ]


def test_a_problem_names_file_line_row_column_and_remedy(folder: Folder) -> None:
    problem = only(folder(fees=[row("fees"), row("fees", odsc="0901", fee_kip="8,000")]))
    assert str(problem).startswith("fees.csv:3: row 3, column fee_kip: '8,000' is no whole number")
    assert problem.remedy == "Write digits alone, such as 8000"


def test_a_row_after_a_quoted_line_break_keeps_its_line_and_its_row(folder: Folder) -> None:
    text = 'code,iso,name_lo,name_en,note\n01,LA-VT,ວຽງຈັນ,V,"a\nb"\n09,XI,ຊຽງຂວາງ,X,\n'
    problem = only(folder(provinces=text))
    assert (problem.line, problem.where) == (4, "row 3, column iso")


def test_all_problems_of_all_files_are_told_at_once_in_order(folder: Folder) -> None:
    found = problems(
        folder(
            fees=[row("fees", valid_from="1.1.2014", source="")],
            provinces=[row("provinces", iso="VT", name_en=""), GOOD["provinces"][1]],
        )
    )
    assert [(problem.file, problem.where) for problem in found] == [
        ("provinces.csv", "row 2, column iso"),
        ("provinces.csv", "row 2, column name_en"),
        ("fees.csv", "row 2, column valid_from"),
        ("fees.csv", "row 2, column source"),
    ]
    assert all(problem.remedy for problem in found)


@pytest.mark.parametrize(
    ("table", "column", "cell", "message"),
    [
        ("provinces", "code", "1", "no code of 2 digits"),
        ("districts", "code", "103", "no code of 4 digits"),
        ("districts", "name_lo", "Xaysetha", "no Lao letter"),
        ("districts", "name_lo", "ກ" * 25, "25 characters are too long"),
        ("districts", "name_lo", "໑໒໓", "no Lao letter"),
        ("districts", "name_lo", "", "the cell is empty"),
        ("districts", "name_en", "Xaysettha’s", "alphabet lacks ’"),
        ("districts", "name_en", "x" * 31, "31 characters are too long"),
        ("districts", "name_en", "=cmd()", "formula"),
        ("districts", "name_en", "@Pek", "formula"),
        ("districts", "name_en", "Xay\x07setha", "control character"),
        ("districts", "name_en", "Xay\nsetha", "line break"),
        ("districts", "name_en", "Xay\x00setha", "control character"),
        ("place_aliases", "code", "123", "no code of a place"),
        ("place_aliases", "level", "village", "not known here"),
        ("odscs", "opened", "2008-13", "no time of opening"),
        ("odscs", "opened", "May 2008", "no time of opening"),
        ("odscs", "source", "x" * 201, "too long"),
        ("services", "key", "ID card", "no key"),
        ("services", "position", "0", "out of range"),
        ("services", "days", "-1", "formula"),
        ("services", "days", "9" * 5000, "no whole number"),
        ("services", "papers_lo", "ກ" * 141, "too long"),
        ("fees", "fee_kip", "2.5", "no whole number"),
        ("fees", "valid_from", "2014-02-30", "no date"),
        ("fees", "valid_from", "20140101", "no date"),
    ],
)
def test_a_cell_is_refused(
    folder: Folder, table: str, column: str, cell: str, message: str
) -> None:
    changed = [row(table, **{column: cell}), *GOOD[table][1:]]
    problem = problems(folder(**{table: changed}))[0]
    assert (problem.file, problem.line) == (f"{table}.csv", 2)
    assert problem.where == f"row 2, column {column}"
    assert message in problem.message
    assert problem.remedy


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("code,iso,name_lo\n", "the column is missing"),
        ("code,iso,name_lo,name_en,colour\n", "the column is not known"),
        ("code,iso,name_lo,name_en,code\n", "the column stands twice"),
        ("code;iso;name_lo;name_en\n", "not separated by commas"),
        ('code,iso,name_lo,name_en\n01,"LA-VT,x,y\n', "this is not CSV"),
        ("code,iso,name_lo,name_en\n01,LA-VT,ວຽງຈັນ\n", "3 cells, but 4 columns"),
        ("code,iso,name_lo,name_en\n01,LA-VT,ວຽງຈັນ,V,9\n", "5 cells, but 4 columns"),
        ("code,iso,name_lo,name_en\n01,LA-VT,ວຽງຈັນ,V\n".encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_file_is_refused(folder: Folder, content: str | bytes, message: str) -> None:
    found = [
        problem
        for problem in problems(folder(provinces=content))
        if problem.file == "provinces.csv"
    ]
    assert message in found[0].message
    assert found[0].remedy


def test_an_unreadable_file_is_reported_once_and_not_by_what_points_there(folder: Folder) -> None:
    assert only(folder(provinces=b"code\xff,iso\n")).file == "provinces.csv"


def test_a_faulty_row_is_reported_once_and_not_by_what_points_there(folder: Folder) -> None:
    faulty = row("provinces", iso="?")
    assert only(folder(provinces=[faulty, GOOD["provinces"][1]])).where == "row 2, column iso"


def test_an_empty_file_lacks_its_columns(folder: Folder) -> None:
    assert {problem.message for problem in problems(folder(fees=""))} == {"the column is missing"}


def test_a_header_alone_is_enough(folder: Folder) -> None:
    header = as_csv(GOOD["fees"]).splitlines()[0]
    assert files.read(folder(fees=header)).fees == ()


def test_a_missing_and_a_strange_file_are_named(folder: Folder) -> None:
    path = folder()
    (path / "fees.csv").rename(path / "fee.csv")
    assert [str(problem) for problem in problems(path)] == [
        "fees.csv:1: the file is missing. Add it; a header alone will do where there is nothing "
        "to say",
        "fee.csv:1: this is no file of the registry. Rename or remove it; read are "
        "provinces.csv, districts.csv, place_aliases.csv, odscs.csv, services.csv, fees.csv, "
        "closed_days.csv, targets.csv, groups.csv, group_districts.csv",
    ]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    problem = only(tmp_path / "nowhere")
    assert problem.file == str(tmp_path / "nowhere")
    assert "cannot be read" in problem.message


@pytest.mark.parametrize(
    ("table", "second", "where"),
    [
        ("provinces", {"iso": "LA-XX"}, "code"),
        ("provinces", {"code": "02"}, "iso"),
        ("districts", {}, "code"),
        ("place_aliases", {}, "code, alias"),
        ("odscs", {}, "code"),
        ("services", {"position": "2"}, "key"),
        ("services", {"key": "other"}, "position"),
        ("fees", {}, "service, odsc, valid_from"),
    ],
)
def test_a_double_is_refused(
    folder: Folder, table: str, second: dict[str, str], where: str
) -> None:
    problem = only(folder(**{table: [*GOOD[table], row(table, **second)]}))
    assert problem.where == f"row {len(GOOD[table]) + 2}, column {where}"
    assert "stands in row 2 already" in problem.message


@pytest.mark.parametrize(
    ("table", "cells", "message"),
    [
        ("districts", {"province": "77", "code": "7701"}, "77 is not in provinces.csv"),
        ("place_aliases", {"code": "77"}, "77 is not in provinces.csv"),
        ("place_aliases", {"code": "09", "level": "district"}, "09 is not in districts.csv"),
        ("odscs", {"district": "0999"}, "0999 is not in districts.csv"),
        ("fees", {"service": "passport"}, "passport is not in services.csv"),
        ("fees", {"odsc": "0103"}, "0103 is not in odscs.csv"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(
    folder: Folder, table: str, cells: dict[str, str], message: str
) -> None:
    found = problems(folder(**{table: [row(table, **cells), *GOOD[table]]}))
    assert message in [problem.message for problem in found]


def test_a_district_belongs_to_the_province_its_code_names(folder: Folder) -> None:
    problem = only(folder(districts=[row("districts", province="09"), GOOD["districts"][1]]))
    assert problem.message == "the code 0103 is not of province 09"


def test_papers_stand_in_both_languages_or_in_neither(folder: Folder) -> None:
    assert files.read(folder(services=[row("services", papers_lo="", papers_en="")]))
    problem = only(folder(services=[row("services", papers_en="")]))
    assert problem.where == "row 2, column papers_en"


def test_a_fee_has_an_amount(folder: Folder) -> None:
    assert files.read(folder(fees=[row("fees", fee_kip="", charge_kip="0")]))
    assert "neither a fee nor a charge" in only(folder(fees=[row("fees", fee_kip="")])).message


def test_a_fee_does_not_end_before_it_begins(folder: Folder) -> None:
    assert files.read(folder(fees=[row("fees", valid_to="2014-01-01")]))
    problem = only(folder(fees=[row("fees", valid_to="2013-12-31")]))
    assert problem.message == "2013-12-31 is before valid_from, 2014-01-01"


@pytest.mark.parametrize(
    ("first_ends", "second", "overlap"),
    [
        ("2016-12-31", {"valid_from": "2017-01-01", "valid_to": ""}, False),
        ("2016-12-31", {"valid_from": "2016-12-31", "valid_to": ""}, True),
        ("", {"valid_from": "2017-01-01", "valid_to": ""}, True),
        ("", {"valid_from": "2013-01-01", "valid_to": "2013-12-31"}, False),
        ("", {"odsc": "0901", "valid_from": "2017-01-01"}, False),
    ],
)
def test_fees_of_one_service_and_place_do_not_overlap(
    folder: Folder, first_ends: str, second: dict[str, str], overlap: bool
) -> None:
    end = {"valid_to": "2018-12-31", **second}
    path = folder(fees=[row("fees", valid_to=first_ends), row("fees", **end)])
    if overlap:
        assert only(path).remedy.startswith("End that one by valid_to")
    else:
        assert len(files.read(path).fees) == 2


def test_a_long_fee_overlaps_one_that_is_not_its_neighbour(folder: Folder) -> None:
    long = row("fees", valid_from="2014-01-01", valid_to="2020-12-31")
    inside = row("fees", valid_from="2015-01-01", valid_to="2015-12-31")
    later = row("fees", valid_from="2019-01-01", valid_to="2019-12-31")
    found = problems(folder(fees=[long, inside, later]))
    assert [problem.where for problem in found] == [
        "row 3, column valid_from",
        "row 4, column valid_from",
    ]


def test_the_fingerprint_is_of_names_and_contents_not_of_the_place(
    folder: Folder, tmp_path: Path
) -> None:
    before = files.contents(folder())
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, content in before.items():
        (copy / name).write_bytes(content)
    assert files.fingerprint(files.contents(copy)) == files.fingerprint(before)
    assert files.fingerprint({**before, "fees.csv": b""}) != files.fingerprint(before)
    assert files.fingerprint({"a": b"bc"}) != files.fingerprint({"ab": b"c"})
