"""Asking Twilio: what became of a message, and what came in that no webhook told of."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest
from twilio.rest.api.v2010.account.message import MessageInstance

from app import clock
from app.channels import twilio as adapter
from app.channels.base import hook_path
from app.channels.twilio import Twilio
from app.errors import FateUnknown, TryLater
from app.words import Asked, Fate, FateState, Outgoing
from tests.channels.fakes import twilio
from tests.channels.fakes.twilio import FakeTwilio, received
from tests.channels.provider import Fault, Provider, running

ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
PHONE, OTHER = "+8562055512345", "+8562055567890"
LAO = "ຂອບໃຈ 😀 ລະຫັດ LA-2041"
SERVICE = "MG" + "0123456789abcdef" * 2
SMS = hook_path(twilio.section(), "sms")
MINUTE = timedelta(minutes=1)


def message(text: str = LAO, to: str = PHONE) -> Outgoing:
    return Outgoing(id=ID, channel="twilio", to=to, text=text)


def channel(provider: Provider, **options: object) -> Twilio:
    return Twilio(twilio.section(api_url=provider.url, **options))


def asked(ref: str = "", ago: timedelta = 10 * MINUTE, text: str = LAO) -> Asked:
    return Asked(message(text), ref, clock.now() - ago)


def dated(provider: FakeTwilio, ago: timedelta, at: int = -1) -> None:
    """Twilio took the message so long ago."""
    provider.messages[at]["date_created"] = format_datetime(clock.now() - ago)


def lost(provider: FakeTwilio, text: str = LAO, ago: timedelta = 10 * MINUTE) -> Twilio:
    """A channel whose message was taken, with no answer."""
    one = channel(provider)
    provider.faults.append("drop_after")
    with pytest.raises(FateUnknown):
        one.send(message(text))
    dated(provider, ago)
    return one


# --- what became of a message ---------------------------------------------------------------------


def test_a_message_that_was_taken_without_an_answer_is_found_by_number_time_and_text() -> None:
    with running(FakeTwilio()) as provider:
        one = lost(provider)
        assert provider.messages[0]["date_sent"] is None
        assert one.fate(asked()) == Fate("sent", str(provider.messages[0]["sid"]))
        query = provider.calls[-1].query
    assert query == {"To": PHONE, "PageSize": "1000"}


def test_a_message_that_never_arrived_is_absent() -> None:
    with running(FakeTwilio()) as provider:
        one = channel(provider)
        provider.faults.append("drop")
        with pytest.raises(FateUnknown):
            one.send(message())
        assert one.fate(asked()) == Fate("absent")


def test_what_is_not_listed_yet_may_still_come() -> None:
    with running(FakeTwilio()) as provider:
        one = channel(provider)
        with pytest.raises(TryLater, match="not have listed"):
            one.fate(asked(ago=MINUTE))
        assert one.fate(asked(ago=3 * MINUTE)) == Fate("absent")


def test_what_is_listed_already_is_told_at_once() -> None:
    with running(FakeTwilio()) as provider:
        one = lost(provider, ago=timedelta())
        assert one.fate(asked(ago=timedelta(seconds=1))).state == "sent"


def test_other_messages_are_not_taken_for_ours() -> None:
    with running(FakeTwilio()) as provider:
        one = channel(provider)
        # The same words an hour before; other words; to another phone; from the phone.
        one.send(message())
        dated(provider, 70 * MINUTE)
        one.send(message("ຄຳຕອບອື່ນ"))
        dated(provider, 10 * MINUTE)
        one.send(message(to=OTHER))
        dated(provider, 10 * MINUTE)
        provider.incoming(SMS, LAO, twilio.NUMBER, PHONE)
        dated(provider, 10 * MINUTE)
        assert one.fate(asked()) == Fate("absent")


def test_of_two_with_the_same_words_the_nearest_in_time_is_ours() -> None:
    with running(FakeTwilio()) as provider:
        one = channel(provider)
        for ago in (10 * MINUTE + timedelta(seconds=3), 4 * MINUTE, 6 * MINUTE):
            one.send(message())
            dated(provider, ago)
        assert one.fate(asked()).provider_ref == provider.messages[0]["sid"]
        assert one.fate(asked(ago=6 * MINUTE)).provider_ref == provider.messages[2]["sid"]


def test_a_clock_that_is_a_little_fast_finds_it_too() -> None:
    with running(FakeTwilio()) as provider:
        one = lost(provider, ago=10 * MINUTE + timedelta(seconds=50))
        assert one.fate(asked()).state == "sent"


@pytest.mark.parametrize("written", [f"Sent from your Twilio trial account - {LAO}", f" {LAO}\n"])
def test_what_twilio_adds_to_a_text_does_not_hide_it(written: str) -> None:
    with running(FakeTwilio()) as provider:
        one = lost(provider)
        provider.messages[0]["body"] = written
        assert one.fate(asked()).state == "sent"


def test_a_text_is_compared_as_it_was_sent() -> None:
    with running(FakeTwilio()) as provider:
        assert lost(provider, "a\0b").fate(asked(text="a\0b")).state == "sent"


@pytest.mark.parametrize("body", ["", None])
def test_where_texts_are_redacted_nothing_can_be_known(body: str | None) -> None:
    with running(FakeTwilio()) as provider:
        one = lost(provider)
        provider.messages[0]["body"] = body
        assert one.fate(asked()) == Fate("unknowable")
        dated(provider, timedelta(days=1))
        assert one.fate(asked()) == Fate("absent")


def test_a_list_that_is_cut_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "PAGE", 3)
    with running(FakeTwilio(page=3)) as provider:
        one = channel(provider)
        for number in range(4):
            one.send(message(f"{number}"))
        assert one.fate(asked()) == Fate("unknowable")
        del provider.messages[2:]
        assert one.fate(asked()) == Fate("absent")


STATUSES = [value for name, value in vars(MessageInstance.Status).items() if name.isupper()]
MOVED: dict[str, FateState] = {
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "partially_delivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_of_the_sdk_is_a_fate(status: str) -> None:
    with running(FakeTwilio()) as provider:
        one = channel(provider)
        ref = one.send(message()).provider_ref
        provider.status(ref, status)
        for question in (asked(ref), asked()):
            assert one.fate(question) == Fate(MOVED.get(status, "sent"), ref)


def test_a_failure_is_told_with_its_code() -> None:
    with running(FakeTwilio()) as provider:
        one = channel(provider)
        ref = one.send(message()).provider_ref
        provider.status(ref, "undelivered", "30003")
        detail = "ErrorCode 30003: unreachable handset"
        assert one.fate(asked(ref)) == Fate("undelivered", ref, detail)
        provider.status(ref, "failed", "30036")
        assert one.fate(asked(ref)).state == "expired"


def test_a_message_that_somebody_deleted_at_twilio_is_unknowable() -> None:
    with running(FakeTwilio()) as provider:
        assert channel(provider).fate(asked("SM" + "0" * 32)) == Fate("unknowable")


# --- when it cannot be asked ----------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["error", "busy", "drop", "drop_after", "hang"])
@pytest.mark.parametrize("question", ["fetch", "list", "missed"])
def test_a_question_without_an_answer_is_asked_again(
    question: str, fault: Fault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(adapter, "TIMEOUT", httpx.Timeout(0.3))
    with running(FakeTwilio()) as provider:
        one = channel(provider)
        ref = one.send(message()).provider_ref
        provider.faults.append(fault)
        with pytest.raises(TryLater) as raised:
            ask(one, question, ref)
        # And then it is answered.
        ask(one, question, ref)
    assert (raised.value.after is not None) == (fault == "busy")
    told = f"{raised.value!r} {raised.value.args} {caplog.text}"
    for secret in ("55512345", LAO, twilio.TOKEN, "Messages"):
        assert secret not in told
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def ask(one: Twilio, question: str, ref: str) -> object:
    if question == "missed":
        return one.missed(clock.now() - MINUTE, "", clock.now())
    return one.fate(asked(ref if question == "fetch" else ""))


@pytest.mark.parametrize("question", ["fetch", "list", "missed"])
@pytest.mark.parametrize(("token", "words"), [("", "set SIANG"), ("wrong", "refused our login")])
def test_without_the_right_login_nothing_is_absent(question: str, token: str, words: str) -> None:
    with running(FakeTwilio()) as provider, pytest.raises(TryLater, match=words):
        ask(channel(provider, auth_token=token), question, "SM" + "0" * 32)


# --- what came in that no webhook told of ---------------------------------------------------------


def test_what_the_webhook_did_not_bring_is_the_same_from_the_list() -> None:
    with running(FakeTwilio()) as provider:
        one = channel(provider)
        now = clock.now()
        webhooks = [provider.incoming(SMS, text, PHONE) for text in ("1", " 2\n", "ນ້ຳບໍ່ໄຫຼ 😀")]
        for at in range(3):
            stamp = format_datetime(now - (3 - at) * MINUTE)
            provider.messages[at].update(date_sent=stamp, date_created=stamp)
        found = one.missed(now - 10 * MINUTE, "", now)
        brought = [one.parse(received(webhook), now)[0] for webhook in webhooks]
    assert found.cursor == ""
    assert [(*_same(missed),) for missed in found.found] == [(*_same(came),) for came in brought]
    moments = [missed.received_at for missed in found.found]
    assert moments == [(now - minutes * MINUTE).replace(microsecond=0) for minutes in (3, 2, 1)]


def _same(found: object) -> list[object]:
    names = ("channel", "medium", "sender", "text", "provider_id", "to", "session", "part")
    return [getattr(found, name) for name in names]


def test_only_what_our_number_received_is_ours() -> None:
    with running(FakeTwilio()) as provider:
        one = channel(provider)
        provider.status(one.send(message(to=twilio.NUMBER)).provider_ref, "delivered")
        provider.incoming(SMS, "elsewhere", PHONE, "+12025550000")
        provider.incoming(SMS, "ours", PHONE)
        found = one.missed(clock.now() - MINUTE, "", clock.now())
    assert [missed.text for missed in found.found] == ["ours"]


def test_every_number_is_asked_for() -> None:
    with running(FakeTwilio()) as provider:
        one = channel(provider, sender="Siang", numbers="1616, +12028831111")
        for to in ("1616", "+12028831111", "Siang"):
            provider.incoming(SMS, f"to {to}", PHONE, to)
        found = one.missed(clock.now() - MINUTE, "", clock.now())
        assert [call.query["To"] for call in provider.calls] == ["1616", "+12028831111"]
    assert {missed.text for missed in found.found} == {"to 1616", "to +12028831111"}


def test_a_long_list_is_read_to_its_end() -> None:
    with running(FakeTwilio(page=50)) as provider:
        for number in range(120):
            provider.incoming(SMS, f"{number}", PHONE)
        found = channel(provider).missed(clock.now() - MINUTE, "", clock.now())
        assert len(provider.calls) == 3
    assert sorted(int(missed.text) for missed in found.found) == list(range(120))


def test_twilio_is_asked_by_universal_time_and_whole_days_do_not_bring_more() -> None:
    vientiane = timezone(timedelta(hours=7))
    since = datetime(2026, 11, 23, 2, 0, tzinfo=vientiane)
    with running(FakeTwilio()) as provider:
        for hour in (18, 19, 20):
            provider.incoming(SMS, f"{hour}", PHONE)
            stamp = format_datetime(datetime(2026, 11, 22, hour, 0, tzinfo=UTC))
            provider.messages[-1].update(date_sent=stamp, date_created=stamp)
        found = channel(provider).missed(since, "", since + timedelta(hours=3))
        assert provider.calls[0].query["DateSent>"] == "2026-11-22T19:00:00Z"
    assert [missed.text for missed in found.found] == ["19", "20"]


@pytest.mark.parametrize("word", ["STOP", "stop ", "Start", "HELP"])
def test_what_a_messaging_service_answers_itself_is_not_fetched(word: str) -> None:
    service = {"sender": "", "messaging_service_sid": SERVICE, "numbers": twilio.NUMBER}
    with running(FakeTwilio()) as provider:
        provider.incoming(SMS, word, PHONE)
        since = clock.now() - MINUTE
        assert channel(provider, **service).missed(since, "", clock.now()).found == ()
        (found,) = channel(provider).missed(since, "", clock.now()).found
    assert found.text == word


def test_a_redacted_text_is_not_fetched() -> None:
    with running(FakeTwilio()) as provider:
        provider.incoming(SMS, "", PHONE)
        provider.incoming(SMS, "1", PHONE)
        provider.messages[-1]["body"] = None
        assert channel(provider).missed(clock.now() - MINUTE, "", clock.now()).found == ()
