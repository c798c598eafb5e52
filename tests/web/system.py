"""An office's own system: what it sends to the JSON API, and what it reads there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

REQUESTS = "/api/v1/requests"
PHONE = "020 9123 4567"
# However the phone is cut or written, these digits are in it.
PHONE_DIGITS = "91234567"

Document = dict[str, Any]


@dataclass
class System:
    """A system with its token."""

    app: Flask
    token: str = field(repr=False)

    def calls(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, object] | None = None,
        json: object = None,
        data: bytes | str | None = None,
        content_type: str | None = None,
    ) -> TestResponse:
        """One call with the token, unless the headers bring another."""
        return self.app.test_client().open(
            path,
            method=method,
            headers={"Authorization": f"Bearer {self.token}"} | dict(headers or {}),
            query_string=query,
            json=json,
            data=data,
            content_type=content_type,
        )

    def files(
        self, fields: Mapping[str, object] | None = None, *, key: str | None = None, **more: object
    ) -> TestResponse:
        written = {"service": "id_card"} | dict(fields or {}) | more
        return self.calls("POST", REQUESTS, under(key), json=written)

    def moves(
        self, number: str, status: str, note: str | None = None, key: str | None = None
    ) -> TestResponse:
        written = {"status": status} | ({} if note is None else {"note": note})
        return self.calls("PATCH", f"{REQUESTS}/{number}", under(key), json=written)

    def sees(self, number: str) -> TestResponse:
        return self.calls("GET", f"{REQUESTS}/{number}")

    def page(self, **query: object) -> Document:
        return read(self.calls("GET", REQUESTS, query=query))

    def reads_all(self, **query: object) -> Iterator[Document]:
        """Every request, page after page."""
        page = self.page(**query)
        yield from page["requests"]
        while (cursor := page["next"]) is not None:
            page = self.page(cursor=cursor, **query)
            assert page["next"] != cursor, "the list goes on and on"
            yield from page["requests"]


def under(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}


def filed(answer: TestResponse) -> Document:
    """The request that was filed."""
    return read(answer, 201)


def read(answer: TestResponse, status: int = 200) -> Document:
    assert (answer.status_code, answer.content_type) == (status, "application/json"), answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.get_json())


def problem(answer: TestResponse, status: int) -> Document:
    """The problem document, which tells the status that HTTP tells."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    told = dict(answer.get_json())
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told.keys() >= {"title", "detail", "code"}
    return told


def refusal(answer: TestResponse, status: int) -> tuple[str, str]:
    """Field and code of the first error, which is told twice alike."""
    told = problem(answer, status)
    assert {name: told[name] for name in ("field", "code", "detail")} == told["errors"][0]
    return told["field"], told["code"]


def restart(database: Engine) -> None:
    """As far as open connections can tell."""
    with database.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        # This one was spared, and would not be by a restart.
        connection.invalidate()
