"""Queries of feedback: due conversations, their answers, responses and comments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.storage.schema import comments, fees, odscs, responses, services


@dataclass(frozen=True, slots=True)
class DueConversation:
    """A conversation whose answers changed since its response was stored.

    `request_id`: the request whose applicant was asked how it was, and answers here.
    """

    id: int
    channel: str
    language: str
    status: str
    due_at: datetime
    request_id: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One stored answer, as the conversation wrote it."""

    value: str = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class Fee:
    """One row of the fee table. `kip` is fee and service charge together; None: none recorded."""

    service: str
    odsc: str | None
    kip: int | None
    valid_from: date
    valid_to: date | None


def take_due(tx: Connection, limit: int) -> list[DueConversation]:
    """Lock the longest-due conversations, stepping over those another transaction holds.

    NO KEY UPDATE, not UPDATE: storing an answer takes a key share lock on its conversation, and
    a citizen's turn should wait for us as little as may be.
    """
    rows = tx.execute(
        text(
            "SELECT id, channel, language, status, due_at, request_id FROM conversations"
            " WHERE due_at IS NOT NULL ORDER BY due_at, id LIMIT :limit"
            " FOR NO KEY UPDATE SKIP LOCKED"
        ),
        {"limit": limit},
    )
    return [DueConversation(*row) for row in rows]


def settle(tx: Connection, ids: Sequence[int]) -> None:
    """Nothing is due any more in these conversations, which the caller has locked.

    No comparison with the `due_at` that was read: a turn sets it by updating the very row we
    have locked since reading it, so it cannot differ. A turn that comes meanwhile waits, then
    sets `due_at` anew after our commit; one that came first made `take_due` step over the row
    or read its newest version. Either way the answers of a turn are read in a transaction that
    starts to read them after that turn's commit.
    """
    tx.execute(
        text("UPDATE conversations SET due_at = NULL WHERE id = ANY(CAST(:ids AS bigint[]))"),
        {"ids": list(ids)},
    )


def abandon(tx: Connection, now: datetime, before: datetime, limit: int) -> int:
    """Make open conversations without a turn since `before` abandoned and due; how many."""
    result = tx.execute(
        text(
            "WITH silent AS MATERIALIZED ("
            "  SELECT id FROM conversations WHERE status = 'open' AND turned_at < :before"
            "  ORDER BY turned_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)"
            " UPDATE conversations SET status = 'abandoned', due_at = :now"
            " FROM silent WHERE conversations.id = silent.id"
        ),
        {"now": now, "before": before, "limit": limit},
    )
    return result.rowcount


def answers_of(
    tx: Connection, ids: Sequence[int], questions: Collection[str]
) -> dict[int, dict[str, Answer]]:
    """The answers to some questions, by conversation and question."""
    found: dict[int, dict[str, Answer]] = {}
    rows = tx.execute(
        text(
            "SELECT conversation_id, question, value, at FROM answers"
            " WHERE conversation_id = ANY(CAST(:ids AS bigint[]))"
            " AND question = ANY(CAST(:questions AS text[]))"
        ),
        {"ids": list(ids), "questions": list(questions)},
    )
    for conversation, question, value, at in rows:
        found.setdefault(conversation, {})[question] = Answer(value, at)
    return found


def odsc_codes(tx: Connection) -> frozenset[str]:
    """Every ODSC's code."""
    return frozenset(tx.scalars(select(odscs.c.code)))


def service_keys(tx: Connection) -> frozenset[str]:
    """Every service's key."""
    return frozenset(tx.scalars(select(services.c.key)))


def fees_of(tx: Connection, wanted: Collection[str]) -> list[Fee]:
    """The fee rows of some services, of every ODSC and every time."""
    rows = tx.execute(select(fees).where(fees.c.service.in_(wanted)))
    return [
        Fee(row.service, row.odsc, _sum(row.fee_kip, row.charge_kip), row.valid_from, row.valid_to)
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Filed:
    """What was filed of a request: where, for which service, at which official amounts together
    (`kip`; None: none recorded). `flagged`: it shows signs of being invented."""

    odsc: str
    service: str
    kip: int | None
    flagged: bool


def filed(tx: Connection, request_ids: Collection[int]) -> dict[int, Filed]:
    """Some requests, by id, as they stand now."""
    rows = tx.execute(
        text(
            "SELECT id, odsc, service, fee_kip, charge_kip,"
            " EXISTS (SELECT FROM request_flags WHERE request_id = requests.id) AS flagged"
            " FROM requests WHERE id = ANY(CAST(:ids AS bigint[]))"
        ),
        {"ids": list(request_ids)},
    )
    return {
        row.id: Filed(row.odsc, row.service, _sum(row.fee_kip, row.charge_kip), row.flagged)
        for row in rows
    }


def _sum(fee: int | None, charge: int | None) -> int | None:
    return None if fee is None and charge is None else (fee or 0) + (charge or 0)


def stored(tx: Connection, ids: Sequence[int]) -> list[Mapping[str, Any]]:
    """The responses of some conversations, without their own id."""
    columns = [column for column in responses.c if column is not responses.c.id]
    rows = tx.execute(select(*columns).where(responses.c.conversation_id.in_(ids)))
    return [dict(row._mapping) for row in rows]


def save(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert responses or bring them up to date; a conversation has at most one."""
    if not rows:
        return
    statement = insert(responses)
    changing = {name: statement.excluded[name] for name in rows[0] if name != "conversation_id"}
    statement = statement.on_conflict_do_update(
        index_elements=[responses.c.conversation_id], set_=changing
    )
    tx.execute(statement, [dict(row) for row in rows])


def withdraw(tx: Connection, ids: Sequence[int]) -> None:
    """Delete the responses of conversations that no longer have one."""
    if ids:
        tx.execute(delete(responses).where(responses.c.conversation_id.in_(ids)))


def save_comments(tx: Connection, ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
    """Make the comments of these conversations exactly `rows`."""
    kept = [(row["conversation_id"], row["kind"]) for row in rows]
    key = tuple_(comments.c.conversation_id, comments.c.kind)
    tx.execute(delete(comments).where(comments.c.conversation_id.in_(ids), key.not_in(kept)))
    if not rows:
        return
    statement = insert(comments)
    changing = {name: statement.excluded[name] for name in ("odsc", "text", "at")}
    differs = or_(*(comments.c[name] != value for name, value in changing.items()))
    statement = statement.on_conflict_do_update(
        index_elements=[comments.c.conversation_id, comments.c.kind], set_=changing, where=differs
    )
    tx.execute(statement, [dict(row) for row in rows])
