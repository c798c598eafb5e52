"""/api/v1/…/summary and /api/v1/ranking: released figures, for dashboards.

A token reads its own place and all that is below it. Only weeks that are released are told: what
still moves could be subtracted from what is told later. The bytes of a document depend on what
was released, on the registry and on nothing else, and its ETag on its bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, TypeVar

from flask import Blueprint, Response, request
from pydantic import BaseModel
from sqlalchemy import Connection

from app.clock import Week
from app.insight import published, releases, rules
from app.insight.figures import Area, Level
from app.insight.published import Published
from app.office import Office
from app.requests.once import Answer
from app.storage import registry
from app.storage import releases as storage
from app.storage.api_tokens import Token
from app.storage.database import with_fresh_connection
from app.web import api_problems
from app.web.api_figures_shapes import Ranking, RankingAsked, Summary, SummaryAsked
from app.web.api_problems import Refusal, problem, response
from app.web.api_reading import bearer, query
from app.words import COUNTRY

DAY: Final = 24 * 60 * 60
SOON: Final = 5 * 60
"""Seconds for which a document of a named week, and one of the newest, may be kept."""

Read = TypeVar("Read")


def blueprint(office: Office) -> Blueprint:
    """The routes of figures on an opened office."""
    routes = Blueprint("api_figures", __name__, url_prefix="/api/v1")
    api_problems.answer_errors(routes)
    wording = rules.labels(office.settings.config / "languages")

    @routes.get("/odsc/<code>/summary", defaults={"level": "odsc"})
    @routes.get("/districts/<code>/summary", defaults={"level": "district"})
    @routes.get("/provinces/<code>/summary", defaults={"level": "province"})
    @routes.get("/groups/<code>/summary", defaults={"level": "group"})
    @routes.get("/country/summary", defaults={"level": "country", "code": COUNTRY})
    def read_summary(level: Level, code: str) -> Response:
        token = bearer(office)
        asked = query(SummaryAsked)

        def read(tx: Connection) -> Summary:
            area = _own_area(tx, token, level, code)
            return Summary.of(_published(office, tx, area, asked.week), wording)

        return _kept(_in_one_reading(office, read), asked.week)

    @routes.get("/ranking")
    def read_ranking() -> Response:
        token = bearer(office)
        asked = query(RankingAsked)
        ranked = _in_one_reading(office, lambda tx: _ranking(office, tx, token, asked))
        return _kept(ranked, asked.week)

    return routes


def _in_one_reading(office: Office, read: Callable[[Connection], Read]) -> Read:
    def attempt() -> Read:
        with office.engine.connect() as tx:
            return read(tx)

    return with_fresh_connection(attempt)


def _published(office: Office, tx: Connection, area: Area, week: str | None) -> Published:
    asked = week or storage.newest(tx)
    told = asked and published.of(tx, area, asked, office.insight.dimensions)
    if not told:
        raise _not_released(office)
    return told


def _ranking(office: Office, tx: Connection, token: Token, asked: RankingAsked) -> Ranking:
    within = _own_province(tx, token, asked.within)
    week = asked.week or storage.newest(tx)
    if week is None or storage.made_at(tx, week) is None:
        raise _not_released(office)
    last = Week.parse(week)
    ranked = published.ranking(tx, asked.level, within, last)
    first = str(last.shifted(1 - published.WEEKS))
    return Ranking.of(asked.level, within, (first, week), ranked)


def _own_area(tx: Connection, token: Token, level: Level, code: str) -> Area:
    """The area, if there is one and the token may read it. Raises Refusal, 404 or 403."""
    area = releases.area(tx, level, code)
    if area is None:
        raise Refusal(problem(404, "not_found", "There is no such area"))
    if not registry.covers(tx, token.level, token.place, level, code):
        raise _another_area()
    return area


def _own_province(tx: Connection, token: Token, within: str | None) -> str | None:
    """In which province areas are ranked; None is everywhere. Raises Refusal, 404 or 403."""
    if token.level not in ("province", "country"):
        raise _another_area()
    if within is None:
        return token.place if token.level == "province" else None
    return _own_area(tx, token, "province", within).code


def _another_area() -> Refusal:
    return Refusal(problem(403, "other_area", "This token may not read the figures of this area"))


def _not_released(office: Office) -> Refusal:
    """What moves still could be subtracted from what is told later."""
    hour = office.settings.digest.hour
    told = (
        "There are no released figures of this week. A week's figures are released on the Monday "
        f"after it from {hour:02d}:00 (Asia/Vientiane) on, or on the next working day"
    )
    return Refusal(problem(404, "not_released", told))


def _kept(document: BaseModel, week: str | None) -> Response:
    """The document, which may be kept; 304 for who has it."""
    written = document.model_dump_json(by_alias=True)
    age = SOON if week is None else DAY
    told = {"Cache-Control": f"private, max-age={age}", "Vary": "Authorization"}
    made = response(Answer(200, written), told)
    made.set_etag(hashlib.sha256(written.encode()).hexdigest())
    made.make_conditional(request)
    return made
