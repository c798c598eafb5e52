"""Who may call the JSON API, and what it says to whatever else comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from app import clock, create_app, open_office, settings
from app.office import Office
from app.requests import tokens
from app.storage.levels import Level
from tests.web.system import (
    PHONE,
    PHONE_DIGITS,
    REQUESTS,
    System,
    filed,
    problem,
    read,
    refusal,
    restart,
)

ROUTES = [
    ("POST", REQUESTS),
    ("GET", REQUESTS),
    ("GET", f"{REQUESTS}/010300001177"),
    ("PATCH", f"{REQUESTS}/010300001177"),
]
JSON = "application/json"

# --- tokens -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_token_nothing_opens(xaysetha: System, method: str, path: str) -> None:
    for shown in ("", "Bearer", "Bearer ", "Basic eDp5", f"Token {xaysetha.token}"):
        answer = xaysetha.calls(method, path, {"Authorization": shown}, json={})
        assert problem(answer, 401)["code"] == "no_token"
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="siang"'


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_wrong_token_opens_nothing(xaysetha: System, method: str, path: str) -> None:
    right = xaysetha.token
    for shown in (right[:-1], right + "x", right.upper(), right + " x", "ກ", "\xff", "x" * 5000):
        sent = f"Bearer {shown}".encode().decode("latin-1")
        answer = xaysetha.calls(method, path, {"Authorization": sent}, json={})
        assert problem(answer, 401)["code"] == "wrong_token"
        assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_a_token_in_the_address_is_none(xaysetha: System) -> None:
    for name in ("token", "access_token"):
        path = f"{REQUESTS}?{name}={xaysetha.token}"
        assert xaysetha.app.test_client().get(path).status_code == 401


def test_the_scheme_is_read_in_any_case(xaysetha: System) -> None:
    read(xaysetha.calls("GET", REQUESTS, {"Authorization": f"bearer  {xaysetha.token}"}))


def test_a_revoked_token_opens_nothing(xaysetha: System, office: Office) -> None:
    filed(xaysetha.files(key="a"))
    _, other = tokens.mint(office.engine, "odsc", "0103", "the new one", clock.now())
    ((token_id, *_), *_) = [(one.id,) for one in tokens.every(office.engine)]
    tokens.revoke(office.engine, token_id, clock.now())
    for answer in (xaysetha.files(key="a"), xaysetha.calls("GET", REQUESTS)):
        assert problem(answer, 401)["code"] == "wrong_token"
    assert len(list(System(xaysetha.app, other).reads_all())) == 1


def test_tokens_are_long_and_only_their_hash_is_kept(xaysetha: System, office: Office) -> None:
    made = {tokens.mint(office.engine, "odsc", "0103", "", clock.now())[1] for _ in range(50)}
    assert len(made) == 50
    # 256 bits in base64 are 43 letters.
    assert {len(one) for one in made} == {len(tokens.PREFIX) + 43}
    with office.engine.connect() as tx:
        rows = tx.execute(text("SELECT t.*::text FROM api_tokens t")).scalars().all()
    assert not [one for one in made for row in rows if one[len(tokens.PREFIX) :] in row]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    ("level", "place"), [("district", "0103"), ("province", "01"), ("country", "LA")]
)
def test_a_token_that_is_no_odscs_sees_no_request(
    xaysetha: System, office: Office, method: str, path: str, level: Level, place: str
) -> None:
    filed(xaysetha.files())
    _, token = tokens.mint(office.engine, level, place, "", clock.now())
    answer = System(xaysetha.app, token).calls(method, path, data="{", content_type="text/plain")
    told = problem(answer, 403)
    assert (told["code"], told["detail"]) == ("no_odsc", "This token is no ODSC's")


# --- what does not belong here ----------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/v1", "/api/v2/requests", REQUESTS + "/", REQUESTS + "//1"]
)
def test_what_is_not_there_is_a_problem_too(xaysetha: System, path: str) -> None:
    answer = xaysetha.calls("GET", path)
    if path != "/api":
        assert problem(answer, 404)["code"] == "not_found"
    assert answer.status_code == 404


def test_a_wrong_method_is_told_the_right_ones(xaysetha: System) -> None:
    for method, path in (("PUT", REQUESTS), ("DELETE", REQUESTS), ("TRACE", REQUESTS)):
        answer = xaysetha.calls(method, path)
        assert problem(answer, 405)["code"] == "wrong_method"
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    answer = xaysetha.calls("POST", f"{REQUESTS}/1")
    assert problem(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PATCH"}


def test_other_pages_keep_their_own_errors(xaysetha: System) -> None:
    assert xaysetha.calls("GET", "/nothing").content_type.startswith("text/html")


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", f"{JSON}; charset=utf-16"]
)
def test_a_body_that_is_not_announced_as_json_is_not_read(xaysetha: System, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = xaysetha.calls("POST", REQUESTS, headers, data='{"service": "id_card"}')
    assert problem(answer, 415)["code"] == "unsupported_media_type"
    assert answer.headers["Accept"] == JSON


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b'{"service": id_card}',
        b'{"service": "\xff"}',
        b'{"note": "\\ud800"}',
        b"[" * 15_000,
        '{"service": "id_card"}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
    ],
)
def test_a_body_that_is_no_json_is_malformed(xaysetha: System, body: bytes) -> None:
    answer = xaysetha.calls("POST", REQUESTS, data=body, content_type=JSON)
    assert problem(answer, 400)["code"] == "no_json"


def test_a_body_that_is_too_large_is_not_read(xaysetha: System) -> None:
    answer = xaysetha.files(note="x" * 20_000)
    assert problem(answer, 413)["code"] == "too_large"


def test_a_body_in_chunks_is_read_and_not_cut(xaysetha: System) -> None:
    for blanks, status in ((0, 201), (20_000, 413)):
        sent = b'{"service": "id_card"}' + b" " * blanks
        answer = xaysetha.app.test_client().post(
            REQUESTS,
            headers={"Authorization": f"Bearer {xaysetha.token}"},
            content_type=JSON,
            input_stream=BytesIO(sent),
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"service": 7}, "service", "wrong_type"),
        ({"service": None}, "service", "wrong_type"),
        ({"service": "ID_CARD"}, "service", "unknown_service"),
        ({"service": "id_card\x00"}, "service", "unknown_service"),
        ({"status": "lost"}, "status", "unknown_value"),
        ({"status": None}, "status", "wrong_type"),
        ({"note": "a\x00b"}, "note", "bad_form"),
        ({"note": "ກ" * 121}, "note", "too_long"),
        ({"phone": 2055512345}, "phone", "wrong_type"),
        ({"phone": "call me"}, "phone", "bad_form"),
        ({"phone": ""}, "phone", "bad_form"),
        ({"phone": "02055512345\n"}, "phone", "bad_form"),
        ({"own_number": "%"}, "own_number", "bad_form"),
        ({"number": "12345"}, "number", "bad_form"),
        ({"odsc": 103}, "odsc", "wrong_type"),
        ({"texts": 1}, "texts", "wrong_type"),
        ({"texts": "true"}, "texts", "wrong_type"),
        ({"sensitive": "no"}, "sensitive", "wrong_type"),
        ({"filed_at": 1767600000}, "filed_at", "wrong_type"),
        ({"filed_at": "2026-01-05"}, "filed_at", "bad_date"),
        ({"filed_at": "2026-01-05T09:00:00"}, "filed_at", "bad_date"),
        ({"filed_at": "2026-02-30T09:00:00Z"}, "filed_at", "bad_date"),
        ({"filed_at": "1767600000"}, "filed_at", "bad_date"),
        ({"name": "Somsak"}, "name", "unknown_field"),
    ],
)
def test_a_wrong_field_is_named(
    xaysetha: System, fields: dict[str, object], field: str, code: str
) -> None:
    assert refusal(xaysetha.files(fields), 422) == (field, code)
    assert list(xaysetha.reads_all()) == []


def test_everything_wrong_is_told_at_once(xaysetha: System) -> None:
    answer = xaysetha.files(service="x", phone="x", note=1, filed_at="x", more=1, texts=None)
    told = {one["field"]: one["code"] for one in problem(answer, 422)["errors"]}
    assert told == {
        "service": "unknown_service",
        "phone": "bad_form",
        "note": "wrong_type",
        "texts": "wrong_type",
        "filed_at": "bad_date",
        "more": "unknown_field",
    }


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("status=lost", "status", "unknown_value"),
        ("limit=0", "limit", "out_of_range"),
        ("limit=201", "limit", "out_of_range"),
        ("limit=ten", "limit", "wrong_type"),
        ("limit=1e1", "limit", "wrong_type"),
        ("limit=", "limit", "wrong_type"),
        ("cursor=x", "cursor", "bad_form"),
        (f"cursor={'1' * 18}-1", "cursor", "bad_form"),
        ("updated_since=yesterday", "updated_since", "bad_date"),
        ("updated_since=2026-01-05T00:00:00%00Z", "updated_since", "bad_date"),
        ("phone=1", "phone", "unknown_field"),
        ("limit=1&limit=2", "", "repeated"),
    ],
)
def test_a_wrong_query_is_named(xaysetha: System, query: str, field: str, code: str) -> None:
    assert refusal(xaysetha.calls("GET", f"{REQUESTS}?{query}"), 422) == (field, code)


def test_nothing_that_is_sent_breaks_anything(xaysetha: System) -> None:
    """Bytes flipped in good requests, and bodies of chance."""
    chance = Random(1)
    good = json.dumps({"service": "id_card", "phone": PHONE, "note": "ກຂ", "texts": True}).encode()
    for _ in range(400):
        body = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        sent = bytes(body) if chance.random() < 0.8 else chance.randbytes(chance.randint(0, 200))
        method, path = chance.choice(ROUTES)
        answer = xaysetha.calls(method, path, data=sent, content_type=JSON)
        assert answer.status_code < 500, (method, path, sent)


# --- what is told, and what is not ------------------------------------------------------------


def every_answer(xaysetha: System) -> str:
    """Heads and bodies of whatever can be provoked with a phone and a token."""
    number = filed(xaysetha.files(phone=PHONE, texts=True, own_number="A-17"))["number"]
    spoken = [
        xaysetha.files(phone=PHONE, key="k"),
        xaysetha.files(phone=PHONE, key="k"),
        xaysetha.files(phone=PHONE, own_number="A-17"),
        xaysetha.files(phone=PHONE + "999999999"),
        xaysetha.files({"phone": PHONE, PHONE: 1, f"p{PHONE_DIGITS}": 1}),
        xaysetha.files(note=PHONE + "\x00", phone=[PHONE], service=PHONE, status=PHONE),
        xaysetha.files(number=PHONE, own_number=PHONE + "%", filed_at=PHONE, odsc=PHONE),
        xaysetha.moves(number, "ready"),
        xaysetha.moves(number, PHONE),
        xaysetha.moves(PHONE, "ready"),
        xaysetha.sees(number),
        xaysetha.sees("020%2091234567"),
        xaysetha.calls("GET", REQUESTS),
        xaysetha.calls("GET", REQUESTS, query={"phone": PHONE, "status": PHONE}),
        xaysetha.calls("GET", REQUESTS, query={PHONE: PHONE, "token": xaysetha.token}),
        xaysetha.calls("GET", REQUESTS, {"Authorization": f"Bearer {xaysetha.token}{PHONE}"}),
        xaysetha.calls("PUT", f"{REQUESTS}/{PHONE}"),
        xaysetha.calls("GET", f"/api/{PHONE}"),
    ]
    return "".join(f"{one.headers}\n{one.text}" for one in spoken)


def test_no_answer_and_no_log_has_a_phone_or_a_token(
    xaysetha: System, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    # As it is handed to the log, before anything is blotted out there.
    with capture_logs() as events:
        told = every_answer(xaysetha)
    assert {event["event"] for event in events} >= {"api_refused"}
    everything = told + repr(events) + caplog.text + "".join(capfd.readouterr())
    for secret in (PHONE, PHONE_DIGITS, xaysetha.token):
        assert secret.replace(" ", "") not in everything.replace(" ", "")


@pytest.fixture
def away(home: Path) -> Iterator[System]:
    """A system whose gateway has lost its database."""
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    office = open_office(settings.load({"SIANG_HOME": str(home)}), nowhere)
    yield System(create_app(office), "siang_x")
    office.engine.dispose()


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", "/api/v1/openapi.json")])
def test_with_the_database_away_one_may_try_again(away: System, method: str, path: str) -> None:
    answer = away.calls(method, path, json={"service": "id_card"})
    assert problem(answer, 503)["code"] == "later"
    assert int(answer.headers["Retry-After"]) > 0


def test_a_restarted_database_is_not_noticed(
    xaysetha: System, office: Office, engine: Engine
) -> None:
    for key in (None, "a"):
        restart(office.engine)
        made = filed(xaysetha.files(key=key))
        restart(office.engine)
        assert read(xaysetha.sees(made["number"])) == made
    # The fixture's own pool is not what is tried here.
    engine.dispose()
