"""SMS: taken in by `intake`, worked here by a worker, answered through the outbox."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app import logs
from app.conversation import consent, invited, keywords
from app.conversation.desk import Desk
from app.conversation.play import Play
from app.flows.model import State, readable
from app.flows.nodes import Book
from app.storage import conversations, outbox, people, turning
from app.storage import inbound as letters
from app.storage.conversations import Standing
from app.storage.inbound import Waiting
from app.storage.invitations import Invitation
from app.storage.people import Contact
from app.storage.turning import TurnRecord
from app.text import answers
from app.words import Language, Reply

log = structlog.get_logger()

# A message that fails this often is put aside, so that its sender's next one is not kept waiting.
PATIENCE = (timedelta(seconds=5), timedelta(seconds=30))
DRAIN_SECONDS = 10.0
# Fewer letters are a greeting or a word of the menu, no part of a story.
SHORTEST_STORY = 12


def drain(desk: Desk, stop: Callable[[], bool]) -> int:
    """Work what is due, one message a transaction, for at most ten seconds; how many."""
    until = time.monotonic() + DRAIN_SECONDS
    worked = 0
    while not stop() and time.monotonic() < until and _work_next(desk):
        worked += 1
    return worked


def _work_next(desk: Desk) -> bool:
    begun = time.perf_counter()
    screen, failure = "", None
    with logs.one_conversation():
        with desk.engine.connect() as connection, connection.begin() as tx:
            letter = letters.next_due(connection, desk.now())
            if letter is None:
                return False
            try:
                screen = _turn(desk, connection, letter)
                letters.done(connection, letter.id)
            except Exception as error:
                if isinstance(error, DBAPIError) and error.connection_invalidated:
                    # The database went away, which says nothing against the message.
                    raise
                tx.rollback()
                failure = error
        if failure is not None:
            _put_off(desk, letter, failure)
            return True
        _tell(letter, screen, begun)
    desk.bell.ring("outbox")
    desk.bell.ring("responses")
    return True


def _tell(letter: Waiting, screen: str, begun: float) -> None:
    log.info(
        "turn_taken",
        inbound=letter.id,
        channel=letter.channel,
        medium="sms",
        screen=screen,
        ms=round(1000 * (time.perf_counter() - begun), 1),
    )


def _put_off(desk: Desk, letter: Waiting, error: Exception) -> None:
    later = PATIENCE[letter.attempts] if letter.attempts < len(PATIENCE) else None
    # The kind of error and where, never its words: they may hold what a citizen wrote.
    log.error("turn_failed", inbound=letter.id, kind=type(error).__name__, exc_info=False)
    with desk.engine.begin() as tx:
        next_at = None if later is None else desk.now() + later
        letters.failed(tx, letter.id, type(error).__name__, next_at)


def _turn(desk: Desk, tx: Connection, letter: Waiting) -> str:
    """The node that it led to; "" where no conversation went on."""
    contact = people.by_id(tx, letter.contact_id)
    if _commanded(desk, tx, letter, contact):
        return ""
    keyword = desk.keywords.named(letter.text)
    if keyword in keywords.CONSENT:
        _consent(desk, tx, letter, contact, keyword)
        return ""
    return _converse(desk, tx, letter, contact, keyword)


def _commanded(desk: Desk, tx: Connection, letter: Waiting, contact: Contact) -> bool:
    """Whether it was a command of staff; then it is answered."""
    now = desk.now()
    told = (command(tx, contact.id, letter.text, now) for command in desk.commands)
    answer = next((one for one in told if one is not None), None)
    # Not counted among the answers of an hour: a clerk needs the number of each request.
    for text in answer or ():
        desk.text(tx, contact, letter.channel, text, now)
    return answer is not None


def _converse(
    desk: Desk, tx: Connection, letter: Waiting, contact: Contact, keyword: str | None
) -> str:
    text = letter.text
    mine = _standing(desk, tx, letter, contact)
    asked = invited.asked(desk, tx, contact, mine, letter)
    play, mine = _play(desk, tx, letter, contact, mine, asked)
    alone = desk.keywords.alone(text)
    if play.wants_text() and not alone:
        # "Help us with …" is a story to who was asked for one.
        keyword = None
    language = _language(keyword, play, alone=alone)
    said = ""
    tells = language is None and not alone and mine is None and asked is None
    if tells and not play.goes_straight(text) and _joins(desk, tx, contact, text):
        said = "message.joined"
    elif keyword == keywords.HELP:
        said = "message.help"
    if said:
        _reply(desk, tx, letter, contact, play.book.packs[play.language][said], _id(mine))
        return ""
    if language is not None:
        reply = play.speak(language)
    elif asked is not None:
        reply = invited.begin(play, asked, text)
    elif play.state is None:
        reply = play.begin()
        # What began the conversation may be an answer already, or mean nothing at all.
        reply = play.take(text, opening=True) if answers.normalise(text) else reply
    else:
        reply = play.take(text)
    return _answered(desk, tx, letter, contact, mine, asked, play, reply)


def _answered(
    desk: Desk,
    tx: Connection,
    letter: Waiting,
    contact: Contact,
    mine: Standing | None,
    asked: Invitation | None,
    play: Play,
    reply: Reply,
) -> str:
    now = desk.now()
    conversation = turning.record(tx, _record(letter, contact, mine, play, now))
    logs.of_conversation(conversation)
    desk.follow(tx, play, contact, conversation, letter.channel, now)
    if asked is not None:
        invited.note(tx, asked, conversation, now)
    _reply(desk, tx, letter, contact, reply.text, conversation)
    assert play.state is not None
    return play.state.node


def _language(keyword: str | None, play: Play, *, alone: bool) -> Language | None:
    """The language that a keyword asks for, where there is a pack for it."""
    wanted = (keyword or "").removeprefix(keywords.LANGUAGE)
    # "ລາວ" is also "he" and "she": who reads Lao and goes on after it tells something.
    if wanted not in play.book.packs or (wanted == play.language and not alone):
        return None
    return wanted


def _joins(desk: Desk, tx: Connection, contact: Contact, text: str) -> bool:
    """Whether a text is more of a story that was told before; then it is added to that."""
    clean = answers.clean(text)
    return _tells(text) and conversations.join_case(tx, contact.id, clean, desk.now())


def _tells(text: str) -> bool:
    """Whether a text tells something: no bare key or code, no answer in one line."""
    return answers.one_line(text) is None and sum(map(str.isalpha, text)) >= SHORTEST_STORY


def _consent(desk: Desk, tx: Connection, letter: Waiting, contact: Contact, wish: str) -> None:
    if wish == keywords.STOP and contact.stopped:
        return
    consent.change(desk, tx, contact, wish)
    book = desk.books.current(tx)
    said = consent.sentence(book.packs[desk.language_of(contact, book)], wish)
    consent.tell(desk, tx, contact, letter.channel, said)


def _standing(desk: Desk, tx: Connection, letter: Waiting, contact: Contact) -> Standing | None:
    """The conversation that is going on; one that was silent for too long is over."""
    mine = conversations.open_sms(tx, contact.id)
    # By when it was written: a message that we worked late did not come late.
    if mine is not None and letter.received_at - mine.turned_at > desk.abandon_after:
        conversations.close(tx, mine.id, "abandoned", desk.now())
        return None
    return mine


def _play(
    desk: Desk,
    tx: Connection,
    letter: Waiting,
    contact: Contact,
    mine: Standing | None,
    asked: Invitation | None,
) -> tuple[Play, Standing | None]:
    # A whole answer in one message stands for itself, whatever was going on.
    whole = asked is not None or answers.one_line(letter.text) is not None
    began_on: Book | None = None
    stood: State | None = None
    if mine is not None and not whole:
        began_on, stood = desk.books.version(tx, mine.flow), readable(mine.state)
    if mine is not None and (began_on is None or stood is None):
        conversations.close(tx, mine.id, "replaced", desk.now())
        mine = None
    logs.of_conversation(_id(mine))
    book = began_on or desk.books.current(tx)
    play = Play(
        asker=desk.asker(tx, contact, "sms"),
        book=book,
        flow=book.flows[desk.flow],
        channel=letter.channel,
        limits=desk.sms_limits(letter.channel),
        language=desk.language_of(contact, book),
        conversation=_id(mine),
        state=stood if mine is not None else None,
    )
    return play, mine


def _id(mine: Standing | None) -> int | None:
    return None if mine is None else mine.id


def _record(
    letter: Waiting, contact: Contact, mine: Standing | None, play: Play, now: datetime
) -> TurnRecord:
    assert play.state is not None
    return TurnRecord(
        conversation_id=_id(mine),
        contact_id=contact.id,
        channel=letter.channel,
        medium="sms",
        session="",
        flow=play.book.hash,
        language=play.language,
        state=play.state.as_json(),
        status="finished" if play.finished else "open",
        # Figures belong to the day on which people wrote, however late we worked it.
        now=min(letter.received_at, now),
        answers=play.answers,
        added=play.added,
        remembered_language=play.remembered_language,
    )


def _reply(
    desk: Desk,
    tx: Connection,
    letter: Waiting,
    contact: Contact,
    text: str,
    conversation: int | None,
) -> None:
    if contact.stopped:
        return
    now = desk.now()
    hour_ago = now - timedelta(hours=1)
    if outbox.answers_since(tx, contact.id, hour_ago) >= desk.replies_per_hour:
        # Two machines would otherwise write to each other for ever.
        log.warning("answers_limited", inbound=letter.id)
        return
    desk.text(tx, contact, letter.channel, text, now, conversation)
