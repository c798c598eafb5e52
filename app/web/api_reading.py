"""Reading a request of the JSON API: who asks, under which key, for what."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from app.office import Office
from app.requests import tokens
from app.requests.once import Once
from app.storage import registry
from app.storage.api_tokens import Token
from app.storage.database import with_fresh_connection
from app.web.api_problems import JSON, Refusal, input_errors, problem, wrong
from app.web.api_shapes import InputError, Listing
from app.web.api_values import SERVICES

LARGEST_BODY: Final = 16 * 1024
KEY: Final = "Idempotency-Key"
KEY_FORM: Final = "^[!-~]([ -~]{0,198}[!-~])?$"
UTF_8: Final = ("utf-8", "utf8")
_KEY: Final = re.compile(KEY_FORM)
_CHALLENGE: Final = 'Bearer realm="siang"'

Given = TypeVar("Given", bound=BaseModel)


def bearer(office: Office, schemes: Collection[str] = ("bearer",)) -> Token:
    """Whose token came in the Authorization header. Raises Refusal, 401.

    It is asked for before anything else, so nobody else learns what is right or wrong.
    """
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in schemes or not shown.strip():
        told = problem(401, "no_token", "Send Authorization: Bearer with the ODSC's token")
        raise Refusal(told, {"WWW-Authenticate": _CHALLENGE})
    token = with_fresh_connection(lambda: tokens.owner(office.engine, shown.strip()))
    if token is None:
        told = problem(401, "wrong_token", "This token is not in force")
        raise Refusal(told, {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'})
    return token


def require_odsc(token: Token) -> None:
    """Requests are an ODSC's own. Raises Refusal, 403."""
    if not token.odsc:
        raise Refusal(problem(403, "no_odsc", "This token is no ODSC's"))


def services(office: Office) -> list[str]:
    """The keys of the services there are, the commonest first."""

    def read() -> list[str]:
        with office.engine.connect() as tx:
            return [one.key for one in registry.services(tx)]

    return with_fresh_connection(read)


def body(model: type[Given], known: Collection[str] = ()) -> Given:
    """The JSON that came. Raises Refusal: 400 no JSON, 413 too large, 415, 422 with every error."""
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != JSON or charset not in UTF_8:
        told = problem(415, "unsupported_media_type", f"Send {JSON} in UTF-8")
        raise Refusal(told, {"Accept": JSON})
    try:
        return model.model_validate_json(_sent(), context={SERVICES: known})
    except ValidationError as found:
        errors = input_errors(found, model.model_json_schema())
    if errors[0].code == "no_json":
        raise Refusal(problem(400, "no_json", "The body is no JSON in UTF-8"))
    raise wrong(errors)


def _sent() -> bytes:
    request.max_content_length = LARGEST_BODY
    sent = request.get_data(cache=False)
    # What comes in chunks, without its length, is cut there.
    if len(sent) == LARGEST_BODY:
        raise RequestEntityTooLarge
    return sent


def listing() -> Listing:
    """Which requests the query asks for. Raises Refusal, 422."""
    return query(Listing)


def query(model: type[Given]) -> Given:
    """What the query asks for. Raises Refusal, 422."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise wrong([InputError(field="", code="repeated", detail="A parameter stands here twice")])
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as found:
        raise wrong(input_errors(found, model.model_json_schema())) from None


def once(token: Token, asked: BaseModel) -> Once | None:
    """The idempotency key, if one came, and what is asked under it. Raises Refusal, 422."""
    key = request.headers.get(KEY)
    if key is None:
        return None
    if _KEY.fullmatch(key) is None:
        told = "An idempotency key has 1 to 200 printable ASCII characters"
        raise wrong([InputError(field=KEY, code="bad_form", detail=told)])
    content = asked.model_dump_json(exclude_unset=True)
    return Once(token.id, key, f"{request.method} {request.path}\n{content}")
