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

from app import logs
from app.channels.base import Channel, Hook, HookAnswer, HookRequest
from app.conversation import arrivals, ussd
from app.conversation.deadline import Deadline, Promise
from app.errors import FateUnknown, Malformed, NotAPhoneNumber, Refused, RefusedRequest, TryLater
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


@dataclass(frozen=True, slots=True)
class _Door:
    """What every request needs at hand."""

    office: Office
    deadline: Deadline


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
    door = _Door(office, Deadline(THREADS))

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
            log.warning("request_refused", channel=name, hook=hook, status=refusal.status)
            return _response(HookAnswer(str(refusal), refusal.status))

    return routes


# --- reading ----------------------------------------------------------------------------------


def _read(hook: Hook) -> HookRequest:
    body = request.get_data(cache=False)
    urlencoded = request.method == "POST" and request.mimetype in FORM
    try:
        query = _fields(request.query_string)
        form = _fields(body) if urlencoded else {}
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
        outcome.kept &= arrivals.keep(office.desk, office.post, arrival)
        return
    reply = _ussd(door, arrival)
    if "push" in channel.abilities:
        outcome.kept &= _pushed(channel, arrival, reply)
    else:
        outcome.reply = reply


def _pushed(channel: Channel, inbound: Inbound, reply: Reply) -> bool:
    """Hand the screen to the provider; False where the gateway shall repeat its request.

    The turn is stored: the same input again brings the same screen again and nothing else.
    """
    try:
        channel.push(inbound, reply)
    except Refused as error:
        log.error("screen_refused", channel=inbound.channel, reason=str(error))
    except FateUnknown as error:
        # Probably shown: once more, seconds later, it might cover the screen after it.
        log.warning("screen_in_doubt", channel=inbound.channel, reason=str(error))
    except TryLater as error:
        log.warning("screen_not_pushed", channel=inbound.channel, reason=str(error))
        return False
    return True


def _ussd(door: _Door, inbound: Inbound) -> Reply:
    office = door.office

    def turn(promise: Promise) -> Reply:
        return with_fresh_connection(lambda: ussd.take_turn(office.desk, inbound, promise))

    try:
        seconds = office.settings.channels[inbound.channel].deadline_seconds
        reply = door.deadline.within(seconds, turn)
    except NotAPhoneNumber:
        raise Malformed("the sender is no phone number") from None
    except Exception as error:
        # The person must read something, whatever broke.
        log.error("turn_failed", channel=inbound.channel, cause=logs.where(error))
        return Reply(_pack(office)["error.system"], ends=True)
    if reply is None:
        log.warning("turn_late", channel=inbound.channel)
        return Reply(_pack(office)["message.follows"], ends=True)
    return reply


def _pack(office: Office) -> Pack:
    return office.desk.books.last.packs[office.desk.language]


def _response(answer: HookAnswer) -> Response:
    return Response(answer.body, answer.status, content_type=answer.content_type)
