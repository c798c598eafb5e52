"""USSD through Kannel: what each step of a dialogue means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from structlog.testing import capture_logs

from app.channels import open_channels
from app.channels.base import Hook, HookAnswer, HookRequest
from app.errors import ConfigError, Malformed
from app.words import Arrived, Ended, Inbound, Reply
from tests.channels import door
from tests.channels.centre import PSSR_REQUEST, RELEASE, USSR_CONFIRM
from tests.channels.fakes.kannel import dialled, sms

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
NUMBER = "+8562055512345"
SESSION = b"\x1a\x2c"


def arrives(query: str, hook: Hook = "ussd", **options: object) -> tuple[Arrived, ...]:
    fields = door.decoded(query)
    request = HookRequest(method="GET", hook=hook, query=fields, form={}, raw_query=query.encode())
    return door.channel("kannel", **options).parse(request, NOW)


def step(op: int, text: str = "", session: bytes = SESSION, **options: object) -> Arrived:
    (found,) = arrives(dialled(ID, NUMBER, op, session, text), "ussd", **options)
    return found


def turn(op: int, text: str = "", session: bytes = SESSION, **options: object) -> Inbound:
    found = step(op, text, session, **options)
    assert isinstance(found, Inbound)
    return found


@pytest.mark.parametrize("hook", ["ussd", "sms"])
def test_dialling_begins_a_session_and_an_answer_goes_on_with_it(hook: Hook) -> None:
    """On a link that carries both, USSD comes to the sms hook and is known by its `op`."""
    (first,) = arrives(dialled(ID, NUMBER, PSSR_REQUEST, SESSION, "*1616#"), hook)
    expected = Inbound(
        channel="kannel",
        medium="ussd",
        sender=NUMBER,
        text="",
        provider_id=ID,
        received_at=NOW,
        to="*1616#",
        session="1a",
        begins=True,
        context={"to": "1616", "smsc": "OPERATOR", "session": "1a2c"},
    )
    assert first == expected
    (second,) = arrives(dialled("2", NUMBER, USSR_CONFIRM, b"\x1a\x2e", "໑"), hook)
    assert second == replace(
        expected,
        text="໑",
        provider_id="2",
        to="1616",
        begins=False,
        context={**expected.context, "session": "1a2e"},
    )


def test_an_sms_to_the_same_url_stays_an_sms() -> None:
    (found,) = arrives(sms(ID, NUMBER, "0103 5", op="", session=""), "sms")
    assert isinstance(found, Inbound)
    assert (found.medium, found.text, found.session) == ("sms", "0103 5", "")


def test_hanging_up_ends_the_session() -> None:
    assert step(RELEASE) == Ended("kannel", "1a", NUMBER, NOW, reason="step 129")


@pytest.mark.parametrize("op", [0, 2, 3, 16, 17, 19, 64, 255])
def test_a_step_that_nobody_named_changes_nothing_and_is_logged(op: int) -> None:
    with capture_logs() as logs:
        assert arrives(dialled(ID, NUMBER, op, SESSION, "1")) == ()
    (told,) = logs
    assert (told["event"], told["channel"], told["step"]) == ("ussd_step_unknown", "kannel", op)
    assert "55512345" not in str(told)


@pytest.mark.parametrize(
    ("written", "code", "keys"),
    [
        ("*1616#", "*1616#", ""),
        ("*1616*0103*5#", "*1616#", "0103*5"),
        ("*1616*2*123#", "*1616#", "2*123"),
        ("*1616*2", "*1616#", "2"),
        ("*1616*#", "*1616#", ""),
        ("#1616#", "*1616#", ""),
        ("1616", "*1616#", ""),
        ("1616#0103#", "*1616#", "0103"),
        (" *1616*ດີ 1*2#\n", "*1616#", "ດີ 1*2"),
        ("", "1616", ""),
        ("hello", "1616", "hello"),
    ],
)
def test_the_keys_dialled_after_the_code_are_the_first_input(
    written: str, code: str, keys: str
) -> None:
    found = turn(PSSR_REQUEST, written)
    assert (found.to, found.text) == (code, keys)


@pytest.mark.parametrize(
    ("address", "written", "code", "keys"),
    [
        ("1616", "", "*1616#", ""),
        ("*1616#", "", "*1616#", ""),
        ("*1616*0103*5#", "", "*1616#", "0103*5"),
        ("1616", "0103*5", "*1616#", "0103*5"),
        ("1616", "*0103*5#", "*1616#", "0103*5"),
        ("*1616*0103#", "5", "*1616#", "0103*5"),
        ("LTC", "5", "LTC", "5"),
    ],
)
def test_some_networks_have_the_code_in_the_address(
    address: str, written: str, code: str, keys: str
) -> None:
    query = dialled(ID, NUMBER, PSSR_REQUEST, SESSION, written)
    address = address.replace("*", "%2A").replace("#", "%23")
    (found,) = arrives(query.replace("to=1616", f"to={address}"), ussd_code_in="address")
    assert isinstance(found, Inbound)
    assert (found.to, found.text) == (code, keys)


def test_an_answer_is_taken_as_it_was_typed() -> None:
    assert turn(USSR_CONFIRM, "*1616#").text == "*1616#"
    assert turn(USSR_CONFIRM, "").text == ""
    assert turn(USSR_CONFIRM, "0103*5").text == "0103*5"


@pytest.mark.parametrize("first", range(256))
def test_every_octet_of_a_session_survives_the_url(first: int) -> None:
    session = bytes([first, 255 - first])
    found = turn(USSR_CONFIRM, "1", session)
    assert (found.session, found.context["session"]) == (f"{first:02x}", session.hex())


@pytest.mark.parametrize(
    ("session", "mask", "number"),
    [
        (b"\x1a\x2d", "ff00", "1a"),
        (b"\x1a\x2d", "fffe", "1a2c"),
        (b"\x1a\x2d", "00FF", "2d"),
        (b"\x1a\x2d\x01\x02", "ffffffff", "1a2d0102"),
        (b"\x1a\x2d\x01\x02", "ffff", "1a2d"),
        (b"\x1a", "ffff", "1a"),
    ],
)
def test_the_operator_says_which_bits_name_the_session(
    session: bytes, mask: str, number: str
) -> None:
    assert turn(USSR_CONFIRM, "1", session, ussd_session_mask=mask).session == number


@pytest.mark.parametrize(
    ("session", "arrived"), [(b"\x1a\x2c", Inbound), (b"\x1a\x2d", Ended), (b"\x1a", Inbound)]
)
def test_a_network_may_mark_the_end_in_the_session(session: bytes, arrived: type[Arrived]) -> None:
    """SixDee: fifteen bits of session and one for its end."""
    sixdee: dict[str, Any] = {"ussd_session_mask": "fffe", "ussd_end_mask": "0001"}
    assert isinstance(step(USSR_CONFIRM, "1", session, **sixdee), arrived)


INTEGER: Final[dict[str, Any]] = {
    "ussd_session_tlv": "user_message_reference",
    "ussd_session_type": "integer",
    "ussd_session_mask": "ffff",
}


def test_a_session_may_be_an_integer() -> None:
    """Kannel writes those in decimal."""
    found = turn(USSR_CONFIRM, "1", b"4660", **INTEGER)
    assert (found.session, found.context["session"]) == ("1234", "1234")


@pytest.mark.parametrize("written", [b"70000", b"x", b"-1", b"9" * 200])
def test_what_is_no_integer_of_that_size_is_refused(written: bytes) -> None:
    with pytest.raises(Malformed, match="session"):
        step(USSR_CONFIRM, "1", written, **INTEGER)


def test_without_a_session_tlv_the_phone_is_the_session() -> None:
    (found,) = arrives(sms(ID, NUMBER, "1", op="\x12"), ussd_session_tlv="")
    assert isinstance(found, Inbound)
    assert (found.session, found.context["session"]) == ("", "")


@pytest.mark.parametrize("written", ["18", "%12"])
def test_a_step_is_an_octet_or_decimal(written: str) -> None:
    """Kannel has ussd_service_op as octets; a vendor's own tag may be declared an integer."""
    (found,) = arrives(sms(ID, NUMBER, "1") + f"&op={written}&session=%1A%2C")
    assert isinstance(found, Inbound)


