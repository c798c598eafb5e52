"""No I/O. What a conversation's stored answers say, checked once more.

Answers come from our own flows, yet a flow can be changed and a registry reloaded between an
answer and its reading: a value that means nothing is left out and named, never an exception.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from app.clock import local_day
from app.feedback.cells import REASONS, SCORES, SEXES, Response
from app.storage.responses import Answer, DueConversation, Fee, Filed

QUESTIONS = ("odsc", "score", "service", "reason", "paid", "sex", "comment", "problem")
COMMENT_KINDS = {"comment": "rating", "problem": "problem"}
# More than anybody ever paid at a counter, and certain to fit a bigint.
PAID_DIGITS = 15


Extra = Mapping[str, Collection[str]]
"""Questions that config/insight.yaml adds to the core ones, and their answers."""


@dataclass(frozen=True, slots=True)
class Registry:
    """What answers may name, and the requests they are about, as it stood when the batch began."""

    choices: Mapping[str, Collection[str]]
    fees: Sequence[Fee]
    filed: Mapping[int, Filed] = field(default_factory=dict)
    extra: Collection[str] = ()


def choices(
    odscs: Collection[str], services: Collection[str], extra: Extra
) -> Mapping[str, Collection[str]]:
    """Every closed question and what may be answered to it."""
    core = {"odsc": odscs, "service": services, "score": SCORES, "reason": REASONS, "sex": SEXES}
    return {**extra, **core}


def closed(extra: Extra) -> frozenset[str]:
    """The questions whose answers are counted; those to others are in a citizen's own words."""
    return frozenset({*QUESTIONS, *extra} - COMMENT_KINDS.keys())


@dataclass(frozen=True, slots=True)
class Comment:
    """What a citizen wrote. The fields are the columns of `comments`."""

    conversation_id: int
    kind: str
    odsc: str
    text: str = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What one conversation says; `left_out` names questions whose stored answer is invalid."""

    response: Response | None
    comments: tuple[Comment, ...]
    left_out: tuple[str, ...]


def read(
    conversation: DueConversation,
    answers: Mapping[str, Answer],
    registry: Registry,
    before: Response | None,
) -> Reading:
    """The response and comments of one conversation; `before` is the response stored so far."""
    valid = {name: answer for name, answer in answers.items() if _means(name, answer, registry)}
    left_out = tuple(sorted(answers.keys() - valid.keys()))
    if "odsc" not in valid:
        return Reading(None, (), left_out)
    odsc = valid["odsc"].value
    written = tuple(
        Comment(conversation.id, kind, odsc, valid[question].value, valid[question].at)
        for question, kind in COMMENT_KINDS.items()
        if question in valid
    )
    if "score" not in valid:
        return Reading(None, written, left_out)
    return Reading(_response(conversation, valid, registry, before), written, left_out)


def _response(
    conversation: DueConversation,
    valid: Mapping[str, Answer],
    registry: Registry,
    before: Response | None,
) -> Response:
    # The first moment is kept for ever: an answer changed after midnight must not move a
    # response into another day, out of a week whose digest may have been sent.
    at, day = (before.at, before.day) if before else _moment(valid["score"].at)
    value = {name: answer.value for name, answer in valid.items()}
    odsc, service = value["odsc"], value.get("service")
    paid = int(value["paid"]) if "paid" in value else None
    filed = registry.filed.get(conversation.request_id or 0)
    if filed is not None and filed.odsc != odsc:
        # Whoever went on to rate another center no longer talks of the request.
        filed = None
    fee = _official(registry, filed, service, odsc, day)
    return Response(
        conversation_id=conversation.id,
        odsc=odsc,
        status="complete" if conversation.status == "finished" else "partial",
        at=at,
        day=day,
        channel=conversation.channel,
        language=conversation.language,
        score=int(value["score"]),
        service=service,
        reason=value.get("reason"),
        paid=paid,
        overcharged=paid is not None and fee is not None and paid > fee,
        sex=value.get("sex"),
        request_id=None if filed is None else conversation.request_id,
        flagged=filed is not None and filed.flagged,
        extra={name: value[name] for name in registry.extra if name in value},
    )


def _official(
    registry: Registry, filed: Filed | None, service: str | None, odsc: str, day: date
) -> int | None:
    """What should have been paid: for a request what was official on the day it was filed."""
    if filed is not None and filed.service == service and filed.kip is not None:
        return filed.kip
    return fee_in_force(registry.fees, service, odsc, day)


def _moment(at: datetime) -> tuple[datetime, date]:
    return at, local_day(at)


def fee_in_force(fees: Sequence[Fee], service: str | None, odsc: str, day: date) -> int | None:
    """What a service costs at an ODSC on a day: its own fee before the national one.

    Of several rows in force the newest counts. None: no amount is recorded.
    """
    in_force = [
        fee
        for fee in fees
        if fee.service == service
        and fee.odsc in (odsc, None)
        and fee.valid_from <= day
        and (fee.valid_to is None or day <= fee.valid_to)
    ]
    if not in_force:
        return None
    return max(in_force, key=lambda fee: (fee.odsc is not None, fee.valid_from)).kip


def _means(question: str, answer: Answer, registry: Registry) -> bool:
    value = answer.value
    if (offered := registry.choices.get(question)) is not None:
        return value in offered
    if question == "paid":
        return value.isascii() and value.isdigit() and len(value) <= PAID_DIGITS
    return bool(value.strip())
