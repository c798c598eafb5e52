"""SMS taken in: stored once, before the gateway is told that we have it.

A gateway's repeats are known by its id; where it gives none, by what was said and when. Parts that
nobody joined wait for each other here, and a machine that says the same again and again is heard
no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

import structlog
from sqlalchemy import Connection

from app.conversation import keywords
from app.conversation.desk import Desk
from app.errors import Contradicts, NotAPhoneNumber
from app.people.vault import Sealed
from app.storage import alarms, canaries, parts, people
from app.storage import inbound as letters
from app.storage.inbound import Letter
from app.storage.parts import PartGroup, StoredPart
from app.words import Inbound, OptOut, Part

log = structlog.get_logger()

# Who says the same this often within this time is a machine, perhaps one that answers ours.
SAME_TEXT_LIMIT = 20
SAME_TEXT_WITHIN = timedelta(minutes=5)
# The most parts of a long SMS and what they hold together (3GPP TS 23.040 §9.2.3.24.1).
MOST_PARTS = 255
LONGEST_TEXT = MOST_PARTS * 153
# Where a part never came.
GAP = " … "


@dataclass(frozen=True, slots=True)
class _Waits:
    """How long a channel's repeats and parts are waited for."""

    repeats: timedelta
    parts: timedelta


def accept(desk: Desk, message: Inbound) -> bool:
    """Store an SMS; False if it was known already. Raises Contradicts.

    Senders that are no phones (short codes, names) are stored and never answered.
    """
    sealed = _sealed(desk, message.sender)
    if sealed is None or not _sensible(message.part):
        message = replace(message, part=None)
    body = _body(desk, message, sealed)
    with _told_of(desk, message.channel), desk.engine.begin() as tx:
        stored = _store(desk, tx, message, sealed, body)
        if stored is None:
            _compare(letters.body_of(tx, message.channel, message.provider_id), body)
    if stored == "new":
        desk.bell.ring("turns")
    return stored is not None


def opt(desk: Desk, opted: OptOut) -> None:
    """A network says what STOP and START say; it has told the phone itself. Raises Contradicts.

    A late repeat of an earlier one, known by its id, changes nothing.
    """
    sealed = _sealed(desk, opted.phone)
    if sealed is None:
        log.warning("optout_of_no_phone", channel=opted.channel)
        return
    body = desk.vault.hash(f"{sealed.hash.hex()}\0opt\0{opted.stopped}")
    with _told_of(desk, opted.channel), desk.engine.begin() as tx:
        contact = people.lock(tx, sealed.hash, sealed.cipher)
        letter = _opted(opted, contact.id, body)
        if opted.provider_id and letters.store(tx, letter) is None:
            _compare(letters.body_of(tx, opted.channel, opted.provider_id), body)
        elif contact.stopped != opted.stopped:
            people.set_stopped(tx, contact.id, opted.at if opted.stopped else None)


def complain(desk: Desk, channel: str) -> None:
    """Of the two messages the first is kept; an operator must look why there are two."""
    log.error("contradiction", channel=channel)
    with desk.engine.begin() as tx:
        alarms.notice(
            tx,
            kind="contradiction",
            subject=channel,
            detail="An id that was known came with another message; the first one is kept",
            now=desk.now(),
        )


def join_late_parts(desk: Desk) -> int:
    """Join what is there of messages whose missing parts are waited for no longer; how many."""
    joined = 0
    while True:
        now = desk.now()
        with desk.engine.begin() as tx:
            late = parts.next_late(tx, now)
            if late is None:
                break
            group, since = late
            until = since + _waits(desk, group.channel).parts
            there = parts.waiting(tx, group, since, until)
            if there:
                _join(desk, tx, group, there, now)
                log.warning("parts_missing", channel=group.channel)
                joined += 1
    if joined:
        desk.bell.ring("turns")
    return joined


# --- storing ----------------------------------------------------------------------------------


def _store(
    desk: Desk, tx: Connection, message: Inbound, sealed: Sealed | None, body: bytes
) -> str | None:
    """The state in which it was stored, or that of the message it completes; None if known."""
    letter = _letter(desk, message, body)
    # It comes from our own short code, or from a SIM card of ours.
    if letter.text.startswith(canaries.BEGINS) and canaries.come_back(tx, letter.text, desk.now()):
        stored = replace(letter, state="ignored", reason="a canary that came back")
        return "ignored" if letters.store(tx, stored) is not None else None
    if sealed is None:
        stored = replace(letter, state="ignored", reason="the sender is no phone")
        return "ignored" if letters.store(tx, stored) is not None else None
    # Repeats without an id, and parts, are only seen by who alone looks.
    alone = not message.provider_id or message.part is not None
    phone = (sealed.hash, sealed.cipher)
    contact = people.lock(tx, *phone).id if alone else people.ensure(tx, *phone)
    letter = replace(letter, contact_id=contact)
    if not message.provider_id and _heard(tx, letter, _waits(desk, message.channel).repeats):
        return None
    if message.part is not None:
        return _store_part(desk, tx, letter)
    if _too_often(desk, tx, contact, letter.text, letter.received_at):
        letter = replace(letter, state="ignored", reason="the same text too often")
    return letter.state if letters.store(tx, letter) is not None else None


