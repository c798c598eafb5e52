"""Screens that are calls of their own: each is pushed once, and none over a newer one.

Gateways repeat a request whose answer they missed, some of them much later; the turn's reply is
stored, but the phone may be somewhere else by then.
"""

from __future__ import annotations

from app.conversation.desk import Desk
from app.storage import turns
from app.storage.database import with_fresh_connection
from app.words import Inbound, Reply


def win(desk: Desk, inbound: Inbound, reply: Reply) -> bool:
    """Whether this screen is the caller's to push: the session's newest, and not pushed yet."""
    phone = desk.seal(inbound.sender).hash
    with desk.engine.begin() as tx:
        return turns.win_push(tx, phone, inbound, reply, desk.now())


def give_back(desk: Desk, inbound: Inbound, reply: Reply) -> None:
    """It was certainly not pushed: the gateway's next repeat may bring it."""
    phone = desk.seal(inbound.sender).hash

    def give() -> None:
        with desk.engine.begin() as tx:
            turns.give_back_push(tx, phone, inbound, reply)

    with_fresh_connection(give)
