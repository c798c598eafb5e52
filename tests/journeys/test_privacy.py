"""Phone numbers are nowhere in clear: no table, no log."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import inspect, text

from app import logs, upkeep
from app.people.vault import Vault
from app.storage import people
from tests.phones import Gateway, never

NUMBER = "+8562091234567"
# However it is cut or written, these digits are in it.
DIGITS = "91234567"


def every_cell(gateway: Gateway) -> list[str]:
    """Every value of every row of every table, as PostgreSQL writes it."""
    with gateway.office.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        assert {"contacts", "outbox", "inbound", "turns"} <= set(names)
        return [
            str(row[0])
            for name in names
            for row in connection.execute(text(f'SELECT t.*::text FROM "{name}" t'))
        ]


def walk_everything(gateway: Gateway) -> None:
    phone = gateway.phone(NUMBER)
    phone.dial().press("1", "0103", "2", "1", "3", "1", "3")
    phone.dial().press("4", "0103", "ຊ້າຫຼາຍ")
    phone.sends("0103 5 ດີຫຼາຍ").sends("ສະບາຍດີ").sends("STOP").sends("START")
    gateway.phone("1616").sends("0103 5")
    form = {"sessionId": "x", "phoneNumber": NUMBER + "999999", "text": ""}
    gateway.client.post(gateway.url("africastalking", "ussd"), data=form)
    gateway.client.post("/channels/kannel/sms?token=wrong", data={"id": "1", "from": NUMBER})
    with gateway.office.engine.begin() as tx:
        sealed = gateway.office.desk.seal(NUMBER)
        people.add_staff(tx, people.ensure(tx, sealed.hash, sealed.cipher), "odsc", "0103", "lo")
    upkeep.look_after(gateway.office, never)
    gateway.work()


def test_no_table_holds_a_number(gateway: Gateway) -> None:
    walk_everything(gateway)
    cells = every_cell(gateway)
    assert len(cells) > 20
    assert not [cell for cell in cells if DIGITS in cell]


def test_the_vault_still_finds_and_opens_it(gateway: Gateway) -> None:
    walk_everything(gateway)
    sealed = gateway.office.desk.seal(NUMBER)
    ((stored,),) = gateway.rows(
        f"SELECT phone_cipher FROM contacts WHERE phone_hash = '\\x{sealed.hash.hex()}'"
    )
    assert isinstance(stored, bytes)
    settings = gateway.office.settings
    vault = Vault(settings.phone_key, settings.hash_key)
    assert vault.open(type(sealed)(sealed.hash, stored)) == NUMBER


def test_no_log_line_holds_a_number_a_token_or_a_text(
    gateway: Gateway, capfd: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.set_up("json", for_good=False)
    try:
        walk_everything(gateway)
    finally:
        root.handlers, root.level = before
    written = "".join(capfd.readouterr())
    assert "message_sent" in written
    assert "request_refused" in written
    for secret in (DIGITS, "ດີຫຼາຍ", "ຊ້າຫຼາຍ", gateway.url("kannel", "sms").split("=")[1]):
        assert secret not in written
