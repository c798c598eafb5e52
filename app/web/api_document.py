"""/api/v1/openapi.json: what the JSON API is, written from the models that also validate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Blueprint, Response
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.office import Office
from app.web import api_problems
from app.web.api_figures_shapes import Ranking, RankingAsked, Summary, SummaryAsked
from app.web.api_problems import JSON, PROBLEM
from app.web.api_reading import KEY, KEY_FORM, services
from app.web.api_results import JSON_API
from app.web.api_results_shapes import Package, Packages, Responses, ResponsesAsked
from app.web.api_shapes import Listing, Move, NewRequest, Page, Problem, ServiceRequest

Document = dict[str, Any]

_ABOUT: Final = f"""
Offices' own systems file citizens' requests, move them on and read them; dashboards read the
released figures.

Every request needs `Authorization: Bearer` with a token of its ODSC; `siang tokens add` makes one.
A token sees the requests of its ODSC alone; one of a district, a province or the country sees none
and gets 403 `no_odsc`. A token reads the figures of its own place and of all that is below it.

Figures are released once an ISO week is over and never change afterwards; a week that is not
released is 404 `not_released`. A figure that is `null` rests on too few answers, or would tell of
another that does. With `If-None-Match` an unchanged document is 304.

Single responses, without numbers and free text, are read as FLOIP Flow Results packages, a calendar
quarter each, with a token that was made for it (`siang tokens add --country --results`); others
get 403 `no_results`. There the header's scheme may also be called `Token`.

POST and PATCH take the header `{KEY}`, 1 to 200 printable ASCII characters
(`#/components/parameters/IdempotencyKey`). The same request with the same key within 24 hours has
the effect of once and gets the first answer, byte for byte; another request with that key gets
422 `key_reused`, and one that comes while the first is still being worked on 409 `key_in_use`.

Errors are RFC 9457 documents. 422: not written as this document says, with every error at once.
409: well written, and yet it cannot be; `code` says why.
""".strip()

_SAID: Final[Mapping[int, str]] = {
    400: "The body is no JSON",
    401: "No token, or none that is in force",
    403: "`other_odsc`, `other_area`: the token is another place's; `no_odsc`: it is no ODSC's; "
    "`no_results`: it may not read single responses",
    404: "There is no such thing, or none that the token may see; or `not_released`",
    409: "It cannot be: `taken`, `not_allowed`, `needs_note`, `bad_phone`, `bad_own_number`, "
    "`bad_number`, `bad_date` or `key_in_use`",
    413: "The body is too large",
    415: "The body is not announced as JSON",
    422: "Not written as this document says; or `key_reused`",
    500: "Siang is in error",
    503: "Try again later",
}
_HEADERS: Final[Mapping[int, Mapping[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer, and invalid_token where one was sent"},
    503: {"Retry-After": "Seconds"},
}
_MODELS: Final[Sequence[tuple[type[BaseModel], JsonSchemaMode]]] = (
    (NewRequest, "validation"),
    (Move, "validation"),
    (Problem, "validation"),
    (Page, "serialization"),
    (ServiceRequest, "serialization"),
    (Summary, "serialization"),
    (Ranking, "serialization"),
    (Packages, "serialization"),
    (Package, "serialization"),
    (Responses, "serialization"),
)
_READING: Final = (401, 403, 422, 500, 503)
_WRITING: Final = (400, 401, 403, 409, 413, 415, 422, 500, 503)

_KEY: Final[Document] = {
    "name": KEY,
    "in": "header",
    "required": False,
    "description": "One for each thing that is to be done, for example a UUID",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": KEY_FORM},
}
_NUMBER: Final[Document] = {
    "name": "number",
    "in": "path",
    "required": True,
    "description": "The request's number, ours or the office's own",
    "schema": {"type": "string"},
    "examples": {"ours": {"value": "010312345670"}, "own": {"value": "BPC-2026-0117"}},
}
_PACKAGE: Final[Document] = {
    "name": "package",
    "in": "path",
    "required": True,
    "description": "The package's id",
    "schema": {"type": "string", "format": "uuid"},
}
EXAMPLES: Final = {"odsc": "0103", "district": "0103", "province": "01"}
_SAME: Final[Document] = {"description": "As the document of `If-None-Match`; it has no body"}
_LINKS: Final[Document] = {
    name: {"operationId": name, "parameters": {"number": "$response.body#/number"}}
    for name in ("showRequest", "moveRequest")
}


def blueprint(office: Office) -> Blueprint:
    """The document's route; it holds nothing of anybody, so it is open."""
    routes = Blueprint("api_document", __name__, url_prefix="/api/v1")
    api_problems.answer_errors(routes)

    @routes.get("/openapi.json")
    def openapi() -> Response:
        written = json.dumps(document(services(office)), ensure_ascii=False)
        return Response(written, headers={"Cache-Control": "no-cache"}, content_type=JSON)

    return routes


def document(known_services: Sequence[str]) -> Document:
    """OpenAPI 3.1, with the services that the registry knows."""
    schemas = _schemas()
    schemas["NewRequest"]["properties"]["service"]["enum"] = list(known_services)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Siang", "version": "1", "description": _ABOUT},
        "paths": {
            "/api/v1/requests": {"get": _list(), "post": _file()},
            "/api/v1/requests/{number}": {
                "parameters": [_NUMBER],
                "get": _show(),
                "patch": _move(),
            },
            **_figures(),
            **_results(),
            "/api/v1/openapi.json": {"get": _this()},
        },
        "security": [{"token": []}],
        "components": {
            "schemas": schemas,
            "parameters": {"IdempotencyKey": _KEY},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The place's token"}
            },
        },
    }


