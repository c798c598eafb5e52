"""A USSD turn: one transaction from the contact's lock to the stored reply."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from app import logs
from app.conversation import consent, sessions
from app.conversation.deadline import Promise
from app.conversation.desk import Desk
from app.conversation.keywords import Keywords
from app.conversation.play import Hop, Play, hops
from app.conversation.sessions import Session
from app.flows.engine import can_resume
from app.flows.model import readable
from app.storage import conversations, people
from app.storage.conversations import Standing, TurnRecord
from app.storage.people import Contact
from app.text import answers
from app.words import Inbound, Reply

log = structlog.get_logger()

START_OVER = "resume.restart"


@dataclass(kw_only=True)
class Talk(Play):
    """A play in which STOP and START, asked at any prompt, do their work and end it."""

    keywords: Keywords
    wish: str | None = None

    def take(self, text: str, *, opening: bool = False) -> Reply:
        wish = None if self._starts_over(text) else self.keywords.consent(text)
        if wish is None:
            return super().take(text, opening=opening)
        self.wish, self.finished = wish, True
        return Reply(consent.sentence(self.book.packs[self.language], wish), ends=True)

    def _starts_over(self, text: str) -> bool:
        """Whether it is what our own menu offers: ເລີ່ມໃໝ່ asks for no messages."""
        labels = (pack.get(START_OVER, "") for pack in self.book.packs.values())
        return any(answers.matches(text, label) for label in labels)

    @property
    def status(self) -> str:
        """What becomes of the conversation. Left by STOP or START, it may be gone on with."""
        if self.wish is not None:
            return "abandoned"
        return "finished" if self.finished else "open"


@dataclass(frozen=True, slots=True)
class _Turned:
    """A turn that was taken: the node it led to, "" where an earlier reply was given again."""

    reply: Reply
    node: str = ""
    late: bool = False
    due: bool = False


def take_turn(desk: Desk, inbound: Inbound, promise: Promise) -> Reply:
    """Answer a USSD post. The same post again gets the same reply, byte for byte.

    Where nobody waits for the reply any longer it goes out by SMS, in the same transaction.
    Raises NotAPhoneNumber for a sender that is no phone, and Contradicts for an id that came
    before with another input.
    """
    begun = time.perf_counter()
    sealed = desk.seal(inbound.sender)
    with logs.one_conversation():
        with desk.engine.begin() as tx:
            contact = people.lock(tx, sealed.hash, sealed.cipher)
            turned = _turned(desk, tx, contact, inbound, promise)
        log.info(
            "turn_taken" if turned.node else "turn_repeated",
            channel=inbound.channel,
            medium="ussd",
            screen=turned.node,
            late=turned.late,
            ms=round(1000 * (time.perf_counter() - begun), 1),
        )
    if turned.late:
        desk.bell.ring("outbox")
    if turned.due:
        desk.bell.ring("responses")
    return turned.reply


def _turned(
    desk: Desk, tx: Connection, contact: Contact, inbound: Inbound, promise: Promise
) -> _Turned:
    session = sessions.find(desk, tx, contact.id, inbound)
    if session.mine is not None:
        logs.of_conversation(session.mine.id)
    if session.told is not None:
        return _Turned(session.told)
    if session.mine is not None and session.mine.status != "open":
        return _Turned(_over(desk, tx, contact, inbound))
    play, reply, due, conversation = _turn(desk, tx, contact, inbound, session)
    late = not promise.keep()
    if late and play.wish is not None:
        consent.tell(desk, tx, contact, inbound.channel, reply.text)
    elif late:
        desk.text(tx, contact, inbound.channel, reply.text, desk.now(), conversation)
    assert play.state is not None
    return _Turned(reply, play.state.node, late, due)


def _turn(
    desk: Desk, tx: Connection, contact: Contact, inbound: Inbound, session: Session
) -> tuple[Talk, Reply, bool, int]:
    mine = session.mine
    left = None if mine is not None else _left(desk, tx, inbound, session)
    for other in session.standings:
        if other.status == "open" and other is not mine and other is not left:
            conversations.close(tx, other.id, "replaced", inbound.received_at)
    begun = mine or left
    play = _play(desk, tx, contact, inbound, begun)
    walked = _continue(play, session, inbound) if mine else _begin(play, session.opening)
    conversation, due = _save(desk, tx, inbound, contact, begun, play, session, walked)
    if play.wish is not None:
        consent.change(desk, tx, contact, play.wish)
    return play, walked[-1].reply, due, conversation


def _left(desk: Desk, tx: Connection, inbound: Inbound, session: Session) -> Standing | None:
    """The conversation that a dropped session left, if the person may want to go on with it.

    Who dials more than the bare code knows where to go.
    """
    if session.opening:
        return None
    for one in session.standings:
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
) -> Talk:
    began_on = None if mine is None else desk.books.version(tx, mine.flow)
    stood = None if mine is None or began_on is None else readable(mine.state)
    book = began_on or desk.books.current(tx)
    language = desk.language_of(contact, book)
    if inbound.language in book.packs:
        language = inbound.language or language
    return Talk(
        asker=desk.asker(tx, contact, "ussd"),
        book=book,
        flow=book.flows[desk.flow],
        channel=inbound.channel,
        limits=inbound.limits or desk.ussd_limits(inbound.channel),
        language=language,
        remembered_language=inbound.language and language,
        conversation=None if mine is None else mine.id,
        state=stood,
        # Nobody can go on with what this code cannot read.
        restarted=mine is not None and stood is None,
        keywords=desk.keywords,
    )


def _begin(play: Talk, text: str) -> list[Hop]:
    walked = [Hop("", play.begin() if play.state is None else play.resume())]
    if text:
        walked += hops(play, "", text.split("*"), opening=True)
    return walked


def _continue(play: Talk, session: Session, inbound: Inbound) -> list[Hop]:
    """Only what the session's input adds to the input so far is played."""
    before, pieces = sessions.pieces(session, inbound)
    if play.state is None:
        # The input so far was meant for screens that are gone; STOP was not.
        newest = pieces[-1] if play.keywords.consent(pieces[-1]) else ""
        walked = _begin(play, newest)
    else:
        walked = hops(play, before, pieces, opening=False)
    if walked[-1].path != inbound.text:
        walked.append(Hop(inbound.text, walked[-1].reply))
    return walked


