"""Flow Results by the API: who reads them, how far, and page by page what the file has."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from app import clock, create_app
from app.insight import packages
from app.insight.flow_results import Extent
from app.insight.press import Press, open_press
from app.office import Office
from app.requests import tokens
from tests.insight.citizens import HOUR, MINUTE, NUMBER, SECOND, WRITTEN, answered, person, released
from tests.insight.flow_results_spec import faults, faults_of_rows
from tests.web.system import REQUESTS, Document, System, problem, refusal

PACKAGES = "/api/v1/flow-results/packages"
WINTER = (date(2026, 1, 1), date(2026, 3, 31))
DAYS = [date(2026, 1, 5), date(2026, 1, 6), date(2026, 2, 20), date(2026, 3, 29)]
Rows = list[list[Any]]


@pytest.fixture
def statistics(office: Office) -> System:
    """The statistics office, which reads single responses."""
    made = tokens.mint(office.engine, "country", "LA", "", clock.now(), results=True)
    return System(create_app(office), made[1])


@pytest.fixture
def winter(office: Office) -> str:
    """The first quarter of 2026, all but its last two days released, and its id."""
    with office.engine.begin() as tx:
        for day in DAYS:
            who = person(tx)
            answered(tx, day, who, service="id_card", paid=9)
            answered(tx, day, who, sex="M", medium="sms")
        answered(tx, DAYS[0], flagged=True)
        released(tx, "2026-W13")
    return str(press(office).pseudonyms(Extent(*WINTER)).package)


def press(office: Office) -> Press:
    settings = office.settings
    return open_press(settings.config, settings.hash_key, office.insight.questions)


def told(answer: TestResponse) -> Document:
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/vnd.api+json"
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.get_json())


def page(statistics: System, package: str, **query: object) -> Document:
    names = {"size": "page[size]", "after": "page[afterCursor]", "before": "page[beforeCursor]"}
    asked = {names.get(name, f"filter[{name}]"): value for name, value in query.items()}
    return told(statistics.calls("GET", f"{PACKAGES}/{package}/responses", query=asked))


def rows(page: Document) -> Rows:
    return list(page["data"]["attributes"]["responses"])


def follow(statistics: System, link: str) -> Document:
    """What is behind a link, which is whole."""
    base = "http://127.0.0.1:8000"
    assert link.startswith(base)
    return told(statistics.calls("GET", link.removeprefix(base)))


def walk(statistics: System, page: Document, way: str = "next") -> list[Rows]:
    """This page and all further ones."""
    pages = [rows(page)]
    while (link := page["links"][way]) is not None:
        assert page["data"]["relationships"]["links"] == page["links"]
        page = follow(statistics, link)
        pages.append(rows(page))
    return pages


# --- who reads, and how far -------------------------------------------------------------------


def test_only_a_token_made_for_it_opens(
    statistics: System, xaysetha: System, office: Office, winter: str
) -> None:
    _, figures = tokens.mint(office.engine, "country", "LA", "", clock.now())
    paths = [PACKAGES, f"{PACKAGES}/{winter}", f"{PACKAGES}/{winter}/responses"]
    for path in paths:
        told(statistics.calls("GET", path))
        told(statistics.calls("GET", path, {"Authorization": f"Token {statistics.token}"}))
        for other in (xaysetha.token, figures):
            answer = statistics.calls("GET", path, {"Authorization": f"Bearer {other}"})
            assert problem(answer, 403)["code"] == "no_results"
        assert problem(statistics.calls("GET", path, {"Authorization": ""}), 401)
    answer = xaysetha.calls("GET", REQUESTS, {"Authorization": f"Token {xaysetha.token}"})
    assert problem(answer, 401)["code"] == "no_token"


def test_nothing_is_told_before_a_week_is_released(statistics: System, office: Office) -> None:
    with office.engine.begin() as tx:
        answered(tx, DAYS[0])
    assert told(statistics.calls("GET", PACKAGES))["data"] == []


def test_answers_after_the_last_released_week_are_not_told(
    statistics: System, office: Office, winter: str
) -> None:
    with office.engine.begin() as tx:
        answered(tx, date(2026, 3, 30))
        answered(tx, date(2026, 4, 1))
    (only,) = told(statistics.calls("GET", PACKAGES))["data"]
    assert (only["id"], only["attributes"]["modified"][:10]) == (winter, "2026-03-29")
    assert max(row[0] for row in rows(page(statistics, winter, size=1000)))[:10] == "2026-03-29"
    with office.engine.begin() as tx:
        released(tx, "2026-W14")
    first, second = told(statistics.calls("GET", PACKAGES))["data"]
    assert first["attributes"]["modified"][:10] == "2026-03-30"
    assert "quarter 2 of 2026" in second["attributes"]["title"]


def test_every_package_is_what_the_specification_wants(statistics: System, winter: str) -> None:
    (listed,) = told(statistics.calls("GET", PACKAGES))["data"]
    document = told(statistics.calls("GET", f"{PACKAGES}/{listed['id']}"))
    descriptor = document["data"]["attributes"]
    assert faults(descriptor) == []
    assert descriptor.items() >= listed["attributes"].items()
    assert "quarter 1 of 2026" in descriptor["title"]
    data = document["relationships"]["responses"]["links"]["related"]
    assert descriptor["resources"][0]["api_data_url"] == data
    assert faults_of_rows(descriptor, rows(follow(statistics, data))) == []


def test_what_is_no_package_is_not_found(statistics: System, winter: str) -> None:
    for other in ("x", winter.upper(), "9b3fc9d8-1736-4d79-9467-326d6fa57922"):
        for path in (f"{PACKAGES}/{other}", f"{PACKAGES}/{other}/responses"):
            assert problem(statistics.calls("GET", path), 404)["code"] == "not_found"


# --- pages ------------------------------------------------------------------------------------


def in_the_file(office: Office, out: Path) -> Rows:
    """The rows of the same quarter as the operator would write them."""
    packages.write(office.engine, press(office), out, *WINTER, lambda done, days: None)
    return list(json.loads((out / "responses.json").read_text("utf-8")))


@pytest.mark.parametrize("size", [3, 100])
def test_the_pages_are_the_file(
    statistics: System, office: Office, winter: str, tmp_path: Path, size: int
) -> None:
    forwards = walk(statistics, page(statistics, winter, size=size))
    assert [row for rows in forwards for row in rows] == in_the_file(office, tmp_path / "out")
    assert {len(rows) for rows in forwards[:-1]} <= {size}
    last = forwards[-1][-1]
    backwards = walk(statistics, page(statistics, winter, size=size, before=last[1]), "previous")
    assert [row for rows in backwards[::-1] for row in rows] + [last] == [
        row for rows in forwards for row in rows
    ]


def test_pages_between_two_rows_end_there(statistics: System, winter: str) -> None:
    every = rows(page(statistics, winter))
    between = page(statistics, winter, size=2, after=every[3][1], before=every[9][1])
    assert walk(statistics, between) == [every[4:6], every[6:8], every[8:9]]
    assert rows(follow(statistics, between["links"]["previous"])) == every[2:4]


def test_no_row_comes_twice_or_is_missed_while_others_come_and_go(
    statistics: System, office: Office, winter: str
) -> None:
    every = rows(page(statistics, winter))
    first = page(statistics, winter, size=5)
    with office.engine.begin() as tx:
        new = [answered(tx, day, paid=1) for day in DAYS for _ in range(5)]
        tx.execute(text("UPDATE responses SET flagged = true WHERE day = :day"), {"day": DAYS[2]})
    seen = [row for rows in walk(statistics, first) for row in rows]
    ids = [row[1] for row in seen]
    assert ids == sorted(set(ids))
    kept = [row for row in every if row[0][:10] != str(DAYS[2])]
    assert [row for row in seen if row in every] == kept
    assert len({row[3] for row in seen} - {row[3] for row in every}) <= len(new)


def test_rows_are_chosen_by_the_day_that_they_tell(statistics: System, winter: str) -> None:
    def days(**query: object) -> set[str]:
        return {row[0][:10] for row in rows(page(statistics, winter, **query))}

    first, second, third, last = map(str, DAYS)
    moment = f"{second}T00:00:00+07:00"
    assert days(**{"start-timestamp": moment}) == {third, last}
    assert days(**{"end-timestamp": moment}) == {first, second}
    assert days(**{"min-version": moment, "max-version": moment}) == {second}
    # Whatever the hour of the answers was, nothing tells it.
    for hour in range(24):
        assert days(**{"start-timestamp": f"{first}T{hour:02}:00:00+07:00"}) == {
            second,
            third,
            last,
        }
    assert days(**{"end-timestamp": "0001-01-01T00:00:00Z"}) == set()


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("page[size]=0", "page[size]", "out_of_range"),
        ("page[size]=1001", "page[size]", "out_of_range"),
        ("page[size]=ten", "page[size]", "wrong_type"),
        ("page[afterCursor]=5", "page[afterCursor]", "bad_form"),
        ("filter[end-timestamp]=2026", "filter[end-timestamp]", "bad_date"),
        ("filter[phone]=1", "filter[phone]", "unknown_field"),
        ("size=1", "size", "unknown_field"),
        ("page[size]=1&page[size]=2", "", "repeated"),
    ],
)
def test_a_wrong_query_is_named(
    statistics: System, winter: str, query: str, field: str, code: str
) -> None:
    answer = statistics.calls("GET", f"{PACKAGES}/{winter}/responses?{query}")
    assert refusal(answer, 422) == (field, code)


def test_no_answer_tells_who_it_was_or_when(
    statistics: System, office: Office, winter: str
) -> None:
    with office.engine.begin() as tx:
        answered(tx, DAYS[0], extra={"comment": WRITTEN})
    paths = [PACKAGES, f"{PACKAGES}/{winter}", f"{PACKAGES}/{winter}/responses"]
    written = "".join(statistics.calls("GET", path).text for path in paths)
    time = f"{HOUR + 7}:{MINUTE}", f"0{HOUR}:{MINUTE}", f":{SECOND}"
    for secret in (NUMBER, NUMBER[4:], WRITTEN, "HYPERLINK", "simulator", statistics.token, *time):
        assert secret not in written