@pytest.mark.parametrize("ops", [[0, 1], "0, 1", "0 1"])
def test_steps_are_the_operators_own_also_from_the_environment(ops: object) -> None:
    assert turn(0, "*1616#", ussd_begin_ops=ops).begins
    assert turn(1, "*1616#", ussd_begin_ops=ops).begins
    assert not turn(18, "1", ussd_begin_ops=ops).begins


@pytest.mark.parametrize(("age", "offset"), [(0, 0), (8, -8), (180, -180), (-60, 60), (-181, 0)])
def test_a_step_that_was_repeated_for_a_while_has_the_time_of_the_first(
    age: int, offset: int
) -> None:
    """So the desk sees that another session has begun since; the future is not believed."""
    stamp = f"&ts={int(NOW.timestamp()) - age}"
    (found,) = arrives(dialled(ID, NUMBER, PSSR_REQUEST, SESSION, "*1616#") + stamp)
    (over,) = arrives(dialled(ID, NUMBER, RELEASE, SESSION, "") + stamp)
    assert isinstance(found, Inbound)
    assert isinstance(over, Ended)
    assert found.received_at == over.at == NOW + timedelta(seconds=offset)


@pytest.mark.parametrize("age", [181, 5 * 3600, 24 * 3600])
@pytest.mark.parametrize("op", [PSSR_REQUEST, USSR_CONFIRM, RELEASE])
def test_a_step_of_a_session_that_no_phone_shows_any_more_brings_nothing(age: int, op: int) -> None:
    """Kannel repeats for a day: a menu must not open on a phone hours after it was dialled."""
    stamp = f"&ts={int(NOW.timestamp()) - age}"
    with capture_logs() as logs:
        assert arrives(dialled(ID, NUMBER, op, SESSION, "*1616#") + stamp) == ()
    (told,) = logs
    assert (told["event"], told["step"], told["seconds"]) == ("ussd_step_too_old", op, age)
    assert "55512345" not in str(told)


