"""Receipts, USSD sessions and answers of an http channel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.channels.base import Hook, HookRequest
from app.errors import Malformed
from app.words import Ended, Inbound, Receipt, Reply
from tests.channels.door import NOW
from tests.channels.http_rig import ID, PLAIN, SENDER, arrived, arriving, http


def receipt(fields: str, **section: object) -> Receipt | None:
    usual = {"message_id": "id", "status": "s", "states": {"DELIVRD": "delivered"}}
    found = arrived(arriving("receipt", fields), **{**usual, **section})
    assert all(isinstance(one, Receipt) for one in found)
    return found[0] if found and isinstance(found[0], Receipt) else None


# --- receipts -----------------------------------------------------------------------------------


def test_a_receipt_may_know_the_message_by_the_providers_id() -> None:
    found = receipt("ref=agg-7&s=DELIVRD", message_id="", provider_ref="ref")
    assert found is not None
    assert (found.message_id, found.provider_ref, found.at) == ("", "agg-7", NOW)


@pytest.mark.parametrize("fields", ["id=4711&s=DELIVRD", f"id={ID}&s=ENROUTE"])
def test_a_receipt_of_nothing_of_ours_or_of_no_end_changes_nothing(fields: str) -> None:
    assert receipt(fields) is None


@pytest.mark.parametrize("fields", ["s=DELIVRD", "id=&s=DELIVRD"])
def test_a_receipt_without_any_id_is_refused(fields: str) -> None:
    with pytest.raises(Malformed, match="the field id is missing"):
        receipt(fields)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("stat:UNDELIV err:027 text:ສະບາຍ", "stat:UNDELIV err:027"),
        ("no route to 8562055512345", "no route to #"),
        ("0x0000000b", "0x0000000b"),
        ("x" * 300, "x" * 120),
    ],
)
def test_a_receipts_detail_has_no_number_and_no_text(written: str, kept: str) -> None:
    found = receipt(f"id={ID}&s=delivrd&why={written}", detail="why")
    assert found is not None
    assert found.detail == kept


# --- USSD ---------------------------------------------------------------------------------------

DIALOGUE: Mapping[str, Any] = {
    "session": "s",
    "from": "from",
    "text": "text",
    "begins": [{"path": "type", "in": [1]}],
    "ended": [{"path": "type", "in": [3]}],
}


def typed(fields: str, **section: object) -> Inbound | Ended:
    request = arriving("ussd", query=f"s=8821&from={SENDER}&{fields}")
    (found,) = arrived(request, **{**DIALOGUE, **section})
    assert isinstance(found, Inbound | Ended)
    return found


@pytest.mark.parametrize(
    ("dialled", "text"),
    [
        ("*1616#", ""),
        ("*1616*2*1#", "2*1"),
        ("*1616*#", ""),
        ("", ""),
        ("2", "2"),
        ("*1616", "*1616"),
        ("#", "#"),
    ],
)
def test_the_code_that_was_dialled_is_no_input(dialled: str, text: str) -> None:
    found = typed(f"type=1&text={dialled.replace('#', '%23')}")
    assert isinstance(found, Inbound)
    assert (found.begins, found.text) == (True, text)


def test_later_in_a_session_everything_is_input() -> None:
    found = typed("type=2&text=*1616%23")
    assert isinstance(found, Inbound)
    assert (found.begins, found.text) == (False, "*1616#")


def test_only_the_first_request_of_a_session_may_leave_the_text_out() -> None:
    assert typed("type=1") == typed("type=1&text=")
    with pytest.raises(Malformed, match="the field text is missing"):
        typed("type=2")


def test_the_same_digit_twice_is_a_repeat_only_where_the_gateway_says_so() -> None:
    def key(fields: str, **section: object) -> str:
        found = typed(fields, **section)
        assert isinstance(found, Inbound)
        return found.provider_id

    assert key("type=2&text=1") == ""
    assert key("type=2&text=1&n=4", id="n") == "8821:4"
    assert key("text=1*1", accumulates=True) != key("text=1", accumulates=True)
    assert key("text=1", accumulates=True) == key("text=1", accumulates=True)


def test_a_session_that_ended_needs_no_text() -> None:
    found = typed("type=3&why=to+8562055512345", reason="why")
    assert found == Ended("http", "8821", SENDER, NOW, "to #")


# --- answers ------------------------------------------------------------------------------------


def answered(hook: Hook, section: Mapping[str, Any]) -> tuple[str, int, str]:
    answer = http({"receive": {hook: {**PLAIN, **section}}}).answer(hook)
    return answer.body, answer.status, answer.content_type


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, ("OK", 200, "text/plain; charset=utf-8")),
        ("ACK/Jasmin", ("ACK/Jasmin", 200, "text/plain; charset=utf-8")),
        (
            {"format": "json", "body": {"code": 0, "ok": True}, "status": 202},
            ('{"code": 0, "ok": true}', 202, "application/json"),
        ),
        (
            {"format": "xml", "body": "<ok/>", "content_type": "application/xml"},
            ("<ok/>", 200, "application/xml"),
        ),
    ],
)
def test_a_gateway_is_answered_as_it_wishes(answer: object, expected: tuple[str, int, str]) -> None:
    assert answered("sms", {} if answer is None else {"answer": answer}) == expected


def test_an_answer_may_repeat_the_messages_id() -> None:
    written = {"format": "json", "body": {"taken": "{{id}}"}}
    channel = http({"receive": {"sms": {**PLAIN, "id": "id", "answer": written}}})
    (found,) = channel.parse(in_query("id=a%22b"), NOW)
    assert isinstance(found, Inbound)
    assert json.loads(channel.answer("sms", found).body) == {"taken": 'a"b'}


def in_query(fields: str) -> HookRequest:
    return arriving("sms", query=f"from={SENDER}&text=a&{fields}")


def test_a_screen_is_written_in_the_gateways_format() -> None:
    inbound = typed("type=2&text=1")
    assert isinstance(inbound, Inbound)
    reply = Reply('ກ "1" & <2>\n', ends=False)
    bodies = {
        "custom": ("{{action}} {{text}}", f"C {reply.text}"),
        "xml": ("<t>{{text}}</t>", "<t>ກ &quot;1&quot; &amp; &lt;2&gt;\n</t>"),
        "json": ({"t": "{{text}}", "a": "{{action}}"}, '{"t": "ກ \\"1\\" & <2>\\n", "a": "C"}'),
        "urlencoded": ({"t": "{{text}}"}, "t=%E0%BA%81+%221%22+%26+%3C2%3E%0A"),
    }
    for how, (body, written) in bodies.items():
        screen = {"format": how, "body": body, "goes_on": "C", "ends": "E"}
        channel = http({"receive": {"ussd": {**DIALOGUE, "screen": screen}}})
        assert channel.answer("ussd", inbound, reply).body == written


def test_what_the_gateway_wants_back_is_in_the_screen() -> None:
    screen = {"body": "{{context.link}}/{{session}} {{text}}"}
    channel = http({"receive": {"ussd": {**DIALOGUE, "context": {"link": "l"}, "screen": screen}}})
    (found,) = channel.parse(arriving("ussd", query=f"s=8821&from={SENDER}&text=1&l=a-7"), NOW)
    assert isinstance(found, Inbound)
    reply = Reply("ກ\0", ends=True)
    assert channel.answer("ussd", found, reply).body == "a-7/8821 ກ"
    assert channel.answer("ussd", None, reply).body == "/ ກ"


def test_a_session_that_ended_is_answered_without_a_screen() -> None:
    channel = http({"receive": {"ussd": {**DIALOGUE, "screen": {"body": "{{text}}"}}}})
    assert channel.answer("ussd").body == "OK"


def test_two_requests_of_a_session_are_hours_apart_and_still_one_key() -> None:
    request = arriving("ussd", query=f"s=8821&from={SENDER}&text=1&n=2")
    channel = http({"receive": {"ussd": {**DIALOGUE, "id": "n", "screen": {"body": "x"}}}})
    (first,) = channel.parse(request, NOW)
    (again,) = channel.parse(request, NOW + timedelta(hours=2))
    assert isinstance(first, Inbound)
    assert isinstance(again, Inbound)
    assert replace(again, received_at=first.received_at) == first
