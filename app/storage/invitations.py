""" "How was it?": asked of applicants after collection, reminded of once, answered or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Invitation:
    """One request's, with what its texts need. `state` is the one it is in now.

    The question was queued at `sent_at`; `asked_at` is when it, or its reminder, last went out.
    """

    request_id: int
    contact_id: int
    state: str
    odsc: str
    service: str
    stopped: bool
    sent_at: datetime | None
    asked_at: datetime | None


_INVITATION = (
    "SELECT i.request_id, i.contact_id, i.state, r.odsc, r.service, "
    "c.stopped_at IS NOT NULL, i.sent_at, (SELECT max(coalesce(o.sent_at, o.tried_at)) "
    "FROM outbox o WHERE o.once_key IN ('invitation:' || i.request_id, 'reminder:' || i.request_id)"
    " AND o.state IN ('sending', 'unknown', 'sent', 'delivered')) FROM invitations i "
    "JOIN requests r ON r.id = i.request_id JOIN contacts c ON c.id = i.contact_id "
)


def due(tx: Connection, now: datetime, limit: int) -> list[Invitation]:
    """Invitations for which something is to be done now, locked together with their phones.

    So two that work at once never ask one phone about two requests.
    """
    rows = tx.execute(
        text(
            _INVITATION + "WHERE i.due_at <= :now ORDER BY i.due_at, i.request_id LIMIT :limit "
            "FOR NO KEY UPDATE OF i, c SKIP LOCKED"
        ),
        {"now": now, "limit": limit},
    )
    return [Invitation(*row) for row in rows]


def open_of(tx: Connection, contact_id: int) -> Invitation | None:
    """The invitation that a phone's answer would be to; at most one is open at a time."""
    row = tx.execute(
        text(
            _INVITATION + "WHERE i.contact_id = :contact AND i.state IN ('sent', 'reminded') "
            "ORDER BY i.sent_at DESC LIMIT 1"
        ),
        {"contact": contact_id},
    ).first()
    return None if row is None else Invitation(*row)


def postpone(tx: Connection, request_id: int, due_at: datetime) -> None:
    """Nothing is to be done before then."""
    tx.execute(
        text("UPDATE invitations SET due_at = :due WHERE request_id = :id"),
        {"id": request_id, "due": due_at},
    )


def move(
    tx: Connection, request_id: int, state: str, now: datetime, due_at: datetime | None
) -> None:
    """Enter a state; `due_at` is when the next thing is to be done."""
    tx.execute(
        text(
            "UPDATE invitations SET state = :state, due_at = :due, "
            "sent_at = CASE WHEN :state = 'sent' THEN CAST(:now AS timestamptz) ELSE sent_at END "
            "WHERE request_id = :id"
        ),
        {"id": request_id, "state": state, "now": now, "due": due_at},
    )


def answered(tx: Connection, request_id: int, conversation_id: int, now: datetime) -> None:
    """The applicant has answered, in this conversation, which is about the request."""
    given = {"id": request_id, "conversation": conversation_id, "now": now}
    tx.execute(
        text(
            "UPDATE invitations SET state = 'answered', due_at = NULL, answered_at = :now, "
            "conversation_id = :conversation WHERE request_id = :id AND state <> 'answered'"
        ),
        given,
    )
    tx.execute(
        text("UPDATE conversations SET request_id = :id WHERE id = :conversation"),
        given,
    )
