"""/api/v1/flow-results: single responses in the FLOIP Flow Results API, for statistics offices.

Only tokens made for it (`siang tokens add --country --results`) read here, and only what was
released by weeks. The scheme of their header may be called Token, as that API calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from pydantic import BaseModel
from sqlalchemy import Connection

from app.insight import editions, flow_results
from app.insight.editions import Edition, Page
from app.insight.flow_results import Json
from app.insight.press import Press, open_press
from app.office import Office
from app.storage.api_tokens import Token
from app.storage.database import with_fresh_connection
from app.web import api_problems, api_reading
from app.web.api_problems import HEADERS, Refusal, problem
from app.web.api_reading import query
from app.web.api_results_shapes import (
    AFTER,
    BEFORE,
    Itself,
    Links,
    Package,
    PackageData,
    PackageListed,
    PackageRelations,
    Packages,
    PackageTitle,
    Related,
    Responses,
    ResponsesAsked,
    ResponsesData,
    ResponsesRelations,
    Rows,
    ToDescriptor,
    ToResponses,
)

JSON_API: Final = "application/vnd.api+json"
SCHEMES: Final = ("bearer", "token")
_PATH: Final = "/api/v1/flow-results/packages"


def blueprint(office: Office) -> Blueprint:
    """The routes of Flow Results on an opened office."""
    routes = Blueprint("api_results", __name__, url_prefix="/api/v1/flow-results")
    api_problems.answer_errors(routes)
    settings = office.settings
    base = settings.base_url + _PATH

    # Read when first asked for: texts that are being changed must not keep the door shut.
    @cache
    def press() -> Press:
        return open_press(settings.config, settings.hash_key, office.insight.questions)

    @routes.get("/packages")
    def list_packages() -> Response:
        token = bearer(office)
        _require_results(token)
        return _read(office, lambda tx: _listed(tx, press(), base))

    @routes.get("/packages/<package>")
    def show_package(package: str) -> Response:
        token = bearer(office)
        _require_results(token)
        return _read(office, lambda tx: _described(tx, press(), base, package))

    @routes.get("/packages/<package>/responses")
    def list_responses(package: str) -> Response:
        token = bearer(office)
        _require_results(token)
        asked = query(ResponsesAsked)
        return _read(office, lambda tx: _page(tx, press(), base, package, asked))

    return routes


def bearer(office: Office) -> Token:
    """Whose token came. Raises Refusal, 401."""
    return api_reading.bearer(office, SCHEMES)


def _require_results(token: Token) -> None:
    if not token.results:
        raise Refusal(problem(403, "no_results", "This token may not read single responses"))


def _read(office: Office, read: Callable[[Connection], BaseModel]) -> Response:
    def attempt() -> BaseModel:
        with office.engine.connect() as tx:
            return read(tx)

    told = with_fresh_connection(attempt).model_dump_json(by_alias=True)
    return Response(told, headers=HEADERS, content_type=JSON_API)


def _listed(tx: Connection, press: Press, base: str) -> Packages:
    return Packages(
        links=Links(here=base),
        data=[
            PackageListed(
                id=edition.id,
                attributes=PackageTitle(
                    title=edition.extent.title,
                    name=edition.extent.name,
                    created=flow_results.moment(edition.span.first),
                    modified=flow_results.moment(edition.span.last),
                ),
            )
            for edition in editions.every(tx, press)
        ],
    )


def _described(tx: Connection, press: Press, base: str, package: str) -> Package:
    edition = _found(tx, press, package)
    here = f"{base}/{edition.id}"
    return Package(
        links=Itself(here=here),
        data=PackageData(id=edition.id, attributes=_descriptor(tx, press, edition, here)),
        relationships=PackageRelations(
            responses=ToResponses(links=Related(related=f"{here}/responses"))
        ),
    )


def _descriptor(tx: Connection, press: Press, edition: Edition, here: str) -> Json:
    rows = f"{here}/responses"
    # The specification of the API writes two names otherwise than that of packages does.
    where = {"access_method": "api", "path": None, "api_data_url": rows, "api-data-url": rows}
    told = flow_results.descriptor(
        edition.extent, edition.id, edition.told, press.questions(tx), where
    )
    return told | {"flow-results-specification": flow_results.VERSION}


def _page(
    tx: Connection, press: Press, base: str, package: str, asked: ResponsesAsked
) -> Responses:
    edition = _found(tx, press, package)
    here = f"{base}/{edition.id}"
    page = editions.page(tx, edition, press.questions(tx), asked.wanted)
    links = _links(f"{here}/responses", page)
    return Responses(
        links=links,
        data=ResponsesData(
            id=edition.id,
            attributes=Rows(responses=page.rows),
            relationships=ResponsesRelations(
                descriptor=ToDescriptor(links=Itself(here=here)), links=links
            ),
        ),
    )


def _links(url: str, page: Page) -> Links:
    asked = {name: value for name, value in request.args.items() if name not in (AFTER, BEFORE)}
    this = request.args.to_dict()
    # Whoever reads on up to a row goes on doing so.
    behind = {name: value for name, value in this.items() if name == BEFORE and AFTER in this}
    return Links(
        here=_url(url, this),
        next=_url(url, asked | behind | {AFTER: page.after}) if page.after else None,
        previous=_url(url, asked | {BEFORE: page.before}) if page.before else None,
    )


def _url(url: str, query: dict[str, str]) -> str:
    return f"{url}?{urlencode(query)}" if query else url


def _found(tx: Connection, press: Press, package: str) -> Edition:
    edition = editions.of(tx, press, package)
    if edition is None:
        raise Refusal(problem(404, "not_found", "There is no such package"))
    return edition
