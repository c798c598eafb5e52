"""Ends what nobody will bring to an end: lost claims, long doubts, receipts that never come."""

from __future__ import annotations

from datetime import timedelta

import structlog

from app.delivery.post import Post
from app.storage import accounts

log = structlog.get_logger()


def settle(post: Post) -> None:
    """One round."""
    now = post.now()
    reported = {*post.able("receipts"), *post.able("status")}
    with post.engine.begin() as tx:
        lost = accounts.lose(tx, now, post.able("fate"))
        repeated = accounts.repeat(tx, now)
        ended = accounts.give_up(
            tx, now, timedelta(hours=post.delivery.receipt_hours), sorted(reported)
        )
    if lost or repeated or ended:
        log.info("messages_settled", lost=lost, repeated=repeated, ended=ended)
