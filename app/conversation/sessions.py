"""What is known of a USSD session when an input of it comes, and what is remembered of it after.

Some networks send all input of a session each time (`Inbound.accumulates`) under a session id that
is never used again. Others send the newest input alone, and count their few session numbers over
and over: there a beginning makes a session of its own, kept as NUMBER#ID, and what comes later
under that number belongs to the open one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import Connection

from app.conversation.desk import Desk
from app.conversation.play import Hop
from app.errors import Contradicts
from app.people.vault import Sealed
from app.settings import QUICKEST_REPEAT
from app.storage import conversations, people, turning, turns
from app.storage.conversations import Standing
from app.storage.people import Contact
from app.storage.places import Load
from app.storage.turning import StoredTurn
from app.storage.turns import Told
from app.words import Inbound, Reply

OWN = "#"


@dataclass(frozen=True, slots=True)
class Session:
    """`told` is the reply that this very input was given before; then nothing else is known.

    `contact` is locked. `mine` is this session's conversation, whatever became of it, `standings`
    it and those that may be gone on with; `name` is under what a session is kept, and `opening`
    what was dialled where a conversation begins now. `body` is the keyed hash of what an input
    with an id says. `registry` is the load in force, where it is known already.
    """

    contact: Contact
    told: Reply | None = None
    standings: Sequence[Standing] = ()
    mine: Standing | None = None
    name: str = ""
    opening: str = ""
    body: bytes | None = None
    registry: Load | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """The session's input so far, and the replies by which its repeats are answered."""

    length: int
    hash: bytes
    turns: Sequence[StoredTurn]


def find(desk: Desk, tx: Connection, sealed: Sealed, inbound: Inbound) -> Session:
    """Lock the contact and find what is known of its session. Raises Contradicts."""
    if inbound.accumulates:
        return _whole(desk, tx, sealed, inbound)
    return _hop(desk, tx, people.lock(tx, sealed.hash, sealed.cipher), inbound)


def pieces(session: Session, inbound: Inbound) -> tuple[str, list[str]]:
    """The input before this one, and what this one adds to it."""
    mine, text = session.mine, inbound.text
    if mine is None or not inbound.accumulates:
        return "", [text]
    before = text[: mine.path_length]
    extends = _hashed(before) == mine.path_hash
    if extends and mine.path_length == 0:
        return before, text.split("*")
    if extends and text[mine.path_length : mine.path_length + 1] == "*":
        return before, text[mine.path_length + 1 :].split("*")
    # Neither the input so far nor an extension of it: take its newest part, as gateways that
    # lose the beginning mean it.
    before, _, newest = text.rpartition("*")
    return before, [newest]


def progress(session: Session, inbound: Inbound, walked: Sequence[Hop]) -> Progress:
    """What to remember of the session after this input."""
    reply = walked[-1].reply
    if not inbound.accumulates:
        length = session.mine.path_length + 1 if session.mine else len(session.opening[:1])
        key = _key(inbound, session.name, length)
        return Progress(length, key, [StoredTurn(key, reply, session.body)])
    replies = {_hashed(hop.path): hop.reply for hop in walked}
    replies[_hashed(inbound.text)] = reply
    given = [StoredTurn(path_hash, shown) for path_hash, shown in replies.items()]
    return Progress(len(inbound.text), _hashed(inbound.text), given)


# --- all input each time ----------------------------------------------------------------------


def _whole(desk: Desk, tx: Connection, sealed: Sealed, inbound: Inbound) -> Session:
    begun = turning.begin_turn(
        tx,
        sealed.hash,
        sealed.cipher,
        inbound.channel,
        inbound.session,
        _hashed(inbound.text),
        inbound.received_at - desk.resume_within,
    )
    here = (inbound.channel, inbound.session)
    mine = next((one for one in begun.standings if (one.channel, one.session) == here), None)
    return Session(
        contact=begun.contact,
        told=begun.told,
        standings=begun.standings,
        mine=mine,
        name=inbound.session,
        opening=inbound.text,
        registry=begun.registry,
    )


# --- the newest input alone -------------------------------------------------------------------


def _hop(desk: Desk, tx: Connection, contact: Contact, inbound: Inbound) -> Session:
    body = desk.vault.hash(inbound.text) if inbound.provider_id else None
    known = _told(tx, contact.id, inbound, _hashed(inbound.provider_id)) if body else None
    if known is not None:
        if known.body_hash not in (None, body):
            raise Contradicts("this id brought another input before")
        return Session(contact, known.reply)
    begins = inbound.session + OWN
    standings = conversations.standing_hops(
        tx,
        contact.id,
        inbound.channel,
        begins,
        resumable=inbound.received_at - desk.resume_within,
        recent=inbound.received_at - _quickest(desk, inbound.channel),
    )
    mine = next((one for one in standings if _under(one, inbound.channel, begins)), None)
    if mine is not None and (_repeats(desk, inbound, mine) or _overtaken(inbound, mine)):
        told = _told(tx, contact.id, inbound, mine.path_hash)
        if told is not None:
            return Session(contact, told.reply)
    left = [one for one in standings if one.status in ("open", "abandoned")]
    if mine is not None and mine.status == "open" and not inbound.begins:
        return Session(contact, None, left, mine, name=mine.session, body=body)
    # An answer to a screen that we do not know was meant for no screen of ours, but STOP is STOP.
    dialled = inbound.begins or desk.keywords.consent(inbound.text) is not None
    name = begins + (inbound.provider_id or inbound.received_at.isoformat())
    opening = inbound.text if dialled else ""
    return Session(contact, None, left, None, name=name, opening=opening, body=body)


def _under(standing: Standing, channel: str, begins: str) -> bool:
    return standing.channel == channel and standing.session.startswith(begins)


def _told(tx: Connection, contact_id: int, inbound: Inbound, key: bytes) -> Told | None:
    return turns.told(tx, contact_id, inbound.channel, inbound.session, key)


def _repeats(desk: Desk, inbound: Inbound, mine: Standing) -> bool:
    """Whether an input without an id is the last one once more."""
    quick = abs(inbound.received_at - mine.turned_at) <= _quickest(desk, inbound.channel)
    same = _key(inbound, mine.session, mine.path_length) == mine.path_hash
    return not inbound.provider_id and quick and same


def _quickest(desk: Desk, channel: str) -> timedelta:
    """Within what time the same key without an id is a repeat, and no second answer."""
    config = desk.channels.get(channel)
    return timedelta(seconds=config.ussd_repeat_seconds if config else QUICKEST_REPEAT)


def _overtaken(inbound: Inbound, mine: Standing) -> bool:
    """Whether it was sent before what was answered already: it was meant for another screen."""
    return mine.status == "open" and inbound.received_at < mine.turned_at


def _key(inbound: Inbound, name: str, length: int) -> bytes:
    """Under what a hop's reply is kept: the gateway's id for it, or its place and its text."""
    return _hashed(inbound.provider_id or f"{name}\0{length}\0{inbound.text}")


def _hashed(path: str) -> bytes:
    """Input is compared by hash, so that what people typed is not kept a second time."""
    return sha256(path.encode("utf-8", "surrogatepass")).digest()
