"""USSD through Kannel: what a screen becomes, and what Kannel makes of it."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from app.channels import kannel
from app.channels.base import HookRequest
from app.errors import FateUnknown, Refused, SendError, TryLater
from app.words import Inbound, Limits, Reply
from tests.channels import door
from tests.channels.centre import USSR_CONFIRM
from tests.channels.fakes.kannel import FakeKannel, dialled
from tests.channels.provider import Fault, running

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
NUMBER = "+8562055512345"
MENU = "ສຽງ\n1 ໃຫ້ຄະແນນ\n2 ກວດຄຳຮ້ອງ"


def typed(session: bytes = b"\x1a\x2c", **options: object) -> Inbound:
    """Somebody's answer to a screen."""
    query = dialled(ID, NUMBER, USSR_CONFIRM, session, "1")
    fields = door.decoded(query)
    request = HookRequest("GET", "ussd", query=fields, form={}, raw_query=query.encode())
    (found,) = door.channel("kannel", **options).parse(request, NOW)
    assert isinstance(found, Inbound)
    return found


def shown(reply: Reply, inbound: Inbound | None = None, **options: object) -> dict[str, str]:
    """What Kannel is asked to send."""
    with running(FakeKannel()) as fake:
        channel = door.channel("kannel", sendsms_url=fake.sendsms_url, **options)
        channel.push(inbound or typed(), reply)
        (taken,) = fake.taken
        return dict(taken)


def test_a_screen_goes_back_the_way_the_step_came() -> None:
    assert shown(Reply(MENU, ends=False), smsc="ANOTHER") == {
        "username": "siang",
        "password": "a-kannel-password",
        "from": "1616",
        "to": NUMBER,
        "text": MENU,
        "charset": "UTF-8",
        "coding": "2",
        "binfo": "USSD",
        "smsc": "OPERATOR",
        "meta-data": "?smpp?ussd_service_op=2&its_session_info=%1A%2C",
    }


def test_the_last_screen_has_its_own_step() -> None:
    fields = shown(Reply("Thank you", ends=True))
    assert (fields["coding"], fields["text"]) == ("0", "Thank you")
    assert fields["meta-data"] == "?smpp?ussd_service_op=17&its_session_info=%1A%2C"


def test_a_screen_without_context_goes_out_as_best_it_can() -> None:
    bare = Inbound("kannel", "ussd", NUMBER, "1", "2", NOW)
    fields = shown(Reply(MENU, ends=False), bare, smsc="OPERATOR")
    assert (fields["from"], fields["smsc"]) == ("1616", "OPERATOR")
    assert fields["meta-data"] == "?smpp?ussd_service_op=2"


SIXDEE: Final[dict[str, Any]] = {
    "ussd_session_mask": "fffe",
    "ussd_end_mask": "0001",
    "ussd_final_op": "23",
    "ussd_service_type": "",
}


@pytest.mark.parametrize(
    ("options", "ends", "meta"),
    [
        (SIXDEE, False, "?smpp?ussd_service_op=2&its_session_info=%1A%2C"),
        (SIXDEE, True, "?smpp?ussd_service_op=23&its_session_info=%1A%2D"),
        (
            {"ussd_op_tlv": "vendor_op", "ussd_session_tlv": "vendor_session", "ussd_reply_op": 3},
            False,
            "?smpp?vendor_op=3&vendor_session=%1A%2C",
        ),
        ({"ussd_session_tlv": ""}, False, "?smpp?ussd_service_op=2"),
        (
            {"ussd_gsm7_coding": 15},
            True,
            "?smpp?ussd_service_op=17&its_session_info=%1A%2C&data_coding=15",
        ),
    ],
)
def test_an_operators_dialect(options: dict[str, Any], ends: bool, meta: str) -> None:
    inbound = typed(**options)
    fields = shown(Reply("Thank you", ends=ends), inbound, **options)
    assert fields["meta-data"] == meta
    assert fields.get("binfo", "") == options.get("ussd_service_type", "USSD")


INTEGER: Final[dict[str, Any]] = {
    "ussd_session_tlv": "user_message_reference",
    "ussd_session_type": "integer",
    "ussd_session_mask": "ffff",
}


