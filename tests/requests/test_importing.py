"""An office's requests from a CSV file."""

from __future__ import annotations

import codecs
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from app import clock
from app.people.vault import Sealed
from app.requests import filing, importing, numbers
from app.requests.filing import Act, Filing
from app.storage import people, registry
from app.storage import requests as storage
from tests.requests.desk import NOW, PHONE
from tests.requests.files import Files, row, written

TODAY = "2026-11-23"


def midnight(day: str) -> datetime:
    return clock.local_moment(date.fromisoformat(day), 0)


# --- what a file may look like ------------------------------------------------------------------


def test_a_row_becomes_a_request(files: Files) -> None:
    done = files.imported(
        row(
            "ks-1",
            service="construction_permit",
            phone=PHONE,
            status="need_documents",
            note="ຮູບຖ່າຍ",
            filed_on="2026-11-02",
            status_on="2026-11-10",
            texts="yes",
            sensitive="yes",
        )
    )
    assert (done.counts.rows, done.counts.new, done.counts.changed) == (1, 1, 0)
    request = files.request()
    assert numbers.checks(request.number)
    assert request.number.startswith("0103")
    assert (request.odsc, request.service, request.alias) == ("0103", "construction_permit", "KS1")
    assert (request.status, request.note) == ("need_documents", "ຮູບຖ່າຍ")
    assert (request.filed_at, request.status_at) == (midnight("2026-11-02"), midnight("2026-11-10"))
    assert (request.news_at, request.due_on) == (NOW, date(2026, 12, 15))
    assert (request.texts, request.sensitive) == (True, True)
    (line,) = files.history()
    assert (line.status, line.note, line.by, line.source, line.at) == (
        ("need_documents", "ຮູບຖ່າຍ", "import", "import", midnight("2026-11-10"))
    )


def test_a_phone_from_a_file_is_sealed(files: Files) -> None:
    files.imported(row("KS1", phone=PHONE), row("KS2", phone="2055512345"), row("KS3"))
    first, second, third = (files.request(f"KS{serial}") for serial in (1, 2, 3))
    assert first.contact_id == second.contact_id
    assert third.contact_id is None
    assert first.contact_id is not None
    with files.engine.connect() as tx:
        sealed = Sealed(*people.sealed(tx, first.contact_id))
    assert files.registrar.vault.open(sealed) == "+8562055512345"
    assert "5512345" not in str(files.everything())


def test_a_request_from_a_file_is_as_one_that_was_filed_by_hand(files: Files) -> None:
    with files.engine.begin() as tx:
        services = [service.key for service in registry.services(tx)]
        places = ("0103", "0901")
        for service, odsc in product(services, places):
            filed_at = midnight("2026-11-02")
            wanted = Filing(odsc, service, phone=PHONE, alias=f"BYHAND{service}", filed_at=filed_at)
            act = Act("import", "import", NOW)
            filing.file(
                files.registrar, tx, replace(wanted, alias=f"H{services.index(service)}00"), act
            )
    files.imported(
        *(
            row(
                f"F{services.index(service)}00",
                odsc=odsc,
                service=service,
                phone=PHONE,
                filed_on="2026-11-02",
            )
            for service, odsc in product(services, places)
        )
    )
    for (index, _), odsc in product(enumerate(services), places):
        by_hand, by_file = files.request(f"H{index}00", odsc), files.request(f"F{index}00", odsc)
        same = replace(by_file, id=by_hand.id, number=by_hand.number, alias=by_hand.alias)
        assert same == by_hand


def test_fees_are_found_as_conversations_find_them(files: Files) -> None:
    days = ["2015-01-01", "2021-12-31", "2022-01-01", "2024-06-30", "2026-11-23"]
    with files.engine.connect() as tx:
        services = [service.key for service in registry.services(tx)]
        expected = {
            (service, day): registry.fee_in_force(tx, service, "0103", date.fromisoformat(day))
            for service, day in product(services, days)
        }
    files.imported(
        *(
            row(f"N{i:03d}", service=service, filed_on=day)
            for i, (service, day) in enumerate(expected)
        )
    )
    for i, fee in enumerate(expected.values()):
        request = files.request(f"N{i:03d}")
        wanted = (fee.fee_kip, fee.charge_kip) if fee else (None, None)
        assert (request.fee_kip, request.charge_kip) == wanted
    assert any(expected.values())


