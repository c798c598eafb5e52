"""STOP and START: from now on nothing is sent to a phone, or messages are welcome again."""

from __future__ import annotations

from sqlalchemy import Connection

from app.conversation import keywords
from app.conversation.desk import Desk
from app.flows.model import Pack
from app.storage import people
from app.storage.people import Contact


def change(desk: Desk, tx: Connection, contact: Contact, wish: str) -> None:
    """Do what was asked; the first STOP stands however often it comes."""
    if wish == keywords.START:
        people.set_stopped(tx, contact.id, None)
    elif not contact.stopped:
        people.set_stopped(tx, contact.id, desk.now())


def sentence(pack: Pack, wish: str) -> str:
    """What a phone is told about it."""
    return pack["message.stopped" if wish == keywords.STOP else "message.started"]


def tell(desk: Desk, tx: Connection, contact: Contact, came_by: str, said: str) -> None:
    """Queue it as an SMS, the only one that still reaches a phone which has stopped."""
    desk.mail.queue(
        tx,
        contact_id=contact.id,
        came_by=came_by,
        purpose="consent",
        text=said,
        now=desk.now(),
    )
