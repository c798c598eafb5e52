"""After a request: the phone's own are listed, any number may be typed, and one page tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from app.flows import render
from app.flows.model import Screen
from app.flows.telling import MISTYPED, NOTED, PAUSED, Standing, told
from app.text.encoding import encoding_of, units
from app.words import REQUEST_STATUSES
from tests.unit.flows.walks import USSD, Paper, Walk, fits, names, rows, shipped, walk_of

DAY, LATER = "23/11/2026", "26/11/2026"
LANGUAGES = tuple(sorted(shipped().packs))
SERVICES = [names(row) for row in rows("services")]
ID_CARD = SERVICES[0]
LONGEST = max(SERVICES, key=lambda service: units(service["lo"]))
PLACE = max((names(row) for row in rows("districts")), key=lambda place: units(place["lo"]))
SHORT = Standing("V", ID_CARD, "received", DAY, own=True, place=PLACE)


def screen(request: Standing) -> Screen:
    """As the shipped flow shows it, with both ways back."""
    found = told(request)
    walk = Walk(Paper(requests={"V12": ID_CARD})).press("2", "V12").at("request_status")
    values = {**walk.step.screen.values, **found.values}
    return replace(walk.step.screen, values=values, can_back=True, can_home=True)


def page(request: Standing, language: str = "lo") -> str:
    (only,) = pages(request, language)
    return only


def pages(request: Standing, language: str = "lo") -> list[str]:
    pack = shipped().packs[language]
    return render.pages(screen(request), pack, language, USSD)


# --- lists ------------------------------------------------------------------------------------


def paper(*mine: str) -> Paper:
    known = {"KS123": {"lo": "ບັດ", "en": "Card"}, "KS124": {"lo": "ໃບ", "en": "Permit"}}
    return Paper(requests={**known, "010312345678": {"lo": "ດິນ", "en": "Land"}}, mine=mine)


def test_a_phone_that_filed_nothing_is_asked_for_the_number() -> None:
    Walk(paper()).press("2").at("request_number").press("KS123").at("request_status").sees("ບັດ")


def test_a_phone_that_filed_one_sees_it_at_once() -> None:
    walk = Walk(paper("KS123")).press("2").at("request").sees("1 ບັດ: ມາຮັບໄດ້", "ປ້ອນເລກ")
    walk.press("1").at("request_status").sees("ບັດ", DAY).press("0").at("request")


def test_another_number_may_be_typed_there() -> None:
    walk = Walk(paper("KS123", "KS124")).press("2").at("request")
    walk.press("0103 1234567 8").at("request_status").sees("ດິນ")


def test_a_number_behind_the_code_does_not_mind_the_list() -> None:
    for mine in ((), ("KS123",)):
        Walk(paper(*mine)).press("2", "KS124").at("request_status").sees("ໃບ")


def test_a_number_that_begins_with_an_options_digit_is_no_option() -> None:
    walk = Walk(replace(paper("KS123"), refused={"1234": MISTYPED})).press("2")
    walk.press("1 234").at("request").sees("ກະລຸນາກວດເລກຄືນ")


@pytest.mark.parametrize(("key", "told_so"), [(MISTYPED, "digit is wrong"), (PAUSED, "in an hour")])
def test_why_nothing_is_told_is_said(key: str, told_so: str) -> None:
    for mine in ((), ("KS123",)):
        walk = Walk(replace(paper(*mine), refused={"KS9": key}), "en").press("2", "KS9")
        assert walk.state.node in ("main/request", "main/request_number")
        walk.sees(told_so)


def test_what_is_refused_later_says_so_instead_of_an_empty_screen() -> None:
    walk = Walk(paper("KS123"), "en").press("2", "1").at("request_status")
    walk.paper.refused = {"KS123": PAUSED}
    walk.press("7").sees("Sorry, too many numbers were tried.")


def test_what_is_no_number_is_told_so() -> None:
    Walk(paper("KS123"), "en").press("2", "?").sees("This is no request number.")
    Walk(paper("KS123"), "en").press("2", "KS999").sees("No such request number.")


def test_five_wrong_ones_end_it() -> None:
    Walk(paper("KS123")).press("2", *["KS999"] * 5).ends("gave_up")


def test_a_list_takes_its_options_first_and_keeps_words_without_typed_answers() -> None:
    listed = "{choose: services, text: list, save: service, rest: comment, to: bye, none: bye}"
    written = f"flow: own\nstart: list\nnodes:\n  list: {listed}\n  bye: {{end: bye}}\n"
    walk = walk_of(written).press("1 ດີຫຼາຍ").ends("bye")
    assert walk.state.answers["comment"] == "ດີຫຼາຍ"


# --- one page ---------------------------------------------------------------------------------


def everything() -> Iterator[Standing]:
    """Every request without a note that there may be, of any service."""
    silences, dates = (None, 12, 365), (("", False), (LATER, False), (LATER, True))
    for status, own, silent in product(REQUEST_STATUSES, (True, False), silences):
        for service, (due, late) in product((*SERVICES, {}), dates):
            yield Standing("V", service, status, DAY, own, PLACE, "", due, late, silent)


@pytest.mark.parametrize("language", LANGUAGES)
def test_any_request_is_told_on_one_page(language: str) -> None:
    pack = shipped().packs[language]
    for request in everything():
        (shown,) = pages(request, language)
        assert fits(shown), shown
        named = request.service.get(pack["pack.names"]) or pack["request.unnamed"]
        assert named in shown
        assert pack[f"status.{request.status}"] in shown
        if encoding_of(shown) == "GSM-7":
            assert DAY in shown


def test_an_identity_card_is_told_with_everything_in_lao() -> None:
    shown = page(replace(SHORT, status="in_process", due=LATER))
    assert shown.splitlines() == [
        "ບັດປະຈຳຕົວ",
        "ກຳລັງດຳເນີນການ ແຕ່ 23/11/2026",
        "ລໍຖ້າຮອດ 26/11/2026",
        "0 ກັບຄືນ",
    ]
    assert units(shown) <= 70


def test_in_english_too() -> None:
    shown = page(replace(SHORT, status="in_process", due=LATER, silent_days=12), "en")
    assert shown.splitlines() == [
        "ID card",
        "In process",
        "Since 23/11/2026",
        "Due 26/11/2026",
        "Last news 12 days ago",
        "0 back 00 menu",
    ]


@pytest.mark.parametrize(
    ("request_", "lao", "english"),
    [
        (replace(SHORT), "ກະລຸນາລໍຖ້າ", "Please wait."),
        (replace(SHORT, due=LATER), "ລໍຖ້າຮອດ 26/11/2026", "Please wait until 26/11/2026"),
        (replace(SHORT, due=LATER, overdue=True), "ເກີນກຳນົດ 26/11/2026", "Overdue: it was due"),
        (replace(SHORT, status="ready"), "ມາຮັບທີ່ສູນ", "Come to the center"),
        (
            replace(SHORT, status="need_documents", note="ຮູບ 2 ໃບ"),
            "ຕ້ອງການ ຮູບ 2 ໃບ",
            "Please bring:",
        ),
        (replace(SHORT, status="rejected", note="ບໍ່ຄົບ"), "ຖືກປະຕິເສດ: ບໍ່ຄົບ", "Rejected:"),
        (replace(SHORT, silent_days=12), "ຂ່າວ 12 ມື້ກ່ອນ", "Last news 12 days ago"),
        (replace(SHORT, due=LATER, overdue=True, silent_days=9), "ເກີນກຳນົດແລ້ວ", "Overdue"),
    ],
)
def test_what_to_do_next_is_told(request_: Standing, lao: str, english: str) -> None:
    assert lao in page(request_)
    assert english in "\n".join(pages(request_, "en"))


def test_the_longest_service_leaves_room_for_what_matters_most() -> None:
    shown = page(replace(SHORT, service=LONGEST, status="in_process", due=LATER, silent_days=12))
    assert "ຂ່າວ 12 ມື້ກ່ອນ" in shown
    assert DAY not in shown
    assert "26/11/2026" in page(replace(SHORT, service=LONGEST, status="in_process", due=LATER))


def test_which_papers_is_never_cut_however_long() -> None:
    note = "ສຳມະໂນຄົວສະບັບແທ້ ແລະ ຮູບຖ່າຍສອງໃບ ຂະໜາດສາມຄູນສີ່ ພ້ອມໃບຢັ້ງຢືນ"
    found = pages(replace(SHORT, status="need_documents", note=note, due=LATER))
    assert all(fits(one) for one in found)
    shown = "".join(
        line for one in found for line in one.splitlines() if line[:2] not in ("0 ", "9 ")
    )
    assert note.replace(" ", "") in shown.replace(" ", "")


@pytest.mark.parametrize("status", REQUEST_STATUSES)
def test_a_stranger_reads_service_and_status_alone(status: str) -> None:
    request = Standing("V", ID_CARD, status, DAY, False, PLACE, "secret", LATER, True)
    shown = page(request)
    assert shown.splitlines()[:1] == ["ບັດປະຈຳຕົວ"]
    for hidden in ("secret", LATER, PLACE["lo"], "ເກີນກຳນົດ"):
        assert hidden not in shown


def test_what_may_not_be_named_is_not() -> None:
    assert page(replace(SHORT, service={})).splitlines()[0] == "ຄຳຮ້ອງ"


@pytest.mark.parametrize("status", ["collected", "rejected", "withdrawn"])
def test_what_is_over_grows_no_older(status: str) -> None:
    assert "99" not in page(replace(SHORT, status=status, silent_days=99))


# --- texts of before --------------------------------------------------------------------------


def old_pack(language: str) -> dict[str, str]:
    """As it was published before requests were told with more than their status."""
    known = {"request", "request.status", "request.since", "request.unknown", "request.wrong"}
    pack = {
        key: text
        for key, text in shipped().packs[language].items()
        if key in known or not key.startswith(("request.", "brief.", "fee.law", "fee.since"))
    }
    return pack | {"request.status": "{service}\n{status}\n{since}"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_version_of_before_tells_what_its_texts_can(language: str) -> None:
    pack = old_pack(language)
    for request in everything():
        noted = replace(request, note="photo") if request.status in NOTED else request
        shown = render.pages(screen(noted), pack, language, USSD)[0]
        assert pack[f"status.{request.status}"] in shown


def test_a_version_of_before_calls_what_is_refused_unknown() -> None:
    book = replace(shipped(), packs={name: old_pack(name) for name in LANGUAGES})
    for key in (MISTYPED, PAUSED):
        walk = Walk(replace(paper(), refused={"KS9": key}), "en", book=book).press("2", "KS9")
        walk.at("request_number").sees("No such request number.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_of_a_list_stands_whole_on_a_page(language: str) -> None:
    pack = shipped().packs[language]
    for service, status in product(SERVICES, REQUEST_STATUSES):
        mine = [told(Standing(str(n), service, status, DAY, own=True)) for n in range(8)]
        options = tuple((str(n + 1), one.label or "") for n, one in enumerate(mine))
        listed = Screen("request.mine", "request.short", options=options, can_back=True)
        found = render.pages(listed, pack, language, USSD)
        assert all(fits(one) for one in found)
        assert "\n1 " in found[0], "the newest is seen at once"
        lines = [line for one in found for line in one.splitlines()]
        named = service[pack["pack.names"]]
        assert sum(named in line and pack[f"brief.{status}"] in line for line in lines) == 8
