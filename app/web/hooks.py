"""The gateways' door: /channels/<name>/<ussd|sms|receipt|event|optout>.

What each gateway is told: 200 when all that it brought is committed or in the spool, 403 for a
wrong proof, 404 for a channel or hook that is not there, 409 for an id that came before with other
content, 413 for too much, 422 for a request that can never be understood, 503 when trying again
helps. Who waits for a USSD screen always gets one once the proof is right, for anything else ends
the person's session without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from app import logs
from app.channels.base import Channel, Hook, HookAnswer, HookRequest
from app.conversation import arrivals, intake, screens, ussd
from app.conversation.deadline import Deadline, Patience, Promise
from app.errors import (
    Contradicts,
    FateUnknown,
    Malformed,
    NotAPhoneNumber,
    Refused,
    RefusedRequest,
    TryLater,
)
from app.flows.model import Pack
from app.office import Office
from app.storage.database import with_fresh_connection
from app.web.settings import THREADS
from app.words import Arrived, Inbound, Reply

log = structlog.get_logger()

MOST_FIELDS = 100
# A long SMS whose every letter is escaped, or a list of them; a session's input is far shorter.
LARGEST: Final[Mapping[Hook, int]] = {
    "ussd": 64 * 1024,
    "sms": 256 * 1024,
    "receipt": 256 * 1024,
    "event": 64 * 1024,
    "optout": 64 * 1024,
}
FORM = ("", "application/x-www-form-urlencoded")
MULTIPART = "multipart/form-data"
# Some devices send JSON or XML and say that it is a form, or nothing: its "&" part no fields.
NO_FORM = (b"{", b"[", b"<")
# Gateways give up after 5 to 15 s, and then nothing is in the database or in the spool.
PATIENCE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class _Door:
    """What every request needs at hand."""

    office: Office
    deadline: Deadline
    patience: Patience


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a phone shall read; `stored` where that is a turn's reply, and no excuse of ours."""

    reply: Reply
    stored: bool


@dataclass(slots=True)
class _Outcome:
    """What became of everything that one request brought."""

    kept: bool = True
    refusal: RefusedRequest | None = None
    inbound: Inbound | None = None
    reply: Reply | None = None


def blueprint(office: Office) -> Blueprint:
    """The door's routes on an opened office."""
    routes = Blueprint("hooks", __name__)
    door = _Door(office, Deadline(THREADS), Patience(THREADS, PATIENCE_SECONDS))

    @routes.route(
        "/channels/<name>/<any(ussd, sms, receipt, event, optout):hook>", methods=["GET", "POST"]
    )
    def enter(name: str, hook: Hook) -> Response:
        channel = office.channels.get(name)
        if channel is None or hook not in channel.hooks:
            return _response(HookAnswer("no such channel or hook", 404))
        request.max_content_length = LARGEST[hook]
        try:
            taken = _read(hook)
            channel.authentic(taken, office.desk.now())
            return _response(_answer(door, channel, taken))
        except RefusedRequest as refusal:
            return _refused(name, hook, refusal.status, str(refusal))
        except RequestEntityTooLarge:
            return _refused(name, hook, 413, f"more than {LARGEST[hook]} octets")

    return routes


def _refused(channel: str, hook: Hook, status: int, reason: str) -> Response:
    """A reason names fields and never holds what was in them."""
    log.warning("request_refused", channel=channel, hook=hook, status=status, reason=reason)
    return _response(HookAnswer(reason, status))


# --- reading ----------------------------------------------------------------------------------


def _read(hook: Hook) -> HookRequest:
    # Kept, because a form of several parts is read from it once more.
    body = request.get_data()
    try:
        query = _fields(request.query_string)
        form = _form(body) if request.method == "POST" else {}
    except ValueError:
        raise Malformed(f"more than {MOST_FIELDS} fields") from None
    return HookRequest(
        method=request.method,
        hook=hook,
        query=query,
        form=form,
        headers={name.title(): value for name, value in request.headers.items()},
        body=body,
        remote=request.remote_addr or "",
        raw_query=request.query_string,
    )


def _form(body: bytes) -> dict[str, str]:
    if request.mimetype == MULTIPART:
        request.max_form_parts = MOST_FIELDS
        return request.form.to_dict()
    urlencoded = request.mimetype in FORM and not body.lstrip().startswith(NO_FORM)
    return _fields(body) if urlencoded else {}


