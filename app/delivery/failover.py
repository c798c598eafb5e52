"""Moves messages from a channel that is down, or gone, to the next that can carry them."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.delivery.post import Post
from app.storage import channels, outbox
from app.storage.outbox import Stranded

AT_ONCE = 200
# What is still there after this is moved in the next round.
MOST_SECONDS = 2.0


def move_on(post: Post) -> int:
    """One round; how many were moved.

    Messages stay on a channel whose rest is over: one of them tries it.
    """
    now = post.now()
    able = post.able("send")
    with post.engine.begin() as tx:
        standing = channels.standings(tx, dict.fromkeys(able, timedelta()), now)
        waited_for = outbox.channels_waited_for(tx)
    down = {one.channel for one in standing if one.down}
    resting = {one.channel for one in standing if one.down and one.paused}
    gone = waited_for - set(able)
    if not set(able) - down:
        return 0
    left = sorted(waited_for & (resting | gone))
    return sum(_move_all(post, channel, down, now) for channel in left)


def _move_all(post: Post, channel: str, down: Collection[str], now: datetime) -> int:
    """All of a channel's, page by page: one that can go nowhere is not in the way of others."""
    until = time.monotonic() + MOST_SECONDS
    moved, after = 0, outbox.FIRST
    while time.monotonic() < until:
        with post.engine.begin() as tx:
            page = outbox.stranded(tx, channel, now, after, AT_ONCE)
            moved += sum(_move(post, tx, channel, one, down) for one in page)
        if len(page) < AT_ONCE:
            break
        after = page[-1].place
    return moved


def _move(
    post: Post, tx: Connection, channel: str, message: Stranded, down: Collection[str]
) -> bool:
    router = post.mail.router
    number = post.mail.number(message.phone_hash, message.phone_cipher)
    ways = router.candidates(number, channel)
    to = next((one for one in ways if one in router.carriers and one not in down), None)
    return to is not None and outbox.move(tx, message.id, channel, to, f"{channel} is down")