def _save(
    desk: Desk,
    tx: Connection,
    inbound: Inbound,
    contact: Contact,
    begun: Standing | None,
    play: Talk,
    session: Session,
    walked: Sequence[Hop],
) -> tuple[int, bool]:
    """Write the turn; its conversation, and whether a response must follow from it."""
    now = inbound.received_at
    if play.restarted and begun is not None:
        conversations.close(tx, begun.id, "replaced", now)
        begun = None
    turn = _record(inbound, contact, begun, play, session, walked)
    conversation = conversations.record(tx, turn)
    logs.of_conversation(conversation)
    desk.follow(tx, play, contact, conversation, inbound.channel, now)
    return conversation, turn.due or play.restarted


def _record(
    inbound: Inbound,
    contact: Contact,
    begun: Standing | None,
    play: Talk,
    session: Session,
    walked: Sequence[Hop],
) -> TurnRecord:
    assert play.state is not None
    progress = sessions.progress(session, inbound, walked)
    return TurnRecord(
        conversation_id=None if begun is None else begun.id,
        contact_id=contact.id,
        channel=inbound.channel,
        medium="ussd",
        session=session.name,
        flow=play.book.hash,
        language=play.language,
        state=play.state.as_json(),
        status=play.status,
        now=inbound.received_at,
        answers=play.answers,
        added=play.added,
        path_length=progress.length,
        path_hash=progress.hash,
        turns=progress.turns,
        told_under=inbound.session,
        remembered_language=play.remembered_language,
    )