def _schemas() -> Document:
    _, found = models_json_schema(_MODELS, ref_template="#/components/schemas/{model}")
    return dict(found["$defs"])


def _file() -> Document:
    filed = _answer("Filed", "ServiceRequest") | {
        "headers": {
            "Location": {
                "description": "Where the request is read",
                "required": True,
                "schema": {"type": "string"},
            }
        },
        "links": _LINKS,
    }
    return {
        "operationId": "fileRequest",
        "summary": "File a request",
        "requestBody": _body("NewRequest"),
        "responses": {"201": filed} | _problems(*_WRITING),
    }


def _list() -> Document:
    return {
        "operationId": "listRequests",
        "summary": "The ODSC's requests in order of filing, page by page",
        "parameters": _query(Listing),
        "responses": {"200": _answer("A page", "Page")} | _problems(*_READING),
    }


def _show() -> Document:
    return {
        "operationId": "showRequest",
        "summary": "One request with its history",
        "responses": {"200": _answer("The request", "ServiceRequest")}
        | _problems(404, *(one for one in _READING if one != 422)),
    }


def _move() -> Document:
    return {
        "operationId": "moveRequest",
        "summary": "Move a request to another status",
        "requestBody": _body("Move"),
        "responses": {"200": _answer("The request as it is now", "ServiceRequest")}
        | _problems(404, *_WRITING),
    }


def _figures() -> Document:
    """The paths of released figures."""
    paths = {
        f"/api/v1/{path}/summary": _summary(level, codes)
        for level, path, codes in (
            ("odsc", "odsc/{code}", "^[0-9]{4}$"),
            ("district", "districts/{code}", "^[0-9]{4}$"),
            ("province", "provinces/{code}", "^[0-9]{2}$"),
            ("group", "groups/{code}", "^[a-z][a-z0-9_]*$"),
            ("country", "country", ""),
        )
    }
    ranking = {
        "operationId": "readRanking",
        "summary": "Areas by satisfaction, for a token of the country or a province",
        "parameters": _query(RankingAsked),
        "responses": {"200": _released("The areas", "Ranking"), "304": _SAME}
        | _problems(404, *_READING),
    }
    return {**paths, "/api/v1/ranking": {"get": ranking}}


def _summary(level: str, codes: str) -> Document:
    code: Document = {"name": "code", "in": "path", "required": True}
    code["schema"] = {"type": "string", "pattern": codes}
    if level in EXAMPLES:
        code["example"] = EXAMPLES[level]
    return {
        "get": {
            "operationId": f"read{level.capitalize()}Summary",
            "summary": f"The released figures of a week: {level}",
            "parameters": [*([code] if codes else []), *_query(SummaryAsked)],
            "responses": {"200": _released("The figures", "Summary"), "304": _SAME}
            | _problems(404, *_READING),
        }
    }


def _released(description: str, model: str) -> Document:
    described = {"description": "Of the bytes", "required": True, "schema": {"type": "string"}}
    return _answer(description, model) | {"headers": {"ETag": described}}


def _results() -> Document:
    """The paths of Flow Results."""
    told = _problems(404, *_READING)
    every = {
        "operationId": "listPackages",
        "summary": "Every Flow Results package: one a calendar quarter, up to the newest release",
        "responses": {"200": _answer("The packages", "Packages", JSON_API)}
        | _problems(*(one for one in _READING if one != 422)),
    }
    one = {
        "operationId": "showPackage",
        "summary": "The descriptor of a package",
        "responses": {"200": _answer("The descriptor", "Package", JSON_API)}
        | {status: problem for status, problem in told.items() if status != "422"},
    }
    rows = {
        "operationId": "listResponses",
        "summary": "The rows of a package, page by page",
        "parameters": _query(ResponsesAsked),
        "responses": {"200": _answer("A page", "Responses", JSON_API)} | told,
    }
    path = "/api/v1/flow-results/packages"
    return {
        path: {"get": every},
        f"{path}/{{package}}": {"parameters": [_PACKAGE], "get": one},
        f"{path}/{{package}}/responses": {"parameters": [_PACKAGE], "get": rows},
    }


def _this() -> Document:
    described = {"description": "OpenAPI", "content": {JSON: {"schema": {"type": "object"}}}}
    return {
        "operationId": "readDocument",
        "summary": "This document",
        "security": [],
        "responses": {"200": described} | _problems(500, 503),
    }


def _query(model: type[BaseModel]) -> list[Document]:
    """The parameters of a query."""
    schema = model.model_json_schema()
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ())}
        | _parameter(field)
        for name, field in schema["properties"].items()
    ]


def _parameter(field: Mapping[str, Any]) -> Document:
    """A query parameter is left out rather than null."""
    described = {"description": field["description"]}
    if "anyOf" not in field:
        return described | {"schema": {k: v for k, v in field.items() if k != "description"}}
    return described | {"schema": field["anyOf"][0]}


def _body(model: str) -> Document:
    return {"required": True, "content": {JSON: {"schema": _schema(model)}}}


def _answer(description: str, model: str, kind: str = JSON) -> Document:
    return {"description": description, "content": {kind: {"schema": _schema(model)}}}


def _problems(*statuses: int) -> Document:
    return {str(status): _problem(status) for status in sorted(statuses)}


def _problem(status: int) -> Document:
    headers = {
        name: {"description": said, "required": True, "schema": {"type": "string"}}
        for name, said in _HEADERS.get(status, {}).items()
    }
    content = {PROBLEM: {"schema": _schema("Problem")}}
    return {"description": _SAID[status], "content": content} | (
        {"headers": headers} if headers else {}
    )


def _schema(model: str) -> Document:
    return {"$ref": f"#/components/schemas/{model}"}
