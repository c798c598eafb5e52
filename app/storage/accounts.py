"""What became of what went out: receipts, doubts, ends, costs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from app.words import Receipt

# An answer whose fate stayed unknown this long, and cannot be asked, is sent once more.
DOUBT = timedelta(minutes=10)
OLD = timedelta(hours=1)
# A receipt that belongs to nothing for so long never will.
RECEIPTS_WAIT = timedelta(days=3)

# Receipts come in any order: a message's state only moves up this ladder. Above what the network
# said last there is nothing; what only we gave up may still turn out to have arrived.
RANK = {"queued": 0, "sending": 1, "unknown": 2, "sent": 3, "buffered": 3, "expired": 8, "dead": 8}
FINAL = 9


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A message to ask the provider about; `begun` that at least a part of it is out."""

    id: str
    channel: str
    state: str
    provider_ref: str
    asked: int
    attempts: int
    segments: int
    begun: bool
    tried_at: datetime
    text: str = field(repr=False)
    phone_hash: bytes = field(repr=False)
    phone_cipher: bytes = field(repr=False)


_FIND = text(
    "SELECT o.id, o.state, o.contact_id, c.phone_hash FROM outbox o "
    "JOIN contacts c ON c.id = o.contact_id "
    "WHERE o.id = coalesce(CAST(:id AS uuid), "
    "(SELECT r.message_id FROM provider_refs r WHERE r.channel = :channel AND r.ref = :ref)) "
    "FOR UPDATE OF o"
)
_NOTE = text(
    "INSERT INTO receipts (channel, message_id, provider_ref, phone_hash, state, detail, at) "
    "VALUES (:channel, :id, :ref, :phone, :state, :detail, :at)"
)
_MOVE = text(
    "UPDATE outbox SET state = :state, reason = :reason, sent_at = coalesce(sent_at, :at), "
    "settled_at = :at, ask_at = NULL WHERE id = :id"
)


def receive(tx: Connection, receipt: Receipt, phone_hash: bytes | None) -> int | None:
    """Note a receipt; the contact it is about, or None where it is none of ours.

    With a provider's id alone it may have overtaken the provider's answer: then it waits, and
    the contact is 0. One that names another phone than the message's is no receipt of it.
    """
    ref = receipt.provider_ref
    found = tx.execute(
        _FIND, {"id": receipt.message_id or None, "channel": receipt.channel, "ref": ref}
    ).first()
    if found is None and (receipt.message_id or not ref):
        return None
    if found is not None and phone_hash is not None and phone_hash != bytes(found.phone_hash):
        return None
    tx.execute(
        _NOTE,
        {
            "channel": receipt.channel,
            "id": None if found is None else found.id,
            "ref": ref,
            "phone": phone_hash,
            "state": receipt.state,
            "detail": receipt.detail[:200],
            "at": receipt.at,
        },
    )
    if found is None:
        return 0
    _advance(tx, str(found.id), found.state, receipt.state, receipt.detail, receipt.at)
    return int(found.contact_id)


def _advance(
    tx: Connection, message_id: str, known: str, state: str, detail: str, at: datetime
) -> None:
    if RANK.get(state, FINAL) <= RANK.get(known, FINAL):
        return
    moved = "sent" if state == "buffered" else state
    tx.execute(_MOVE, {"id": message_id, "state": moved, "reason": detail[:200], "at": at})


def attach(tx: Connection, channel: str, ref: str, message_id: str) -> None:
    """Give a message the receipts that came before the provider's answer."""
    waiting = tx.execute(
        text(
            "UPDATE receipts SET message_id = :id FROM outbox o, contacts c "
            "WHERE receipts.channel = :channel AND receipts.provider_ref = :ref "
            "AND receipts.message_id IS NULL AND o.id = :id AND c.id = o.contact_id "
            "AND (receipts.phone_hash IS NULL OR receipts.phone_hash = c.phone_hash) "
            "RETURNING receipts.id, receipts.state, receipts.detail, receipts.at"
        ),
        {"channel": channel, "ref": ref, "id": message_id},
    ).all()
    for row in sorted(waiting, key=lambda one: int(one.id)):
        known = tx.execute(
            text("SELECT state FROM outbox WHERE id = :id FOR UPDATE"), {"id": message_id}
        ).scalar_one()
        _advance(tx, message_id, known, row.state, row.detail, row.at)


def learn(tx: Connection, message_id: str, state: str, detail: str, at: datetime) -> None:
    """What the provider answered when asked; like a receipt, it only moves forward."""
    known = tx.execute(
        text("SELECT state FROM outbox WHERE id = :id FOR UPDATE"), {"id": message_id}
    ).scalar_one()
    _advance(tx, message_id, known, state, detail, at)


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