def test_columns_stand_in_any_order_and_those_with_nothing_to_say_are_left_out(
    files: Files,
) -> None:
    lines = "Service,ODSC, own_number \r\nid_card,0103,KS1\r\n\r\n,,\r\nid_card,0901,KS1\r\n"
    done = files.takes(codecs.BOM_UTF8 + lines.encode())
    assert done.counts.new == 2
    request = files.request()
    assert (request.status, request.filed_at, request.status_at) == ("received", NOW, NOW)
    assert (request.contact_id, request.texts, request.note) == (None, False, "")


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"service": "ບັດປະຈຳຕົວ"}, "service", "id_card"),
        ({"service": "ID card"}, "service", "id_card"),
        ({"service": "idcard"}, "service", "id_card"),
        ({"service": "ID_CARD"}, "service", "id_card"),
        ({"status": "ພ້ອມ"}, "status", "ready"),
        ({"status": "Done"}, "status", "collected"),
        ({"odsc": "໐໙໐໑"}, "odsc", "0901"),
        ({"filed_on": "2026-11-02"}, "filed_at", midnight("2026-11-02")),
        ({"filed_on": "02/11/2026"}, "filed_at", midnight("2026-11-02")),
        ({"filed_on": "2/11/2026"}, "filed_at", midnight("2026-11-02")),
        ({"filed_on": "໒/໑໑/໒໐໒໖"}, "filed_at", midnight("2026-11-02")),
        ({"filed_on": TODAY}, "filed_at", NOW),
        ({"filed_on": "2026-11-02"}, "status_at", midnight("2026-11-02")),
        ({"status": "ready", "filed_on": "2026-11-02"}, "status_at", NOW),
        ({"status": "ready", "status_on": "2026-11-02"}, "filed_at", midnight("2026-11-02")),
        ({"status": "ready", "status_on": TODAY}, "status_at", NOW),
        ({"note": " ມື້ \n ໜ້າ "}, "note", "ມື້ ໜ້າ"),
        ({"phone": PHONE, "texts": "YES"}, "texts", True),
        ({"phone": PHONE, "texts": "no"}, "texts", False),
        ({"texts": "yes"}, "texts", False),
        ({"sensitive": "yes"}, "sensitive", True),
        ({"sensitive": ""}, "sensitive", False),
    ],
)
def test_cells_are_read_as_offices_write_them(
    files: Files, given: dict[str, str], field: str, value: object
) -> None:
    files.imported(row("KS1", **given))
    assert getattr(files.request(odsc="0901" if "odsc" in given else "0103"), field) == value


def test_a_service_may_be_sensitive_by_itself(files: Files) -> None:
    files.sql("UPDATE services SET sensitive = true WHERE key = 'id_card'")
    try:
        files.imported(row("KS1"), row("KS2", sensitive="no"))
        assert (files.request("KS1").sensitive, files.request("KS2").sensitive) == (True, False)
    finally:
        files.sql("UPDATE services SET sensitive = false WHERE key = 'id_card'")


def test_a_file_may_be_said_to_be_of_one_odsc(files: Files) -> None:
    files.odsc = "0901"
    files.imported(row("KS1", odsc=""), row("KS2", odsc="0901"))
    assert {files.request(alias, "0901").odsc for alias in ("KS1", "KS2")} == {"0901"}


def test_numbers_of_ours_may_be_known_before(files: Files) -> None:
    number = numbers.new("0103", 42)
    files.imported({"number": numbers.shown(number), "service": "id_card"})
    files.imported({"number": number, "own_number": "KS1", "service": "id_card", "status": "ready"})
    request = files.request("KS1")
    assert (request.number, request.odsc, request.status) == (number, "0103", "ready")


# --- the same again -----------------------------------------------------------------------------

MANY = [
    row(
        f"A{serial:04d}",
        phone=f"0205{serial:07d}",
        status=status,
        texts="yes",
        note="x",
        filed_on="2026-11-16",
        status_on="2026-11-20",
    )
    for serial, status in enumerate(
        ["received", "in_process", "need_documents", "ready", "collected", "rejected"] * 100
    )
]


def test_the_same_file_again_changes_nothing_at_all(files: Files) -> None:
    assert files.imported(*MANY).counts.new == len(MANY)
    before = files.everything()
    files.now += timedelta(hours=3)
    done = files.imported(*MANY)
    assert done.nothing
    assert files.everything() == before
    assert len(before["requests"]) == len(before["request_history"]) == len(MANY)


def test_the_same_on_another_day_is_news_and_nothing_more(files: Files) -> None:
    files.imported(row("KS1", status="in_process"), row("KS2"))
    before, other = files.request("KS1"), files.request("KS2")
    files.now += timedelta(days=1)
    assert files.imported(row("KS1", status="in_process")).nothing
    assert files.request("KS1") == replace(before, news_at=files.now)
    assert files.request("KS2") == other, "of this one nothing was said"
    assert len(files.history("KS1")) == 1


def test_every_number_is_one_of_ours_and_none_is_given_twice(files: Files) -> None:
    files.imported(*MANY)
    found = [files.request(one["own_number"]).number for one in MANY]
    assert len(set(found)) == len(MANY)
    assert all(numbers.checks(number) and number.startswith("0103") for number in found)


