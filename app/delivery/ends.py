"""Sees to what nobody brings on: early receipts, lost claims, stranded messages, long silences."""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy import Connection

from app.delivery import failover
from app.delivery.post import Post
from app.errors import ConfigError
from app.storage import accounts
from app.storage.outbox import Claimed

log = structlog.get_logger()

# A sender that was thought dead may still be in its call, and the provider have filed nothing yet.
FIRST_ASKED = timedelta(seconds=30)


def settle(post: Post) -> None:
    """One round."""
    now = post.now()
    reported = {*post.able("receipts"), *post.able("status")}
    with post.engine.begin() as tx:
        matched = accounts.match(tx)
    with post.engine.begin() as tx:
        lost = accounts.lose(tx, now, post.able("fate"), now + FIRST_ASKED)
        for one in lost:
            _charge(post, tx, one)
        repeated = accounts.repeat(tx, now)
        ended = accounts.give_up(
            tx, now, timedelta(hours=post.delivery.receipt_hours), sorted(reported)
        )
    moved = failover.move_on(post)
    if matched or lost or repeated or ended or moved:
        log.info(
            "messages_settled",
            matched=matched,
            lost=len(lost),
            repeated=repeated,
            ended=ended,
            moved=moved,
        )


def _charge(post: Post, tx: Connection, lost: Claimed) -> None:
    """It may have been sent, so it may have cost what it costs."""
    try:
        outgoing = post.outgoing(lost)
    except ConfigError:
        # Without its number it was not sent.
        return
    accounts.charge(tx, lost.id, post.price(outgoing, lost.segments))
