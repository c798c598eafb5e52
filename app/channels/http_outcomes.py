"""What a provider's answer means for a message, as the tables of `http_sending` say."""

from __future__ import annotations

from typing import Final

from app.channels.forms import MAX_ID
from app.channels.http_calls import Answer
from app.channels.http_documents import Document
from app.channels.http_fields import detail
from app.channels.http_sections import Condition, Find, any_holds
from app.channels.http_sending import AskSection, OutcomeSection
from app.errors import FateUnknown, OptedOut, Refused, SendError, TryLater
from app.words import Fate

# The operator's to mend, so messages wait: our login, or a URL that is another server's.
LOGIN: Final = frozenset({401, 403})
MISPLACED: Final = frozenset({404, 405, 407})
BUSY: Final = frozenset({408, 425, 429, 503})


def problem(name: str, section: OutcomeSection, answer: Answer) -> SendError | None:
    """None when the provider took it. Reasons hold no word that the configuration does not."""
    document, status = answer.document, answer.status
    for key, error in (("opted_out", OptedOut), ("refused", Refused)):
        condition = _first(getattr(section, key), document, status)
        if condition is not None:
            return error(f"the provider refused it ({_why(status, condition, document)})")
    condition = _first(section.busy, document, status)
    if condition is not None:
        why = _why(status, condition, document)
        return TryLater(f"the provider cannot take it now ({why})", answer.after)
    if _succeeded(section, answer):
        return None
    return _by_status(name, section, answer)


def _first(conditions: list[Condition], document: Document, status: int) -> Condition | None:
    return next((one for one in conditions if one.holds(document, status)), None)


def _why(status: int, condition: Condition, document: Document) -> str:
    return ", ".join(filter(None, (str(status), condition.why(document))))


def _succeeded(section: OutcomeSection, answer: Answer) -> bool:
    """One of the conditions; those that name no status are about answers 2xx."""
    if not section.success:
        return answer.is_2xx
    return any(
        one.holds(answer.document, answer.status) and (one.status or answer.is_2xx)
        for one in section.success
    )


def _by_status(name: str, section: OutcomeSection, answer: Answer) -> SendError:
    status = answer.status
    later = _later(name, answer)
    if later is not None:
        return later
    if 400 <= status < 500:
        return Refused(f"the provider refused it ({status})")
    if status >= 500 and section.error_means == "not_taken":
        return TryLater(f"the provider failed ({status})", answer.after)
    return FateUnknown(f"{name}.url answered {status}, and no condition says what that means")


def _later(name: str, answer: Answer) -> TryLater | None:
    status = answer.status
    if status in LOGIN:
        return TryLater(
            f"the provider refused our login ({status}): mend the channel's username and secrets"
        )
    if status in MISPLACED or 300 <= status < 400:
        return TryLater(f"{name}.url answers {status}: mend it")
    if status in BUSY:
        return TryLater(f"the provider cannot take it now ({status})", answer.after)
    return None


def fate(section: AskSection, answer: Answer) -> Fate:
    """What became of the message. Raises TryLater where the answer is about something else."""
    document, status = answer.document, answer.status
    if any_holds(section.absent, document, status):
        return Fate("absent")
    word = section.state.value(document) if section.state is not None else None
    known = (
        any_holds(section.found, document, status)
        if section.found
        else word is not None and answer.is_2xx
    )
    if not known and not answer.is_2xx:
        raise _later("ask", answer) or TryLater(f"ask.url answered {status}", answer.after)
    if not known:
        return Fate("unknowable")
    states = {one.lower(): state for one, state in section.states.items()}
    return Fate(
        # A word that is no end: the provider still has it.
        state=states.get((word or "").strip().lower(), "sent"),
        provider_ref=reference(section.ref, document),
        detail=detail(section.detail.value(document) if section.detail is not None else None),
    )


def reference(find: Find | None, document: Document) -> str:
    """The provider's id; "" where it gives none that can be stored."""
    found = (find.value(document) or "").strip() if find is not None else ""
    return found if len(found) <= MAX_ID else ""
