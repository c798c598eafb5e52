"""What became of what went out: receipts, doubts, ends, money."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from app.storage import people
from app.storage.outbox import Claimed
from app.words import Receipt

# An answer whose fate stayed unknown this long, and cannot be asked, is sent once more.
DOUBT = timedelta(minutes=10)
OLD = timedelta(hours=1)
# A receipt that belongs to nothing for so long never will.
RECEIPTS_WAIT = timedelta(days=3)
MATCHED_AT_ONCE = 500

# Receipts come in any order: a message's state only moves up this ladder. Above what the network
# said last there is nothing; what only we gave up may still turn out to have arrived.
RANK = {"queued": 0, "sending": 1, "unknown": 2, "sent": 3, "buffered": 3, "expired": 8, "dead": 8}
FINAL = 9


@dataclass(frozen=True, slots=True)
class Doubtful(Claimed):
    """A message to ask the provider about; `begun` that at least a part of it is out."""

    state: str
    provider_ref: str
    asked: int
    begun: bool


# --- receipts ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """A message as a receipt finds it."""

    id: str
    contact_id: int
    state: str
    parts: int
    phone_hash: bytes = field(repr=False)


_FIND = text(
    "SELECT o.id, o.contact_id, o.state, o.parts, c.phone_hash FROM outbox o "
    "JOIN contacts c ON c.id = o.contact_id "
    "WHERE o.id = coalesce("
    "(SELECT r.message_id FROM provider_refs r WHERE r.channel = :channel AND r.ref = :part), "
    "CAST(:id AS uuid), "
    "(SELECT r.message_id FROM provider_refs r WHERE r.channel = :channel AND r.ref = :ref)) "
    "FOR UPDATE OF o"
)
_EXPECT = text(
    "INSERT INTO provider_refs (channel, ref, message_id) VALUES (:channel, :ref, :id) "
    "ON CONFLICT DO NOTHING"
)
_NOTE = text(
    "INSERT INTO receipts "
    "(channel, message_id, provider_ref, phone_hash, state, detail, opted_out, at) "
    "VALUES (:channel, :id, :ref, :phone, :state, :detail, :opted_out, :at)"
)
_MOVE = text(
    "UPDATE outbox SET state = :state, reason = :reason, sent_at = coalesce(sent_at, :at), "
    "settled_at = CASE WHEN :state = 'sent' THEN settled_at ELSE CAST(:at AS timestamptz) END, "
    "ask_at = NULL, doubts = 0 WHERE id = :id"
)
# The first part may have no other id than the message's, which stands for it as "".
_ARRIVED = text(
    "SELECT count(DISTINCT provider_ref) FROM receipts "
    "WHERE message_id = :id AND state = 'delivered'"
)


def expect(tx: Connection, channel: str, message_id: str, part_ids: Sequence[str]) -> None:
    """Receipts that name one of these ids, which are ours, are the message's."""
    for part_id in part_ids:
        tx.execute(_EXPECT, {"channel": channel, "ref": part_id, "id": message_id})


def receive(tx: Connection, receipt: Receipt, phone_hash: bytes | None) -> bool:
    """Note a receipt; False where it is none of ours.

    With a provider's id alone it may have overtaken the provider's answer: then it waits for
    `match`. One that names another phone than the message's is no receipt of it.
    """
    known = _find(tx, receipt.message_id, receipt.channel, receipt.provider_ref)
    if known is None and (receipt.message_id or not receipt.provider_ref):
        return False
    if known is not None and phone_hash not in (None, known.phone_hash):
        return False
    part_id = "" if known is None or receipt.message_id == known.id else receipt.message_id
    tx.execute(
        _NOTE,
        {
            "channel": receipt.channel,
            "id": None if known is None else known.id,
            "ref": receipt.provider_ref or part_id,
            "phone": phone_hash,
            "state": receipt.state,
            "detail": receipt.detail[:200],
            "opted_out": receipt.opted_out,
            "at": receipt.at,
        },
    )
    if known is not None:
        _advance(tx, known, receipt.state, receipt.detail, receipt.at, receipt.opted_out)
    return True


