"""What an http channel makes of requests in every form that its tables can describe."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.channels.base import HookRequest
from app.errors import Malformed
from app.words import Inbound, Part, Receipt
from tests.channels.door import JSON, NOW
from tests.channels.http_rig import ID, PLAIN, SENDER, arrived, arriving, http, in_json

LAO = "ສະບາຍດີ 😀"
XML = "text/xml"


def message(request: HookRequest, **section: object) -> Inbound:
    (found,) = arrived(request, **{**PLAIN, **section})
    assert isinstance(found, Inbound)
    return found


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
