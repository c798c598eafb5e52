"""Sending through Twilio's SDK to a Twilio on 127.0.0.1, with everything that goes wrong."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.channels import twilio as adapter
from app.channels.twilio import Twilio
from app.errors import FateUnknown, OptedOut, Refused, SendError, TryLater
from app.words import Outgoing, Receipt, Sent
from tests.channels.fakes import twilio
from tests.channels.fakes.twilio import FakeTwilio, Webhook, received
from tests.channels.provider import Call, Fault, Provider, Response, running

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
PHONE = "+8562055512345"
LAO = "ຂອບໃຈ 😀 ລະຫັດ LA-2041"
SERVICE = "MG" + "0123456789abcdef" * 2


def message(text: str = LAO) -> Outgoing:
    return Outgoing(id=ID, channel="twilio", to=PHONE, text=text)


def channel(provider: Provider, **options: object) -> Twilio:
    return Twilio(twilio.section(api_url=provider.url, **options))


def test_a_message_that_twilio_takes_has_its_sid() -> None:
    with running(FakeTwilio()) as provider:
        sent = channel(provider).send(message())
        (call,) = provider.calls
    assert sent == Sent(provider_ref=str(provider.messages[0]["sid"]))
    assert call.form == {
        "To": PHONE,
        "From": twilio.NUMBER,
        "Body": LAO,
        "StatusCallback": f"{twilio.PUBLIC}/channels/twilio/receipt?id={ID}",
        "ValidityPeriod": "14400",
        "SmartEncoded": "false",
    }


def test_a_messaging_service_chooses_the_sender() -> None:
    with running(FakeTwilio()) as provider:
        channel(provider, sender="", messaging_service_sid=SERVICE).send(message())
        form = provider.calls[0].form
    assert form["MessagingServiceSid"] == SERVICE
    assert "From" not in form
    assert provider.messages[0]["status"] == "accepted"


@pytest.mark.parametrize("text", [LAO, "a+b & c=d%20\n€", ""])
def test_a_text_arrives_letter_by_letter(text: str) -> None:
    with running(FakeTwilio()) as provider:
        channel(provider).send(message(text))
    assert provider.messages[0]["body"] == text


def test_what_no_phone_can_show_is_not_sent() -> None:
    with running(FakeTwilio()) as provider:
        channel(provider).send(message("a\0\ud83db"))
    assert provider.messages[0]["body"] == "ab"


def test_the_callbacks_that_twilio_then_posts_are_proved_and_ours() -> None:
    with running(FakeTwilio()) as provider:
        one = channel(provider)
        ref = one.send(message()).provider_ref
    for state in ("sent", "delivered", "delivered"):
        request = received(provider.status(ref, state))
        one.authentic(request, NOW)
        (found,) = one.parse(request, NOW)
        assert isinstance(found, Receipt)
        assert (found.state, found.message_id, found.provider_ref) == (state, ID, ref)
        assert found.phone == PHONE


def test_a_callback_before_the_answer_is_known_by_our_id() -> None:
    early: list[Webhook] = []
    with running(FakeTwilio(early=early.append)) as provider:
        sent = channel(provider).send(message())
    (found,) = channel(provider).parse(received(early[0]), NOW)
    assert isinstance(found, Receipt)
    assert (found.message_id, found.provider_ref) == (ID, sent.provider_ref)


REFUSALS: list[tuple[int, int, type[SendError], str]] = [
    (400, 21211, Refused, "ErrorCode 21211: no valid number"),
    (400, 21408, Refused, "21408"),
    (403, 21408, Refused, "21408"),
    (400, 21602, Refused, "ErrorCode 21602"),
    (400, 21606, Refused, "21606"),
    (400, 21608, Refused, "21608"),
    (400, 21610, OptedOut, "21610"),
    (400, 21612, Refused, "21612"),
    (400, 21614, Refused, "21614"),
    (400, 21617, Refused, "21617"),
    (422, 99999, Refused, "99999"),
    (400, 21212, TryLater, "mend sender or messaging_service_sid"),
    (400, 21603, TryLater, "mend sender or messaging_service_sid"),
    (400, 21660, TryLater, "mend sender or messaging_service_sid"),
    (404, 21705, TryLater, "mend sender or messaging_service_sid"),
    (400, 21611, TryLater, "cannot take messages now"),
    (400, 14107, TryLater, "cannot take messages now"),
    (400, 30001, TryLater, "cannot take messages now"),
    (400, 63018, TryLater, "cannot take messages now"),
    (403, 20003, TryLater, "refused our account"),
    (400, 30002, TryLater, "refused our account"),
    (403, 20008, TryLater, "refused our account"),
    (404, 20404, TryLater, "mend account_sid or api_url"),
    (308, 20000, TryLater, "mend account_sid or api_url"),
    (429, 20429, TryLater, "429"),
    (500, 20500, FateUnknown, "500"),
    (503, 20503, FateUnknown, "503"),
]


@pytest.mark.parametrize(("status", "code", "error", "words"), REFUSALS)
def test_every_refusal_says_whether_trying_again_helps(
    status: int, code: int, error: type[SendError], words: str
) -> None:
    with running(FakeTwilio()) as provider:
        provider.refusals.append((status, code))
        with pytest.raises(error, match=words) as raised:
            channel(provider).send(message())
    assert type(raised.value) is error
    assert len(provider.calls) == 1
    assert_tells_nothing(raised.value)


class Odd(Provider):
    """Something at api_url that is not Twilio, or a Twilio of another day."""

    answer = Response()

    def respond(self, call: Call) -> Response:
        return self.answer


def odd(status: int, body: str, content_type: str = "application/json") -> Odd:
    provider = Odd()
    provider.answer = Response(status, body, content_type)
    return provider


PROBLEM = '{"type":"t","title":"%s","status":%s,"code":%s,"detail":"+8562055512345"}'


@pytest.mark.parametrize(
    ("provider", "error", "words"),
    [
        (odd(201, ""), FateUnknown, "no sid"),
        (odd(201, "{}"), FateUnknown, "no sid"),
        (odd(201, f"<html>{PHONE}</html>", "text/html"), FateUnknown, "JSONDecodeError"),
        (odd(200, "[]"), FateUnknown, "AttributeError"),
        (odd(200, "null"), FateUnknown, "AttributeError"),
        (odd(400, f"<html>{PHONE}</html>", "text/html"), Refused, r"\(400\)"),
        (odd(400, "[]"), Refused, r"\(400\)"),
        (odd(400, '{"code": [21211], "message": {}}'), Refused, r"\(400\)"),
        (odd(404, "Not Found", "text/plain"), TryLater, "api_url answers 404"),
        (odd(301, "", "text/plain"), TryLater, "api_url answers 301"),
        (odd(407, "", "text/plain"), TryLater, "api_url answers 407"),
        (odd(408, "", "text/plain"), TryLater, "cannot take messages now"),
        (odd(502, "Bad Gateway", "text/html"), FateUnknown, "502"),
        # RFC 9457, which Twilio's newer APIs speak.
        (odd(400, PROBLEM % (LAO, 400, 21211)), Refused, "21211: no valid number"),
        (odd(400, PROBLEM % (LAO, 400, 21610)), OptedOut, "21610"),
        (odd(400, PROBLEM % (LAO, '"x"', "{}")), FateUnknown, "0"),
    ],
)
def test_an_answer_that_is_not_twilios_is_judged_by_its_status(
    provider: Odd, error: type[SendError], words: str
) -> None:
    with running(provider), pytest.raises(error, match=words) as raised:
        channel(provider).send(message())
    assert type(raised.value) is error
    assert_tells_nothing(raised.value)


@pytest.mark.parametrize(
    ("fault", "words", "taken"),
    [
        ("error", "500", 0),
        ("drop", "did not answer", 0),
        ("drop_after", "did not answer", 1),
        ("hang", "ReadTimeout", 0),
        ("slow", "ReadTimeout", 1),
    ],
)
def test_a_request_that_left_without_an_answer_has_an_unknown_fate(
    fault: Fault, words: str, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "TIMEOUT", httpx.Timeout(0.3))
    with running(FakeTwilio()) as provider:
        provider.faults.append(fault)
        with pytest.raises(FateUnknown, match=words) as raised:
            channel(provider).send(message())
        with provider.changed:
            assert provider.changed.wait_for(lambda: len(provider.messages) == taken, 10)
        assert len(provider.calls) == 1
    assert_tells_nothing(raised.value)


def test_too_many_requests_waits_as_long_as_twilio_wants() -> None:
    with running(FakeTwilio()) as provider:
        provider.faults.append("busy")
        with pytest.raises(TryLater, match="429") as raised:
            channel(provider).send(message())
    assert raised.value.after == timedelta(seconds=1)
    assert_tells_nothing(raised.value)


def test_too_many_requests_without_a_time_waits_as_usual() -> None:
    with running(FakeTwilio()) as provider:
        provider.refusals.append((429, 20429))
        with pytest.raises(TryLater) as raised:
            channel(provider).send(message())
    assert raised.value.after is None


def test_nobody_listening_means_that_nothing_was_sent() -> None:
    with running(FakeTwilio()) as provider:
        pass
    with pytest.raises(TryLater, match="cannot be reached") as raised:
        channel(provider).send(message())
    assert_tells_nothing(raised.value)


def test_a_wrong_login_waits_for_the_operator_and_names_the_variable() -> None:
    variable = "mend account_sid and SIANG_CHANNEL_TWILIO_AUTH_TOKEN"
    with running(FakeTwilio()) as provider, pytest.raises(TryLater, match=variable) as raised:
        channel(provider, auth_token="a-wrong-secret").send(message())
    assert provider.messages == []
    assert "a-wrong-secret" not in str(raised.value)
    assert_tells_nothing(raised.value)


def test_the_first_token_is_the_login() -> None:
    with running(FakeTwilio()) as provider:
        channel(provider, auth_token=f" {twilio.TOKEN} , {twilio.OLD_TOKEN}").send(message())
        with pytest.raises(TryLater, match="login"):
            channel(provider, auth_token=f"{twilio.OLD_TOKEN},{twilio.TOKEN}").send(message())
    assert len(provider.messages) == 1


def test_without_a_token_messages_wait_and_the_variable_is_named() -> None:
    variable = "set SIANG_CHANNEL_TWILIO_AUTH_TOKEN"
    with running(FakeTwilio()) as provider, pytest.raises(TryLater, match=variable):
        channel(provider, auth_token="").send(message())
    assert provider.calls == []


def test_a_twilio_that_went_away_is_no_accident() -> None:
    """Every message has its own connection: on a kept one its fate would be unknown."""
    with running(FakeTwilio()) as provider:
        one = channel(provider)
        assert one.send(message()) != one.send(message())
    with pytest.raises(TryLater):
        one.send(message())


def test_a_proxy_in_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(FakeTwilio()) as provider, running(odd(418, "proxy")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        channel(provider).send(message())
        assert proxy.calls == []


def test_no_log_holds_a_number_a_text_or_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(FakeTwilio()) as provider:
        channel(provider).send(message())
        provider.refusals.append((400, 21211))
        with pytest.raises(Refused):
            channel(provider).send(message())
    for secret in ("55512345", "LA-2041", twilio.TOKEN, "Messages.json"):
        assert secret not in caplog.text


def assert_tells_nothing(error: BaseException) -> None:
    """No number, text or secret in the error, and no other error behind it that has them."""
    told = f"{error} {error!r} {error.args}"
    for secret in (PHONE, "55512345", LAO, twilio.TOKEN, twilio.OLD_TOKEN):
        assert secret not in told
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
