"""The document of the JSON API says what is so."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from app.office import Office
from app.storage import registry
from app.web.api_shapes import Move, NewRequest, Problem, ServiceRequest
from app.web.api_values import SERVICES
from app.words import REQUEST_STATUSES
from tests.web.system import Document, System


@pytest.fixture
def document(xaysetha: System) -> Document:
    """As it is read without a token."""
    answer = xaysetha.app.test_client().get("/api/v1/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    return dict(answer.get_json())


def test_it_is_of_the_version_it_says(document: Document) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert document["security"] == [{"token": []}]


def test_it_knows_every_route_and_no_other(document: Document, xaysetha: System) -> None:
    routes = {
        (re.sub("<(?:path:)?([a-z]+)>", r"{\1}", rule.rule), method.lower())
        for rule in xaysetha.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/")
    }
    assert routes == {
        (path, method)
        for path, item in document["paths"].items()
        for method in item.keys() - {"parameters"}
    }


def test_statuses_and_services_are_those_there_are(document: Document, office: Office) -> None:
    with office.engine.connect() as tx:
        keys = [one.key for one in registry.services(tx)]
    fields = document["components"]["schemas"]["NewRequest"]["properties"]
    assert fields["service"]["enum"] == keys
    assert fields["status"]["enum"] == list(REQUEST_STATUSES)


@pytest.mark.parametrize("model", [NewRequest, Move, ServiceRequest, Problem])
def test_every_example_is_good(document: Document, model: type[BaseModel]) -> None:
    schema = document["components"]["schemas"][model.__name__]
    services = document["components"]["schemas"]["NewRequest"]["properties"]["service"]["enum"]
    (example,) = schema["examples"]
    assert example.keys() <= schema["properties"].keys()
    assert model.model_validate(example, context={SERVICES: services})


def test_every_error_is_a_problem(document: Document) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            statuses = operation["responses"].keys()
            assert statuses >= {"500", "503"}, (path, method)
            assert ("401" in statuses) == ("security" not in operation)
            for status, response in operation["responses"].items():
                if status == "304":
                    continue
                told = "vnd.api+json" if "/flow-results/" in path else "json"
                kind = f"application/{'problem+json' if status >= '400' else told}"
                assert list(response["content"]) == [kind]


def test_whoever_asks_for_requests_may_be_no_odscs(document: Document) -> None:
    for path, item in document["paths"].items():
        if path.startswith("/api/v1/requests"):
            for method in item.keys() - {"parameters"}:
                assert "no_odsc" in item[method]["responses"]["403"]["description"]


def test_phones_are_taken_and_never_given(document: Document) -> None:
    schemas = document["components"]["schemas"]
    assert "phone" in schemas["NewRequest"]["properties"]
    assert "phone" not in schemas["ServiceRequest"]["properties"]


def test_it_holds_nothing_of_anybody(document: Document, office: Office) -> None:
    with office.engine.connect() as tx:
        odscs = tx.execute(text("SELECT name_lo FROM odscs")).scalars().all()
    assert odscs
    assert not [name for name in odscs if name in str(document)]
