"""/phone: a basic mobile phone in the browser, on the simulator's channel.

Its script posts to the channel's webhooks exactly what a gateway would post; nothing here takes a
turn. Whoever has the page can speak as any number, so it is for this machine alone unless
SIANG_PHONE_PAGE=open says otherwise.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import structlog
from flask import Blueprint, Response, jsonify, make_response, render_template, request
from sqlalchemy.exc import SQLAlchemyError

from app import logs
from app.channels.base import Channel, HookRequest
from app.clock import VIENTIANE
from app.errors import NotAPhoneNumber, Unauthenticated
from app.office import Office
from app.storage import outbox, people
from app.web.nearby import asked_from_this_machine

log = structlog.get_logger()

KIND = "simulator"
# A number that looks like a Lao mobile's and that nobody has to think up first.
FIRST_NUMBER = "020 5551 2345"
HEADERS = {
    "Content-Security-Policy": (
        # data: is the little picture of the browser's tab.
        "default-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # The page holds the channel's token, the inbox what a phone was sent.
    "Cache-Control": "no-store",
}


def blueprint(office: Office) -> Blueprint:
    """The page and its inbox; nothing at all without a simulator, 403 for other machines."""
    pages = Blueprint("phone", __name__)
    channel = simulators(office).get(first_simulator(office))
    if channel is None:
        return pages

    @pages.before_request
    def guard() -> Response | None:
        if office.settings.phone_page_open or asked_from_this_machine():
            return None
        return _sentence(
            "The phone page answers this machine only, at http://127.0.0.1; "
            "start Siang with SIANG_PHONE_PAGE=open to open it to everybody.",
            403,
        )

    @pages.after_request
    def headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    @pages.get("/phone")
    def phone() -> Response:
        return make_response(render_template("phone.html", **_given(office, channel)))

    @pages.post("/phone/inbox")
    def inbox() -> Response:
        return _inbox(office, channel)

    return pages


def simulators(office: Office) -> dict[str, Channel]:
    """The channels of kind "simulator", by name."""
    return {name: one for name, one in office.channels.items() if one.config.kind == KIND}


def first_simulator(office: Office) -> str:
    """The simulator that is meant when nobody says which; "" where there is none."""
    return next(iter(simulators(office)), "")


def messages(office: Office, channel: str, number: str) -> list[tuple[int, str, datetime]]:
    """What a phone was sent: number, text, time. Raises NotAPhoneNumber."""
    sealed = office.desk.seal(number)
    with office.engine.connect() as connection:
        contact = people.find(connection, sealed.hash)
        return [] if contact is None else outbox.inbox(connection, contact, channel)


def _given(office: Office, channel: Channel) -> dict[str, object]:
    """What the template is told. Addresses are relative: a proxy may put a folder before them."""
    name = channel.config.name
    token = channel.config.tokens[0]
    hooks = {hook: f"channels/{name}/{hook}?token={quote(token)}" for hook in ("ussd", "sms")}
    return {
        "hooks": hooks,
        "token": token,
        "code": office.settings.service.ussd_code,
        "short_code": office.settings.service.short_code,
        "limits": office.desk.ussd_limits(name),
        "number": FIRST_NUMBER,
        "languages": sorted(
            path.parent.name for path in office.settings.config.glob("languages/*/screens.yaml")
        ),
    }


def _inbox(office: Office, channel: Channel) -> Response:
    given = request.form.get("token") or request.headers.get("X-Siang-Token", "")
    try:
        # The gateways' own comparison, so that a token on its way out is still good here too.
        shown = HookRequest("POST", "sms", query={"token": given}, form={})
        channel.authentic(shown, office.desk.now())
        rows = messages(office, channel.config.name, request.form.get("from", ""))
    except Unauthenticated as refusal:
        return _sentence(f"{refusal}: load the page again.".capitalize(), refusal.status)
    except NotAPhoneNumber as error:
        return _sentence(f"{error}.".capitalize(), 422)
    except SQLAlchemyError as error:
        log.error("inbox_not_read", cause=logs.where(error))
        return _sentence("The database does not answer; try again.", 503)
    return jsonify(
        [
            {"number": number, "text": text, "at": at.astimezone(VIENTIANE).isoformat()}
            for number, text, at in rows
        ]
    )


def _sentence(text: str, status: int) -> Response:
    return Response(text + "\n", status, content_type="text/plain; charset=utf-8")
