"""Filing, reading and moving requests through the JSON API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from app import clock
from app.office import Office
from app.requests import numbers
from tests.web.system import PHONE, System, filed, read, refusal

UNKNOWN = numbers.new("0103", 1)


# --- filing -----------------------------------------------------------------------------------


def test_a_request_gets_a_number_of_ours(xaysetha: System) -> None:
    answer = xaysetha.files(own_number="bpc-2026/0117", phone=PHONE)
    request = filed(answer)
    assert request["number"].startswith("0103")
    assert numbers.checks(request["number"])
    assert answer.headers["Location"] == f"/api/v1/requests/{request['number']}"
    assert (request["odsc"], request["service"]) == ("0103", "id_card")
    assert request["own_number"] == "BPC20260117"
    assert (request["status"], request["note"], request["overdue"]) == ("received", "", False)
    (first,) = request["history"]
    assert (first["status"], first["source"], first["by"].split()[0]) == (
        "received",
        "api",
        "token",
    )


def test_dates_and_amounts_are_the_registrys(xaysetha: System, office: Office) -> None:
    day = "2026-01-05T09:00:00+07:00"
    request = filed(xaysetha.files(service="marriage_registration", filed_at=day))
    # Three working days from a Monday.
    assert (request["filed_at"], request["due_on"]) == ("2026-01-05T02:00:00Z", "2026-01-08")
    assert request["overdue"] is True
    with office.engine.begin() as tx:
        tx.execute(
            text(
                "INSERT INTO fees (service, fee_kip, charge_kip, valid_from, legal_ref, source) "
                "VALUES ('road_tax', 30000, 5000, '2020-01-01', '', '')"
            )
        )
    request = filed(xaysetha.files(service="road_tax"))
    with office.engine.begin() as tx:
        tx.execute(text("DELETE FROM fees WHERE service = 'road_tax' AND fee_kip = 30000"))
    assert (request["fee_kip"], request["charge_kip"]) == (30000, 5000)


def test_a_number_given_out_before_is_kept(xaysetha: System) -> None:
    request = filed(xaysetha.files(number=numbers.shown(UNKNOWN), note="ຮັບແລ້ວ", odsc="0103"))
    assert (request["number"], request["note"]) == (UNKNOWN, "ຮັບແລ້ວ")


def test_what_is_null_was_not_said(xaysetha: System) -> None:
    names = ("odsc", "phone", "own_number", "number", "filed_at", "sensitive")
    request = filed(xaysetha.files(dict.fromkeys(names)))
    assert request["own_number"] is None


@pytest.mark.parametrize(
    "phone", ["+856 20 5551 2345", "02055512345", "55512345", "030 555 1234", "+66812345678"]
)
def test_phones_are_taken_as_offices_write_them(
    xaysetha: System, office: Office, phone: str
) -> None:
    filed(xaysetha.files(phone=phone))
    with office.engine.connect() as tx:
        assert tx.execute(text("SELECT count(*) FROM contacts")).scalar_one() == 1


def test_a_text_follows_only_where_it_was_agreed_to(xaysetha: System, office: Office) -> None:
    agreed = filed(xaysetha.files(phone=PHONE, texts=True))
    silent = filed(xaysetha.files(phone=PHONE))
    for one in (agreed, silent):
        read(xaysetha.moves(one["number"], "ready"))
    with office.engine.connect() as tx:
        (sent,) = tx.execute(text("SELECT text FROM outbox")).scalars()
    assert numbers.shown(agreed["number"]) in sent


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"number": UNKNOWN[:-1] + str((int(UNKNOWN[-1]) + 1) % 10)}, "number", "bad_number"),
        ({"number": numbers.new("0901", 1)}, "number", "bad_number"),
        ({"own_number": "202601170001"}, "own_number", "bad_own_number"),
        ({"own_number": "1 - 2"}, "own_number", "bad_own_number"),
        ({"phone": "+19999999"}, "phone", "bad_phone"),
        ({"status": "rejected"}, "note", "needs_note"),
        ({"status": "rejected", "note": " \n"}, "note", "needs_note"),
        ({"filed_at": "2999-01-01T00:00:00Z"}, "filed_at", "bad_date"),
        ({"filed_at": "9999-12-31T23:59:60-12:00"}, "filed_at", "bad_date"),
    ],
)
def test_what_is_well_written_and_cannot_be_is_a_conflict(
    xaysetha: System, fields: dict[str, object], field: str, code: str
) -> None:
    assert refusal(xaysetha.files(fields), 409) == (field, code)
    assert list(xaysetha.reads_all()) == []


def test_a_number_is_taken_once(xaysetha: System, pek: System) -> None:
    filed(xaysetha.files(number=UNKNOWN, own_number="A-17"))
    assert refusal(xaysetha.files(number=UNKNOWN), 409) == ("number", "taken")
    assert refusal(xaysetha.files(own_number="a 17"), 409) == ("own_number", "taken")
    # Two offices may number alike.
    filed(pek.files(own_number="A-17"))


def test_a_token_files_for_its_own_odsc_alone(xaysetha: System, pek: System) -> None:
    assert refusal(xaysetha.files(odsc="0901"), 403) == ("odsc", "other_odsc")
    assert list(pek.reads_all()) == []


# --- reading and moving -----------------------------------------------------------------------


def test_a_request_is_found_by_either_number(xaysetha: System) -> None:
    request = filed(xaysetha.files(own_number="ຊສ-12/2026"))
    number = request["number"]
    for written in (number, numbers.shown(number), "ຊສ122026", "ຊສ-12/2026", "ຊສ 12%2F2026"):
        assert read(xaysetha.sees(written)) == request


@pytest.mark.parametrize(
    "number", [UNKNOWN, "A-17", "%00", "%2e", "-", "%ff%fe", "x" * 3000, "..%2f..%2fetc", "ເ" * 900]
)
def test_what_is_not_there_is_not_found(xaysetha: System, number: str) -> None:
    for answer in (xaysetha.sees(number), xaysetha.moves(number, "ready")):
        assert answer.status_code == 404
        assert answer.content_type == "application/problem+json"


def test_another_odscs_request_does_not_exist(xaysetha: System, pek: System) -> None:
    request = filed(xaysetha.files(own_number="A-17"))
    nothing = pek.sees(UNKNOWN)
    for number in (request["number"], "A-17"):
        for answer in (pek.sees(number), pek.moves(number, "ready")):
            assert (answer.status_code, answer.data) == (404, nothing.data)
    assert list(pek.reads_all()) == []
    assert read(xaysetha.sees("A-17")) == request


def test_a_request_is_moved_on_with_its_history(xaysetha: System) -> None:
    number = filed(xaysetha.files())["number"]
    read(xaysetha.moves(number, "need_documents", "ສຳເນົາສຳມະໂນຄົວ"))
    moved = read(xaysetha.moves(number, "ready"))
    assert (moved["status"], moved["note"]) == ("ready", "")
    assert [one["status"] for one in moved["history"]] == ["received", "need_documents", "ready"]
    assert moved["history"][1]["note"] == "ສຳເນົາສຳມະໂນຄົວ"
    assert read(xaysetha.sees(number)) == moved


def test_the_same_status_again_is_news_and_no_history(xaysetha: System, office: Office) -> None:
    before = filed(xaysetha.files())
    with office.engine.begin() as tx:
        tx.execute(text("UPDATE requests SET news_at = news_at - interval '3 days'"))
    after = read(xaysetha.moves(before["number"], "received"))
    assert after["updated_at"] >= before["updated_at"]
    assert (after["status_at"], after["history"]) == (before["status_at"], before["history"])


def test_what_may_not_follow_changes_nothing(xaysetha: System) -> None:
    number = filed(xaysetha.files(status="collected"))["number"]
    before = read(xaysetha.sees(number))
    assert refusal(xaysetha.moves(number, "ready"), 409) == ("status", "not_allowed")
    assert refusal(xaysetha.moves(number, "rejected"), 409) == ("note", "needs_note")
    assert read(xaysetha.sees(number)) == before


# --- listing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_pages_hold_every_request_once(xaysetha: System, pek: System, limit: int) -> None:
    # Several of one moment, and in another order than that of filing.
    days = [f"2026-01-{day:02d}T09:00:00.123456Z" for day in (9, 5, 5, 5, 7, 6, 9)]
    made = [filed(xaysetha.files(filed_at=day)) for day in days]
    filed(pek.files())
    read_back = list(xaysetha.reads_all(limit=limit))
    assert [one["filed_at"] for one in read_back] == sorted(one["filed_at"] for one in made)
    assert sorted(one["number"] for one in read_back) == sorted(one["number"] for one in made)
    assert all(one in made for one in read_back)


def test_what_is_filed_while_one_reads_hides_nothing(xaysetha: System) -> None:
    made = {filed(xaysetha.files())["number"] for _ in range(5)}
    seen = set()
    for one in xaysetha.reads_all(limit=2):
        seen.add(one["number"])
        if len(seen) < 4:
            filed(xaysetha.files(filed_at="2020-01-01T00:00:00Z"))
            read(xaysetha.moves(one["number"], "in_process"))
    assert seen == made


def test_the_list_is_cut_by_status_and_by_news(xaysetha: System, office: Office) -> None:
    old, moved, new = (filed(xaysetha.files())["number"] for _ in range(3))
    with office.engine.begin() as tx:
        tx.execute(text("UPDATE requests SET news_at = now() - interval '2 days'"))
    read(xaysetha.moves(moved, "ready"))
    since = (clock.now() - timedelta(days=1)).isoformat()
    late = filed(xaysetha.files(filed_at="2025-01-01T00:00:00Z"))["number"]

    def listed(**query: object) -> set[str]:
        return {one["number"] for one in xaysetha.reads_all(limit=1, **query)}

    assert listed(status="ready") == {moved}
    assert listed(status="received") == {old, new, late}
    assert listed(updated_since=since) == {moved, late}
    assert listed(updated_since=since, status="ready") == {moved}
    assert listed(updated_since="9999-12-31T23:59:59-12:00") == set()
    assert len(listed(updated_since="0001-01-01T00:00:00+12:00")) == 4


def test_a_cursor_behind_the_last_request_opens_an_empty_page(xaysetha: System) -> None:
    filed(xaysetha.files())
    assert xaysetha.page(cursor=f"{'9' * 17}-{'9' * 18}") == {"requests": [], "next": None}
