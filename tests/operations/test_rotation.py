"""A new phone key while people rate: no number becomes unreadable."""

from __future__ import annotations

import threading
from pathlib import Path
from secrets import token_urlsafe

import pytest
from sqlalchemy import Engine, text

from app.errors import ConfigError
from app.people import rotation
from app.people.vault import Sealed, Vault
from tests.operations.machine import KEYS, Machine
from tests.phones import Gateway

MANY = 3_000


@pytest.fixture
def machine(engine: Engine, home: Path) -> Machine:
    """Some thousand numbers under the old key, and a gateway that knows both."""
    old, new = KEYS["SIANG_PHONE_KEY"], token_urlsafe(32)
    before = Machine(home, engine.url.render_as_string(hide_password=False), KEYS)
    gateway = before.opened()
    vault = gateway.office.desk.vault
    gateway.office.engine.dispose()
    sealed = [vault.seal(f"+85620{55000000 + n}") for n in range(MANY)]
    with engine.begin() as tx:
        tx.execute(
            text("INSERT INTO contacts (phone_hash, phone_cipher) VALUES (:hash, :cipher)"),
            [{"hash": one.hash, "cipher": one.cipher} for one in sealed],
        )
    return Machine(home, before.url, KEYS | {"SIANG_PHONE_KEY": new, "SIANG_PHONE_KEY_OLD": old})


def unreadable(engine: Engine, vault: Vault) -> int:
    with engine.connect() as tx:
        rows = tx.execute(text("SELECT phone_hash, phone_cipher FROM contacts")).all()
    assert len(rows) >= MANY
    failed = 0
    for hashed, cipher in rows:
        try:
            vault.open(Sealed(bytes(hashed), bytes(cipher)))
        except ConfigError:
            failed += 1
    return failed


def test_numbers_are_sealed_again_while_people_rate(machine: Machine, engine: Engine) -> None:
    gateway = machine.opened()
    stop, rated = threading.Event(), list[str]()

    def rating(gateway: Gateway) -> None:
        # Some are known since long, others are new.
        for n in (*range(0, MANY, 100), *range(MANY, MANY + 30)):
            if stop.is_set() and len(rated) > 5:
                return
            number = f"+85620{55000000 + n}"
            gateway.phone(number).sends("0103 5").gets("ຂອບໃຈ")
            rated.append(number)

    people = threading.Thread(target=rating, args=(gateway,))
    people.start()
    told = machine.does("keys", "rotate")
    stop.set()
    people.join()
    assert len(rated) > 5
    settings = gateway.office.settings
    assert unreadable(engine, Vault(settings.phone_key, settings.hash_key)) == 0
    assert "Sealed again: 3000" in told or "under the new key already" in told
    again = rotation.rotate(engine, gateway.office.desk.vault)
    assert (again.again, again.unreadable) == (0, 0)
    gateway.office.engine.dispose()


def test_a_number_that_neither_key_opens_is_counted(machine: Machine, engine: Engine) -> None:
    other = Vault(b"z" * 32, b"z" * 32).seal("+8562099999999")
    with engine.begin() as tx:
        tx.execute(
            text("INSERT INTO contacts (phone_hash, phone_cipher) VALUES (:hash, :cipher)"),
            {"hash": other.hash, "cipher": other.cipher},
        )
    assert "1 numbers open with neither key" in machine.refuses("keys", "rotate")


def test_without_the_old_key_it_says_what_to_do(machine: Machine) -> None:
    told = machine.refuses("keys", "rotate", SIANG_PHONE_KEY_OLD="")
    assert "SIANG_PHONE_KEY_OLD is not set" in told
