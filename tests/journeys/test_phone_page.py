"""/phone and its inbox: what the page is made of, and who may have it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import create_app, open_office, settings, upkeep
from app.office import Office
from app.text.encoding import encoding_of, units

PHONE = "+8562055512345"
ASSETS = ("static/phone.css", "static/phone.js")


@pytest.fixture
def office(engine: Engine, database_url: str, home: Path) -> Iterator[Office]:
    opened = open_office(settings.load({"SIANG_HOME": str(home)}), database_url)
    opened.desk.books.open(engine)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def client(office: Office) -> FlaskClient:
    return create_app(office).test_client()


@pytest.fixture
def token(office: Office) -> str:
    return office.channels["simulator"].config.tokens[0]


def _content(client: FlaskClient, path: str) -> str:
    # Closed here: what Flask serves from a folder holds its file open.
    with client.get(path) as response:
        assert response.status_code == 200
        return str(response.get_data(as_text=True))


def test_the_page_is_small_and_asks_nobody_else(client: FlaskClient) -> None:
    parts = [_content(client, f"/{path}") for path in ("phone", *ASSETS)]
    assert sum(len(part.encode()) for part in parts) < 60_000
    for part in parts:
        assert not re.search(r"https?://|url\(|@import", part)


def test_every_part_the_page_names_is_there(client: FlaskClient) -> None:
    html = client.get("/phone").get_data(as_text=True)
    named = re.findall(r'<(?:link rel="stylesheet"|script)[^>]*(?:href|src)="([^"]+)"', html)
    assert sorted(named) == sorted(ASSETS)
    assert "<noscript>" in html
    assert "style=" not in html
    assert "onclick=" not in html


def test_its_headers(client: FlaskClient) -> None:
    headers = client.get("/phone").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.168.1.20", {}),
        ("", {}),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.7"}),
        # A web site whose name was made to point at this machine.
        ("127.0.0.1", {"Host": "siang.example"}),
        ("127.0.0.1", {"Host": "[::1"}),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/phone"), ("POST", "/phone/inbox")])
def test_other_machines_are_told_how_to_open_it(
    client: FlaskClient, method: str, path: str, address: str, headers: dict[str, str]
) -> None:
    environ = {"REMOTE_ADDR": address}
    refused = client.open(path, method=method, environ_base=environ, headers=headers)
    assert refused.status_code == 403
    assert "SIANG_PHONE_PAGE=open" in refused.get_data(as_text=True)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("127.0.0.1", "localhost:8000"),
        ("127.0.0.1", "127.0.0.1:8000"),
        ("::1", "[::1]:8000"),
        ("::ffff:127.0.0.1", "localhost"),
    ],
)
def test_this_machine_has_many_names(client: FlaskClient, address: str, host: str) -> None:
    environ = {"REMOTE_ADDR": address}
    assert client.get("/phone", environ_base=environ, headers={"Host": host}).status_code == 200


def test_it_can_be_opened_to_everybody(office: Office) -> None:
    opened = replace(office, settings=replace(office.settings, phone_page_open=True))
    visitor = create_app(opened).test_client()
    environ = {"REMOTE_ADDR": "203.0.113.7"}
    assert visitor.get("/phone", environ_base=environ).status_code == 200


def test_without_a_simulator_there_is_no_page(office: Office) -> None:
    without = {name: one for name, one in office.channels.items() if name != "simulator"}
    client = create_app(replace(office, channels=without)).test_client()
    assert client.get("/phone").status_code == 404
    assert client.post("/phone/inbox").status_code == 404


def test_the_inbox_wants_the_token(client: FlaskClient, token: str) -> None:
    for wrong in ({}, {"token": ""}, {"token": token + "x"}, {"token": "ສຽງ"}):
        refused = client.post("/phone/inbox", data={"from": PHONE, **wrong})
        assert refused.status_code == 403
        assert PHONE not in refused.get_data(as_text=True)
    by_header = {"X-Siang-Token": token}
    assert client.post("/phone/inbox", data={"from": PHONE}, headers=by_header).json == []
    assert client.post("/phone/inbox", data={"from": PHONE, "token": token}).json == []
    assert client.get("/phone/inbox").status_code == 405


def test_asking_about_an_unknown_phone_keeps_nothing(
    client: FlaskClient, token: str, engine: Engine
) -> None:
    client.post("/phone/inbox", data={"from": PHONE, "token": token})
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM contacts")).scalar_one() == 0


@pytest.mark.parametrize("sender", ["", "1616", "SIANG", "\x00", "020" * 500])
def test_what_is_no_phone_number_has_no_inbox(client: FlaskClient, token: str, sender: str) -> None:
    refused = client.post("/phone/inbox", data={"from": sender, "token": token})
    assert refused.status_code == 422
    assert "no phone number" in refused.get_data(as_text=True)


def test_the_inbox_lists_what_the_phone_was_sent(
    client: FlaskClient, office: Office, token: str
) -> None:
    hook = f"/channels/simulator/sms?token={token}"
    for number, content in enumerate(("0103 5 ດີຫຼາຍ", "STOP")):
        fields = {"id": str(number), "from": PHONE, "to": "1616", "text": content}
        assert client.post(hook, data=fields).status_code == 200
    for drain in upkeep.DRAINS.values():
        drain(office, lambda: False)
    asked = {"from": "020 5551 2345", "token": token}
    listed = client.post("/phone/inbox", data=asked).get_json()
    # The thanks were still on their way when the phone said STOP: only its answer comes.
    assert [set(one) for one in listed] == [{"number", "text", "at"}]
    assert "START" in listed[0]["text"]
    assert listed[0]["at"].endswith("+07:00")
    asked["from"] = "020 5551 2346"
    assert client.post("/phone/inbox", data=asked).get_json() == []


def test_the_page_counts_as_the_gateway_does(client: FlaskClient) -> None:
    script = _content(client, "/static/phone.js")
    alphabets = re.search(r'GSM7 = (".*");\s+var GSM7_EXTENSION = (".*");', script)
    assert alphabets is not None
    basic, extension = (json.loads(literal) for literal in alphabets.groups())
    letters = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    gsm7 = [letter for letter in letters if encoding_of(letter) == "GSM-7"]
    assert sorted(basic) == [letter for letter in gsm7 if units(letter) == 1]
    assert sorted(extension) == [letter for letter in gsm7 if units(letter) == 2]
