"""What Africa's Talking's API answers to a message, as `Sent` or as an error that says what helps.

No word of its bodies gets into an error but the names of its codes: they may repeat the number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from app import clock
from app.channels.forms import MAX_ID, clean, written
from app.channels.waits import retry_after
from app.errors import FateUnknown, OptedOut, Refused, SendError, TryLater
from app.words import Sent

if TYPE_CHECKING:
    import httpx

TAKEN: Final = frozenset({"100", "101", "102"})
NAMES: Final[Mapping[str, str]] = {
    "401": "RiskHold",
    "402": "InvalidSenderId",
    "403": "InvalidPhoneNumber",
    "404": "UnsupportedNumberType",
    "405": "InsufficientBalance",
    "406": "UserInBlacklist",
    "407": "CouldNotRoute",
    "409": "DoNotDisturbRejection",
    "500": "InternalServerError",
    "501": "GatewayError",
    "502": "RejectedByGateway",
}
"""`statusCode` of a recipient in the answer to a message."""
KNOWN: Final = frozenset(NAMES.values())
# Its own or the account's fault, not the message's: it waits.
LATER: Final[Mapping[str, str]] = {
    "RiskHold": "it holds back what this account sends; ask its support",
    "InsufficientBalance": "the account has no money left; top it up",
    "InternalServerError": "the fault is on its side",
    "GatewayError": "it cannot reach the phone's network now",
}
REMEDIES: Final[Mapping[str, str]] = {"InvalidSenderId": ": mend sender_id"}
# "Opted out of receiving messages either from the particular sender ID or by blocking all" (its
# help centre). DoNotDisturbRejection is none: promotional senders must rest at night
# (status.africastalking.com, incident 538).
BLACKLISTED: Final = "userinblacklist"


def content(response: httpx.Response) -> Mapping[str, object]:
    """SMSMessageData of the body, which every answer to a good request has; {} without it."""
    try:
        body = response.json()
    # RecursionError: ten thousand brackets.
    except (ValueError, RecursionError):
        return {}
    inner = body.get("SMSMessageData") if isinstance(body, dict) else None
    return inner if isinstance(inner, dict) else {}


def outcome(response: httpx.Response, key_variable: str) -> Sent:
    """What became of a message to one recipient. Raises TryLater, Refused, OptedOut, FateUnknown.

    Recipients come with any status: a promotional message at night is answered 409.
    """
    answer = content(response)
    recipients = answer.get("Recipients")
    if isinstance(recipients, list) and recipients:
        return _recipient(recipients[0])
    if isinstance(recipients, list) and response.is_success:
        raise _problem(str(answer.get("Message", "")).strip())
    raise failure(response, key_variable)


def failure(response: httpx.Response, key_variable: str) -> SendError:
    """What an answer that names no recipient means."""
    status = response.status_code
    if status in (401, 403):
        return TryLater(
            f"Africa's Talking refused our login ({status}): mend username and {key_variable}; "
            "the sandbox has a key of its own"
        )
    if status == 429:
        after = retry_after(response.headers.get("Retry-After"), clock.now())
        return TryLater("Africa's Talking wants fewer messages (429)", after)
    if status in (404, 405, 408) or 300 <= status < 400:
        words = f"{response.url.host} answers {status}, which is no answer to a message"
        return TryLater(f"{words}: mend api_url")
    if 400 <= status < 500:
        return Refused(f"Africa's Talking refused the request ({status})")
    # Its front answers 503 when it is tired of waiting for what it has handed on.
    return FateUnknown(f"Africa's Talking answered {status} and not what became of the message")


def _recipient(recipient: object) -> Sent:
    """By statusCode or, without one that is known, by status."""
    fields = written(recipient) if isinstance(recipient, dict) else {}
    code, reference = fields.get("statusCode", ""), clean(fields.get("messageId", ""))[:MAX_ID]
    name = NAMES.get(code, fields.get("status", ""))
    known = "" if reference == "None" else reference
    if code in TAKEN or name == "Success":
        return Sent(provider_ref=known)
    if name not in KNOWN:
        raise FateUnknown("Africa's Talking answered with a code that it has not documented")
    if known and name in LATER:
        # What has an id is in its hands, whatever the code says.
        raise FateUnknown(f"Africa's Talking may have the message ({name})")
    raise _problem(name)


def _problem(name: str) -> SendError:
    """The error for a recipient that was not taken, by its documented name."""
    if name not in KNOWN:
        return Refused("Africa's Talking took no recipient and gave no known reason")
    if name in LATER:
        return TryLater(f"Africa's Talking did not take the message ({name}): {LATER[name]}")
    words = f"Africa's Talking refused the message ({name}){REMEDIES.get(name, '')}"
    return OptedOut(words) if name.lower() == BLACKLISTED else Refused(words)
