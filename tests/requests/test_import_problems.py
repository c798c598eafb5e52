"""What is wrong with an office's file: everything at once, each with its place and a remedy."""

from __future__ import annotations

import pytest

from app.errors import OperatorError
from app.requests import importing, numbers
from tests.requests.desk import NOW, PHONE
from tests.requests.files import Files, row, written

RIGHT = numbers.new("0103", 42)
WRONG = f"{RIGHT[:-1]}{(int(RIGHT[-1]) + 1) % 10}"
OTHER = numbers.new("0901", 42)


def told(problem: str) -> str:
    """Without the remedy."""
    return problem.partition(". ")[0]


def test_every_problem_is_told_at_once_with_its_row_and_column(files: Files) -> None:
    problems = files.refuses(
        row("KS1"),
        row("KS2", odsc="9999", service="tea", phone="12"),
        row("KS3", status="soon", filed_on="31/02/2026", status_on="2030-01-01"),
        row("KS1"),
        row("KS4", texts="perhaps", status="rejected"),
        row("KS5", status="rejected"),
    )
    assert problems == [
        "requests.csv:3: row 3, column odsc: there is no such ODSC. Write its four digits; "
        "in a spreadsheet format the column as text",
        "requests.csv:3: row 3, column service: there is no such service. "
        "Write a key or a name of services.csv",
        "requests.csv:3: row 3, column phone: this is no phone number. "
        "Write it like 020 55 512 345, or nothing",
        "requests.csv:4: row 4, column status: this is no status. Write one of: received, "
        "in_process, need_documents, ready, collected, rejected, withdrawn",
        "requests.csv:4: row 4, column filed_on: this is no day. "
        "Write it as 2026-11-16 or 16/11/2026",
        "requests.csv:4: row 4, column status_on: this day lies ahead. Mend the day",
        "requests.csv:5: row 5, column own_number: it stands in row 2 already. "
        "Leave one of the two",
        "requests.csv:6: row 6, column texts: this is neither yes nor no. Write yes, no or nothing",
        "requests.csv:7: row 7, column note: this status says nothing without a note. "
        "Write which papers, or why",
    ]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"own_number": ""}, "column own_number: there is no number"),
        ({"own_number": "K1"}, "column own_number: an office's own number has 3 to 30 letters"),
        ({"own_number": RIGHT}, "column own_number: an office's own number may not have 12 digits"),
        ({"number": WRONG}, "column number: a digit is wrong"),
        ({"number": RIGHT[1:]}, "column number: this is no number of ours"),
        ({"number": OTHER}, "column number: the number is another ODSC's"),
        ({"number": numbers.new("9999", 1), "odsc": ""}, "column number: there is no such ODSC"),
        ({"odsc": ""}, "column odsc: the cell is empty"),
        ({"odsc": "103"}, "column odsc: there is no such ODSC"),
        ({"service": ""}, "column service: there is no such service"),
        ({"phone": "2.05551E+09"}, "column phone: this is no phone number"),
        ({"note": "x" * 121}, "column note: a note has at most 120 letters"),
        ({"filed_on": "11/16/2026"}, "column filed_on: this is no day"),
        ({"filed_on": "16.11.2026"}, "column filed_on: this is no day"),
        ({"filed_on": "1926-11-16"}, "column filed_on: this is no day"),
        ({"filed_on": "2026-11-24"}, "column filed_on: this day lies ahead"),
        (
            {"filed_on": "2026-11-20", "status_on": "2026-11-19"},
            "column status_on: this is before filed_on",
        ),
        ({"sensitive": "1"}, "column sensitive: this is neither yes nor no"),
    ],
)
def test_a_cell_that_cannot_be_is_told(files: Files, given: dict[str, str], problem: str) -> None:
    (found,) = files.refuses(row("KS0"), row(**{"own_number": "KS1"} | given))
    assert told(found).startswith(f"requests.csv:3: row 3, {problem}")


def test_all_that_is_wrong_with_one_row_is_told_together(files: Files) -> None:
    wrong = {"phone": "12", "filed_on": "2026-11-20", "status_on": "2026-11-19", "odsc": ""}
    problems = files.refuses(row("", **wrong))
    assert [problem.split(": ")[1] for problem in problems] == [
        f"row 2, column {column}" for column in ("phone", "own_number", "odsc", "status_on")
    ]


def test_no_cell_is_repeated_in_what_is_told(files: Files) -> None:
    problems = files.refuses(
        dict.fromkeys(
            ("own_number", "odsc", "service", "status", "filed_on", "texts"), "020 77 912 399"
        ),
        row("KS2", phone="+856207791239956", note="ທ່ານ ສົມສັກ" * 20),
    )
    assert len(problems) == 7
    assert not any("912" in problem or "ສົມສັກ" in problem for problem in problems)


