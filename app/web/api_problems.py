"""How the JSON API says no: RFC 9457, never with anything that was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from flask import Blueprint, Response, request
from pydantic import ValidationError
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException

from app import logs
from app.errors import RequestRefused, SiangError
from app.requests.once import Answer
from app.web.api_shapes import InputError, Problem

log = structlog.get_logger()

ROOT: Final = "/api/"
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
RETRY_SECONDS: Final = 5

STATUS: Final[Mapping[str, int]] = {
    "other_odsc": 403,
    "not_found": 404,
    "unknown_service": 422,
    "key_reused": 422,
}
"""Of a refusal by its code; any other is 409: well written, and yet it cannot be."""
# The office's words for what the registry calls otherwise.
_CALLED: Final = {"alias": "own_number", "bad_alias": "bad_own_number"}
_CODES: Final = {
    "json_invalid": "no_json",
    "extra_forbidden": "unknown_field",
    "literal_error": "unknown_value",
    "string_pattern_mismatch": "bad_form",
    "string_too_long": "too_long",
    "string_type": "wrong_type",
    "bool_type": "wrong_type",
    "int_type": "wrong_type",
    "model_type": "wrong_type",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
}
_HTTP: Final = {404: "not_found", 405: "wrong_method", 413: "too_large"}
_AWAY: Final = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)
_KEPT: Final = ("Allow", "Retry-After")
# Also as JSON:API has parameters: page[size].
_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z_]{0,39}(\[[A-Za-z-]{1,39}\])?")


class Refusal(SiangError):
    """A request that changes nothing; what is told is the problem alone."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.headers = headers or {}


def problem(status: int, code: str, detail: str, errors: Sequence[InputError] = ()) -> Problem:
    """The document; `field` is that of the first error."""
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        field=errors[0].field if errors else None,
        errors=list(errors) or None,
    )


def wrong(errors: Sequence[InputError]) -> Refusal:
    """Everything that is wrong with what came, the first error in front."""
    return Refusal(problem(422, errors[0].code, errors[0].detail, errors))


def input_errors(found: ValidationError, schema: Mapping[str, Any]) -> list[InputError]:
    """What pydantic found, without what was given; a form is told in the words of the schema."""
    told: dict[tuple[str, str], InputError] = {}
    for one in found.errors(include_url=False, include_input=False, include_context=False):
        code = _CODES.get(one["type"], one["type"])
        name = str(one["loc"][0]) if one["loc"] else ""
        described = schema["properties"].get(name, {}).get("description")
        detail = described if code == "bad_form" and described else one["msg"]
        # What nobody knows by name may be a phone number.
        field = name if _FIELD.fullmatch(name) else ""
        told.setdefault((field, code), InputError(field=field, code=code, detail=detail))
    return list(told.values())


def refused(refusal: RequestRefused) -> Answer:
    """What the registry of requests refuses, as an answer that can be stored."""
    code = _CALLED.get(refusal.code, refusal.code)
    status, detail = STATUS.get(code, 409), refusal.sentence[:1].upper() + refusal.sentence[1:]
    field = _CALLED.get(refusal.field, refusal.field)
    errors = [InputError(field=field, code=code, detail=detail)] if field else []
    return Answer(status, written(problem(status, code, detail, errors)))


def written(one: Problem) -> str:
    return one.model_dump_json(exclude_none=True)


def response(answer: Answer, headers: Mapping[str, str] | None = None) -> Response:
    """The answer as HTTP; a problem is logged by its kind alone."""
    if answer.status < 400:
        return Response(answer.body, answer.status, {**HEADERS, **(headers or {})}, JSON)
    log.warning("api_refused", method=request.method, status=answer.status)
    made = Response(answer.body, answer.status, {**HEADERS, **(headers or {})}, PROBLEM)
    if answer.status == 503:
        made.retry_after = RETRY_SECONDS
    return made


def answer_errors(routes: Blueprint) -> None:
    """Whatever goes wrong in these routes ends as a problem document."""

    @routes.errorhandler(Refusal)
    def refusal(error: Refusal) -> Response:
        return _told(error.problem, error.headers)

    @routes.errorhandler(RequestRefused)
    def no(error: RequestRefused) -> Response:
        return response(refused(error))

    @routes.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response | HTTPException:
        return _http(error)

    @routes.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        log.error("api_failed", cause=logs.where(error))
        if isinstance(error, _AWAY):
            return _told(problem(503, "later", "The database does not answer; try again"))
        return _told(problem(500, "broken", "Siang is in error; its log says where"))


def answer_strangers(routes: Blueprint) -> None:
    """So does what finds no route below /api/, or none for its method."""

    @routes.app_errorhandler(HTTPException)
    def http(error: HTTPException) -> Response | HTTPException:
        return _http(error) if request.path.startswith(ROOT) else error


def _http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.response is not None:
        return error
    status = HTTPStatus(error.code)
    code = _HTTP.get(status, "bad_request")
    kept = {name: value for name, value in error.get_headers() if name in _KEPT}
    return _told(problem(status, code, status.description or status.phrase), kept)


def _told(one: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return response(Answer(one.status, written(one)), headers)
