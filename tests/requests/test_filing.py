"""Filing a request and moving it on."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.errors import RequestRefused
from app.requests import filing, numbers, rules
from app.requests.filing import Filing
from app.settings import ROOT
from app.storage import people
from app.words import REQUEST_STATUSES
from tests.requests.desk import NOW, PHONE, Desk

RULES = rules.load(ROOT / "config")
PAIRS = [(before, after) for before in REQUEST_STATUSES for after in REQUEST_STATUSES]


def note_for(status: str) -> str:
    return "ສຳມະໂນຄົວ" if status in RULES.needs_note else ""


def refused(code: str, field: str) -> pytest.RaisesExc[RequestRefused]:
    """A refusal with this code, about this field."""
    return pytest.raises(
        RequestRefused, check=lambda error: (error.code, error.field) == (code, field)
    )


# --- filing -----------------------------------------------------------------------------------


def test_a_request_is_filed_with_a_number_of_its_odsc(desk: Desk) -> None:
    request = desk.file()
    assert request == desk.stored(request)
    assert request.number.startswith("0103")
    assert numbers.checks(request.number)
    assert (request.status, request.filed_at, request.news_at) == ("received", NOW, NOW)
    (line,) = desk.history(request)
    assert (line.status, line.by, line.source, line.at) == ("received", "staff 1", "sms", NOW)


def test_numbers_cannot_be_told_from_one_another(desk: Desk) -> None:
    serials = sorted(int(desk.file().number[4:11]) for _ in range(50))
    assert len(set(serials)) == 50
    assert max(b - a for a, b in zip(serials, serials[1:], strict=False)) > 1000


def test_a_number_that_was_printed_before_is_kept(desk: Desk) -> None:
    number = numbers.new("0103", 42)
    assert desk.file(number=numbers.shown(number)).number == number
    with refused("taken", "number"):
        desk.file(number=number)


@pytest.mark.parametrize("number", ["010300000420", numbers.new("0901", 42), "12", ""])
def test_a_number_that_is_no_number_of_the_odsc_is_refused(desk: Desk, number: str) -> None:
    with refused("bad_number", "number"):
        desk.file(number=number)


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"odsc": "9999"}, "unknown_odsc", "odsc"),
        ({"service": "tea"}, "unknown_service", "service"),
        ({"status": "gone"}, "unknown_status", "status"),
        ({"status": "rejected"}, "needs_note", "note"),
        ({"status": "rejected", "note": " "}, "needs_note", "note"),
        ({"phone": "1234"}, "bad_phone", "phone"),
        ({"alias": "K1"}, "bad_alias", "alias"),
        ({"note": "x" * 121}, "bad_note", "note"),
        ({"filed_at": NOW + timedelta(days=2)}, "bad_date", "filed_at"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written_is_repeated(
    desk: Desk, wrong: dict[str, object], code: str, field: str
) -> None:
    with refused(code, field) as caught:
        desk.file(**wrong)
    for value in map(str, wrong.values()):
        assert value in REQUEST_STATUSES or value.strip() == "" or value not in str(caught.value)


# --- the applicant's phone ----------------------------------------------------------------------


def test_a_phone_is_optional(desk: Desk) -> None:
    request = desk.file(texts=True)
    assert (request.contact_id, request.texts) == (None, False)


def test_a_phone_is_sealed_and_stands_nowhere_in_the_clear(desk: Desk) -> None:
    wanted = Filing(odsc="0103", service="id_card", phone=PHONE)
    assert "512" not in repr(wanted)
    request = desk.file(phone=PHONE)
    assert desk.number_of(request.contact_id) == "+8562055512345"
    dump = desk.tx.execute(
        text(
            "SELECT (SELECT json_agg(c) FROM contacts c)::text || (SELECT json_agg(r) "
            "FROM requests r)::text"
        )
    ).scalar_one()
    assert "5512345" not in dump


def test_requests_of_one_phone_are_found_by_it(desk: Desk) -> None:
    first, second = desk.file(phone=PHONE), desk.file(phone="+856 20 55512345")
    assert first.contact_id == second.contact_id == desk.contact().id


def test_a_phone_may_become_known_later(desk: Desk) -> None:
    request = desk.file()
    reached = filing.reach(desk.registrar, desk.tx, request, PHONE, True)
    assert reached == desk.stored(request)
    assert (desk.number_of(reached.contact_id), reached.texts) == ("+8562055512345", True)
    silent = filing.reach(desk.registrar, desk.tx, reached, "", False)
    assert (silent.contact_id, silent.texts) == (reached.contact_id, False)
    assert filing.reach(desk.registrar, desk.tx, silent, "", None) == silent


def test_nobody_is_texted_where_no_phone_is_known(desk: Desk) -> None:
    assert not filing.reach(desk.registrar, desk.tx, desk.file(), "", True).texts


# --- the office's own number --------------------------------------------------------------------


def test_an_office_keeps_its_own_number_beside_ours(desk: Desk) -> None:
    request = desk.file(alias="ks-12/2026")
    assert request.alias == "KS122026"
    assert filing.find(desk.tx, "KS 12 2026") == [request]
    assert filing.find(desk.tx, numbers.shown(request.number), "0103") == [request]
    assert filing.find(desk.tx, request.number, "0901") == []


def test_two_offices_may_number_alike_but_one_may_not(desk: Desk) -> None:
    here, there = desk.file(alias="KS1"), desk.file(alias="KS1", odsc="0901")
    assert filing.find(desk.tx, "ks1") == [here, there]
    assert filing.find(desk.tx, "ks1", "0901") == [there]
    with refused("taken", "alias"):
        desk.file(alias="ks 1")


def test_an_office_s_number_may_not_look_like_one_of_ours(desk: Desk) -> None:
    for alias in (numbers.new("0103", 7), "010300000070", "໐໑໐໓໐໐໐໐໐໐໗໐"):
        with refused("bad_alias", "alias"):
            desk.file(alias=alias)


@pytest.mark.parametrize("typed", ["", "-", "\0", "a'17", "K1", "x" * 3000])
def test_what_can_be_no_number_is_no_request(desk: Desk, typed: str) -> None:
    desk.file()
    assert filing.find(desk.tx, typed) == filing.find(desk.tx, typed, "0103") == []


# --- fees ---------------------------------------------------------------------------------------

FEE = (
    "INSERT INTO fees (service, odsc, fee_kip, charge_kip, valid_from, valid_to, source) "
    "VALUES ('id_card', :odsc, :fee, :charge, :since, :until, 'a test')"
)


def test_the_official_fee_is_the_one_on_the_day_of_filing(desk: Desk) -> None:
    desk.sql("DELETE FROM fees WHERE service = 'id_card'")
    assert (desk.file().fee_kip, desk.file().charge_kip) == (None, None)
    last_year = {"since": "2025-01-01", "until": "2025-12-31"}
    desk.sql(FEE, odsc=None, fee=10_000, charge=2_000, **last_year)
    desk.sql(FEE, odsc=None, fee=20_000, charge=None, since="2026-01-01", until=None)
    desk.sql(FEE, odsc="0901", fee=0, charge=5_000, since="2026-01-01", until=None)
    before = desk.file(filed_at=datetime(2025, 12, 31, 16, 59, tzinfo=UTC))
    after = desk.file(filed_at=datetime(2025, 12, 31, 17, 0, tzinfo=UTC))
    assert (before.fee_kip, before.charge_kip) == (10_000, 2_000)
    assert (after.fee_kip, after.charge_kip) == (20_000, None), "days are Vientiane's"
    own = desk.file(odsc="0901")
    assert (own.fee_kip, own.charge_kip) == (0, 5_000)


# --- moving on ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_status_follows_another_as_the_data_say(desk: Desk, before: str, after: str) -> None:
    request = desk.file(status=before, note=note_for(before))
    desk.now += timedelta(hours=1)
    if after in RULES.transitions[before]:
        moved = desk.move(request, after, note_for(after))
        assert moved == desk.stored(request)
        assert (moved.status, moved.status_at) == (after, desk.now)
        assert [line.status for line in desk.history(request)] == [before, after]
    elif after != before:
        with refused("not_allowed", "status"):
            desk.move(request, after, note_for(after))
        assert desk.stored(request) == request


@pytest.mark.parametrize("status", sorted(RULES.needs_note))
def test_a_status_that_says_nothing_by_itself_needs_a_note(desk: Desk, status: str) -> None:
    request = desk.file()
    with refused("needs_note", "note"):
        desk.move(request, status, "  ")
    assert desk.move(request, status, " ໃບ\nຢັ້ງຢືນ ").note == "ໃບ ຢັ້ງຢືນ"


def test_an_unknown_status_is_refused(desk: Desk) -> None:
    with refused("unknown_status", "status"):
        desk.move(desk.file(), "gone")


def test_a_note_belongs_to_its_status(desk: Desk) -> None:
    request = desk.move(desk.file(), "need_documents", "ຮູບຖ່າຍ")
    assert desk.move(request, "in_process").note == ""


def test_the_same_again_is_news_and_nothing_more(desk: Desk) -> None:
    request = desk.move(desk.file(phone=PHONE, texts=True), "need_documents", "ຮູບຖ່າຍ")
    texts, history = desk.texts(), desk.history(request)
    desk.now += timedelta(days=3)
    for note in ("", "ຮູບຖ່າຍ"):
        desk.move(request, "need_documents", note)
    assert desk.stored(request) == replace(request, news_at=desk.now)
    assert (desk.texts(), desk.history(request)) == (texts, history)


def test_another_note_to_the_same_status_is_told_and_the_status_keeps_its_day(desk: Desk) -> None:
    request = desk.move(desk.file(phone=PHONE, texts=True), "need_documents", "ຮູບຖ່າຍ")
    desk.now += timedelta(days=1)
    moved = desk.move(request, "need_documents", "ສຳມະໂນຄົວ")
    assert (moved.note, moved.status_at) == ("ສຳມະໂນຄົວ", request.status_at)
    assert [line.note for line in desk.history(request)] == ["", "ຮູບຖ່າຍ", "ສຳມະໂນຄົວ"]
    assert "ສຳມະໂນຄົວ" in desk.texts()[-1]


def test_a_request_is_moved_from_where_it_is_and_not_from_where_it_was(desk: Desk) -> None:
    stale = desk.file()
    desk.move(stale, "collected")
    with refused("not_allowed", "status"):
        desk.move(stale, "ready")


def test_a_history_is_only_ever_added_to() -> None:
    # But for its notes, which are forgotten when their time is over.
    changing = re.compile(
        r"(update|delete from|truncate)\s+request_history(?! SET note = ''\")", re.IGNORECASE
    )
    core = re.compile(r"(update|delete)\(\s*(schema\.)?request_history")
    for path in (ROOT / "app").rglob("*.py"):
        content = path.read_text("utf-8")
        assert not changing.search(content), path
        assert not core.search(content), path


# --- the invitation -----------------------------------------------------------------------------


def invitations(desk: Desk) -> list[tuple[int, str, datetime]]:
    rows = desk.tx.execute(text("SELECT request_id, state, due_at FROM invitations"))
    return [tuple(row) for row in rows]


def test_whoever_collected_is_asked_once_some_hours_later(desk: Desk) -> None:
    request = desk.move(desk.file(phone=PHONE), "collected")
    expected = [(request.id, "waiting", NOW + timedelta(hours=3))]
    assert invitations(desk) == expected
    desk.move(request, "collected", "ຮັບໂດຍພໍ່")
    assert invitations(desk) == expected


def test_nobody_is_asked_without_a_phone_or_long_after(desk: Desk) -> None:
    desk.move(desk.file(), "collected")
    desk.file(phone=PHONE, status="collected", filed_at=NOW - timedelta(days=4))
    assert invitations(desk) == []
    asked = desk.file(phone=PHONE, status="collected", filed_at=NOW - timedelta(days=1))
    assert [request for request, _, _ in invitations(desk)] == [asked.id]


# --- telling the applicant ----------------------------------------------------------------------


@pytest.mark.parametrize("status", REQUEST_STATUSES)
def test_news_are_texted_where_the_data_say_so(desk: Desk, status: str) -> None:
    before = "in_process" if status == "received" else "received"
    request = desk.file(phone=PHONE, texts=True, status=before)
    if status == "received":
        assert desk.texts() == []
        return
    desk.move(request, status, note_for(status))
    assert bool(desk.texts()) == (status in RULES.texted)


def test_nobody_is_texted_who_did_not_ask_for_it_or_stopped(desk: Desk) -> None:
    desk.move(desk.file(phone=PHONE), "ready")
    assert desk.texts() == []
    people.set_stopped(desk.tx, desk.contact().id, NOW)
    desk.move(desk.file(phone=PHONE, texts=True), "ready")
    assert desk.texts() == []


def test_what_is_filed_as_ready_is_told_unless_it_is_old(desk: Desk) -> None:
    desk.file(phone=PHONE, texts=True, status="ready", filed_at=NOW - timedelta(days=30))
    assert desk.texts() == []
    request = desk.file(phone=PHONE, texts=True, status="ready")
    assert desk.texts() == [f"ບັດປະຈຳຕົວ {numbers.shown(request.number)}: ມາຮັບໄດ້ແລ້ວ"]


def test_news_are_written_in_the_phone_s_language(desk: Desk) -> None:
    desk.sql("UPDATE contacts SET language = 'en' WHERE id = :id", id=desk.contact().id)
    request = desk.move(desk.file(phone=PHONE, texts=True), "need_documents", "family book")
    assert desk.texts() == [f"ID card {numbers.shown(request.number)}: please bring family book"]


def test_a_sensitive_service_is_not_named(desk: Desk) -> None:
    desk.sql("UPDATE services SET sensitive = true WHERE key = 'id_card'")
    request = desk.move(desk.file(phone=PHONE, texts=True), "ready")
    assert request.sensitive
    open_one = desk.move(desk.file(phone=PHONE, texts=True, sensitive=False), "ready")
    first, second = desk.texts()
    assert first == f"ຄຳຮ້ອງ {numbers.shown(request.number)}: ມາຮັບໄດ້ແລ້ວ"
    assert second.startswith(f"ບັດປະຈຳຕົວ {numbers.shown(open_one.number)}")