def test_two_imports_at_once_do_what_one_does(files: Files) -> None:
    path = files.folder / "both.csv"
    path.write_bytes(written(MANY))

    def take() -> int:
        return importing.import_file(
            files.registrar, files.engine, path, "", NOW, lambda _: None
        ).counts.new

    with ThreadPoolExecutor(2) as pool:
        new = [one.result() for one in [pool.submit(take), pool.submit(take)]]
    assert sorted(new) == [0, len(MANY)]
    assert len(files.everything()["requests"]) == len(MANY)


# --- what changes -------------------------------------------------------------------------------


def test_what_moved_on_is_moved_on_and_remembered(files: Files) -> None:
    files.imported(row("KS1", filed_on="2026-11-02"), row("KS2", filed_on="2026-11-02"))
    files.now += timedelta(days=1)
    done = files.imported(
        row("KS1", status="in_process", filed_on="2026-11-02", status_on="2026-11-23"), row("KS2")
    )
    assert (done.counts.new, done.counts.changed) == (0, 1)
    request = files.request()
    assert (request.status, request.status_at) == ("in_process", midnight("2026-11-23"))
    assert [(line.status, line.at) for line in files.history()] == [
        ("received", midnight("2026-11-02")),
        ("in_process", midnight("2026-11-23")),
    ]


def test_statuses_that_nobody_saw_may_be_jumped_over(files: Files) -> None:
    files.imported(row("KS1"))
    files.imported(row("KS1", status="collected"))
    assert [line.status for line in files.history()] == ["received", "collected"]


def test_a_status_of_the_same_day_stands_behind_what_was_before(files: Files) -> None:
    files.imported(row("KS1"))
    files.now += timedelta(hours=2)
    files.imported(row("KS1", status="in_process", status_on=TODAY))
    files.now += timedelta(days=1)
    files.imported(row("KS1", status="ready", status_on=TODAY))
    lines = files.history()
    assert [line.status for line in lines] == ["received", "in_process", "ready"]
    assert [line.at for line in lines] == [NOW, *[NOW + timedelta(hours=2)] * 2]


def test_rows_of_an_earlier_day_than_what_is_stored_are_passed_over(files: Files) -> None:
    old = row("KS1", status="in_process", filed_on="2026-11-02", status_on="2026-11-03")
    files.imported(old)
    files.imported(row("KS1", status="ready", status_on="2026-11-20"))
    before = files.everything()
    done = files.imported(old, row("KS2"))
    assert (done.counts.new, done.counts.changed, done.counts.outdated) == (1, 0, 1)
    after = files.everything()
    assert set(before["requests"]) < set(after["requests"])
    assert files.request("KS1").status == "ready"


def test_empty_cells_say_nothing(files: Files) -> None:
    files.imported(
        row("KS1", phone=PHONE, status="need_documents", note="ຮູບ", texts="yes", sensitive="yes")
    )
    before = files.request()
    assert files.imported(row("KS1")).nothing
    assert files.request() == before


def test_the_day_of_filing_stays_as_it_was_first_told(files: Files) -> None:
    files.imported(row("KS1", service="construction_permit", filed_on="2026-11-02"))
    before = files.request()
    files.imported(row("KS1", service="construction_permit", filed_on="2026-11-20"))
    assert files.request() == before


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"phone": "020 77 123 456"}, {"texts": True}),
        ({"texts": "no"}, {"texts": False}),
        ({"sensitive": "yes"}, {"sensitive": True}),
        ({"note": "ມາກ່ອນ 11 ໂມງ"}, {"note": "ມາກ່ອນ 11 ໂມງ"}),
    ],
)
def test_facts_beside_the_status_are_changed_too(
    files: Files, given: dict[str, str], expected: dict[str, object]
) -> None:
    files.imported(row("KS1", phone=PHONE, texts="yes"))
    before = files.request()
    assert files.imported(row("KS1", **given)).counts.changed == 1
    after = files.request()
    assert {name: getattr(after, name) for name in expected} == expected
    assert (after.contact_id == before.contact_id) == ("phone" not in given)
    assert (after.status, after.status_at) == (before.status, before.status_at)
    assert len(files.history()) == 1 + ("note" in given)


def test_old_requests_are_found_by_the_number_that_the_office_gave_them(files: Files) -> None:
    with files.engine.begin() as tx:
        values = {"number": "KS7", "alias": "KS7", "odsc": "0103", "service": "id_card"}
        storage.add(tx, values | {"status": "received"})
    files.now = datetime.now(UTC) + timedelta(minutes=1)
    done = files.imported(row("ks7", status="ready"))
    assert (done.counts.new, done.counts.changed) == (0, 1)
    assert files.request("KS7").number == "KS7"
