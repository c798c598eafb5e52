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
from app.people.vault import Sealed
from app.storage import conversations, turning
from app.storage.conversations import Standing
from app.storage.people import Contact
from app.storage.turning import TurnRecord
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
        return answers.matches_any(text, labels)

    @property
    def goes_further(self) -> bool:
        """Whether there is more to write than the turn itself."""
        return bool(self.wish or self.secrets or self.cases or self.phrases)

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
    promise.begin()
    begun = time.perf_counter()
    sealed = desk.seal(inbound.sender)
    with logs.one_conversation():
        with desk.engine.begin() as tx:
            turned = _turned(desk, tx, sealed, inbound, promise)
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
    desk: Desk, tx: Connection, sealed: Sealed, inbound: Inbound, promise: Promise
) -> _Turned:
    session = sessions.find(desk, tx, sealed, inbound)
    contact = session.contact
    if session.mine is not None:
        logs.of_conversation(session.mine.id)
    if session.told is not None:
        return _Turned(session.told)
    if session.mine is not None and session.mine.status != "open":
        return _Turned(_over(desk, tx, contact, inbound))
    begun = session.mine or _left(desk, tx, inbound, session)
    for other in session.standings:
        if other.status == "open" and other is not begun:
            conversations.close(tx, other.id, "replaced", inbound.received_at)
    play = _play(desk, tx, session, inbound, begun)
    walked = _continue(play, session, inbound) if session.mine else _begin(play, session.opening)
    return _save(desk, tx, inbound, begun, play, session, walked, promise)


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
    desk: Desk, tx: Connection, session: Session, inbound: Inbound, mine: Standing | None
) -> Talk:
    began_on = None if mine is None else desk.books.version(tx, mine.flow)
    stood = None if mine is None or began_on is None else readable(mine.state)
    book = began_on or desk.books.current(tx)
    language = desk.language_of(session.contact, book)
    if inbound.language in book.packs:
        language = inbound.language or language
    return Talk(
        asker=desk.asker(tx, session.contact, "ussd", session.registry),
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
    begun: Standing | None,
    play: Talk,
    session: Session,
    walked: Sequence[Hop],
    promise: Promise,
) -> _Turned:
    """Write the turn and all that follows from it."""
    now, contact, reply = inbound.received_at, session.contact, walked[-1].reply
    if play.restarted and begun is not None:
        conversations.close(tx, begun.id, "replaced", now)
        begun = None
    turn = _record(inbound, begun, play, session, walked)
    # From here on the phone waits until this is committed.
    late = not promise.keep()
    assert play.state is not None
    turned = _Turned(reply, play.state.node, late, turn.due or play.restarted)
    if not late and not play.goes_further:
        logs.of_conversation(turning.record_and_commit(tx, turn))
        return turned
    conversation = turning.record(tx, turn)
    logs.of_conversation(conversation)
    desk.follow(tx, play, contact, conversation, inbound.channel, now)
    if play.wish is not None:
        consent.change(desk, tx, contact, play.wish)
    if late:
        _send(desk, tx, inbound, play, contact, reply, conversation)
    return turned


def _send(
    desk: Desk,
    tx: Connection,
    inbound: Inbound,
    play: Talk,
    contact: Contact,
    reply: Reply,
    conversation: int,
) -> None:
    """By SMS what nobody waited for on the screen."""
    if play.wish is not None:
        consent.tell(desk, tx, contact, inbound.channel, reply.text)
    else:
        desk.text(tx, contact, inbound.channel, reply.text, desk.now(), conversation)


def _record(
    inbound: Inbound,
    begun: Standing | None,
    play: Talk,
    session: Session,
    walked: Sequence[Hop],
) -> TurnRecord:
    assert play.state is not None
    progress = sessions.progress(session, inbound, walked)
    return TurnRecord(
        conversation_id=None if begun is None else begun.id,
        contact_id=session.contact.id,
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
