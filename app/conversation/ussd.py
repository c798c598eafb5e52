"""A USSD turn: one transaction from the contact's lock to the stored reply."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import Connection

from app.clock import local_day
from app.conversation.deadline import Promise
from app.conversation.desk import Desk
from app.conversation.play import Hop, Play, hops
from app.flows.engine import can_resume
from app.flows.model import readable
from app.storage import conversations, people
from app.storage.conversations import Standing, StoredTurn, TurnRecord
from app.storage.people import Contact
from app.words import Inbound, Reply


def take_turn(desk: Desk, inbound: Inbound, promise: Promise) -> Reply:
    """Answer a USSD post. The same post again gets the same reply, byte for byte.

    Where nobody waits for the reply any longer it goes out by SMS, in the same transaction.
    Raises NotAPhoneNumber for a sender that is no phone.
    """
    sealed = desk.seal(inbound.sender)
    with desk.engine.begin() as tx:
        contact = people.lock(tx, sealed.hash, sealed.cipher)
        told, standings = conversations.standing(
            tx,
            contact.id,
            inbound.channel,
            "ussd",
            inbound.session,
            _hashed(inbound.text),
            inbound.received_at - desk.resume_within,
        )
        if told is not None:
            return told
        reply, due = _turn(desk, tx, contact, inbound, standings)
        late = not promise.keep()
        if late:
            desk.text(tx, contact, inbound.channel, reply.text, desk.now())
    if late:
        desk.bell.ring("outbox")
    if due:
        desk.bell.ring("responses")
    return reply


def _turn(
    desk: Desk, tx: Connection, contact: Contact, inbound: Inbound, standings: list[Standing]
) -> tuple[Reply, bool]:
    session = (inbound.channel, inbound.session)
    mine = next((one for one in standings if (one.channel, one.session) == session), None)
    if mine is not None and mine.status != "open":
        return _over(desk, tx, contact, inbound), False
    left = None if mine is not None else _left(desk, tx, inbound, standings)
    for other in standings:
        if other.status == "open" and other is not mine and other is not left:
            conversations.close(tx, other.id, "replaced", inbound.received_at)
    begun = mine or left
    play = _play(desk, tx, contact, inbound, begun)
    walked = _continue(play, mine, inbound.text) if mine else _begin(play, inbound.text)
    due = _save(desk, tx, inbound, contact, begun, play, walked)
    return walked[-1].reply, due


def _left(
    desk: Desk, tx: Connection, inbound: Inbound, standings: list[Standing]
) -> Standing | None:
    """The conversation that a dropped session left, if the person may want to go on with it.

    Who dials more than the bare code knows where to go.
    """
    if inbound.text:
        return None
    for one in standings:
        if inbound.received_at - one.turned_at > desk.resume_within:
            continue
        book, stood = desk.books.version(tx, one.flow), readable(one.state)
        if book is not None and stood is not None and can_resume(book.flows[desk.flow], stood):
            return one
    return None


def _over(desk: Desk, tx: Connection, contact: Contact, inbound: Inbound) -> Reply:
    """A session that ended stays ended, whatever the gateway still posts for it."""
    last = conversations.last_reply(tx, contact.id, inbound.channel, inbound.session)
    if last is not None:
        return Reply(last.text, ends=True)
    book = desk.books.current(tx)
    pack = book.packs[desk.language_of(contact, book)]
    return Reply(pack["error.session"], ends=True)


def _play(
    desk: Desk, tx: Connection, contact: Contact, inbound: Inbound, mine: Standing | None
) -> Play:
    began_on = None if mine is None else desk.books.version(tx, mine.flow)
    stood = None if mine is None or began_on is None else readable(mine.state)
    book = began_on or desk.books.current(tx)
    language = desk.language_of(contact, book)
    if inbound.language in book.packs:
        language = inbound.language or language
    return Play(
        tx=tx,
        contact=contact,
        today=local_day(desk.now()),
        book=book,
        flow=book.flows[desk.flow],
        medium="ussd",
        channel=inbound.channel,
        limits=inbound.limits or desk.ussd_limits(inbound.channel),
        language=language,
        remembered_language=inbound.language and language,
        conversation=None if mine is None else mine.id,
        state=stood,
        # Nobody can go on with what this code cannot read.
        restarted=mine is not None and stood is None,
    )


def _begin(play: Play, text: str) -> list[Hop]:
    walked = [Hop("", play.begin() if play.state is None else play.resume())]
    if text:
        walked += hops(play, "", text.split("*"), opening=True)
    return walked


def _continue(play: Play, mine: Standing, text: str) -> list[Hop]:
    """Only what the session's input adds to the input so far is played."""
    if play.state is None:
        # The input so far was meant for screens that are gone.
        return [Hop(text, play.begin())]
    before = text[: mine.path_length]
    extends = _hashed(before) == mine.path_hash
    if extends and mine.path_length == 0:
        pieces = text.split("*")
    elif extends and text[mine.path_length : mine.path_length + 1] == "*":
        pieces = text[mine.path_length + 1 :].split("*")
    else:
        # Neither the input so far nor an extension of it: take its newest part, as gateways that
        # lose the beginning mean it.
        before, pieces = text.rpartition("*")[0], [text.rpartition("*")[2]]
    walked = hops(play, before, pieces, opening=False)
    if walked[-1].path != text:
        walked.append(Hop(text, walked[-1].reply))
    return walked


def _save(
    desk: Desk,
    tx: Connection,
    inbound: Inbound,
    contact: Contact,
    begun: Standing | None,
    play: Play,
    walked: list[Hop],
) -> bool:
    """Write the turn; whether a response must follow from it."""
    now = inbound.received_at
    if play.restarted and begun is not None:
        conversations.close(tx, begun.id, "replaced", now)
        begun = None
    turn = _record(inbound, contact, begun, play, walked)
    conversation = conversations.record(tx, turn)
    desk.follow(tx, play, contact, conversation, inbound.channel, now)
    return turn.due or play.restarted


def _record(
    inbound: Inbound, contact: Contact, begun: Standing | None, play: Play, walked: list[Hop]
) -> TurnRecord:
    assert play.state is not None
    replies = {_hashed(hop.path): hop.reply for hop in walked}
    replies[_hashed(inbound.text)] = walked[-1].reply
    return TurnRecord(
        conversation_id=None if begun is None else begun.id,
        contact_id=contact.id,
        channel=inbound.channel,
        medium="ussd",
        session=inbound.session,
        flow=play.book.hash,
        language=play.language,
        state=play.state.as_json(),
        status="finished" if play.finished else "open",
        now=inbound.received_at,
        answers=play.answers,
        added=play.added,
        path_length=len(inbound.text),
        path_hash=_hashed(inbound.text),
        turns=[StoredTurn(path_hash, reply) for path_hash, reply in replies.items()],
        remembered_language=play.remembered_language,
    )


def _hashed(path: str) -> bytes:
    """Input is compared by hash, so that what people typed is not kept a second time."""
    return sha256(path.encode("utf-8", "surrogatepass")).digest()
