"""Applicants who agreed to it are texted of their requests, and nobody else."""

from __future__ import annotations

import pytest

from app.delivery import policy
from app.requests import numbers
from app.text.encoding import segment_count, units
from tests.counter import Counter
from tests.phones import Gateway, Phone

APPLICANT = "02055512345"
LONG = "ສຳມະໂນຄົວສະບັບແທ້ ແລະ ຮູບຖ່າຍສອງໃບ ຂະໜາດສາມຄູນສີ່ ພ້ອມໃບຢັ້ງຢືນທີ່ຢູ່"


@pytest.fixture
def counter(gateway: Gateway) -> Counter:
    return Counter(gateway.office)


@pytest.fixture
def applicant(counter: Counter) -> Phone:
    return counter.phone(APPLICANT)


def test_who_agreed_at_filing_is_told_when_it_is_ready(counter: Counter, applicant: Phone) -> None:
    request = counter.files(texts=True)
    counter.moves(request, "in_process")
    counter.work()
    applicant.gets_nothing()
    counter.moves(request, "ready")
    counter.work()
    applicant.gets("ບັດປະຈຳຕົວ", numbers.shown(request.number), "ມາຮັບໄດ້ແລ້ວ")
    assert units(applicant.inbox[-1]) <= 70
    counter.work()
    applicant.gets_nothing()


def test_who_did_not_agree_is_never_told(counter: Counter, applicant: Phone) -> None:
    for status, note in (("need_documents", "ຮູບ"), ("ready", "")):
        counter.moves(counter.files(texts=False), status, note)
    counter.work()
    applicant.gets_nothing()


def test_need_documents_says_which(counter: Counter, applicant: Phone) -> None:
    counter.moves(counter.files(texts=True), "need_documents", "ຮູບ 2 ໃບ")
    counter.work()
    applicant.gets("ຕ້ອງການ ຮູບ 2 ໃບ")


def test_a_long_note_is_cut_to_one_part(counter: Counter, applicant: Phone) -> None:
    counter.moves(counter.files(texts=True, service="business_licence"), "need_documents", LONG)
    counter.work()
    applicant.gets("ຕ້ອງການ ສຳມະໂນ", "..")
    assert (segment_count(applicant.inbox[-1]), units(applicant.inbox[-1]) <= 70) == (1, True)


def test_a_phone_that_has_stopped_is_never_told(counter: Counter, applicant: Phone) -> None:
    applicant.sends("STOP").gets("STAR")
    request = counter.files(texts=True)
    counter.moves(request, "ready")
    counter.moves(request, "collected")
    counter.waits(hours=4).waits(hours=60)
    applicant.gets_nothing()


def test_a_stop_in_between_holds(counter: Counter, applicant: Phone) -> None:
    request = counter.files(texts=True)
    counter.moves(request, "need_documents", "ຮູບ")
    counter.work()
    applicant.gets("ຮູບ").sends("ຢຸດ").gets("START")
    counter.moves(request, "ready")
    counter.work()
    applicant.gets_nothing()


@pytest.mark.parametrize("language", ["lo", "en", "lo-Latn"])
def test_a_sensitive_service_is_not_named(
    counter: Counter, applicant: Phone, language: str
) -> None:
    counter.speaks(APPLICANT, language)
    request = counter.files(texts=True, service="divorce_registration")
    counter.moves(request, "ready")
    counter.moves(request, "collected")
    counter.waits(hours=4).waits(hours=48)
    assert len(applicant.inbox) == 3
    for message in applicant.inbox:
        assert "ຢ່າຮ້າງ" not in message
        assert "ivorce" not in message
        assert segment_count(message) == 1


def test_in_the_phones_own_language(counter: Counter, applicant: Phone) -> None:
    counter.speaks(APPLICANT, "en")
    counter.moves(counter.files(texts=True), "rejected", "no photo")
    counter.work()
    applicant.gets("ID card", "rejected: no photo")


def test_nobody_is_woken(counter: Counter) -> None:
    """The simulated phones of these tests sleep never; what waits for the day is the purpose."""
    request = counter.files(texts=True)
    counter.moves(request, "ready")
    counter.moves(request, "collected")
    counter.waits(hours=4).waits(hours=49)
    assert set(counter.rows("SELECT purpose FROM outbox")) == {("notice",)}
    assert "notice" in policy.WAITS_FOR_DAY


def test_by_the_clerks_sms_too(counter: Counter, applicant: Phone) -> None:
    clerk = counter.staff("02055500001")
    clerk.sends("R 0103 idcard 02055512345")
    (number,) = counter.rows("SELECT number FROM requests")
    clerk.sends(f"R {number[0]} docs ຮູບ 2 ໃບ")
    applicant.gets("ຕ້ອງການ ຮູບ 2 ໃບ")
    # Said again, it is told once.
    clerk.sends(f"R {number[0]} docs ຮູບ 2 ໃບ")
    applicant.gets_nothing()
