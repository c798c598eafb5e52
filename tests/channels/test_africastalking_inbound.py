"""What is Africa's Talking's own in what comes in: session ends, odd dates, delivery reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from app.channels.africastalking import AfricasTalking
from app.channels.base import Hook, HookRequest
from app.errors import Malformed
from app.words import Arrived, Ended, Inbound, Receipt, Reply
from tests.channels.door import NOW, config, decoded
from tests.channels.fakes.africastalking import FakeAfricasTalking, Taken

SESSION = "ATUid_5d3b4c2bc589f4811820a7184eed4df5"
NUMBER = "+8562055512345"
FAKE = FakeAfricasTalking()
MESSAGE = Taken("ATXid_1", NUMBER, "ຂອບໃຈ", "1616")


def arrived(hook: Hook, body: bytes, **changes: str) -> tuple[Arrived, ...]:
    fields = {**decoded(body), **changes}
    request = HookRequest(method="POST", hook=hook, query={}, form=fields, body=body)
    return AfricasTalking(config("africastalking")).parse(request, NOW)


def ended(hook: Hook = "event", **changes: str) -> Ended:
    (found,) = arrived(hook, FAKE.hang_up(SESSION, NUMBER), **changes)
    assert isinstance(found, Ended)
    return found


@pytest.mark.parametrize("status", ["Success", "Incomplete", "Failed", "Vanished"])
def test_however_a_session_ends_it_is_over(status: str) -> None:
    found = ended(status=status)
    assert (found.session, found.sender, found.reason, found.at) == (SESSION, NUMBER, status, NOW)


def test_a_session_end_on_the_ussd_hook_is_one_and_no_empty_input() -> None:
    assert ended("ussd") == ended("event")


def test_an_input_with_a_status_of_its_own_is_still_an_input() -> None:
    (found,) = arrived("ussd", FAKE.hang_up(SESSION, NUMBER), text="1*2")
    assert isinstance(found, Inbound)
    assert found.text == "1*2"


def test_an_input_on_the_event_hook_is_refused_so_that_the_log_tells_of_swapped_urls() -> None:
    fields = {"sessionId": SESSION, "phoneNumber": NUMBER, "text": ""}
    request = HookRequest(method="POST", hook="event", query={}, form=fields)
    with pytest.raises(Malformed, match="status"):
        AfricasTalking(config("africastalking")).parse(request, NOW)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "Failed"),
        ("Application did not answer in time", "Failed: Application did not answer in time"),
        ("HTTP  500\nfrom application", "Failed: HTTP 500 from application"),
        ("no answer from https://siang.la/x?token=abc in time", "Failed: no answer from # in time"),
        (f"{NUMBER} hung up", "Failed: # hung up"),
        ("+856 20 55 512-345 hung up", "Failed: # hung up"),
        ("໐໒໐໕໕໕໑໒໓໔໕ hung up", "Failed: # hung up"),
        ("bad response: ນ້ຳປະປາ", "Failed: bad response: #"),
        ("a\0b \ud83d", "Failed: ab"),
        ("x" * 500, "Failed: " + "x" * 80),
    ],
)
def test_the_reason_is_the_gateways_and_nobodys_words_or_number(written: str, reason: str) -> None:
    assert ended(status="Failed", errorMessage=written).reason == reason


@pytest.mark.parametrize(
    ("written", "offset"),
    [
        ("2026-11-22T08:00:00Z", timedelta(hours=-1)),
        ("2026-11-22 08:00:00", timedelta(hours=-1)),
        ("2026-11-22T08:00:00.250Z", timedelta(hours=-1, milliseconds=250)),
        ("2017-05-03T06:04:45Z", timedelta()),
        ("yesterday", timedelta()),
        ("", timedelta()),
    ],
)
def test_both_ways_of_writing_a_date_are_read(written: str, offset: timedelta) -> None:
    (found,) = arrived("sms", FAKE.receive(NUMBER, "5", NOW), date=written)
    assert isinstance(found, Inbound)
    assert found.received_at == NOW + offset


def test_an_sms_needs_no_link_no_network_and_no_cost() -> None:
    fields = {"id": "7", "from": NUMBER, "to": "1616", "text": "", "date": ""}
    request = HookRequest(method="POST", hook="sms", query={}, form=fields)
    (found,) = AfricasTalking(config("africastalking")).parse(request, NOW)
    assert isinstance(found, Inbound)
    assert (found.provider_id, found.sender, found.text, found.to) == ("7", NUMBER, "", "1616")


def receipts(status: str, reason: str = "", **changes: str) -> tuple[Arrived, ...]:
    return arrived("receipt", FAKE.report(MESSAGE, status, reason), **changes)


def receipt(status: str, reason: str = "", **changes: str) -> Receipt:
    (found,) = receipts(status, reason, **changes)
    assert isinstance(found, Receipt)
    return found


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Sent", "sent"),
        ("Submitted", "sent"),
        ("Buffered", "buffered"),
        ("Success", "delivered"),
        ("Failed", "undelivered"),
        ("AbsentSubscriber", "undelivered"),
        ("Rejected", "failed"),
        ("Expired", "expired"),
    ],
)
def test_each_report_has_its_state(status: str, state: str) -> None:
    found = receipt(status)
    assert (found.provider_ref, found.message_id, found.state) == (MESSAGE.id, "", state)
    assert (found.phone, found.at, found.detail, found.opted_out) == (NUMBER, NOW, "", False)


@pytest.mark.parametrize("status", ["Borked", "success", "None", "7"])
def test_a_report_of_an_unknown_kind_changes_nothing(status: str) -> None:
    assert receipts(status) == ()


@pytest.mark.parametrize(
    ("reason", "detail", "opted_out"),
    [
        ("UserInBlackList", "UserInBlackList", True),
        ("UserInBlacklist", "UserInBlacklist", True),
        ("DoNotDisturbRejection", "DoNotDisturbRejection", False),
        ("UserAccountSuspended", "UserAccountSuspended", False),
        ("NotNetworkSubcriber", "NotNetworkSubcriber", False),
        (f"Unreachable {NUMBER}", "Unreachable #", False),
    ],
)
def test_a_reason_is_kept_and_the_blacklist_is_the_phones_wish(
    reason: str, detail: str, opted_out: bool
) -> None:
    found = receipt("Failed", reason)
    assert (found.detail, found.opted_out) == (detail, opted_out)


def test_a_report_without_a_number_still_reports() -> None:
    assert receipt("Success", phoneNumber="").phone == ""


def test_callbacks_come_by_post_and_not_in_the_address() -> None:
    fields: Mapping[str, str] = decoded(FAKE.report(MESSAGE))
    request = HookRequest(method="GET", hook="receipt", query=fields, form={})
    with pytest.raises(Malformed, match="id"):
        AfricasTalking(config("africastalking")).parse(request, NOW)


def test_what_asks_for_no_screen_is_answered_ok() -> None:
    channel = AfricasTalking(config("africastalking"))
    assert channel.answer("ussd").body == "OK"
    assert channel.answer("ussd", None, Reply("ດີ", ends=False)).body == "CON ດີ"
    assert channel.answer("ussd", None, Reply("ດີ", ends=True)).body == "END ດີ"


def test_ussd_alone_needs_no_keys() -> None:
    bare = replace(config("africastalking"), options={})
    assert AfricasTalking(bare).hooks >= {"ussd", "event"}