META: Final = "?smpp?ussd_service_op=%01&its_session_info=%1A%2C&"


@pytest.mark.parametrize("hook", ["ussd", "sms"])
@pytest.mark.parametrize(
    "fields",
    [
        {"ussd_service_op": "\x01", "its_session_info": "\x1a,"},
        {"meta-data": META},
        {"meta": META},
        {"meta": "?orig-msg?a=b&?smpp?ussd_service_op=1&its_session_info=%1a,&?other?op=9&"},
        {"op": "", "session": "", "meta-data": META},
        {"op": "\x01", "meta-data": META},
    ],
    ids=str,
)
def test_the_tlvs_may_come_under_their_own_names_or_in_the_meta_data(
    fields: dict[str, str], hook: Hook
) -> None:
    expected = arrives(dialled(ID, NUMBER, PSSR_REQUEST, SESSION, "*1616*2#"), hook)
    assert arrives(sms(ID, NUMBER, "*1616*2#", **fields), hook) == expected


def test_the_tlvs_own_names_are_those_of_the_section() -> None:
    fields = {"vendor_step": "18", "user_message_reference": "4660"}
    for given in (fields, {"meta": f"?smpp?{urlencode(fields)}&"}):
        (found,) = arrives(
            sms(ID, NUMBER, "1", **given), "sms", ussd_op_tlv="vendor_step", **INTEGER
        )
        assert isinstance(found, Inbound)
        assert (found.medium, found.session) == ("ussd", "1234")


@pytest.mark.parametrize(
    "meta", ["", "?smpp?", "?smpp?source_port=7&", "?other?ussd_service_op=1&"]
)
def test_meta_data_without_a_step_leaves_an_sms_an_sms(meta: str) -> None:
    (found,) = arrives(sms(ID, NUMBER, "1", **{"meta-data": meta}), "sms")
    assert isinstance(found, Inbound)
    assert found.medium == "sms"


@pytest.mark.parametrize("missing", ["id", "from", "op", "session"])
def test_a_missing_field_is_refused_by_name(missing: str) -> None:
    query = dialled(ID, NUMBER, USSR_CONFIRM, SESSION, "1").replace(f"{missing}=", "gone=")
    with pytest.raises(Malformed, match=rf"\b{missing}\b") as refusal:
        arrives(query)
    assert "55512345" not in str(refusal.value)


@pytest.mark.parametrize(("name", "value"), [("op", "x" * 201), ("op", "%01%01"), ("session", "")])
def test_a_field_that_cannot_be_is_refused_by_name(name: str, value: str) -> None:
    fields = {"op": "%12", "session": "%1A%2C", name: value}
    query = sms(ID, NUMBER, "1") + "".join(f"&{one}={fields[one]}" for one in fields)
    with pytest.raises(Malformed, match=rf"\b{name}\b"):
        arrives(query)


def test_the_webhook_itself_shows_the_phone_nothing() -> None:
    """The screen is pushed; Kannel is told that we have the step."""
    found = turn(PSSR_REQUEST, "*1616#")
    answer = door.channel("kannel").answer("ussd", found, Reply("1 ໃຫ້ຄະແນນ", ends=False))
    assert answer == HookAnswer("OK")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ussd_begin_ops": "one"}, "ussd_begin_ops"),
        ({"ussd_final_op": 256}, "ussd_final_op"),
        ({"ussd_op_tlv": "a&b"}, "ussd_op_tlv"),
        ({"ussd_session_tlv": "a=b"}, "ussd_session_tlv"),
        ({"ussd_session_mask": "f"}, "ussd_session_mask"),
        ({"ussd_session_mask": ""}, "ussd_session_mask"),
        ({"ussd_end_mask": "xx"}, "ussd_end_mask"),
        ({"ussd_code_in": "header"}, "ussd_code_in"),
        ({"ussd_service_type": "TOOLONG"}, "ussd_service_type"),
        ({"ussd_gsm7_coding": 72}, "ussd_gsm7_coding"),
    ],
)
def test_a_wrong_option_refuses_to_start(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=f"channels.kannel.{words}"):
        open_channels({"kannel": door.config("kannel", **options)})