def lose(tx: Connection, now: datetime, asking: Collection[str]) -> int:
    """Claims whose claimer died become `unknown`; how many. `asking` channels will be asked."""
    lost = tx.execute(
        text(
            "UPDATE outbox SET state = 'unknown', settled_at = :now, next_at = :now, asked = 0, "
            "ask_at = CASE WHEN channel = ANY(:asking) THEN CAST(:now AS timestamptz) END, "
            "reason = 'the sender stopped before the provider answered' "
            "WHERE state = 'sending' AND next_at < :now"
        ),
        {"now": now, "asking": list(asking)},
    )
    return lost.rowcount


def repeat(tx: Connection, now: datetime, doubt: timedelta = DOUBT) -> int:
    """Answers long in doubt, on channels that cannot be asked, are sent once more; how many.

    Not those of which a part is out, and never what nobody waits for. `asked` counts the repeat.
    """
    repeated = tx.execute(
        text(
            "UPDATE outbox SET state = 'queued', next_at = :now, cost_kip = 0, asked = 1 "
            "WHERE state = 'unknown' AND ask_at IS NULL AND asked = 0 AND sent_at IS NULL "
            "AND purpose IN ('reply', 'consent') AND next_at < :before AND next_at > :old"
        ),
        {"now": now, "before": now - doubt, "old": now - OLD - doubt},
    )
    return repeated.rowcount


def to_ask(tx: Connection, now: datetime, limit: int, lease: timedelta) -> list[Doubtful]:
    """Messages whose provider is to be asked now; others leave them alone for `lease`."""
    rows = tx.execute(
        text(
            "WITH chosen AS (SELECT id FROM outbox WHERE ask_at <= :now "
            "ORDER BY ask_at LIMIT :limit FOR UPDATE SKIP LOCKED) "
            "UPDATE outbox o SET ask_at = :lease, asked = o.asked + 1 "
            "FROM chosen, contacts c WHERE o.id = chosen.id AND c.id = o.contact_id "
            "RETURNING o.id, o.channel, o.state, o.provider_ref, o.asked, o.attempts, "
            "o.segments, o.sent_at IS NOT NULL, coalesce(o.tried_at, o.created_at), o.text, "
            "c.phone_hash, c.phone_cipher"
        ),
        {"now": now, "limit": limit, "lease": now + lease},
    )
    return [Doubtful(str(row[0]), *row[1:]) for row in rows]


def ask_again(tx: Connection, message_id: str, at: datetime | None) -> None:
    """When to ask next; None: there is nothing to be learnt by asking."""
    tx.execute(
        text(
            "UPDATE outbox SET ask_at = :at, asked = CASE WHEN CAST(:at AS timestamptz) IS NULL "
            "THEN 0 ELSE asked END WHERE id = :id AND state IN ('sent', 'unknown')"
        ),
        {"id": message_id, "at": at},
    )


def spent(tx: Connection, day: datetime, month: datetime) -> tuple[int, int]:
    """Kip spent since the beginning of the day and of the month, doubtful messages included."""
    row = tx.execute(
        text(
            "SELECT coalesce(sum(cost_kip) FILTER (WHERE coalesce(sent_at, settled_at) >= :day), 0)"
            ", coalesce(sum(cost_kip), 0) FROM ("
            "SELECT cost_kip, sent_at, settled_at FROM outbox WHERE sent_at >= :month UNION ALL "
            "SELECT cost_kip, sent_at, settled_at FROM outbox "
            "WHERE state = 'unknown' AND sent_at IS NULL AND settled_at >= :month) AS paid"
        ),
        {"day": day, "month": month},
    ).one()
    return int(row[0]), int(row[1])


@dataclass(frozen=True, slots=True)
class Sum:
    """What one channel carried for one purpose on one day."""

    day: date
    channel: str
    purpose: str
    messages: int
    segments: int
    kip: int
    delivered: int
    undelivered: int


def sums(tx: Connection, since: datetime, zone: str) -> list[Sum]:
    """What was sent since then, by local day, channel and purpose, the newest day first."""
    rows = tx.execute(
        text(
            "SELECT (sent_at AT TIME ZONE :zone)::date AS day, channel, purpose, count(*), "
            "sum(segments), sum(cost_kip), count(*) FILTER (WHERE state = 'delivered'), "
            "count(*) FILTER (WHERE state IN ('undelivered', 'failed', 'expired')) "
            "FROM outbox WHERE sent_at >= :since GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3"
        ),
        {"since": since, "zone": zone},
    )
    return [Sum(*row) for row in rows]