def _letter(desk: Desk, message: Inbound, body: bytes) -> Letter:
    now = desk.now()
    waits = _waits(desk, message.channel)
    # Its own where the gateway gives no id: the same again when it comes from the spool twice.
    own_id = desk.vault.hash(f"{body.hex()}\0{message.received_at.isoformat()}").hex()[:32]
    return Letter(
        channel=message.channel,
        provider_id=message.provider_id or f"~{own_id}",
        contact_id=None,
        body=body,
        state="part" if message.part else "new",
        received_at=message.received_at,
        next_at=now + waits.parts if message.part else now,
        text=message.text,
        part=message.part,
    )


def _heard(tx: Connection, letter: Letter, within: timedelta) -> bool:
    assert letter.contact_id is not None
    at, contact = letter.received_at, letter.contact_id
    return letters.heard(tx, contact, letter.channel, letter.body, at, within)


def _too_often(
    desk: Desk, tx: Connection, contact: int, written: str, received_at: datetime
) -> bool:
    # Whoever wants nothing of us is obeyed however often they say it.
    if desk.keywords.consent(written) == keywords.STOP:
        return False
    said = letters.times_said(tx, contact, written, received_at, SAME_TEXT_WITHIN)
    if said + 1 < SAME_TEXT_LIMIT:
        return False
    log.warning("same_text_too_often", contact=contact)
    return True


def _opted(opted: OptOut, contact: int, body: bytes) -> Letter:
    return Letter(
        channel=opted.channel,
        provider_id=opted.provider_id,
        contact_id=contact,
        body=body,
        state="done",
        received_at=opted.at,
        next_at=opted.at,
        text="",
        reason="opt-out",
    )


@contextmanager
def _told_of(desk: Desk, channel: str) -> Iterator[None]:
    """A contradiction leaves nothing in the database but that it came."""
    try:
        yield
    except Contradicts:
        complain(desk, channel)
        raise


def _compare(before: bytes | None, body: bytes) -> None:
    """Raises Contradicts where an id brought something else `before`."""
    if before not in (None, body):
        raise Contradicts("this id brought another message before")


# --- parts ------------------------------------------------------------------------------------


def _store_part(desk: Desk, tx: Connection, letter: Letter) -> str | None:
    part, contact = letter.part, letter.contact_id
    assert part is not None
    assert contact is not None
    wait = _waits(desk, letter.channel).parts
    if _heard(tx, letter, wait):
        # The network repeats parts under ids of their own.
        letter = replace(letter, state="ignored", reason="the part came before")
    stored = letters.store(tx, letter)
    if stored is None or letter.state == "ignored":
        return None if stored is None else letter.state
    now = desk.now()
    group = PartGroup(letter.channel, contact, part.reference, part.total)
    there = parts.waiting(tx, group, now, now + wait)
    mine = [one for one in there if one.id == stored]
    if any(one.number == part.number for one in there if one.id != stored):
        # Another text under the same number: the network began to count anew.
        _join(desk, tx, group, [one for one in there if one.id != stored], now)
        there = mine
    if len(there) < part.total:
        return letter.state
    return _join(desk, tx, group, there, now)


def _join(
    desk: Desk, tx: Connection, group: PartGroup, there: list[StoredPart], now: datetime
) -> str:
    """Make one message of these parts; its state."""
    joined = _joined(there, group.total)[:LONGEST_TEXT]
    newest = max(one.received_at for one in there)
    often = _too_often(desk, tx, group.contact_id, joined, newest)
    state, reason = ("ignored", "the same text too often") if often else ("new", "")
    parts.join(tx, [one.id for one in there], joined, state, reason, now)
    return state


def _joined(there: list[StoredPart], total: int) -> str:
    texts: dict[int, str] = {}
    for one in there:
        texts[one.number] = texts.get(one.number, "") + one.text
    pieces = [texts.get(number) for number in range(1, total + 1)]
    # Several missing in a row are one gap.
    runs = ((known, "".join(filter(None, run))) for known, run in groupby(pieces, _is_there))
    joined = "".join(run if known else GAP for known, run in runs)
    return joined if len(texts) == total else joined.strip()


def _is_there(piece: str | None) -> bool:
    return piece is not None


def _sensible(part: Part | None) -> bool:
    return part is not None and 1 < part.total <= MOST_PARTS and 0 < part.number <= part.total


# --- what is compared -------------------------------------------------------------------------


def _sealed(desk: Desk, sender: str) -> Sealed | None:
    try:
        return desk.seal(sender)
    except NotAPhoneNumber:
        return None


def _body(desk: Desk, message: Inbound, sealed: Sealed | None) -> bytes:
    """A keyed hash of who says what: a bare one would tell short texts by trying them."""
    who = sealed.hash.hex() if sealed else message.sender
    part = message.part
    place = f"{part.reference}/{part.number}/{part.total}" if part else ""
    return desk.vault.hash(f"{who}\0{place}\0{message.text}")


def _waits(desk: Desk, channel: str) -> _Waits:
    config = desk.channels.get(channel)
    seconds, minutes = (config.repeat_seconds, config.join_minutes) if config else (10.0, 10)
    return _Waits(timedelta(seconds=seconds), timedelta(minutes=minutes))
