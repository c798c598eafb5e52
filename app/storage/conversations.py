"""Conversations: where a contact stands, how one ends, what is added to it between turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from app.words import Reply


@dataclass(frozen=True, slots=True)
class Standing:
    """A conversation as stored. `path_*` are the length and hash of the session's input so far."""

    id: int
    channel: str
    session: str
    status: str
    flow: str
    state: Mapping[str, object]
    path_length: int
    path_hash: bytes
    turned_at: datetime


_HOPS = text(
    """
    SELECT id, channel, session, status, flow, state, path_length, path_hash, turned_at
    FROM conversations
    WHERE contact_id = :contact AND medium = 'ussd'
      AND (status = 'open' OR (status = 'abandoned' AND turned_at > :resumable)
           OR (channel = :channel AND starts_with(session, :begins) AND turned_at > :recent))
    ORDER BY id DESC
    """
)


def standing_hops(
    tx: Connection,
    contact_id: int,
    channel: str,
    begins: str,
    resumable: datetime,
    recent: datetime,
) -> list[Standing]:
    """The contact's conversations that matter, newest first: the open one, those abandoned since
    `resumable`, and those since `recent` whose session `begins` so on this channel."""
    rows = tx.execute(
        _HOPS,
        {
            "contact": contact_id,
            "channel": channel,
            "begins": begins,
            "resumable": resumable,
            "recent": recent,
        },
    )
    return [Standing(*row) for row in rows]


def open_sms(tx: Connection, contact_id: int) -> Standing | None:
    """The contact's open conversation by SMS."""
    row = tx.execute(
        text(
            "SELECT id, channel, session, status, flow, state, path_length, path_hash, turned_at "
            "FROM conversations WHERE contact_id = :contact AND medium = 'sms' AND status = 'open'"
        ),
        {"contact": contact_id},
    ).first()
    return None if row is None else Standing(*row)


def last_reply(tx: Connection, contact_id: int, channel: str, session: str) -> Reply | None:
    """The newest reply of a session."""
    row = tx.execute(
        text(
            "SELECT reply, ends FROM turns WHERE channel = :channel AND session = :session "
            "AND contact_id = :contact ORDER BY at DESC, ends DESC LIMIT 1"
        ),
        {"contact": contact_id, "channel": channel, "session": session},
    ).first()
    return None if row is None else Reply(row.reply, row.ends)


def close(tx: Connection, conversation_id: int, status: str, now: datetime) -> None:
    """End an open conversation without another turn; its answers become a response."""
    tx.execute(
        text(
            "UPDATE conversations SET status = :status, due_at = :now "
            "WHERE id = :id AND status = 'open'"
        ),
        {"id": conversation_id, "status": status, "now": now},
    )


def end_session(
    tx: Connection, contact_id: int, channel: str, session: str, at: datetime, now: datetime
) -> bool:
    """The network closed a session: its conversation is abandoned at once. False if none was open.

    Where the network counts its sessions anew (then ours have "#" and more behind the number), a
    conversation that went on after `at` is another session's.
    """
    closed = tx.execute(
        text(
            "UPDATE conversations SET status = 'abandoned', due_at = :now "
            "WHERE contact_id = :contact AND channel = :channel AND medium = 'ussd' "
            "AND status = 'open' AND (session = :session "
            "OR (starts_with(session, :session || '#') AND turned_at <= :at))"
        ),
        {"contact": contact_id, "channel": channel, "session": session, "at": at, "now": now},
    )
    return closed.rowcount > 0


def seal_answer(
    tx: Connection, conversation_id: int, question: str, cipher: bytes, now: datetime
) -> None:
    """Store an answer that is a phone number: its ciphertext only, in hexadecimal."""
    tx.execute(
        text(
            "INSERT INTO answers (conversation_id, question, value, at) "
            "VALUES (:id, :question, :value, :now) ON CONFLICT (conversation_id, question) "
            "DO UPDATE SET value = excluded.value"
        ),
        {"id": conversation_id, "question": question, "value": cipher.hex(), "now": now},
    )


def open_case(
    tx: Connection,
    conversation_id: int,
    contact_id: int,
    kind: str,
    now: datetime,
    open_until: datetime,
) -> None:
    """Open a case, or keep the conversation's own open for longer."""
    tx.execute(
        text(
            "INSERT INTO cases (conversation_id, contact_id, kind, opened_at, open_until) "
            "VALUES (:conversation, :contact, :kind, :now, :until) "
            "ON CONFLICT (conversation_id, kind) DO UPDATE SET open_until = excluded.open_until"
        ),
        {
            "conversation": conversation_id,
            "contact": contact_id,
            "kind": kind,
            "now": now,
            "until": open_until,
        },
    )


def join_case(tx: Connection, contact_id: int, written: str, now: datetime) -> bool:
    """Add a text to the contact's newest open case; False where there is none.

    What was written becomes part of the answer that the case's conversation gave.
    """
    case = tx.execute(
        text(
            "SELECT conversation_id, kind FROM cases WHERE contact_id = :contact "
            "AND open_until > :now ORDER BY id DESC LIMIT 1"
        ),
        {"contact": contact_id, "now": now},
    ).first()
    if case is None:
        return False
    joined = {"id": case.conversation_id, "kind": case.kind, "written": written, "now": now}
    tx.execute(
        text(
            "INSERT INTO answers (conversation_id, question, value, at) "
            "VALUES (:id, :kind, :written, :now) ON CONFLICT (conversation_id, question) "
            "DO UPDATE SET value = answers.value || E'\\n' || excluded.value"
        ),
        joined,
    )
    tx.execute(text("UPDATE conversations SET due_at = :now WHERE id = :id"), joined)
    return True


def forget_turns(tx: Connection, before: datetime) -> int:
    """Drop replies that no gateway will ask for again."""
    return tx.execute(text("DELETE FROM turns WHERE at < :before"), {"before": before}).rowcount
