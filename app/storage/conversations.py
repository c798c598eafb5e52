"""Conversations: where a contact stands, what a turn changed, replies already given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.types import Boolean, Text

from app.words import Language, Medium, Reply


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


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """The reply that was given when a session's input so far had this hash.

    `body_hash` is the keyed hash of what the input said, where it is known by an id.
    """

    path_hash: bytes
    reply: Reply
    body_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """Everything that one turn changes. `conversation_id` None: the conversation begins.

    `told_under` is the network's own session, under which the replies are found again.
    """

    conversation_id: int | None
    contact_id: int
    channel: str
    medium: Medium
    session: str
    flow: str
    language: Language
    state: Mapping[str, object]
    status: str
    now: datetime
    answers: Mapping[str, str]
    added: Mapping[str, str] = field(default_factory=dict)
    path_length: int = 0
    path_hash: bytes = b""
    turns: Sequence[StoredTurn] = ()
    told_under: str = ""
    remembered_language: Language | None = None

    @property
    def due(self) -> bool:
        """Whether the answers or their completeness changed, so that the response must follow."""
        return bool(self.answers or self.added) or self.status != "open"


_STANDING = text(
    """
    SELECT v.id, v.channel, v.session, v.status, v.flow, v.state, v.path_length, v.path_hash,
           v.turned_at, t.reply, t.ends
    FROM (SELECT 1) AS one
    LEFT JOIN turns t ON t.channel = :channel AND t.session = :session
         AND t.contact_id = :contact AND t.path_hash = :path_hash
    LEFT JOIN conversations v ON v.contact_id = :contact AND v.medium = :medium
         AND (v.status = 'open' OR (v.session = :session AND v.channel = :channel)
              OR (v.status = 'abandoned' AND v.turned_at > :resumable))
    ORDER BY v.id DESC
    """
).bindparams(bindparam("path_hash", type_=BYTEA))


def standing(
    tx: Connection,
    contact_id: int,
    channel: str,
    medium: Medium,
    session: str,
    path_hash: bytes,
    resumable: datetime,
) -> tuple[Reply | None, list[Standing]]:
    """The reply already given to this very input, and the contact's conversations that matter,
    newest first: the one of this session whatever became of it, the open one, and those
    abandoned since `resumable`."""
    rows = tx.execute(
        _STANDING,
        {
            "contact": contact_id,
            "channel": channel,
            "medium": medium,
            "session": session,
            "path_hash": path_hash,
            "resumable": resumable,
        },
    ).all()
    first = rows[0]
    reply = None if first.reply is None else Reply(first.reply, first.ends)
    return reply, [Standing(*row[:9]) for row in rows if row[0] is not None]


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


# One statement for the whole turn: the conversation, its answers, the replies given, the contact.
_EFFECTS = """
    , answered AS (
        INSERT INTO answers (conversation_id, question, value, at)
        SELECT turned.id, given.question, given.value, :now
        FROM turned, unnest(:questions, :values) AS given(question, value)
        ON CONFLICT (conversation_id, question) DO UPDATE SET value = excluded.value
    ), followed AS (
        INSERT INTO answers (conversation_id, question, value, at)
        SELECT turned.id, given.question, given.value, :now
        FROM turned, unnest(:added_to, :added) AS given(question, value)
        ON CONFLICT (conversation_id, question)
        DO UPDATE SET value = answers.value || E'\\n' || excluded.value
    ), told AS (
        INSERT INTO turns (channel, session, contact_id, path_hash, body_hash, reply, ends, at)
        SELECT :channel, :told_under, :contact, told.path_hash, told.body_hash, told.reply,
               told.ends, :now
        FROM unnest(:hashes, :bodies, :replies, :endings)
             AS told(path_hash, body_hash, reply, ends)
        ON CONFLICT DO NOTHING
    ), known AS (
        UPDATE contacts SET language = coalesce(:remembered, language),
               last_odsc = coalesce(:odsc, last_odsc)
        WHERE id = :contact AND (coalesce(:remembered, language) IS DISTINCT FROM language
              OR coalesce(:odsc, last_odsc) IS DISTINCT FROM last_odsc)
    )
    SELECT id FROM turned
"""

_BEGUN = """
    WITH turned AS (
        INSERT INTO conversations (contact_id, channel, medium, session, path_length, path_hash,
               flow, language, state, status, started_at, turned_at, due_at)
        VALUES (:contact, :channel, :medium, :session, :path_length, :path_hash, :flow, :language,
               :state, :status, :now, :now, CASE WHEN :due THEN :now END)
        RETURNING id
    )
"""

_CONTINUED = """
    WITH turned AS (
        UPDATE conversations SET channel = :channel, session = :session,
               path_length = :path_length, path_hash = :path_hash, language = :language,
               state = :state, status = :status, turned_at = :now,
               due_at = CASE WHEN :due THEN :now ELSE due_at END
        WHERE id = :id RETURNING id
    )
"""

_TYPES: tuple[BindParameter[Any], ...] = (
    bindparam("state", type_=JSONB),
    bindparam("path_hash", type_=BYTEA),
    bindparam("questions", type_=ARRAY(Text)),
    bindparam("values", type_=ARRAY(Text)),
    bindparam("added_to", type_=ARRAY(Text)),
    bindparam("added", type_=ARRAY(Text)),
    bindparam("hashes", type_=ARRAY(BYTEA)),
    bindparam("bodies", type_=ARRAY(BYTEA)),
    bindparam("replies", type_=ARRAY(Text)),
    bindparam("endings", type_=ARRAY(Boolean)),
    bindparam("remembered", type_=Text),
    bindparam("odsc", type_=Text),
    bindparam("now"),
)
_BEGIN = text(_BEGUN + _EFFECTS).bindparams(*_TYPES)
_CONTINUE = text(_CONTINUED + _EFFECTS).bindparams(*_TYPES)


def record(tx: Connection, turn: TurnRecord) -> int:
    """Write a turn; the conversation's id."""
    values = {
        "contact": turn.contact_id,
        "channel": turn.channel,
        "session": turn.session,
        "told_under": turn.told_under,
        "path_length": turn.path_length,
        "path_hash": turn.path_hash,
        "language": turn.language,
        "state": turn.state,
        "status": turn.status,
        "now": turn.now,
        "due": turn.due,
        "questions": list(turn.answers),
        "values": list(turn.answers.values()),
        "added_to": list(turn.added),
        "added": list(turn.added.values()),
        "hashes": [told.path_hash for told in turn.turns],
        "bodies": [told.body_hash for told in turn.turns],
        "replies": [told.reply.text for told in turn.turns],
        "endings": [told.reply.ends for told in turn.turns],
        "remembered": turn.remembered_language,
        "odsc": turn.answers.get("odsc"),
    }
    if turn.conversation_id is None:
        values |= {"medium": turn.medium, "flow": turn.flow}
        return int(tx.execute(_BEGIN, values).scalar_one())
    return int(tx.execute(_CONTINUE, values | {"id": turn.conversation_id}).scalar_one())


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
