"""What the gateways' door answers, so that each gateway retries or stops as it should."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from app import open_office, settings
from app.channels.base import HookRequest
from app.channels.forms import MAX_SMS_TEXT
from tests import wire
from tests.phones import Gateway
from tests.wire import Wire

USSD = {"sessionId": "s", "serviceCode": "*1616#", "phoneNumber": "+8562055512345", "text": ""}
SMS = {"id": "1", "from": "+8562055512345", "to": "1616", "text": "0103 5"}


def nothing_changed(gateway: Gateway) -> bool:
    counts = ("contacts", "conversations", "turns", "inbound", "outbox")
    return all(gateway.rows(f"SELECT count(*) FROM {name}") == [(0,)] for name in counts)


@pytest.mark.parametrize("token", ["", "?token=", "?token=wrong", "?token=%00", "?Token=x"])
@pytest.mark.parametrize("path", ["africastalking/ussd", "kannel/sms", "kannel/receipt"])
def test_without_the_right_token_nothing_happens(gateway: Gateway, path: str, token: str) -> None:
    response = gateway.client.post(f"/channels/{path}{token}", data=USSD | SMS)
    assert response.status_code == 403
    assert nothing_changed(gateway)


def test_the_token_of_another_channel_is_wrong(gateway: Gateway) -> None:
    url = gateway.url("kannel", "sms").replace("/kannel/", "/simulator/")
    assert gateway.client.post(url, data=SMS).status_code == 403


@pytest.mark.parametrize(
    "path", ["nobody/sms", "africastalking/voice", "simulator/receipt", "kannel/optout", "kannel"]
)
def test_a_hook_that_is_not_there_is_not_found(gateway: Gateway, path: str) -> None:
    assert gateway.client.post(f"/channels/{path}").status_code == 404


@pytest.mark.parametrize("missing", ["sessionId", "phoneNumber", "text"])
def test_a_missing_field_is_named(gateway: Gateway, missing: str) -> None:
    form = {key: value for key, value in USSD.items() if key != missing}
    response = gateway.client.post(gateway.url("africastalking", "ussd"), data=form)
    assert response.status_code == 422
    assert missing in response.text
    assert nothing_changed(gateway)


def test_a_ussd_sender_that_is_no_phone_is_refused(gateway: Gateway) -> None:
    response = gateway.client.post(
        gateway.url("africastalking", "ussd"), data=USSD | {"phoneNumber": "1616"}
    )
    assert response.status_code == 422
    assert "1616" not in response.text


def test_a_ussd_answer_is_plain_utf8(gateway: Gateway) -> None:
    response = gateway.client.post(gateway.url("africastalking", "ussd"), data=USSD)
    assert response.content_type == "text/plain; charset=utf-8"
    assert response.data.decode("utf-8").startswith("CON ")


def test_kannel_is_answered_200_and_never_204(gateway: Gateway) -> None:
    url = gateway.url("kannel", "sms")
    assert [gateway.client.post(url, data=SMS).status_code for _ in range(2)] == [200, 200]


# --- sizes and kinds of bodies ----------------------------------------------------------------


def test_a_huge_session_is_refused(gateway: Gateway) -> None:
    form = USSD | {"text": "1" * 100_000}
    response = gateway.client.post(gateway.url("africastalking", "ussd"), data=form)
    assert response.status_code == 413
    assert nothing_changed(gateway)


def test_a_long_sms_is_taken_and_cut_and_a_huge_one_refused(gateway: Gateway) -> None:
    def status(length: int) -> int:
        form = SMS | {"text": "a" * length, "id": f"{length}"}
        return gateway.client.post(gateway.url("kannel", "sms"), data=form).status_code

    assert (status(100_000), status(300_000)) == (200, 413)
    ((length,),) = gateway.rows("SELECT length(text) FROM inbound")
    assert length == MAX_SMS_TEXT


def test_more_fields_than_any_gateway_sends_are_refused(gateway: Gateway) -> None:
    form = SMS | {f"field{number}": "x" for number in range(200)}
    response = gateway.client.post(gateway.url("kannel", "sms"), data=form)
    assert response.status_code == 422
    assert nothing_changed(gateway)


@pytest.fixture
def wired(gateway: Gateway) -> tuple[Gateway, Wire]:
    """A gateway with a network that remembers the requests it was shown."""
    network = Wire(wire.config())
    return wire.on(gateway, network), network


def shown(
    wired: tuple[Gateway, Wire], body: bytes, content_type: str | None, **headers: str
) -> HookRequest:
    gateway, network = wired
    url = f"/channels/wire/sms?token={wire.TOKEN}&a=1"
    gateway.client.post(url, data=body, content_type=content_type, headers=headers)
    return network.requests[-1]


@pytest.mark.parametrize(
    ("content_type", "fields"),
    [
        ("application/x-www-form-urlencoded", {"b": "2", "c": "+"}),
        ("application/x-www-form-urlencoded; charset=UTF-8", {"b": "2", "c": "+"}),
        (None, {"b": "2", "c": "+"}),
        ("application/json", {}),
        ("text/plain", {}),
        ("multipart/form-data; boundary=x", {}),
        ("multipart/form-data", {}),
    ],
)
def test_only_a_form_is_read_as_a_form(
    wired: tuple[Gateway, Wire], content_type: str | None, fields: dict[str, str]
) -> None:
    request = shown(wired, b"b=2&c=%2B&b=3", content_type)
    assert request.form == fields
    assert request.query == {"token": wire.TOKEN, "a": "1"}
    assert request.body == b"b=2&c=%2B&b=3"
    assert request.raw_query == f"token={wire.TOKEN}&a=1".encode()


def test_a_form_of_several_parts_is_read(wired: tuple[Gateway, Wire]) -> None:
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % field
        for field in ((b"b", b"2"), (b"c", "ດີ&1".encode()), (b"b", b"3"))
    )
    request = shown(wired, body + b"--x--\r\n", "multipart/form-data; boundary=x")
    assert request.form == {"b": "2", "c": "ດີ&1"}
    assert request.body == body + b"--x--\r\n"


def test_a_form_of_too_many_parts_is_refused(wired: tuple[Gateway, Wire]) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    response = wired[0].client.post(
        f"/channels/wire/sms?token={wire.TOKEN}",
        data=part * 200 + b"--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    )
    assert response.status_code in (413, 422)
    assert wired[1].requests == []


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("body", [b'{"text": "%s"}', b' [{"text": "%s"}]', b"<a>%s</a>"])
def test_what_is_no_form_is_not_read_as_one_whatever_it_is_called(
    wired: tuple[Gateway, Wire], body: bytes, content_type: str | None
) -> None:
    # Such a body has more ampersands than a form may have fields.
    request = shown(wired, body % (b"a&" * 150), content_type)
    assert request.form == {}


def test_a_refusal_says_in_the_log_why(gateway: Gateway) -> None:
    url = gateway.url("africastalking", "ussd")
    with capture_logs() as told:
        gateway.client.post(url, data=USSD | {"text": "secret", "sessionId": ""})
        gateway.client.post(url, data=USSD | {"phoneNumber": "1616777"})
        gateway.client.post(url, data=USSD | {"text": "1" * 100_000})
    lines = [str(one) for one in told if one["event"] == "request_refused"]
    assert len(lines) == 3
    assert "sessionId" in lines[0]
    assert "the sender is no phone number" in lines[1]
    assert "413" in lines[2]
    assert not any(value in "".join(lines) for value in ("secret", "1616777", "111111"))


def test_headers_are_named_as_the_contract_says(wired: tuple[Gateway, Wire]) -> None:
    request = shown(wired, b"[]", None, **{"x-twilio-SIGNATURE": "s"})
    assert request.headers["X-Twilio-Signature"] == "s"


# --- proxies ----------------------------------------------------------------------------------

FORWARDED = {"X-Forwarded-For": "198.51.100.1, 192.0.2.7, 203.0.113.9"}


@pytest.mark.parametrize(
    ("proxies", "remote"), [(0, "127.0.0.1"), (1, "203.0.113.9"), (2, "192.0.2.7")]
)
def test_the_address_is_the_one_that_our_own_proxies_saw(
    gateway: Gateway, proxies: int, remote: str
) -> None:
    settings = gateway.office.settings
    behind = replace(settings, service=settings.service.model_copy(update={"proxies": proxies}))
    network = Wire(wire.config())
    wired = wire.on(Gateway(replace(gateway.office, settings=behind)), network)
    assert shown((wired, network), b"[]", None, **FORWARDED).remote == remote


def test_a_proxy_does_not_open_the_phone_page(gateway: Gateway) -> None:
    settings = gateway.office.settings
    behind = replace(settings, service=settings.service.model_copy(update={"proxies": 1}))
    client = Gateway(replace(gateway.office, settings=behind)).client
    assert client.get("/phone").status_code == 200
    assert client.get("/phone", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    assert client.get("/phone", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403


# --- with the database away -------------------------------------------------------------------


@pytest.fixture
def broken(database_url: str, home: Path) -> Iterator[Gateway]:
    """A gateway whose database is away."""
    away = "postgresql://nobody@127.0.0.1:1/nothing"
    office = open_office(settings.load({"SIANG_HOME": str(home)}), away)
    yield Gateway(office)
    office.engine.dispose()


def test_with_the_database_away_a_citizen_reads_a_sentence(broken: Gateway) -> None:
    broken.phone().dial().ends("ລະບົບຂັດຂ້ອງ")


def test_with_the_database_away_an_sms_is_kept_in_the_spool(broken: Gateway) -> None:
    assert broken.client.post(broken.url("kannel", "sms"), data=SMS).status_code == 200
    assert broken.office.desk.spool.pending().count == 1


def test_with_the_spool_away_too_an_sms_is_to_be_sent_again(broken: Gateway) -> None:
    (broken.office.settings.home / "spool").touch()
    assert broken.client.post(broken.url("kannel", "sms"), data=SMS).status_code == 503


def test_health(gateway: Gateway, broken: Gateway) -> None:
    def status(client: FlaskClient, path: str) -> int:
        return client.get(f"/health/{path}").status_code

    assert (status(gateway.client, "live"), status(gateway.client, "ready")) == (200, 200)
    assert (status(broken.client, "live"), status(broken.client, "ready")) == (200, 200)
    (broken.office.settings.home / "spool").rmdir()
    (broken.office.settings.home / "spool").touch()
    assert (status(broken.client, "live"), status(broken.client, "ready")) == (200, 503)


def test_the_door_needs_no_redis(gateway: Gateway, engine: Engine) -> None:
    assert gateway.office.settings.redis_url == ""
    gateway.phone().dial("*1616*0103*5#")
    assert gateway.tally()["responses"] == 1


def test_a_restarted_database_loses_no_turn(gateway: Gateway, engine: Engine) -> None:
    phone = gateway.phone()
    phone.dial().press("1")
    with gateway.office.engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    # The fixture's own pool is not what is tried here.
    engine.dispose()
    phone.press("0103").sees("5=ດີຫຼາຍ").press("5")
    phone.sends("0103 4").gets("ຂອບໃຈ")
    assert gateway.tally()["responses"] == 2


# --- what nobody would send -------------------------------------------------------------------


def test_forged_sessions_reach_nothing_that_the_flow_does_not_allow(gateway: Gateway) -> None:
    chance = random.Random(15)
    pieces = ("1", "0103", "5", "9", "0", "00", "", "x#", "ຊ້າ", "STOP", "8562055512345")
    for _ in range(400):
        form = USSD | {
            "sessionId": f"s-{chance.randrange(8)}",
            "phoneNumber": f"+85620555{chance.randrange(3):05d}",
            "text": "*".join(chance.choices(pieces, k=chance.randrange(6))),
        }
        response = gateway.client.post(gateway.url("africastalking", "ussd"), data=form)
        assert response.status_code == 200
        assert response.text[:4] in ("CON ", "END ")
    gateway.work()
    scores = gateway.rows("SELECT DISTINCT value FROM answers WHERE question = 'score'")
    assert {value for (value,) in scores} <= {"1", "5"}
    opened = gateway.rows(
        "SELECT count(*) FROM conversations WHERE status = 'open' GROUP BY contact_id"
    )
    assert all(count == (1,) for count in opened)


def hostile(chance: random.Random) -> tuple[str, bytes, str]:
    """Hook, body and content type that no gateway sends."""
    names = ("id", "from", "text", "to", "sessionId", "phoneNumber", "status", "ts", "[]", "")
    values = (b"%00", b"%ED%A0%80", b"\xff\xfe", b"%", b"+856", b"9" * 500, b"{}", b"", b"null")
    fields = [
        chance.choice(names).encode() + b"=" + chance.choice(values)
        for _ in range(chance.randrange(12))
    ]
    bodies = (
        b"&".join(fields),
        json.dumps({chance.choice(names): chance.choice((None, [], {}, 1e308, "x"))}).encode(),
        b"[" * 5000,
        chance.randbytes(200),
    )
    types = ("application/x-www-form-urlencoded", "application/json", "text/xml", "", "multipart/x")
    hook = chance.choice(("ussd", "sms", "receipt", "event", "optout"))
    return hook, chance.choice(bodies), chance.choice(types)


@pytest.mark.parametrize("channel", ["africastalking", "kannel", "simulator"])
def test_a_hostile_body_is_never_a_fault_of_ours(gateway: Gateway, channel: str) -> None:
    chance = random.Random(24)
    token = gateway.office.settings.channels[channel].tokens[0]
    for _ in range(500):
        hook, body, content_type = hostile(chance)
        response = gateway.client.open(
            f"/channels/{channel}/{hook}?token={token}",
            method=chance.choice(("GET", "POST")),
            data=body,
            content_type=content_type,
        )
        assert response.status_code in (200, 403, 404, 409, 413, 422), (hook, body, content_type)
