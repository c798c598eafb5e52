"""A turn's two trips to the database: where the phone stands, and what the turn changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from app.storage import people
from app.storage.conversations import Standing
from app.storage.people import Contact
from app.storage.places import Load
from app.storage.registry_loading import MARK
from app.storage.trips import Call, Rows, Statement, last_trip, trip
from app.words import Language, Medium, Reply


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """The reply that was given when a session's input so far had this hash.

    `body_hash` is the keyed hash of what the input said, where it is known by an id.
    """

    path_hash: bytes
    reply: Reply
    body_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """What there is to know when an input comes: who sent it, and where they stand.

    `told` is the reply already given to this very input. `standings` are the contact's
    conversations that matter, newest first: the one of this session whatever became of it, the
    open one, and those abandoned not too long ago. `registry` is the load that is in force.
    """

    contact: Contact
    told: Reply | None
    standings: Sequence[Standing]
    registry: Load | None


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


_ENCODER = json.JSONEncoder(ensure_ascii=False)
_MADE = Statement("turn_new_contact", people.MAKING)
_LOCKED = Statement("turn_contact", people.LOCKING)
_STANDING = Statement(
    "turn_standing",
    """
    SELECT v.id, v.channel, v.session, v.status, v.flow, v.state, v.path_length, v.path_hash,
           v.turned_at, t.reply, t.ends, registry.slot, registry.at
    FROM contacts c
    LEFT JOIN runs registry ON registry.name = :mark
    LEFT JOIN turns t ON t.channel = :channel AND t.session = :session
         AND t.contact_id = c.id AND t.path_hash = :path_hash
    LEFT JOIN conversations v ON v.contact_id = c.id AND v.medium = 'ussd'
         AND (v.status = 'open' OR (v.session = :session AND v.channel = :channel)
              OR (v.status = 'abandoned' AND v.turned_at > :resumable))
    WHERE c.phone_hash = :hash
    ORDER BY v.id DESC
    """,
)


def begin_turn(
    tx: Connection,
    phone_hash: bytes,
    phone_cipher: bytes,
    channel: str,
    session: str,
    path_hash: bytes,
    resumable: datetime,
) -> Begun:
    """Lock the contact, made if new, and find where it stands, in one trip."""
    asked = {
        "hash": phone_hash,
        "cipher": phone_cipher,
        "channel": channel,
        "session": session,
        "path_hash": path_hash,
        "resumable": resumable,
        "mark": MARK,
    }
    locked, found = trip(tx, (_LOCKED, asked), (_STANDING, asked))
    if not locked or not found:
        _, locked, found = trip(tx, (_MADE, asked), (_LOCKED, asked), (_STANDING, asked))
    contact = Contact(*locked[0])
    if contact.stopped:
        people.know_again(tx, phone_hash, phone_cipher)
    *_, reply, ends, slot, at = found[0]
    return Begun(
        contact=contact,
        told=None if reply is None else Reply(reply, ends),
        standings=[Standing(*row[:9]) for row in found if row[0] is not None],
        registry=None if slot is None else (slot, at),
    )


# One statement for the whole turn: the conversation, its answers, the replies given, the contact.
_EFFECTS = """
    , answered AS (
        INSERT INTO answers (conversation_id, question, value, at)
        SELECT turned.id, given.question, given.value, :now
        FROM turned, jsonb_each_text(CAST(:answers AS jsonb)) AS given(question, value)
        ON CONFLICT (conversation_id, question) DO UPDATE SET value = excluded.value
    ), followed AS (
        INSERT INTO answers (conversation_id, question, value, at)
        SELECT turned.id, given.question, given.value, :now
        FROM turned, jsonb_each_text(CAST(:added AS jsonb)) AS given(question, value)
        ON CONFLICT (conversation_id, question)
        DO UPDATE SET value = answers.value || E'\\n' || excluded.value
    ), told AS (
        INSERT INTO turns (channel, session, contact_id, path_hash, body_hash, reply, ends, at)
        SELECT :channel, :told_under, :contact, decode(path_hash, 'hex'), decode(body_hash, 'hex'),
               reply, ends, :now
        FROM jsonb_to_recordset(CAST(:turns AS jsonb))
             AS told(path_hash text, body_hash text, reply text, ends boolean)
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
               :state, :status, :now, :now,
               CASE WHEN :due THEN CAST(:now AS timestamptz) END)
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

_BEGIN = Statement("turn_begins", _BEGUN + _EFFECTS)
_CONTINUE = Statement("turn_continues", _CONTINUED + _EFFECTS)


def record(tx: Connection, turn: TurnRecord) -> int:
    """Write a turn; the conversation's id."""
    return _id(trip(tx, _written(turn)))


def record_and_commit(tx: Connection, turn: TurnRecord) -> int:
    """Write a turn with which its transaction ends; the conversation's id."""
    return _id(last_trip(tx, _written(turn)))


def _id(found: Sequence[Rows]) -> int:
    return int(found[0][0][0])


def _written(turn: TurnRecord) -> Call:
    values = {
        "contact": turn.contact_id,
        "channel": turn.channel,
        "session": turn.session,
        "told_under": turn.told_under,
        "path_length": turn.path_length,
        "path_hash": turn.path_hash,
        "language": turn.language,
        "state": _json(turn.state),
        "status": turn.status,
        "now": turn.now,
        "due": turn.due,
        "answers": _json(turn.answers),
        "added": _json(turn.added),
        "turns": _json([_told(one) for one in turn.turns]),
        "remembered": turn.remembered_language,
        "odsc": turn.answers.get("odsc"),
    }
    if turn.conversation_id is None:
        return _BEGIN, values | {"medium": turn.medium, "flow": turn.flow}
    return _CONTINUE, values | {"id": turn.conversation_id}


def _told(turn: StoredTurn) -> Mapping[str, object]:
    return {
        "path_hash": turn.path_hash.hex(),
        "body_hash": None if turn.body_hash is None else turn.body_hash.hex(),
        "reply": turn.reply.text,
        "ends": turn.reply.ends,
    }


def _json(value: object) -> str:
    return _ENCODER.encode(value)