def test_a_row_of_another_odsc_than_the_file_is_told(files: Files) -> None:
    files.odsc = "0901"
    (problem,) = files.refuses(row("KS1"), row("KS2", odsc=""))
    assert told(problem) == "requests.csv:2: row 2, column odsc: this row is not of ODSC 0901"


def test_what_contradicts_the_stored_requests_is_told(files: Files) -> None:
    files.imported(row("KS1"), row("KS2", status="collected"), row("KS3"))
    number = files.request("KS1").number
    problems = files.refuses(
        row("KS1", service="family_book"),
        row("KS2", status="ready"),
        row("KS3", status="rejected"),
        row("KS9", number=number),
        row("KS3", number=RIGHT),
        row("KS3"),
    )
    assert [told(problem).partition(": ")[2] for problem in problems] == [
        "row 2, column service: this request was filed for another service",
        "row 3, column status: this status may not follow the one that is stored",
        "row 4, column note: this status says nothing without a note",
        "row 5, column number: row 2 is of the same request",
        "row 5, column own_number: this request has another number of the office",
        "row 6, column own_number: it stands in row 4 already",
        "row 6, column own_number: another request of the office has it",
        "row 7, column own_number: it stands in row 4 already",
        "row 7, column number: row 4 is of the same request",
    ]


def test_a_line_that_is_spread_over_several_is_told_by_the_first(files: Files) -> None:
    (problem,) = files.refuses(row("KS1", note="one\ntwo\nthree"), row("KS2", odsc="9999"))
    assert problem.startswith("requests.csv:5: row 3, column odsc:")


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (b"", ["requests.csv:1: the file is empty. Write a header"]),
        (b"\n\n", ["requests.csv:1: the file is empty. Write a header"]),
        (
            b"own_number;odsc;service\nKS1;0103;id_card\n",
            ["requests.csv:1: the columns are not separated by commas. Save the file with commas"],
        ),
        (
            b"own_number,odsc,service\nKS1,0103,id_card\nKS\xff,0103,id_card\n",
            ["requests.csv:3: this is not UTF-8 text. Save the file as CSV UTF-8"],
        ),
        (
            b'own_number,odsc,service\n"KS1,0103,id_card\n',
            [
                "requests.csv:2: this is not CSV: unexpected end of data. "
                "Mend the quotes from here on"
            ],
        ),
        (
            b"own_number,odsc,service\nKS1,0103,id_card,,\nKS2,0103\nKS3,0103,id_card,x\n",
            [
                "requests.csv:3: row 3: there are 2 cells, but 3 columns. Put cells that hold a "
                'comma into "quotes"',
                "requests.csv:4: row 4: there are 4 cells, but 3 columns. Put cells that hold a "
                'comma into "quotes"',
            ],
        ),
        (
            b"KS1,0103,02055512345\n",
            [
                "requests.csv:1: column number 1: the column is not known. Use: number, "
                "own_number, odsc, service, phone, status, note, filed_on, status_on, texts, "
                "sensitive",
                "requests.csv:1: column service: the column is missing. Add it",
            ],
        ),
        (
            b"service,odsc,odsc,colour\n",
            [
                "requests.csv:1: column odsc: the column stands twice. Leave one of the two",
                "requests.csv:1: column colour: the column is not known. Use: number,",
                "requests.csv:1: column own_number: the column is missing. Add it, or number,",
            ],
        ),
        (
            b"service,own_number\n",
            ["requests.csv:1: column odsc: the column is missing. Add it, or say --odsc"],
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    files: Files, content: bytes, problems: list[str]
) -> None:
    found = files.refuses_content(content)
    for problem in problems:
        assert any(one.startswith(problem) for one in found), found


def test_a_header_alone_is_a_file_with_nothing_in_it(files: Files) -> None:
    assert files.takes(written([])).counts.rows == 0


def test_one_wrong_cell_and_nothing_of_the_file_is_stored(files: Files) -> None:
    rows = [row(f"KS{serial:03d}", phone=PHONE) for serial in range(200)]
    assert len(files.refuses(*rows, row("KS999", odsc="9999"))) == 1
    assert files.everything()["requests"] == files.everything()["contacts"] == []
    assert files.imported(*rows).counts.new == 200


def test_a_file_that_cannot_be_opened_is_told(files: Files) -> None:
    with pytest.raises(OperatorError, match="nowhere.csv cannot be read: No such file"):
        importing.import_file(
            files.registrar, files.engine, files.folder / "nowhere.csv", "", NOW, lambda _: None
        )