def match(tx: Connection) -> int:
    """Give messages the receipts that came before the provider had told its id; how many."""
    waiting = tx.execute(
        text(
            "SELECT r.id, p.message_id, r.state, r.detail, r.at, r.opted_out FROM receipts r "
            "JOIN provider_refs p ON p.channel = r.channel AND p.ref = r.provider_ref "
            "JOIN outbox o ON o.id = p.message_id JOIN contacts c ON c.id = o.contact_id "
            "WHERE r.message_id IS NULL "
            "AND (r.phone_hash IS NULL OR r.phone_hash = c.phone_hash) "
            "ORDER BY r.id LIMIT :limit FOR UPDATE OF r SKIP LOCKED"
        ),
        {"limit": MATCHED_AT_ONCE},
    ).all()
    for row in waiting:
        tx.execute(
            text("UPDATE receipts SET message_id = :message WHERE id = :id"),
            {"message": row.message_id, "id": row.id},
        )
        known = _find(tx, str(row.message_id))
        assert known is not None
        _advance(tx, known, row.state, row.detail, row.at, row.opted_out)
    return len(waiting)


def learn(tx: Connection, message_id: str, state: str, detail: str, at: datetime) -> None:
    """What the provider answered when asked; like a receipt, it only moves forward."""
    known = _find(tx, message_id)
    assert known is not None
    _move(tx, known, state, detail, at)


def _find(tx: Connection, message_id: str, channel: str = "", ref: str = "") -> _Known | None:
    values = {"id": message_id or None, "part": message_id, "channel": channel, "ref": ref}
    row = tx.execute(_FIND, values).first()
    if row is None:
        return None
    return _Known(str(row.id), row.contact_id, row.state, row.parts, bytes(row.phone_hash))


def _advance(
    tx: Connection, known: _Known, state: str, detail: str, at: datetime, opted_out: bool
) -> None:
    """A message in parts has arrived when all of them have."""
    if state == "delivered" and known.parts > 1:
        arrived = tx.execute(_ARRIVED, {"id": known.id}).scalar_one()
        state = "delivered" if arrived >= known.parts else "sent"
    # A receipt that comes again does not undo a START that came between.
    if _move(tx, known, state, detail, at) and opted_out:
        people.set_stopped(tx, known.contact_id, at)


def _move(tx: Connection, known: _Known, state: str, detail: str, at: datetime) -> bool:
    if RANK.get(state, FINAL) <= RANK.get(known.state, FINAL):
        return False
    moved = "sent" if state == "buffered" else state
    tx.execute(_MOVE, {"id": known.id, "state": moved, "reason": detail[:200], "at": at})
    return True


# --- doubts -----------------------------------------------------------------------------------

_LOSE = text(
    """
    UPDATE outbox o SET
        state = 'unknown', next_at = :now, doubts = doubts + 1, asked = 0,
        ask_at = CASE WHEN o.channel = ANY(:asking) THEN CAST(:ask_at AS timestamptz) END,
        reason = 'the sender stopped before the provider answered'
    FROM contacts c WHERE c.id = o.contact_id AND o.state = 'sending' AND o.next_at < :now
    RETURNING o.id, o.contact_id, o.channel, o.purpose, o.attempts, o.segments, o.tried_at, o.text,
              c.phone_hash, c.phone_cipher
    """
)


def lose(tx: Connection, now: datetime, asking: Collection[str], ask_at: datetime) -> list[Claimed]:
    """Claims whose claimer died become `unknown`; which.

    Those on the `asking` channels will be asked about, at `ask_at`.
    """
    rows = tx.execute(_LOSE, {"now": now, "asking": list(asking), "ask_at": ask_at})
    return [Claimed(str(row.id), *row[1:]) for row in rows]


def charge(tx: Connection, message_id: str, kip: int) -> None:
    """What a message that may have been sent may have cost."""
    tx.execute(
        text("UPDATE outbox SET cost_kip = cost_kip + :kip WHERE id = :id"),
        {"kip": kip, "id": message_id},
    )


