"""`OK 17`: who may say it, what it does, and that it tells strangers nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from app.text.encoding import units
from tests.insight.alert_desk import AlertDesk
from tests.versions import at_once


@pytest.fixture
def desk(engine: Engine) -> AlertDesk:
    """An alert at 0103."""
    desk = AlertDesk(engine)
    desk.without("silent")
    desk.many_bad()
    desk.look()
    return desk


def notes(desk: AlertDesk) -> list[object]:
    return [words for (words,) in desk.rows("SELECT text FROM alert_notes ORDER BY id")]


def acknowledged(desk: AlertDesk) -> bool:
    return all(at is not None for (at,) in desk.rows("SELECT acknowledged_at FROM alerts"))


LAO_DIGITS = str.maketrans("0123456789", "໐໑໒໓໔໕໖໗໘໙")


@pytest.mark.parametrize(
    "written",
    [
        "OK {}",
        "ok{}",
        "Ok  {}.",
        "OK: {}",
        "OK #{}",
        "ok-{}",
        " «OK {}» ",
        "ຕົກລົງ {}",
        "ຕົກລົງ{}",
        "OK{}",
    ],
)
@pytest.mark.parametrize("lao", [False, True])
def test_however_it_is_written(desk: AlertDesk, written: str, lao: bool) -> None:
    clerk, alert = desk.staff(), desk.newest()
    number = str(alert).translate(LAO_DIGITS) if lao else str(alert)
    told = desk.says(clerk, written.format(number))
    assert told == (
        f"{alert} noted, thank you. When it is mended, write what you did: OK {alert} ..."
    )
    assert acknowledged(desk)
    assert notes(desk) == []


def test_it_is_answered_in_the_language_of_the_phone(desk: AlertDesk) -> None:
    told = desk.says(desk.staff(language="lo"), f"ຕົກລົງ {desk.newest()}")
    assert told is not None
    assert told.startswith(f"{desk.newest()}: ຮັບຮູ້ແລ້ວ, ຂອບໃຈ")
    assert units(told) <= 70


def test_everybody_who_answers_for_the_center_may(desk: AlertDesk) -> None:
    for phone in desk.chain():
        assert "noted" in str(desk.says(phone, f"OK {desk.newest()}"))
    # The first one stays who did.
    ((by, first),) = desk.rows(
        "SELECT acknowledged_by, (SELECT min(id) FROM staff) FROM alerts WHERE escalate_at IS NULL"
    )
    assert by == first


# --- strangers --------------------------------------------------------------------------------


def test_of_elsewhere_and_of_nowhere_are_refused_alike(desk: AlertDesk) -> None:
    alert = desk.newest()
    strangers = [
        desk.staff(place="0901"),
        desk.staff("district", "0901"),
        desk.staff("province", "09"),
        desk.staff("operator", ""),
    ]
    for phone in strangers:
        refused = desk.says(phone, f"OK {alert} mended")
        assert refused == f"There is no alert {alert} for this phone."
        free = desk.says(phone, f"OK {alert + 1000} mended")
        assert free == refused.replace(str(alert), str(alert + 1000))
    assert not acknowledged(desk)
    assert notes(desk) == []


@pytest.mark.parametrize("written", ["OK", "ok {}", "OK {} mended", "ຕົກລົງ {}", "ຕົກລົງ"])
def test_a_citizens_ok_is_an_ordinary_message(desk: AlertDesk, written: str) -> None:
    citizen = desk.staff()
    desk.sql("UPDATE staff SET removed_at = now()")
    assert desk.says(citizen, written.format(desk.newest())) is None
    assert not acknowledged(desk)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "17",
        "ok thanks",
        "okay {}",
        "OK 2nd floor",
        "looks ok {}",
        "oké {}",
        "STOP",
        "OK 1234567890",
    ],
)
def test_what_is_no_such_command(desk: AlertDesk, written: str) -> None:
    assert desk.says(desk.staff(), written.format(desk.newest())) is None
    assert not acknowledged(desk)


# --- without a number -------------------------------------------------------------------------


def test_a_bare_ok_means_the_only_open_alert(desk: AlertDesk) -> None:
    clerk = desk.staff()
    assert str(desk.says(clerk, "Ok!")).startswith(f"{desk.newest()} noted")
    assert acknowledged(desk)
    # Once more it means the same.
    assert str(desk.says(clerk, "ຕົກລົງ")).startswith(str(desk.newest()))


def test_a_bare_ok_with_several_is_asked_which(desk: AlertDesk) -> None:
    clerk, first = desk.staff(), desk.newest()
    desk.answers(1, 5, overcharged=True)
    desk.wait(hours=1)
    second = desk.newest()
    assert desk.says(clerk, "OK") == f"Which one? Answer OK with its number: {first} {second}"
    assert not acknowledged(desk)
    desk.says(clerk, f"OK {first}")
    assert str(desk.says(clerk, "OK")).endswith(f": {second} {first}")


def test_a_bare_ok_without_any_is_an_ordinary_message(desk: AlertDesk) -> None:
    clerk = desk.staff()
    assert desk.says(desk.staff(place="0901"), "OK") is None
    # The alert went to nobody at its level; it is none of those that the country was told of.
    desk.sql("UPDATE alerts SET level = 'odsc'")
    assert desk.says(desk.staff("country", "LA"), "OK") is None
    desk.answers(5, 20)
    desk.wait(hours=1)
    assert desk.says(clerk, "OK") is None


# --- what was done ----------------------------------------------------------------------------


def test_what_follows_the_number_is_what_was_done(desk: AlertDesk) -> None:
    clerk, alert = desk.staff(), desk.newest()
    assert desk.says(clerk, f"OK {alert} ຕິດລາຄາແລ້ວ") == f"{alert} noted, thank you."
    assert desk.says(clerk, f"ok{alert}: talked to\n\u0007 the cashier  (twice)") is not None
    assert desk.says(clerk, f"OK {alert}ແກ້ແລ້ວ") is not None
    assert notes(desk) == ["ຕິດລາຄາແລ້ວ", "talked to the cashier (twice)", "ແກ້ແລ້ວ"]
    assert acknowledged(desk)


def test_the_same_words_within_a_day_are_kept_once(desk: AlertDesk) -> None:
    clerk, other, alert = desk.staff(), desk.staff(), desk.newest()
    said = [desk.says(clerk, f"OK {alert} price list is up") for _ in range(3)]
    assert said == [f"{alert} noted, thank you."] * 3
    assert len(notes(desk)) == 1
    desk.says(other, f"OK {alert} price list is up")
    assert len(notes(desk)) == 2
    desk.now += timedelta(days=1)
    desk.says(clerk, f"OK {alert} price list is up")
    assert len(notes(desk)) == 3


def test_sent_twice_at_once_it_is_kept_once(desk: AlertDesk) -> None:
    clerk, alert = desk.staff(), desk.newest()
    at_once(2, lambda: desk.says(clerk, f"OK {alert} price list is up"))
    assert len(notes(desk)) == 1


def test_a_long_note_is_cut(desk: AlertDesk) -> None:
    desk.says(desk.staff(), f"OK {desk.newest()} {'ກ' * 299} {'ກ' * 500}")
    assert notes(desk) == ["ກ" * 299]


def test_what_is_over_may_still_get_notes(desk: AlertDesk) -> None:
    clerk, alert = desk.staff(), desk.newest()
    desk.answers(5, 20)
    desk.wait(hours=1)
    assert desk.says(clerk, f"OK {alert} more counters") == f"{alert} noted, thank you."
    assert notes(desk) == ["more counters"]
    assert desk.states() == ["bad_scores 0103: over"]


def test_notes_name_who_wrote_them_as_what_they_answer(desk: AlertDesk) -> None:
    district = desk.staff("district", "0103")
    desk.also(district, "odsc", "0103")
    desk.says(district, f"OK {desk.newest()} seen to")
    written = desk.rows("SELECT level FROM staff JOIN alert_notes ON staff.id = staff_id")
    assert written == [("odsc",)]
