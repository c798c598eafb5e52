"""Queries of feedback: due conversations, their answers, responses and comments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    Table,
    TableValuedAlias,
    any_,
    bindparam,
    column,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import Insert, insert

from app.storage.schema import comments, fees, odscs, responses, services

Columns = Mapping[str, Sequence[Any]]
"""The rows of a table: each column's name and its values, all equally many."""


def _given(columns: Sequence[Column[Any]]) -> TableValuedAlias:
    """Rows of one array for each column: one statement and one round trip, however many."""
    arrays = [bindparam(one.name, type_=ARRAY(one.type)) for one in columns]
    named = [column(one.name, one.type) for one in columns]
    return func.unnest(*arrays).table_valued(*named).render_derived("given")


def _upsert(table: Table, key: Sequence[Column[Any]]) -> Insert:
    """Inserts rows, or brings up to date those of the same key that are different."""
    columns = [one for one in table.c if one is not table.c.id]
    rows = select(*_given(columns).c)
    statement = insert(table).from_select([one.name for one in columns], rows)
    changing = {one.name: statement.excluded[one.name] for one in columns if one not in key}
    differs = or_(*(table.c[name].is_distinct_from(new) for name, new in changing.items()))
    return statement.on_conflict_do_update(index_elements=key, set_=changing, where=differs)


_IDS = bindparam("ids", type_=ARRAY(BigInteger))
_STORED = select(*(one for one in responses.c if one is not responses.c.id)).where(
    responses.c.conversation_id == any_(_IDS)
)
_SAVE = _upsert(responses, [responses.c.conversation_id])
_WITHDRAW = delete(responses).where(responses.c.conversation_id == any_(_IDS))
_KIND = (comments.c.conversation_id, comments.c.kind)
_SAVE_COMMENTS = _upsert(comments, _KIND)
_FORGET_COMMENTS = delete(comments).where(
    comments.c.conversation_id == any_(_IDS), tuple_(*_KIND).not_in(select(*_given(_KIND).c))
)


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
    return [DueConversation(*row) for row in rows.all()]


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
    # All at once: row by row, the library's own work would cost more than ours.
    for conversation, question, value, at in rows.all():
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
    return [dict(row._mapping) for row in tx.execute(_STORED, {"ids": list(ids)}).all()]


def save(tx: Connection, rows: Columns) -> None:
    """Insert responses or bring them up to date; a conversation has at most one."""
    if rows["conversation_id"]:
        tx.execute(_SAVE, rows)


def withdraw(tx: Connection, ids: Sequence[int]) -> None:
    """Delete the responses of conversations that no longer have one."""
    if ids:
        tx.execute(_WITHDRAW, {"ids": list(ids)})


def save_comments(tx: Connection, ids: Sequence[int], rows: Columns) -> None:
    """Make the comments of these conversations exactly `rows`."""
    kept = {one.name: rows[one.name] for one in _KIND}
    tx.execute(_FORGET_COMMENTS, {"ids": list(ids), **kept})
    if rows["conversation_id"]:
        tx.execute(_SAVE_COMMENTS, rows)
