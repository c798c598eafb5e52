"""What each answer of Africa's Talking's API means for the message that was sent."""

from __future__ import annotations

import pytest

from app.errors import FateUnknown, OptedOut, Refused, SendError, TryLater
from app.words import Sent
from tests.channels.africastalking_rig import LAO, NUMBER, refused, send
from tests.channels.fakes.africastalking import FakeAfricasTalking
from tests.channels.provider import Response, running

HTML = "text/html"


@pytest.mark.parametrize("code", [100, 101, 102])
def test_a_message_that_was_taken_has_the_providers_id(code: int) -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.codes.append(code)
        assert send(fake) == Sent(provider_ref=fake.taken[0].id)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "text/plain"]
)
def test_an_answer_is_read_whatever_its_content_type_says(content_type: str) -> None:
    """The SDK's own transport hands two of these over as text."""
    with running(FakeAfricasTalking(content_type=content_type)) as fake:
        assert send(fake).provider_ref == fake.taken[0].id


def test_an_answer_with_a_name_and_no_code_is_read_by_its_name() -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.answers.append(
            fake.envelope({"Recipients": [{"status": "Success", "messageId": "1"}]})
        )
        assert send(fake) == Sent(provider_ref="1")
        fake.answers.append(fake.envelope({"Recipients": [{"status": "CouldNotRoute"}]}))
        refused(fake, Refused, "CouldNotRoute")


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (401, TryLater, "RiskHold.*ask its support"),
        (402, Refused, "InvalidSenderId.*mend sender_id"),
        (403, Refused, "InvalidPhoneNumber"),
        (404, Refused, "UnsupportedNumberType"),
        (405, TryLater, "InsufficientBalance.*top it up"),
        (406, OptedOut, "UserInBlacklist"),
        (407, Refused, "CouldNotRoute"),
        # Promotional senders must rest at night: no wish of the phone's.
        (409, Refused, "DoNotDisturbRejection"),
        (500, TryLater, "InternalServerError"),
        (501, TryLater, "GatewayError"),
        (502, Refused, "RejectedByGateway"),
        (418, FateUnknown, "not documented"),
    ],
)
def test_each_code_of_a_recipient_says_what_helps(
    code: int, error: type[SendError], words: str
) -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.codes.append(code)
        refused(fake, error, words)
    assert fake.taken == []


@pytest.mark.parametrize("code", [401, 500, 501])
def test_a_failure_that_has_an_id_may_be_on_its_way(code: int) -> None:
    with running(FakeAfricasTalking()) as fake:
        recipient = {"statusCode": code, "number": NUMBER, "messageId": "ATXid_7"}
        fake.answers.append(fake.envelope({"Recipients": [recipient]}))
        refused(fake, FateUnknown, "may have the message")


def test_recipients_are_read_even_when_the_status_is_409() -> None:
    recipient = {"statusCode": 409, "status": "DoNotDisturbRejection", "messageId": "None"}
    with running(FakeAfricasTalking()) as fake:
        fake.answers.append(fake.envelope({"Recipients": [recipient]}, 409))
        refused(fake, Refused, "DoNotDisturbRejection")


@pytest.mark.parametrize(
    ("told", "error", "words"),
    [
        ("InvalidSenderId", Refused, "InvalidSenderId.*mend sender_id"),
        ("InsufficientBalance", TryLater, "top it up"),
        ("UserInBlacklist", OptedOut, "UserInBlacklist"),
        ("Sent to 0/1 Total Cost: 0", Refused, "no known reason"),
        (f"Invalid {NUMBER} {LAO}", Refused, "no known reason"),
    ],
)
def test_an_answer_without_recipients_took_nothing(
    told: str, error: type[SendError], words: str
) -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.answers.append(fake.envelope({"Message": told, "Recipients": []}))
        refused(fake, error, words)


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, "Request is missing required form field 'to'", Refused, "400"),
        (401, "The supplied authentication is invalid", TryLater, "CHANNEL_AFRICASTALKING_API_KEY"),
        (403, f"<html>{NUMBER}</html>", TryLater, "mend username"),
        (404, "The requested resource could not be found.", TryLater, "api_url"),
        (302, "", TryLater, "api_url"),
        (408, "", TryLater, "408"),
        (413, LAO, Refused, "413"),
        (429, "", TryLater, "429"),
        (500, f"There was an internal server error. {NUMBER}", FateUnknown, "500"),
        (502, "<html>Bad Gateway</html>", FateUnknown, "502"),
        (503, "The server was not able to produce a timely response", FateUnknown, "503"),
        (200, f"<html>{NUMBER}</html>", FateUnknown, "200"),
        (201, "", FateUnknown, "201"),
        (201, "[]", FateUnknown, "201"),
        (201, '{"SMSMessageData": null}', FateUnknown, "201"),
        (201, '{"SMSMessageData": {"Recipients": "none"}}', FateUnknown, "201"),
        (201, '{"SMSMessageData": {"Recipients": [7]}}', FateUnknown, "not documented"),
        (201, "[" * 100_000, FateUnknown, "201"),
        (201, "\ufeff{", FateUnknown, "201"),
    ],
)
def test_every_other_answer_is_an_error_that_says_what_to_do(
    status: int, body: str, error: type[SendError], words: str
) -> None:
    with running(FakeAfricasTalking()) as fake:
        fake.answers.append(Response(status, body, HTML))
        refused(fake, error, words)
    assert len(fake.calls) == 1


def test_a_wrong_key_is_the_operators_to_mend() -> None:
    with running(FakeAfricasTalking(api_key="another")) as fake:
        refused(fake, TryLater, "refused our login")


def test_the_key_is_not_carried_along_a_redirect() -> None:
    with running(FakeAfricasTalking()) as elsewhere, running(FakeAfricasTalking()) as fake:
        location = {"Location": f"{elsewhere.url}/version1/messaging"}
        fake.answers.append(Response(307, "", HTML, location))
        refused(fake, TryLater, "307")
    assert elsewhere.calls == []
