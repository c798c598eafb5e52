"""Moves messages from a channel that is down, or gone, to the next that can carry them."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.delivery.post import Post
from app.storage import channels, stranded
from app.storage.channels import Standing
from app.storage.outbox import Claimed

AT_ONCE = 200
# What is still there after this is moved in the next round.
MOST_SECONDS = 2.0


def move_on(post: Post) -> int:
    """One round; how many were moved.

    Messages stay on a channel whose rest is over: one of them tries it.
    """
    now = post.now()
    with post.engine.begin() as tx:
        standing = _standing(post, tx)
        waited_for = stranded.channels(tx)
    down = {one.channel for one in standing if one.down}
    resting = {one.channel for one in standing if one.down and one.paused}
    gone = waited_for - {one.channel for one in standing}
    if len(down) == len(standing):
        return 0
    left = sorted(waited_for & (resting | gone))
    return sum(_move_all(post, channel, down, now) for channel in left)


def pass_on(post: Post, message: Claimed) -> bool:
    """Let another channel try a message that this one, though not down, has not taken."""
    with post.engine.begin() as tx:
        down = {one.channel for one in _standing(post, tx) if one.down}
        hashed, cipher = message.phone_hash, message.phone_cipher
        to = _another(post, message.channel, hashed, cipher, down)
        reason = f"{message.channel} did not take it"
        return to is not None and stranded.move(tx, message.id, message.channel, to, reason)


def _standing(post: Post, tx: Connection) -> list[Standing]:
    return channels.standings(tx, dict.fromkeys(post.able("send"), timedelta()), post.now())


def _move_all(post: Post, channel: str, down: Collection[str], now: datetime) -> int:
    """All of a channel's, page by page: one that can go nowhere is not in the way of others."""
    until = time.monotonic() + MOST_SECONDS
    moved, after = 0, stranded.BEGINNING
    while time.monotonic() < until:
        with post.engine.begin() as tx:
            page = stranded.page(tx, channel, now, after, AT_ONCE)
            for one in page:
                to = _another(post, channel, one.phone_hash, one.phone_cipher, down)
                if to is not None:
                    moved += stranded.move(tx, one.id, channel, to, f"{channel} is down")
        if len(page) < AT_ONCE:
            break
        after = page[-1].place
    return moved


def _another(
    post: Post, channel: str, hashed: bytes, cipher: bytes, down: Collection[str]
) -> str | None:
    """The best way to the number besides this channel and those that are down."""
    router = post.mail.router
    ways = router.candidates(post.mail.number(hashed, cipher), channel)
    usable = (one for one in ways if one in router.carriers and one not in down)
    return next((one for one in usable if one != channel), None)
