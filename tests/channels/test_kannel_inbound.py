"""What is Kannel's own: odd codings, its clock, its delivery reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote_from_bytes, urlencode

import pytest

from app.channels.base import HookRequest
from app.words import Arrived, Inbound, Part, Receipt, ReceiptState
from tests.channels import door

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
LAO = "ສະບາຍດີ 😀"


def arrived(data: bytes, coding: str, charset: str, method: str = "GET") -> Inbound:
    raw = f"id={ID}&from=%2B8562055512345&text={quote_from_bytes(data)}&" + urlencode(
        {"coding": coding, "charset": charset}
    )
    posted = method == "POST"
    request = HookRequest(
        method=method,
        hook="sms",
        query={} if posted else door.decoded(raw),
        form=door.decoded(raw) if posted else {},
        body=raw.encode() if posted else b"",
        raw_query=b"" if posted else raw.encode(),
    )
    return text_message(request)


def text_message(request: HookRequest) -> Inbound:
    (found,) = door.channel("kannel").parse(request, NOW)
    assert isinstance(found, Inbound)
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("data", "coding", "charset", "text"),
    [
        (LAO.encode(), "0", "UTF-8", LAO),
        (LAO.encode(), "0", "", LAO),
        (LAO.encode(), "2", "utf8", LAO),
        (LAO.encode("utf-16-be"), "2", "UTF-16BE", LAO),
        # Half an emoji, as a phone sends when it cuts a text: the rest is still readable.
        ("ສະ".encode("utf-16-be") + b"\xd8\x3d", "2", "UTF-16BE", "ສະ\ufffd"),
        ("ສະ".encode("utf-16-be") + b"\x0e", "2", "UTF-16BE", "ສະ\ufffd"),
        ("café".encode("latin-1"), "0", "ISO-8859-1", "café"),
        (LAO.encode(), "0", "KLINGON", LAO),
        (LAO.encode(), "0", "hex", LAO),
        (LAO.encode(), "0", "UTF-8\0", LAO),
        (b"menu 1", "1", "8-BIT", "menu 1"),
        (b"\x06\x05\x04\xff", "1", "8-BIT", ""),
        (b"\x01\x02", "1", "8-BIT", ""),
        (b"", "0", "UTF-8", ""),
    ],
)
def test_every_coding_becomes_an_inbound(
    data: bytes, coding: str, charset: str, text: str, method: str
) -> None:
    """Never an error: Kannel would post the same message for a day."""
    assert arrived(data, coding, charset, method).text == text


def test_without_raw_bytes_the_decoded_field_is_the_best_there_is() -> None:
    fields = {"id": ID, "from": "+8562055512345", "text": "menu", "coding": "1"}
    request = HookRequest(method="GET", hook="sms", query=fields, form={})
    assert text_message(request).text == "menu"


def test_the_query_comes_before_the_form() -> None:
    request = HookRequest(
        method="POST",
        hook="sms",
        query={"id": ID, "text": "query"},
        form={"from": "1616", "text": "form"},
    )
    found = text_message(request)
    assert (found.text, found.sender) == ("query", "1616")


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("%05%00%03%2A%03%02", Part("42", 2, 3)),
        ("%06%08%04%01%2A%03%03", Part("298", 3, 3)),
        # Behind port numbers, as an application's text has them.
        ("%0B%05%04%15%81%00%00%00%03%FF%02%01", Part("255", 1, 2)),
        ("", None),
        ("%05%00%03%2A%03%04", None),
        ("%05%00%03%2A%01%01", None),
        ("%05%00%03%2A", None),
        ("+&%00", None),
    ],
)
def test_what_kannel_did_not_join_says_which_part_it_is(header: str, part: Part | None) -> None:
    raw = f"id={ID}&from=%2B8562055512345&text=5&coding=0&charset=UTF-8&udh={header}"
    fields = door.decoded(raw)
    request = HookRequest("GET", "sms", query=fields, form={}, raw_query=raw.encode())
    assert text_message(request).part == part


@pytest.mark.parametrize(
    ("written", "offset"),
    [
        (str(int(NOW.timestamp()) - 7200), timedelta(hours=-2)),
        (str(int(NOW.timestamp()) + 60), timedelta(minutes=1)),
        (str(int(NOW.timestamp()) - 4 * 86400), timedelta()),
        ("0", timedelta()),
        ("", timedelta()),
        ("-5", timedelta()),
        ("yesterday", timedelta()),
        ("²", timedelta()),
        ("9" * 11, timedelta()),
        ("9" * 400, timedelta()),
    ],
)
def test_the_networks_clock_is_believed_within_three_days(written: str, offset: timedelta) -> None:
    fields = {"id": ID, "from": "+8562055512345", "text": "5", "ts": written}
    request = HookRequest(method="GET", hook="sms", query=fields, form={})
    assert text_message(request).received_at == NOW + offset


def receipts(**fields: str) -> tuple[Arrived, ...]:
    request = HookRequest(method="GET", hook="receipt", query={"id": ID} | fields, form={})
    return door.channel("kannel").parse(request, NOW)


@pytest.mark.parametrize(
    ("status", "state"),
    [("1", "delivered"), ("2", "undelivered"), ("4", "buffered"), ("8", "sent"), ("16", "failed")],
)
def test_each_report_has_its_state(status: str, state: ReceiptState) -> None:
    expected = Receipt("kannel", state, NOW, message_id=ID, detail="ACK/")
    assert receipts(status=status, detail="ACK/") == (expected,)


@pytest.mark.parametrize("status", ["0", "32", "3", "%d", "x", "-1"])
def test_a_report_of_another_kind_changes_nothing(status: str) -> None:
    assert receipts(status=status) == ()


@pytest.mark.parametrize("message_id", ["7", "x" * 36, "%I"])
def test_a_report_of_no_message_of_ours_changes_nothing(message_id: str) -> None:
    assert receipts(status="1", id=message_id) == ()


@pytest.mark.parametrize(
    ("written", "detail"),
    [
        ("id:1 sub:001 dlvrd:000 submit date:2611220505 stat:EXPIRED err:027 text:", "EXPIRED 027"),
        ("id:1 stat:UNDELIV", "UNDELIV"),
        (
            "NACK/0x0000000b/Invalid Destination Address",
            "NACK/0x0000000b/Invalid Destination Address",
        ),
        ("lost 8562055512345 text:ຂອບໃຈ", "lost #"),
        ("to:+8562055512345", "to:#"),
        ("lost Text:secret", "lost"),
        ("lost text:stat:secret", "lost"),
        ("x" * 5000, "x" * 120),
        ("a\0b", "ab"),
        ("", ""),
    ],
)
def test_details_hold_neither_the_text_nor_a_number(written: str, detail: str) -> None:
    (found,) = receipts(status="2", detail=written)
    assert isinstance(found, Receipt)
    assert found.detail == detail
