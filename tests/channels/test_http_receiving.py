"""What an http channel makes of requests in every form that its tables can describe."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.channels.base import Hook, HookRequest
from app.errors import Malformed
from app.words import Arrived, Ended, Inbound, Part, Receipt, Reply
from tests.channels.door import JSON, NOW
from tests.channels.fakes.http import arriving, http, in_json

LAO = "ສະບາຍດີ 😀"
SENDER = "8562055512345"
ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
PLAIN = {"from": "from", "text": "text"}
XML = "text/xml"


def arrived(request: HookRequest, **section: Any) -> tuple[Arrived, ...]:
    """What a channel with this one table of `receive` makes of the request."""
    given = {"receive": {request.hook: section}}
    if request.hook == "ussd" and "screen" not in section:
        section["screen"] = {"body": "{{text}}"}
    return http(given).parse(request, NOW)


def message(request: HookRequest, **section: Any) -> Inbound:
    (found,) = arrived(request, **{**PLAIN, **section})
    assert isinstance(found, Inbound)
    return found


def receipt(fields: str, **section: Any) -> Receipt | None:
    usual = {"message_id": "id", "status": "s", "states": {"DELIVRD": "delivered"}}
    found = arrived(arriving("receipt", fields), **{**usual, **section})
    assert all(isinstance(one, Receipt) for one in found)
    return found[0] if found and isinstance(found[0], Receipt) else None


# --- forms, JSON and XML ------------------------------------------------------------------------


def test_a_form_and_the_query_are_one_and_the_query_wins() -> None:
    request = arriving("sms", f"from={SENDER}&text=a&to=1616", "text=b")
    found = message(request, to="to")
    assert (found.sender, found.text, found.to) == (SENDER, "b", "1616")


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("text", {"text": LAO}),
        ("$.text", {"text": LAO}),
        ("data[0].text", {"data": [{"text": LAO}]}),
        ("data[-1]['the text']", {"data": [1, {"the text": LAO}]}),
        (
            "parts[?@.type == 'text'].body",
            {"parts": [{"type": "x"}, {"type": "text", "body": LAO}]},
        ),
    ],
)
def test_a_json_path_finds_the_text(place: str, content: dict[str, Any]) -> None:
    request = in_json("sms", {"from": int(SENDER), **content})
    found = message(request, format="json", text=place)
    assert (found.text, found.sender) == (LAO, SENDER)


@pytest.mark.parametrize(
    ("place", "body"),
    [
        ("text", f"<sms><from>{SENDER}</from><text>{LAO}</text></sms>"),
        ("text", f"<sms><from>{SENDER}</from><text><![CDATA[{LAO}]]></text></sms>"),
        ("body/text", f"<sms><from>{SENDER}</from><body><text>{LAO}</text></body></sms>"),
        ("@text", f'<sms text="{LAO}"><from>{SENDER}</from></sms>'),
        ("body/@text", f'<sms><from>{SENDER}</from><body text="{LAO}"/></sms>'),
        ("p[@name='text']", f"<sms><from>{SENDER}</from><p name='text'>{LAO}</p></sms>"),
        ("{*}text", f"<sms xmlns:n='urn:n'><from>{SENDER}</from><n:text>{LAO}</n:text></sms>"),
    ],
)
def test_an_element_path_finds_the_text(place: str, body: str) -> None:
    request = arriving("sms", body, content_type=XML)
    assert message(request, format="xml", text=place).text == LAO


def test_xml_may_be_written_in_another_charset() -> None:
    head = '<?xml version="1.0" encoding="UTF-16"?>'
    body = f"{head}<sms><from>{SENDER}</from><text>{LAO}</text></sms>".encode("utf-16")
    assert message(arriving("sms", body, content_type=XML), format="xml").text == LAO


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE sms [<!ENTITY a "aaaa">]><sms><from>1</from><text>&a;</text></sms>',
        '<!DOCTYPE sms SYSTEM "http://127.0.0.1:9/x.dtd"><sms><from>1</from><text/></sms>',
        '<!DOCTYPE sms [<!ENTITY f SYSTEM "file:///etc/passwd">]><sms><text>&f;</text></sms>',
        "<!DOCTYPE sms><sms><from>1</from><text/></sms>",
        '<?xml version="1.0" encoding="no-such"?><sms/>',
        "<sms>" * 5,
        "",
    ],
)
def test_document_types_entities_and_spoilt_xml_are_refused(body: str) -> None:
    request = arriving("sms", body, content_type=XML, method="POST")
    with pytest.raises(Malformed, match="the body is no XML"):
        message(request, format="xml")


def test_a_value_may_stand_in_the_query_of_a_json_request() -> None:
    request = arriving("receipt", '{"s": "delivrd"}', f"id={ID}", JSON)
    (found,) = arrived(
        request,
        format="json",
        message_id="query:id",
        status="s",
        states={"DELIVRD": "delivered"},
    )
    assert isinstance(found, Receipt)
    assert (found.message_id, found.state) == (ID, "delivered")


def test_a_method_that_is_not_the_gateways_is_refused() -> None:
    with pytest.raises(Malformed, match="the sms hook takes POST"):
        message(arriving("sms", query=f"from={SENDER}&text=a"), methods=["POST"])


def test_a_hook_that_is_not_described_is_not_there() -> None:
    channel = http({"receive": {"sms": PLAIN}})
    assert channel.hooks == {"sms"}
    with pytest.raises(Malformed, match="no receipt hook"):
        channel.parse(arriving("receipt", "id=1"), NOW)


# --- several in one request ---------------------------------------------------------------------


def test_a_request_may_bring_several_messages() -> None:
    items = [{"id": str(number), "from": SENDER, "text": "ກ" * number} for number in (1, 2, 3)]
    sections = {"format": "json", "items": "messages[*]", "id": "id", **PLAIN}
    found = arrived(in_json("sms", {"messages": items}), **sections)
    assert [one.text for one in found if isinstance(one, Inbound)] == ["ກ", "ກກ", "ກກກ"]


def test_a_body_may_be_a_list() -> None:
    found = arrived(
        in_json("receipt", [{"ref": "1", "s": "DELIVRD"}, {"ref": "2", "s": "ENROUTE"}]),
        format="json",
        items="[*]",
        provider_ref="ref",
        status="s",
        states={"DELIVRD": "delivered"},
    )
    assert [one.provider_ref for one in found if isinstance(one, Receipt)] == ["1"]


def test_xml_may_list_several() -> None:
    body = "".join(f"<m><from>{SENDER}</from><text>{n}</text></m>" for n in (1, 2))
    request = arriving("sms", f"<all><list>{body}</list></all>", content_type=XML)
    found = arrived(request, format="xml", items="list/m", **PLAIN)
    assert [one.text for one in found if isinstance(one, Inbound)] == ["1", "2"]


def test_a_spoilt_one_does_not_take_the_others_along() -> None:
    items = [{"from": SENDER, "text": "1"}, {"from": " "}, {"from": SENDER, "text": "3"}]
    request = in_json("sms", items)
    with capture_logs() as logs:
        found = arrived(request, format="json", items="[*]", **PLAIN)
    assert [one.text for one in found if isinstance(one, Inbound)] == ["1", "3"]
    assert [(one["event"], one["reason"]) for one in logs] == [
        ("item_malformed", "the field from is missing")
    ]


@pytest.mark.parametrize("content", [[{"text": "1"}], [], {"other": []}, "x"])
def test_a_list_with_nothing_good_in_it_is_refused(content: object) -> None:
    with pytest.raises(Malformed, match=r"the field from is missing|there is nothing at \[\*\]"):
        arrived(in_json("sms", content), format="json", items="[*]", **PLAIN)


# --- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "how"),
    [
        (LAO.encode("utf-16-be").hex(), {"encoding": "hex"}),
        (LAO.encode("utf-16-be").hex(" ").upper(), {"encoding": "hex"}),
        ("feff" + LAO.encode("utf-16-be").hex(), {"encoding": "hex"}),
        (LAO.encode("utf-16-le").hex(), {"encoding": "hex", "charset": "utf-16-le"}),
        (base64.b64encode(LAO.encode()).decode(), {"encoding": "base64", "charset": "utf-8"}),
    ],
)
def test_a_text_may_be_written_as_octets(written: str, how: Mapping[str, str]) -> None:
    request = in_json("sms", {"from": SENDER, "text": written})
    assert message(request, format="json", text={"path": "text", **how}).text == LAO


def test_the_messages_coding_says_where_its_text_stands() -> None:
    other = {
        "when": {"path": "dcs", "in": [8]},
        "path": "hex",
        "encoding": "hex",
    }
    both = {"from": SENDER, "text": "?", "hex": LAO.encode("utf-16-be").hex()}
    for coding, text in ((8, LAO), (0, "?")):
        request = in_json("sms", {**both, "dcs": coding})
        assert message(request, format="json", other_texts=[other]).text == text


@pytest.mark.parametrize(("encoding", "written"), [("hex", "0e8"), ("base64", "ກ"), ("hex", "zz")])
def test_octets_that_are_none_are_refused_without_being_repeated(
    encoding: str, written: str
) -> None:
    request = arriving("sms", query=f"from={SENDER}&text={written}")
    with pytest.raises(Malformed, match=f"the field text is no {encoding}") as refusal:
        message(request, text={"path": "text", "encoding": encoding})
    assert written not in str(refusal.value)


def test_an_empty_text_is_taken_and_a_missing_one_refused() -> None:
    assert message(arriving("sms", query=f"from={SENDER}&text=")).text == ""
    with pytest.raises(Malformed, match="the field text is missing"):
        message(arriving("sms", query=f"from={SENDER}"))


def test_without_an_id_of_the_gateways_a_message_has_none() -> None:
    assert message(arriving("sms", query=f"from={SENDER}&text=a&id=7")).provider_id == ""


# --- moments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "how"),
    [
        ("2026-11-22T08:58:30Z", {}),
        ("2026-11-22 15:58:30", {"date_zone": "Asia/Vientiane"}),
        ("2026-11-22T15:58:30", {"date_zone": "+07:00"}),
        ("1795337910", {"date_zone": "Asia/Vientiane"}),
        ("1795337910000", {}),
        ("22/11/26 15:58:30", {"date_formats": ["%d/%m/%y %H:%M:%S"], "date_zone": "+07:00"}),
        ("20261122085830", {"date_formats": ["%Y", "%Y%m%d%H%M%S"]}),
        ("22.11.2026 03:58:30 -0500", {"date_formats": ["%d.%m.%Y %H:%M:%S %z"]}),
    ],
)
def test_a_moment_is_read_however_it_is_written(written: str, how: Mapping[str, Any]) -> None:
    request = in_json("sms", {"from": SENDER, "text": "a", "at": written})
    found = message(request, format="json", date="at", **how)
    assert found.received_at == datetime(2026, 11, 22, 8, 58, 30, tzinfo=UTC)


@pytest.mark.parametrize("written", ["yesterday", "0001-01-01 00:00:00", "", "²", "2026-11-29"])
def test_a_moment_that_cannot_be_is_now(written: str) -> None:
    request = in_json("sms", {"from": SENDER, "text": "a", "at": written})
    found = message(request, format="json", date="at", date_zone="Asia/Vientiane")
    assert found.received_at == NOW


# --- parts --------------------------------------------------------------------------------------

THREE = {"reference": "ref", "number": "no", "total": "of"}


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ("ref=a7&no=2&of=3", Part("a7", 2, 3)),
        ("ref=a7&no=1&of=1", None),
        ("ref=a7&no=4&of=3", None),
        ("ref=a7&no=0&of=3", None),
        ("ref=a7&no=-1&of=3", None),
        ("ref=a7&no=x&of=3", None),
        ("ref=&no=1&of=3", None),
        ("no=1&of=3", None),
        ("", None),
    ],
)
def test_a_part_says_of_which_message_it_is_one(fields: str, part: Part | None) -> None:
    request = arriving("sms", query=f"from={SENDER}&text=a&{fields}")
    assert message(request, part=THREE).part == part


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("0500032A0302", Part("42", 2, 3)),
        ("06080401FF0302", Part("511", 2, 3)),
        ("0B0504158A00000003070201", Part("7", 1, 2)),
        ("05 00 03 2A 03 02", Part("42", 2, 3)),
        ("0500032A0304", None),
        ("0500032A0101", None),
        ("0500032A03", None),
        ("06050415811581", None),
        ("05", None),
        ("xx", None),
        ("", None),
    ],
)
def test_a_part_is_read_from_the_user_data_header(header: str, part: Part | None) -> None:
    """3GPP TS 23.040 §9.2.3.24: a reference of one octet (00) or two (08), among others."""
    request = in_json("sms", {"from": SENDER, "text": "a", "udh": header})
    assert message(request, format="json", part={"udh": "udh"}).part == part


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


def typed(fields: str, **section: Any) -> Inbound | Ended:
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
    def key(fields: str, **section: Any) -> str:
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
