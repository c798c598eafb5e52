"""What Twilio's message statuses and error codes mean for a message of ours.

Twilio's error dictionary warns that codes are refined from time to time: an unknown one is judged
by the HTTP status alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.errors import FateUnknown, OptedOut, Refused, SendError, TryLater
from app.words import ReceiptState

STATES: Final[Mapping[str, ReceiptState]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "partially_delivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}
"""MessageStatus. Earlier ones (accepted, scheduled, queued, sending) say that Twilio has it."""

STOPPED: Final = 21610
EXPIRED: Final = 30036
WORDS: Final[Mapping[int, str]] = {
    21211: "no valid number",
    21408: "SMS to this country are not enabled",
    21606: "the sender cannot reach this network",
    21608: "a trial account sends to verified numbers only",
    STOPPED: "the phone has stopped messages",
    21612: "not reachable from this sender",
    21614: "no mobile number",
    21617: "longer than 1600 characters",
    30003: "unreachable handset",
    30004: "blocked",
    30005: "unknown handset",
    30006: "landline or unreachable carrier",
    30007: "filtered as spam",
    30008: "unknown error",
    EXPIRED: "waited too long in Twilio's queue",
}
# Queues and rates that are full.
BUSY: Final = frozenset({14107, 20429, 21611, 30001, 63018})
# The operator's to mend, so messages wait: our sender or Messaging Service; our account.
NO_SENDER: Final = frozenset({21212, 21603, 21659, 21660, 21661, 21703, 21704, 21705})
NO_ACCOUNT: Final = frozenset({10001, 20003, 30002})


def read_code(written: object) -> int:
    """An error code or an HTTP status as a number; 0 for none, or for anything else."""
    text = str(written)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0


def detail(code: int) -> str:
    """The code with a short word, for people."""
    if not code:
        return ""
    return f"ErrorCode {code}: {WORDS[code]}" if code in WORDS else f"ErrorCode {code}"


def state(status: str, code: int) -> ReceiptState | None:
    """How far a message has come; None before it left Twilio, or for a status we do not know."""
    known = STATES.get(status)
    return "expired" if known == "failed" and code == EXPIRED else known


def problem(status: int, code: int) -> SendError:
    """What a refusal of the API means for the message: the HTTP status and Twilio's own code."""
    # The SDK repeats the status where the answer has no code.
    code = 0 if code == status else code
    if code == STOPPED:
        return OptedOut(f"the phone has stopped messages from us at Twilio ({code})")
    if code in BUSY or status in {408, 425, 429}:
        return TryLater(f"Twilio cannot take messages now ({code or status})")
    if code in NO_SENDER:
        return TryLater(f"Twilio refused our sender ({code}): mend sender or messaging_service_sid")
    if code in NO_ACCOUNT or (status in {401, 403} and code not in WORDS):
        return TryLater(f"Twilio refused our account ({code or status}): mend its login or state")
    if 300 <= status < 400 or status in {404, 405, 407}:
        return TryLater(f"api_url answers {status}: mend account_sid or api_url")
    if 400 <= status < 500:
        return Refused(f"Twilio refused the message ({detail(code) or status})")
    return FateUnknown(f"Twilio answered {status}: the message may have been taken")