def test_an_integer_session_goes_back_as_one() -> None:
    inbound = typed(b"4660", **INTEGER)
    fields = shown(Reply(MENU, ends=False), inbound, **INTEGER)
    assert fields["meta-data"] == "?smpp?ussd_service_op=2&user_message_reference=4660"


def test_lao_is_always_ucs2_whatever_the_default_alphabet_is_called() -> None:
    """Kannel turns UCS-2 under any other data_coding than 8 into question marks."""
    assert "data_coding" not in shown(Reply(MENU, ends=False), ussd_gsm7_coding=15)["meta-data"]


def test_what_no_phone_can_show_is_taken_out() -> None:
    assert shown(Reply("a\0\ud83db", ends=True))["text"] == "ab"


@pytest.mark.parametrize(
    ("text", "most", "encoding"),
    [("ກ" * 71, 70, "UCS-2"), ("a" * 161, 160, "GSM-7"), ("€" * 81, 160, "GSM-7")],
)
def test_a_screen_that_kannel_would_cut_is_refused(text: str, most: int, encoding: str) -> None:
    with running(FakeKannel()) as fake:
        channel = door.channel("kannel", sendsms_url=fake.sendsms_url)
        with pytest.raises(Refused, match=rf"{encoding} does not fit the {most}") as raised:
            channel.push(typed(), Reply(text, ends=False))
        assert fake.calls == []
    assert text not in str(raised.value)


def test_a_full_screen_is_sent() -> None:
    assert shown(Reply("ກ" * 70, ends=False))["text"] == "ກ" * 70
    assert shown(Reply("a" * 160, ends=False))["text"] == "a" * 160


def test_an_operator_with_larger_screens_says_so() -> None:
    larger = replace(door.config("kannel"), ussd_limits=Limits(gsm7=182, ucs2=80))
    with running(FakeKannel()) as fake:
        options = {**larger.options, "sendsms_url": fake.sendsms_url}
        channel = kannel.Kannel(replace(larger, options=options))
        channel.push(typed(), Reply("ກ" * 80, ends=False))
        assert len(fake.taken) == 1


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("error", FateUnknown, "500"),
        ("busy", TryLater, "429"),
        ("hang", FateUnknown, "ReadTimeout"),
        ("drop", FateUnknown, "did not answer"),
        ("drop_after", FateUnknown, "did not answer"),
    ],
)
def test_errors_are_those_of_an_sms_but_come_sooner(
    fault: Fault, error: type[SendError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kannel.SCREEN_SECONDS[:2] == (1.0, 3.0)
    monkeypatch.setattr(kannel, "SCREEN_SECONDS", (0.3,) * 4)
    with (
        running(FakeKannel(faults=deque([fault]))) as fake,
        pytest.raises(error, match=words) as raised,
    ):
        door.channel("kannel", sendsms_url=fake.sendsms_url).push(typed(), Reply(MENU, ends=False))
    assert_tells_nothing(raised.value)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((403, "Authorization failed for sendsms"), TryLater, "username and password"),
        ((403, "Not routable. Do not try again."), Refused, "Not routable"),
        ((400, f"Denied receivers are: {NUMBER} {MENU}"), Refused, "no known reason"),
        ((503, "Temporal failure, try again later."), TryLater, "503"),
    ],
)
def test_kannels_own_refusals_tell_nothing_of_the_person(
    answer: tuple[int, str], error: type[SendError], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        running(FakeKannel(answers=deque([answer]))) as fake,
        pytest.raises(error, match=words) as raised,
    ):
        door.channel("kannel", sendsms_url=fake.sendsms_url).push(typed(), Reply(MENU, ends=False))
    assert_tells_nothing(raised.value)
    assert "55512345" not in caplog.text


def test_without_a_password_no_screen_leaves() -> None:
    channel = door.channel("kannel", password="")
    with pytest.raises(TryLater, match="SIANG_CHANNEL_KANNEL_PASSWORD"):
        channel.push(typed(), Reply(MENU, ends=False))


def assert_tells_nothing(error: BaseException) -> None:
    """No number, text or secret in the error, and no other error behind it that has them."""
    told = f"{error} {error!r} {error.args}"
    for secret in ("55512345", MENU, "a-kannel-password"):
        assert secret not in told
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