def repeat(tx: Connection, now: datetime, doubt: timedelta = DOUBT) -> int:
    """Answers long in doubt, on channels that cannot be asked, are sent once more; how many.

    Not those of which a part is out, and never what nobody waits for.
    """
    repeated = tx.execute(
        text(
            "UPDATE outbox SET state = 'queued', next_at = :now "
            "WHERE state = 'unknown' AND ask_at IS NULL AND doubts = 1 AND sent_at IS NULL "
            "AND purpose IN ('reply', 'consent') AND next_at < :before AND next_at > :old"
        ),
        {"now": now, "before": now - doubt, "old": now - OLD - doubt},
    )
    return repeated.rowcount


_TO_ASK = text(
    """
    WITH chosen AS (
        SELECT id FROM outbox WHERE ask_at <= :now
        ORDER BY ask_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    UPDATE outbox o SET ask_at = :lease, asked = o.asked + 1
    FROM chosen, contacts c WHERE o.id = chosen.id AND c.id = o.contact_id
    RETURNING o.id, o.contact_id, o.channel, o.purpose, o.attempts, o.segments, o.tried_at, o.text,
              c.phone_hash, c.phone_cipher, o.state, o.provider_ref, o.asked,
              o.sent_at IS NOT NULL
    """
)


def to_ask(tx: Connection, now: datetime, lease: timedelta) -> Doubtful | None:
    """A message whose provider is to be asked now; others leave it alone for `lease`."""
    row = tx.execute(_TO_ASK, {"now": now, "lease": now + lease}).first()
    return None if row is None else Doubtful(str(row.id), *row[1:])


def ask_again(tx: Connection, message_id: str, at: datetime | None) -> None:
    """When to ask next; None: there is nothing to be learnt by asking."""
    tx.execute(
        text("UPDATE outbox SET ask_at = :at WHERE id = :id AND state IN ('sent', 'unknown')"),
        {"id": message_id, "at": at},
    )


# --- ends -------------------------------------------------------------------------------------


def give_up(
    tx: Connection, now: datetime, receipt_wait: timedelta, reported: Collection[str]
) -> int:
    """End what nothing more will be heard of; how many.

    `reported` names the channels whose networks report the end of each message: on the others
    `sent` is all that can be known.
    """
    unsent = tx.execute(
        text(
            "UPDATE outbox SET state = 'expired', settled_at = :now, "
            "reason = CASE WHEN reason = '' THEN 'not sent in time' "
            "ELSE 'not sent in time: ' || reason END "
            "WHERE state = 'queued' AND expires_at <= :now"
        ),
        {"now": now},
    )
    silent = tx.execute(
        text(
            "UPDATE outbox SET state = 'expired', settled_at = :now, ask_at = NULL, "
            "reason = 'no receipt came' WHERE state = 'sent' AND sent_at < :before "
            "AND channel = ANY(:reported)"
        ),
        {"now": now, "before": now - receipt_wait, "reported": list(reported)},
    )
    doubted = tx.execute(
        text(
            "UPDATE outbox SET state = 'expired', settled_at = :now, ask_at = NULL, "
            "reason = 'nobody knows whether it was sent: ' || reason "
            "WHERE state = 'unknown' AND next_at < :before"
        ),
        {"now": now, "before": now - receipt_wait},
    )
    tx.execute(
        text("DELETE FROM receipts WHERE message_id IS NULL AND at < :before"),
        {"before": now - RECEIPTS_WAIT},
    )
    return unsent.rowcount + silent.rowcount + doubted.rowcount


def spent(tx: Connection, since: datetime, until: datetime) -> int:
    """Kip for what was last tried in that time, doubtful messages included."""
    found = tx.execute(
        text(
            "SELECT coalesce(sum(cost_kip), 0) FROM outbox "
            "WHERE tried_at >= :since AND tried_at < :until"
        ),
        {"since": since, "until": until},
    )
    return int(found.scalar_one())
