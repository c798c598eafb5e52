"""/api/v1: offices' own systems file requests, move them on and read them.

A token of an ODSC sees its requests alone; another's is not found, as if it did not exist. Any
other token sees none. 422 is for what is not written as the document says, 409 for what is, and
cannot be. With an Idempotency-Key a request has the effect of once, however often it comes.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from flask import Blueprint, Response, url_for
from sqlalchemy import Connection

from app import clock
from app.errors import RequestRefused
from app.office import Office
from app.requests import filing, once
from app.requests.filing import Act
from app.requests.once import Answer, Once, Work
from app.storage import request_pages
from app.storage.api_tokens import Token
from app.storage.database import with_fresh_connection
from app.storage.requests import Request
from app.web import api_problems
from app.web.api_problems import refused, response
from app.web.api_reading import bearer, body, listing, require_odsc, services
from app.web.api_reading import once as under_key
from app.web.api_shapes import Listing, Move, NewRequest, Page, ServiceRequest, cursor


def blueprint(office: Office) -> Blueprint:
    """The API's routes on an opened office."""
    routes = Blueprint("api", __name__, url_prefix="/api/v1")
    api_problems.answer_errors(routes)
    api_problems.answer_strangers(routes)

    @routes.post("/requests")
    def file_request() -> Response:
        token = bearer(office)
        require_odsc(token)
        given = body(NewRequest, services(office))
        return _done(office, under_key(token, given), lambda tx: _file(office, tx, token, given))

    @routes.get("/requests")
    def list_requests() -> Response:
        token = bearer(office)
        require_odsc(token)
        asked = listing()
        return _read(office, lambda tx: _page(office, tx, token, asked))

    # An office's own number may have a slash in it; two are none of ours to mend.
    @routes.get("/requests/<path:number>", merge_slashes=False)
    def show_request(number: str) -> Response:
        token = bearer(office)
        require_odsc(token)
        return _read(office, lambda tx: _shown(office, tx, _found(tx, token, number), 200))

    @routes.patch("/requests/<path:number>", merge_slashes=False)
    def move_request(number: str) -> Response:
        token = bearer(office)
        require_odsc(token)
        given = body(Move)
        return _done(
            office, under_key(token, given), lambda tx: _move(office, tx, token, number, given)
        )

    return routes


def _done(office: Office, key: Once | None, done: Callable[[Connection], Answer]) -> Response:
    work = Work(done, refused)
    if key is None:
        answer = once.act(office.engine, work)
    else:
        vault = office.registrar.vault
        answer = once.act_once(office.engine, vault, key, work, office.desk.now())
    if answer.status != 201:
        return response(answer)
    number = json.loads(answer.body)["number"]
    return response(answer, {"Location": url_for("api.show_request", number=number)})


def _read(office: Office, read: Callable[[Connection], Answer]) -> Response:
    def attempt() -> Answer:
        with office.engine.connect() as tx:
            return read(tx)

    return response(with_fresh_connection(attempt))


def _file(office: Office, tx: Connection, token: Token, given: NewRequest) -> Answer:
    if given.odsc not in (None, token.odsc):
        raise RequestRefused("other_odsc", "odsc", "this token is another ODSC's")
    act = _act(office, token)
    request = filing.file(office.registrar, tx, given.filing(token.odsc), act)
    return _shown(office, tx, request, 201)


def _move(office: Office, tx: Connection, token: Token, number: str, given: Move) -> Answer:
    request = _found(tx, token, number)
    act = _act(office, token)
    moved = filing.move(office.registrar, tx, request, given.status, given.note, act)
    return _shown(office, tx, moved, 200)


def _act(office: Office, token: Token) -> Act:
    return Act(by=f"token {token.id}", source="api", now=office.desk.now())


def _found(tx: Connection, token: Token, number: str) -> Request:
    request = next(iter(filing.find(tx, number, token.odsc)), None)
    if request is None:
        raise RequestRefused("not_found", "", "this ODSC has no request of that number")
    return request


def _shown(office: Office, tx: Connection, request: Request, status: int) -> Answer:
    (shown,) = _documents(office, tx, [request])
    return Answer(status, shown.model_dump_json())


def _page(office: Office, tx: Connection, token: Token, asked: Listing) -> Answer:
    found = request_pages.page(
        tx,
        token.odsc,
        status=asked.status,
        since=asked.updated_since,
        after=asked.after,
        limit=asked.limit + 1,
    )
    here = found[: asked.limit]
    more = cursor(here[-1]) if len(found) > len(here) else None
    return Answer(200, Page(requests=_documents(office, tx, here), next=more).model_dump_json())


def _documents(office: Office, tx: Connection, found: list[Request]) -> list[ServiceRequest]:
    histories = request_pages.histories(tx, [one.id for one in found])
    today = clock.local_day(office.desk.now())
    return [ServiceRequest.of(one, histories[one.id], today) for one in found]
