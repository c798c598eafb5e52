"""The gateways' door: /channels/<name>/<ussd|sms|receipt|event|optout>.

What each gateway is told: 200 when all that it brought is committed or in the spool, 403 for a
wrong proof, 404 for a channel or hook that is not there, 409 for an id that came before with other
content, 413 for too much, 422 for a request that can never be understood, 503 when trying again
helps. Who waits for a USSD screen always gets one once the proof is right, for anything else ends
the person's session without a word; when too many dial at once, some read that they should dial
again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from app import counters, logs
from app.channels.base import Channel, Hook, HookAnswer, HookRequest
from app.conversation import arrivals, intake, screens, ussd
from app.conversation.deadline import Busy, Deadline, Patience, Promise
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
from app.web import load
from app.web.load import Gate
from app.web.settings import THREADS, threads
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
CROWDED = HookAnswer("too much at once, try again", 503)
# Excuses that are handed to a provider at once: it may hang too.
MOST_EXCUSES = 32


@dataclass(frozen=True, slots=True)
class _Door:
    """What every request needs at hand."""

    office: Office
    deadline: Deadline
    patience: Patience
    turns: Gate
    excuses: Gate
    bodies: Gate
    unproven: Gate


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
    door = _open(office)

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
            if not channel.signs_body:
                # Before its body is waited for: no stranger holds a thread with one.
                channel.authentic(taken, office.desk.now())
            body = _body(door, channel)
            if body is None:
                return _response(CROWDED)
            taken = replace(taken, body=body, form=_form(body))
            if channel.signs_body:
                channel.authentic(taken, office.desk.now())
            return _response(_answer(door, channel, taken))
        except RefusedRequest as refusal:
            return _refused(name, hook, refusal.status, str(refusal))
        except RequestEntityTooLarge:
            return _refused(name, hook, 413, f"more than {LARGEST[hook]} octets")

    @routes.after_request
    def count(response: Response) -> Response:
        asked = request.view_args or {}
        # Anybody may make up names: only ours are counted by name.
        name = asked.get("name") if asked.get("name") in office.channels else "unknown"
        counters.answered(str(name), str(asked.get("hook")), response.status_code)
        return response

    return routes


def _open(office: Office) -> _Door:
    limits = office.settings.limits
    percent, begin = limits.source_percent, limits.turn_wait_seconds
    # However long their bodies let us wait, the others have threads left.
    bodies = threads(limits) * 3 // 4
    return _Door(
        office=office,
        deadline=Deadline(THREADS, begin),
        patience=Patience(THREADS, PATIENCE_SECONDS, most=limits.messages, begin_seconds=begin),
        turns=Gate("turns", limits.turns, percent),
        excuses=Gate("excuses", MOST_EXCUSES, percent),
        bodies=Gate("bodies", bodies, percent),
        unproven=Gate("unproven", bodies // 2, percent),
    )


def _refused(channel: str, hook: Hook, status: int, reason: str) -> Response:
    """A reason names fields and never holds what was in them."""
    log.warning("request_refused", channel=channel, hook=hook, status=status, reason=reason)
    return _response(HookAnswer(reason, status))


# --- reading ----------------------------------------------------------------------------------


def _source(channel: Channel) -> load.Source:
    return channel.config.name, request.remote_addr or ""


def _read(hook: Hook) -> HookRequest:
    """All but the body."""
    return HookRequest(
        method=request.method,
        hook=hook,
        query=_fields(request.query_string),
        form={},
        headers={name.title(): value for name, value in request.headers.items()},
        remote=request.remote_addr or "",
        raw_query=request.query_string,
    )


def _body(door: _Door, channel: Channel) -> bytes | None:
    """The body; None while too many of its source are on their way."""
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return b""
    gate = door.unproven if channel.signs_body else door.bodies
    with gate.admit(_source(channel)) as admitted:
        # Kept, because a form of several parts is read from it once more.
        return request.get_data() if admitted else None


def _form(body: bytes) -> dict[str, str]:
    if request.method != "POST":
        return {}
    if request.mimetype == MULTIPART:
        request.max_form_parts = MOST_FIELDS
        return request.form.to_dict()
    urlencoded = request.mimetype in FORM and not body.lstrip().startswith(NO_FORM)
    return _fields(body) if urlencoded else {}


def _fields(encoded: bytes) -> dict[str, str]:
    """Urlencoded fields; the first of a repeated name wins. Malformed for too many."""
    try:
        pairs = parse_qsl(
            # Raw octets, unescaped, are UTF-8 too: curl and simple gateways send them.
            encoded.decode("utf-8", "replace"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            encoding="utf-8",
            errors="replace",
        )
    except ValueError:
        raise Malformed(f"more than {MOST_FIELDS} fields") from None
    return dict(reversed(pairs))


# --- taking -----------------------------------------------------------------------------------


def _answer(door: _Door, channel: Channel, taken: HookRequest) -> HookAnswer:
    """Everything that the request brought is taken, even where one thing of it cannot be."""
    outcome = _Outcome()
    for arrival in channel.parse(taken, door.office.desk.now()):
        try:
            with _counted(arrival):
                _take(door, channel, arrival, outcome)
        except RefusedRequest as refusal:
            outcome.refusal = refusal
    if not outcome.kept:
        return HookAnswer("not stored, try again", 503)
    if outcome.refusal is not None:
        raise outcome.refusal
    return channel.answer(taken.hook, outcome.inbound, outcome.reply)


def _counted(arrival: Arrived) -> AbstractContextManager[object]:
    if isinstance(arrival, Inbound):
        return counters.turn(arrival.channel, arrival.medium)
    return nullcontext()


def _take(door: _Door, channel: Channel, arrival: Arrived, outcome: _Outcome) -> None:
    office = door.office
    if isinstance(arrival, Inbound):
        outcome.inbound = arrival
    if not isinstance(arrival, Inbound) or arrival.medium == "sms":
        outcome.kept &= arrivals.keep(office.desk, office.post, arrival, door.patience)
        return
    source = _source(channel)
    with door.turns.admit(source) as admitted:
        if admitted:
            _show(door, channel, arrival, _ussd(door, arrival), outcome)
            return
    with door.excuses.admit(source) as excused:
        if excused or "push" not in channel.abilities:
            _show(door, channel, arrival, _excuse(office, "error.busy"), outcome)
        else:
            outcome.kept = False


def _show(
    door: _Door, channel: Channel, inbound: Inbound, shown: _Shown, outcome: _Outcome
) -> None:
    if "push" in channel.abilities:
        outcome.kept &= _pushed(door, channel, inbound, shown)
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
    except Busy:
        log.warning("turn_not_begun", channel=inbound.channel)
        return _excuse(office, "error.busy")
    except Exception as error:
        # The person must read something, whatever broke.
        about = logs.whose(error)
        log.error("turn_failed", channel=inbound.channel, cause=logs.where(error), **about)
        return _excuse(office, "error.system")
    if reply is None:
        log.warning("turn_late", channel=inbound.channel)
        return _excuse(office, "message.follows")
    return _Shown(reply, stored=True)


def _excuse(office: Office, key: str) -> _Shown:
    """In the language that a phone first meets: nobody looks a person up to say that."""
    pack: Pack = office.desk.books.last.packs[office.desk.language]
    return _Shown(Reply(pack[key], ends=True), stored=False)


def _response(answer: HookAnswer) -> Response:
    again = {"Retry-After": str(load.RETRY_SECONDS)} if answer.status == 503 else None
    return Response(answer.body, answer.status, again, content_type=answer.content_type)
