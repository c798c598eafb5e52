"""What the gateways' door answers, so that each gateway retries or stops as it should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import open_office, settings
from tests.phones import Gateway

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


@pytest.mark.parametrize("path", ["nobody/sms", "africastalking/voice", "kannel/ussd", "kannel"])
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


def test_a_huge_body_is_refused(gateway: Gateway) -> None:
    form = USSD | {"text": "1" * 100_000}
    response = gateway.client.post(gateway.url("africastalking", "ussd"), data=form)
    assert response.status_code == 413


@pytest.fixture
def broken(database_url: str, home: Path) -> Iterator[Gateway]:
    """A gateway whose database is away."""
    away = "postgresql://nobody@127.0.0.1:1/nothing"
    office = open_office(settings.load({"SIANG_HOME": str(home)}), away)
    yield Gateway(office)
    office.engine.dispose()


def test_with_the_database_away_a_citizen_reads_a_sentence(broken: Gateway) -> None:
    broken.phone().dial().ends("ລະບົບຂັດຂ້ອງ")


def test_with_the_database_away_an_sms_is_to_be_sent_again(broken: Gateway) -> None:
    assert broken.client.post(broken.url("kannel", "sms"), data=SMS).status_code == 503


def test_health(gateway: Gateway, broken: Gateway) -> None:
    def status(client: FlaskClient, path: str) -> int:
        return client.get(f"/health/{path}").status_code

    assert (status(gateway.client, "live"), status(gateway.client, "ready")) == (200, 200)
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
