"""An office's own system: what it sends to the JSON API, and what it reads there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

REQUESTS = "/api/v1/requests"
Document = dict[str, Any]


@dataclass
class System:
    """A system with its token."""

    app: Flask
    token: str = field(repr=False)

    def calls(self, method: str, path: str, **given: Any) -> TestResponse:
        """One call with the token, unless the headers bring another."""
        headers = {"Authorization": f"Bearer {self.token}"} | given.pop("headers", {})
        return self.app.test_client().open(path, method=method, headers=headers, **given)

    def files(self, *, key: str | None = None, **fields: object) -> TestResponse:
        return self.calls(
            "POST", REQUESTS, json={"service": "id_card"} | fields, headers=under(key)
        )

    def moves(
        self, number: str, status: str, note: str = "", key: str | None = None
    ) -> TestResponse:
        fields = {"status": status} | ({"note": note} if note else {})
        return self.calls("PATCH", f"{REQUESTS}/{number}", json=fields, headers=under(key))

    def sees(self, number: str) -> TestResponse:
        return self.calls("GET", f"{REQUESTS}/{number}")

    def lists(self, **query: object) -> Document:
        answer = self.calls("GET", REQUESTS, query_string=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json())

    def reads_all(self, **query: object) -> Iterator[Document]:
        """Every request, page after page."""
        page = self.lists(**query)
        yield from page["requests"]
        while page["next"]:
            page = self.lists(cursor=page["next"], **query)
            yield from page["requests"]


def under(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}


def filed(answer: TestResponse) -> Document:
    """The request that was filed."""
    assert answer.status_code == 201, answer.text
    return dict(answer.get_json())


def problem(answer: TestResponse, status: int) -> Document:
    """The problem document, which tells the status that HTTP tells."""
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    told = dict(answer.get_json())
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told.keys() >= {"title", "detail", "code"}
    return told
