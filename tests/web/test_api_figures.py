"""Dashboards read released figures: their own place's and what is below it, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, text
from werkzeug.test import TestResponse

from app import clock, create_app
from app.clock import Week
from app.feedback.cells import Response, cells
from app.insight import releases
from app.office import Office
from app.requests import tokens
from app.storage import tallies
from app.storage.levels import Level
from tests.web.system import Document, System, problem

WEEK = Week(2026, 46)
MONDAY = clock.local_moment(WEEK.shifted(1).monday, 8)
XAYSETHA = "/api/v1/odsc/0103/summary"
COUNTRY = "/api/v1/country/summary"
Door = Callable[[Level, str], System]


def answered(
    tx: Connection, odsc: str, score: int, times: int, week: Week = WEEK, **said: str
) -> None:
    """So many responses alike, as the drain would tally them."""
    one = Response(
        conversation_id=0,
        odsc=odsc,
        status="complete",
        at=MONDAY,
        day=week.monday,
        channel="kannel",
        language="lo",
        score=score,
        sex=said.get("sex"),
        service=said.get("service"),
        reason=said.get("reason"),
    )
    tallies.move(tx, Counter(dict.fromkeys(cells(one), times)))


@pytest.fixture
def door(office: Office) -> Door:
    """Systems with tokens of any place."""
    app = create_app(office)

    def system(level: Level, place: str) -> System:
        return System(app, tokens.mint(office.engine, level, place, "", clock.now())[1])

    return system


@pytest.fixture
def released(office: Office) -> Office:
    """Two weeks of Xaysetha (0103) and Pek (0901); Khong (1610) has too few answers in one."""
    with office.engine.begin() as tx:
        answered(tx, "0103", 5, 10, WEEK.shifted(-1))
        answered(tx, "0103", 2, 30, WEEK.shifted(-1))
        # Pek's are left out of the country with Khong's, so that those cannot be subtracted.
        answered(tx, "0901", 4, 20, WEEK.shifted(-1))
        answered(tx, "1610", 1, 3, WEEK.shifted(-1))
        answered(tx, "0103", 5, 24, sex="F", service="id_card")
        answered(tx, "0103", 2, 8, sex="M", service="id_card", reason="waiting")
        answered(tx, "0103", 3, 8, sex="M", reason="money")
        answered(tx, "0901", 4, 20, sex="F")
    for week in (WEEK.shifted(-1), WEEK):
        releases.make(office.engine, week, MONDAY, {})
    return office


@pytest.fixture
def in_groups(released: Office) -> Iterator[Office]:
    with released.engine.begin() as tx:
        tx.execute(text("INSERT INTO district_groups VALUES ('pilot', 'ທົດລອງ', 'Pilot')"))
        tx.execute(text("INSERT INTO group_districts VALUES ('pilot', '0103'), ('pilot', '1610')"))
        answered(tx, "0103", 5, 9, WEEK.shifted(1))
        answered(tx, "1610", 5, 4, WEEK.shifted(1))
        # What is left out of the country with Khong, so that it cannot be subtracted.
        answered(tx, "0901", 5, 8, WEEK.shifted(1))
    later = clock.local_moment(WEEK.shifted(2).monday, 8)
    releases.make(released.engine, WEEK.shifted(1), later, {})
    yield released
    with released.engine.begin() as tx:
        tx.execute(text("DELETE FROM group_districts"))
        tx.execute(text("DELETE FROM district_groups"))


@pytest.fixture
def with_target(released: Office) -> Iterator[Office]:
    with released.engine.begin() as tx:
        tx.execute(text("INSERT INTO targets VALUES ('0103', 25, 80, '2026-12-31', 'plan')"))
    yield released
    with released.engine.begin() as tx:
        tx.execute(text("DELETE FROM targets"))


def told(answer: TestResponse) -> Document:
    assert (answer.status_code, answer.content_type) == (200, "application/json"), answer.text
    return dict(answer.get_json())


def code(answer: TestResponse, status: int) -> str:
    return str(problem(answer, status)["code"])


# --- the document -----------------------------------------------------------------------------


def test_a_center_reads_its_week(released: Office, door: Door) -> None:
    found = told(door("odsc", "0103").calls("GET", XAYSETHA))
    assert (found["level"], found["code"], found["week"]) == ("odsc", "0103", "2026-W46")
    assert (found["from"], found["to"]) == ("2026-11-09", "2026-11-15")
    assert found["name"] == {"lo": "ໄຊເສດຖາ", "en": "Xaysetha"}
    assert found["released_at"] == "2026-11-16T01:00:00Z"
    assert (found["answers"], found["mean"], found["too_few"]) == (40, 4.0, 5)
    satisfaction = found["satisfaction"]
    assert satisfaction["label"]["en"].endswith("(SDG 16.6.2)")
    assert (satisfaction["n"], satisfaction["satisfied"], satisfaction["rate"]) == (40, 24, 0.6)
    assert satisfaction["interval"] == [0.445959, 0.736517]
    assert found["change"] == {"points": 35.0, "real": True}
    assert found["scores"] == {"1": 0, "2": 8, "3": 8, "4": 0, "5": 24}
    assert (found["women"]["n"], found["women"]["rate"], found["men"]["rate"]) == (24, 1.0, 0.0)
    assert found["reasons"]["waiting"] == 8
    assert found["services"]["id_card"]["rate"] == 0.75
    assert found["services"]["family_book"] == {
        "rate": None,
        "n": 0,
        "satisfied": 0,
        "rests_on": 0,
        "interval": None,
    }
    assert found["dimensions"] == {
        "access": {"rate": 0.8, "n": 40},
        "quality": {"rate": 1.0, "n": 40},
        "transparency": {"rate": 0.8, "n": 40},
    }
    assert (found["overcharged"], found["requests"]) == (0, {"running": 0, "overdue": 0})
    assert (found["extra"], found["target"], found["resting_on"]) == ({}, None, None)
    assert found["history"] == [
        {"week": "2026-W45", "answers": 40, "rate": 0.25},
        {"week": "2026-W46", "answers": 40, "rate": 0.6},
    ]


def test_too_few_answers_are_counted_and_nothing_else(released: Office, door: Door) -> None:
    path = "/api/v1/odsc/1610/summary?week=2026-W45"
    found = told(door("odsc", "1610").calls("GET", path))
    assert found["answers"] == 3
    hidden = {"rate": None, "satisfied": None, "rests_on": None, "interval": None}
    assert found["satisfaction"].items() >= hidden.items()
    assert (found["mean"], found["scores"], found["change"]) == (None, None, None)
    assert found["women"] == {"n": None, **hidden}
    assert {one["rate"] for one in found["dimensions"].values()} == {None}
    assert found["history"] == [{"week": "2026-W45", "answers": 3, "rate": None}]


def test_an_explicit_week_is_the_week_that_was_released(released: Office, door: Door) -> None:
    system = door("odsc", "0103")
    before = told(system.calls("GET", XAYSETHA, query={"week": "2026-W45"}))
    assert (before["satisfaction"]["satisfied"], before["change"]) == (10, None)
    assert [one["week"] for one in before["history"]] == ["2026-W45"]


def test_a_target_is_told_where_there_is_one(with_target: Office, door: Door) -> None:
    found = told(door("country", "LA").calls("GET", XAYSETHA))
    assert found["target"] == {"baseline": 25, "target": 80, "reach_by": "2026-12-31"}


def test_a_group_says_what_it_rests_on(in_groups: Office, door: Door) -> None:
    found = told(door("country", "LA").calls("GET", "/api/v1/groups/pilot/summary"))
    assert (found["answers"], found["resting_on"], found["left_out"]) == (13, 9, 1)
    assert found["satisfaction"]["n"] == 9
    assert code(door("province", "01").calls("GET", "/api/v1/groups/pilot/summary"), 403)


# --- who may read what ------------------------------------------------------------------------

AREAS = {
    "odsc": ("0103", "/api/v1/odsc/0103/summary"),
    "district": ("0103", "/api/v1/districts/0103/summary"),
    "province": ("01", "/api/v1/provinces/01/summary"),
    "country": ("LA", COUNTRY),
}
LEVELS: tuple[Level, ...] = ("odsc", "district", "province", "country")


def test_a_token_reads_its_place_and_what_is_below(released: Office, door: Door) -> None:
    for height, level in enumerate(LEVELS):
        system = door(level, AREAS[level][0])
        for other, name in enumerate(LEVELS):
            answer = system.calls("GET", AREAS[name][1])
            assert answer.status_code == (200 if other <= height else 403), (level, name)


def test_another_area_is_refused_and_none_is_not_found(released: Office, door: Door) -> None:
    for level in ("odsc", "district"):
        system = door(level, "0901")
        assert code(system.calls("GET", XAYSETHA), 403) == "other_area"
        assert code(system.calls("GET", "/api/v1/districts/0103/summary"), 403) == "other_area"
        for path in ("odsc/9999", "districts/01", "provinces/0103", "groups/no", "odsc/%F0"):
            assert code(system.calls("GET", f"/api/v1/{path}/summary"), 404) == "not_found"


def test_nobody_reads_without_a_token(released: Office, xaysetha: System) -> None:
    for path in (*(path for _, path in AREAS.values()), "/api/v1/ranking"):
        assert code(xaysetha.calls("GET", path, {"Authorization": ""}), 401) == "no_token"


# --- weeks ------------------------------------------------------------------------------------


def test_a_week_that_is_not_released_is_not_there(released: Office, door: Door) -> None:
    system = door("odsc", "0103")
    for week in ("2026-W44", "2026-W47", "2099-W01", "0001-W01", "9999-W52", "2025-W53"):
        answer = system.calls("GET", XAYSETHA, query={"week": week})
        assert code(answer, 404) == "not_released"
        assert "released on the Monday after it from 08:00" in answer.get_json()["detail"]


def test_before_the_first_release_there_is_nothing(door: Door) -> None:
    assert code(door("odsc", "0103").calls("GET", XAYSETHA), 404) == "not_released"
    ranking = door("country", "LA").calls("GET", "/api/v1/ranking?level=odsc")
    assert code(ranking, 404) == "not_released"


@pytest.mark.parametrize(
    "query",
    ["week=2026-46", "week=2026-W54", "week=", "week=2026-W46&week=2026-W45", "weeks=2026-W46"],
)
def test_a_malformed_question_is_told(released: Office, door: Door, query: str) -> None:
    assert problem(door("odsc", "0103").calls("GET", f"{XAYSETHA}?{query}"), 422)


# --- keeping ----------------------------------------------------------------------------------


def test_bytes_and_tag_stay_while_answers_come_in(released: Office, door: Door) -> None:
    system = door("odsc", "0103")
    first = system.calls("GET", XAYSETHA)
    with released.engine.begin() as tx:
        answered(tx, "0103", 1, 50)
    second = system.calls("GET", XAYSETHA)
    assert (first.data, first.headers["ETag"]) == (second.data, second.headers["ETag"])
    assert not first.headers["ETag"].startswith("W/")
    other = door("country", "LA").calls("GET", XAYSETHA)
    assert other.headers["ETag"] == first.headers["ETag"]


def test_who_has_it_is_told_that_nothing_changed(with_target: Office, door: Door) -> None:
    system = door("odsc", "0103")
    first = system.calls("GET", XAYSETHA)
    tag = {"If-None-Match": first.headers["ETag"]}
    again = system.calls("GET", XAYSETHA, tag)
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Vary"] == "Authorization"
    with with_target.engine.begin() as tx:
        tx.execute(text("UPDATE targets SET target = 90"))
    changed = system.calls("GET", XAYSETHA, tag)
    assert told(changed)["target"]["target"] == 90
    assert code(door("odsc", "0901").calls("GET", XAYSETHA, tag), 403) == "other_area"


def test_a_named_week_is_kept_for_a_day_and_the_newest_for_minutes(
    released: Office, door: Door
) -> None:
    system = door("odsc", "0103")
    newest = system.calls("GET", XAYSETHA)
    named = system.calls("GET", XAYSETHA, query={"week": "2026-W46"})
    assert newest.data == named.data
    assert newest.headers["Cache-Control"] == "private, max-age=300"
    assert named.headers["Cache-Control"] == "private, max-age=86400"


def test_the_head_alone_can_be_asked_for(released: Office, door: Door) -> None:
    system = door("odsc", "0103")
    whole, head = system.calls("GET", XAYSETHA), system.calls("HEAD", XAYSETHA)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["ETag"] == whole.headers["ETag"]
    assert head.headers["Content-Length"] == str(len(whole.data))


# --- ranking ----------------------------------------------------------------------------------


def test_areas_are_ranked_by_what_they_rest_on(released: Office, door: Door) -> None:
    found = told(door("country", "LA").calls("GET", "/api/v1/ranking?level=odsc"))
    assert (found["from_week"], found["to_week"]) == ("2026-W35", "2026-W46")
    places = found["places"]
    assert [(one["code"], one["rank"], one["n"]) for one in places[:2]] == [
        ("0901", 1, 20),
        ("0103", 2, 80),
    ]
    assert places[0]["rate"] == 1.0
    assert places[1]["rate"] < places[1]["share"] < places[0]["share"] < 1.0
    assert {(one["rank"], one["rate"], one["share"]) for one in places[2:]} == {(None, None, None)}
    assert "1610" in {one["code"] for one in places[2:]}


def test_a_province_ranks_its_own(released: Office, door: Door) -> None:
    system = door("province", "01")
    found = told(system.calls("GET", "/api/v1/ranking?level=district"))
    assert (found["within"], len(found["places"])) == ("01", 9)
    assert found == told(system.calls("GET", "/api/v1/ranking?level=district&within=01"))
    assert code(system.calls("GET", "/api/v1/ranking?level=district&within=09"), 403)
    whole = told(door("country", "LA").calls("GET", "/api/v1/ranking?level=province"))
    assert len(whole["places"]) == 18


def test_a_ranking_is_none_of_a_centers_business(released: Office, door: Door) -> None:
    for level in ("odsc", "district"):
        answer = door(level, "0103").calls("GET", "/api/v1/ranking?level=odsc")
        assert code(answer, 403) == "other_area"


@pytest.mark.parametrize("query", ["", "level=village", "level=odsc&within=1", "level=group"])
def test_a_ranking_asked_for_wrongly_is_told(released: Office, door: Door, query: str) -> None:
    assert problem(door("country", "LA").calls("GET", f"/api/v1/ranking?{query}"), 422)


def test_a_ranking_of_no_province_is_not_found(released: Office, door: Door) -> None:
    answer = door("country", "LA").calls("GET", "/api/v1/ranking?level=odsc&within=99")
    assert code(answer, 404) == "not_found"
