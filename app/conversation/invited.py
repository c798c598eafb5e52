"""Answers to "how was it?": the request that a score is about, and the conversation it opens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.conversation import lookups
from app.conversation.desk import Desk
from app.conversation.play import Play
from app.flows import engine
from app.requests import flags
from app.storage import invitations
from app.storage.conversations import Standing
from app.storage.inbound import Waiting
from app.storage.invitations import Invitation
from app.storage.people import Contact
from app.words import Reply


def asked(
    desk: Desk, tx: Connection, contact: Contact, mine: Standing | None, letter: Waiting
) -> Invitation | None:
    """The invitation that a text answers: a score, written after the question had gone out, and
    `mine` did not go on since."""
    book = desk.books.current(tx)
    if not engine.accepts(book, book.flows[desk.flow], letter.text):
        return None
    found = invitations.open_of(tx, contact.id)
    if found is None or found.asked_at is None or letter.received_at < found.asked_at:
        return None
    return found if mine is None or mine.turned_at < found.asked_at else None


def begin(play: Play, invitation: Invitation, text: str) -> Reply:
    """Open the conversation with center and service known, and give it the score."""
    (center,) = lookups.center(play.asker, invitation.odsc)
    (service,) = lookups.service(play.asker, invitation.service)
    play.begin_invited(center, service)
    return play.take(text)


def note(tx: Connection, invitation: Invitation, conversation: int, now: datetime) -> None:
    """Tie the conversation to the request. Who answers for many is noticed."""
    invitations.answered(tx, invitation.request_id, conversation, now)
    flags.look_at_answers(tx, invitation.contact_id, now)