def _fields(encoded: bytes) -> dict[str, str]:
    """Urlencoded fields; the first of a repeated name wins. ValueError for too many."""
    pairs = parse_qsl(
        # Raw octets, unescaped, are UTF-8 too: curl and simple gateways send them.
        encoded.decode("utf-8", "replace"),
        keep_blank_values=True,
        max_num_fields=MOST_FIELDS,
        encoding="utf-8",
        errors="replace",
    )
    return dict(reversed(pairs))


# --- taking -----------------------------------------------------------------------------------


def _answer(door: _Door, channel: Channel, taken: HookRequest) -> HookAnswer:
    """Everything that the request brought is taken, even where one thing of it cannot be."""
    outcome = _Outcome()
    for arrival in channel.parse(taken, door.office.desk.now()):
        try:
            _take(door, channel, arrival, outcome)
        except RefusedRequest as refusal:
            outcome.refusal = refusal
    if not outcome.kept:
        return HookAnswer("not stored, try again", 503)
    if outcome.refusal is not None:
        raise outcome.refusal
    return channel.answer(taken.hook, outcome.inbound, outcome.reply)


def _take(door: _Door, channel: Channel, arrival: Arrived, outcome: _Outcome) -> None:
    office = door.office
    if isinstance(arrival, Inbound):
        outcome.inbound = arrival
    if not isinstance(arrival, Inbound) or arrival.medium == "sms":
        outcome.kept &= arrivals.keep(office.desk, office.post, arrival, door.patience)
        return
    shown = _ussd(door, arrival)
    if "push" in channel.abilities:
        outcome.kept &= _pushed(door, channel, arrival, shown)
    else:
        outcome.reply = shown.reply


def _pushed(door: _Door, channel: Channel, inbound: Inbound, shown: _Shown) -> bool:
    """Hand the screen to the provider; False where the gateway shall repeat its request.

    The turn is stored: the same input again brings the same screen again and nothing else, and
    that only as long as it was not pushed and there is no newer one.
    """
    if shown.stored and not _won(door, inbound, shown.reply):
        log.info("screen_not_repeated", channel=inbound.channel)
        return True
    try:
        channel.push(inbound, shown.reply)
    except Refused as error:
        log.error("screen_refused", channel=inbound.channel, reason=str(error))
    except FateUnknown as error:
        # Probably shown: once more, seconds later, it might cover the screen after it.
        log.warning("screen_in_doubt", channel=inbound.channel, reason=str(error))
    except TryLater as error:
        log.warning("screen_not_pushed", channel=inbound.channel, reason=str(error))
        _give_back(door, inbound, shown.reply)
        return False
    return True


def _won(door: _Door, inbound: Inbound, reply: Reply) -> bool:
    desk = door.office.desk
    try:
        return door.patience.wait(lambda: screens.win(desk, inbound, reply))
    except Exception as error:
        # Better shown twice than not at all.
        log.error("screen_not_won", channel=inbound.channel, cause=logs.where(error))
        return True


def _give_back(door: _Door, inbound: Inbound, reply: Reply) -> None:
    desk = door.office.desk
    try:
        door.patience.wait(lambda: screens.give_back(desk, inbound, reply))
    except Exception as error:
        log.error("screen_not_given_back", channel=inbound.channel, cause=logs.where(error))


def _ussd(door: _Door, inbound: Inbound) -> _Shown:
    office = door.office

    def turn(promise: Promise) -> Reply:
        try:
            return with_fresh_connection(lambda: ussd.take_turn(office.desk, inbound, promise))
        except Contradicts:
            intake.complain(office.desk, inbound.channel)
            raise

    try:
        seconds = office.settings.channels[inbound.channel].deadline_seconds
        reply = door.deadline.within(seconds, turn)
    except RefusedRequest:
        raise
    except NotAPhoneNumber:
        raise Malformed("the sender is no phone number") from None
    except Exception as error:
        # The person must read something, whatever broke.
        log.error("turn_failed", channel=inbound.channel, cause=logs.where(error))
        return _Shown(Reply(_pack(office)["error.system"], ends=True), stored=False)
    if reply is None:
        log.warning("turn_late", channel=inbound.channel)
        return _Shown(Reply(_pack(office)["message.follows"], ends=True), stored=False)
    return _Shown(reply, stored=True)


def _pack(office: Office) -> Pack:
    return office.desk.books.last.packs[office.desk.language]


def _response(answer: HookAnswer) -> Response:
    return Response(answer.body, answer.status, content_type=answer.content_type)
