"""The gateways' door: /channels/<name>/<ussd|sms|receipt>.

What each gateway is told: 200 when what it brought is committed, 403 for a wrong token, 404 for
a channel or hook that is not there, 422 for a request that can never be understood, 503 when
trying again helps. A USSD gateway is always answered with a screen once its token is right, for
anything else ends the person's session without a word.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

import structlog
from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from app import logs
from app.channels.base import Channel, Hook, HookAnswer, HookRequest
from app.conversation import sms, ussd
from app.conversation.deadline import Deadline, Promise
from app.delivery import sending
from app.errors import Malformed, NotAPhoneNumber, RefusedRequest
from app.flows.model import Pack
from app.office import Office
from app.storage.database import with_fresh_connection
from app.web.settings import THREADS
from app.words import Inbound, Reply

log = structlog.get_logger()

MOST_FIELDS = 100


def blueprint(office: Office) -> Blueprint:
    """The door's routes on an opened office."""
    door = Blueprint("hooks", __name__)
    deadline = Deadline(THREADS)

    @door.route("/channels/<name>/<any(ussd, sms, receipt):hook>", methods=["GET", "POST"])
    def enter(name: str, hook: Hook) -> Response:
        channel = office.channels.get(name)
        if channel is None or hook not in channel.hooks:
            return _response(HookAnswer("no such channel or hook", 404))
        try:
            taken = _read(hook)
            channel.authentic(taken)
            return _response(_answer(office, deadline, channel, taken))
        except RefusedRequest as refusal:
            log.warning("request_refused", channel=name, hook=hook, status=refusal.status)
            return _response(HookAnswer(str(refusal), refusal.status))

    return door


def _read(hook: Hook) -> HookRequest:
    body = request.get_data(cache=False)
    try:
        query = _fields(request.query_string)
        form = _fields(body) if request.method == "POST" else {}
    except ValueError:
        raise Malformed(f"more than {MOST_FIELDS} fields") from None
    return HookRequest(
        method=request.method,
        hook=hook,
        query=query,
        form=form,
        headers=dict(request.headers.items()),
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


def _answer(office: Office, deadline: Deadline, channel: Channel, taken: HookRequest) -> HookAnswer:
    now = office.desk.now()
    if taken.hook == "receipt":
        return _receipt(office, channel, taken)
    inbound = channel.parse(taken, now)
    if taken.hook == "ussd":
        return channel.answer(_ussd(office, deadline, inbound))
    try:
        with_fresh_connection(lambda: sms.accept(office.desk, inbound))
    except SQLAlchemyError as error:
        return _later("sms_not_stored", channel, error)
    return channel.answer(None)


def _ussd(office: Office, deadline: Deadline, inbound: Inbound) -> Reply:
    def turn(promise: Promise) -> Reply:
        return with_fresh_connection(lambda: ussd.take_turn(office.desk, inbound, promise))

    try:
        seconds = office.settings.channels[inbound.channel].deadline_seconds
        reply = deadline.within(seconds, turn)
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


def _receipt(office: Office, channel: Channel, taken: HookRequest) -> HookAnswer:
    receipt = channel.parse_receipt(taken, office.desk.now())
    if receipt is None:
        return channel.answer(None)
    try:
        known = with_fresh_connection(lambda: sending.receive(office.post, receipt))
    except SQLAlchemyError as error:
        return _later("receipt_not_stored", channel, error)
    if not known:
        log.warning("receipt_unknown", channel=channel.config.name)
    return channel.answer(None)


def _later(event: str, channel: Channel, error: Exception) -> HookAnswer:
    log.error(event, channel=channel.config.name, cause=logs.where(error))
    return HookAnswer("not stored, try again", 503)


def _response(answer: HookAnswer) -> Response:
    return Response(answer.body, answer.status, content_type=answer.content_type)
