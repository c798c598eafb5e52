"""Reading Africa's Talking's inbox for what no callback brought."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.channels.africastalking import PAGES, SETTLED
from app.channels.base import HookRequest
from app.errors import TryLater
from app.words import Inbound, Missed
from tests.channels.africastalking_rig import NUMBER, channel
from tests.channels.door import NOW, decoded
from tests.channels.fakes.africastalking import FakeAfricasTalking
from tests.channels.provider import Fault, Response, running

LAO = "ນ້ຳປະປາບໍ່ໄຫຼ ໑໒໓"
HOUR = timedelta(hours=1)


def missed(fake: FakeAfricasTalking, cursor: str = "", since: datetime = NOW - HOUR) -> Missed:
    return channel(fake, inbox="1616").missed(since, cursor, NOW)


def texts(found: Missed) -> list[str]:
    return [inbound.text for inbound in found.found]


def test_only_a_channel_that_names_its_inbox_reads_one() -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.receive(NUMBER, "5", NOW - HOUR)
        silent = channel(fake)
        assert silent.missed(NOW - 2 * HOUR, "15", NOW) == Missed((), "15")
        assert "missed" not in silent.abilities
        assert "missed" in channel(fake, inbox="1616").abilities
    assert fake.calls == []


def test_what_was_missed_comes_with_its_moment_and_no_id() -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.receive(NUMBER, LAO, NOW - HOUR / 2)
        found = missed(fake)
    assert found == Missed(
        (
            Inbound(
                channel="africastalking",
                medium="sms",
                sender=NUMBER,
                text=LAO,
                provider_id="",
                received_at=NOW - HOUR / 2,
                to="1616",
            ),
        ),
        "15071",
    )


def test_what_a_callback_brought_is_the_same_but_for_its_id() -> None:
    """So that it is known again: the inbox's number is not the callback's id."""
    at = NOW - HOUR / 2 + timedelta(milliseconds=445)
    with running(FakeAfricasTalking()) as fake:
        body = fake.receive(NUMBER, LAO, at)
        form = decoded(body)
        (brought,) = channel(fake).parse(HookRequest("POST", "sms", {}, form, body=body), NOW)
        (listed,) = missed(fake).found
    assert isinstance(brought, Inbound)
    assert (listed.sender, listed.text, listed.to) == (brought.sender, brought.text, brought.to)
    assert abs(listed.received_at - brought.received_at) < timedelta(seconds=1)
    assert brought.provider_id


def test_the_next_question_goes_on_after_the_highest_number() -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.receive(NUMBER, "1", NOW - HOUR / 2)
        fake.receive(NUMBER, "2", NOW - HOUR / 3)
        first = missed(fake)
        assert (texts(first), first.cursor) == (["1", "2"], "15072")
        assert missed(fake, first.cursor) == Missed((), "15072")
        fake.receive(NUMBER, "3", NOW - HOUR / 4)
        assert texts(missed(fake, first.cursor)) == ["3"]
    asked = [call.query["lastReceivedId"] for call in fake.calls]
    assert asked == ["0", "15072", "15072", "15072", "15073"]


def test_a_long_inbox_is_read_a_few_pages_at_a_time() -> None:
    with running(FakeAfricasTalking(page=2)) as fake:
        for number in range(2 * PAGES + 3):
            fake.receive(NUMBER, str(number), NOW - HOUR / 2)
        first = missed(fake)
        rest = missed(fake, first.cursor)
    assert texts(first) == [str(number) for number in range(2 * PAGES)]
    assert texts(rest) == [str(number) for number in range(2 * PAGES, 2 * PAGES + 3)]


def test_what_a_callback_may_still_bring_is_left_for_the_next_question() -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.receive(NUMBER, "settled", NOW - SETTLED)
        fake.receive(NUMBER, "young", NOW - SETTLED + timedelta(seconds=1))
        fake.receive(NUMBER, "its clock is ahead", NOW + timedelta(seconds=5))
        first = missed(fake)
        assert (texts(first), first.cursor) == (["settled"], "15071")
        later = channel(fake, inbox="1616").missed(NOW - HOUR, first.cursor, NOW + HOUR)
    assert texts(later) == ["young", "its clock is ahead"]


def test_another_short_codes_messages_are_not_ours() -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.receive(NUMBER, "theirs", NOW - HOUR / 2, to="28901")
        fake.receive(NUMBER, "ours", NOW - HOUR / 2)
        fake.receive(NUMBER, "theirs", NOW - HOUR / 2, to="28901")
        found = missed(fake)
    assert (texts(found), found.cursor) == (["ours"], "15073")


def test_what_came_before_the_time_asked_for_is_passed_over() -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.receive(NUMBER, "old", NOW - HOUR - timedelta(seconds=1))
        fake.receive(NUMBER, "older", NOW - timedelta(days=900))
        fake.receive(NUMBER, "new", NOW - HOUR)
        assert texts(missed(fake)) == ["new"]


@pytest.mark.parametrize(
    "spoilt",
    [{"date": "yesterday"}, {"date": None}, {"from": ""}, {"from": None}, {"id": "x" * 201}],
)
def test_a_message_that_cannot_be_known_again_does_not_hold_up_the_others(
    spoilt: dict[str, object],
) -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.receive(NUMBER, "spoilt", NOW - HOUR / 2)
        fake.receive(NUMBER, "good", NOW - HOUR / 2)
        listed = [fake.inbox[0] | spoilt, fake.inbox[1], "nonsense"]
        fake.answers.append(fake.envelope({"Messages": listed}, 200))
        found = missed(fake)
    assert (texts(found), found.cursor) == (["good"], "15072")


def test_an_inbox_without_numbers_is_read_once_and_not_for_ever() -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.answers.append(fake.envelope({"Messages": [{"id": "ATXid_1", "to": "1616"}]}, 200))
        assert missed(fake, "15071") == Missed((), "15071")
    assert len(fake.calls) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Response(401, "The supplied authentication is invalid"),
        Response(400, "Request is missing required form field 'username'"),
        Response(500, f"There was an internal server error. {NUMBER}"),
        Response(200, "<html></html>"),
        Response(200, '{"SMSMessageData": {"Messages": null}}'),
        Response(200, '{"Messages": []}'),
    ],
)
def test_an_inbox_that_cannot_be_read_is_asked_later(answer: Response) -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.answers.append(answer)
        with pytest.raises(TryLater) as raised:
            missed(fake)
    assert NUMBER not in str(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize("fault", ["error", "busy", "drop", "drop_after"])
def test_a_network_that_fails_is_asked_later(fault: Fault) -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.faults.append(fault)
        with pytest.raises(TryLater) as raised:
            missed(fake)
    assert (raised.value.after is not None) == (fault == "busy")


def test_what_was_read_before_a_failure_is_kept() -> None:
    with running(FakeAfricasTalking(page=1)) as fake:
        fake.receive(NUMBER, "1", NOW - HOUR / 2)
        fake.receive(NUMBER, "2", NOW - HOUR / 3)
        fake.faults.extend((None, "error"))
        first = missed(fake)
        assert (texts(first), first.cursor) == (["1"], "15071")
        assert texts(missed(fake, first.cursor)) == ["2"]


def test_without_a_key_the_inbox_waits() -> None:
    variable = "SIANG_CHANNEL_AFRICASTALKING_API_KEY"
    with running(FakeAfricasTalking()) as fake, pytest.raises(TryLater, match=variable):
        channel(fake, api_key="", inbox="1616").missed(NOW - HOUR, "", NOW)
    assert fake.calls == []
