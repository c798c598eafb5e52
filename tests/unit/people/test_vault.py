"""The vault: numbers sealed so that a stolen dump reveals none."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ConfigError
from app.people.vault import NONCE, Sealed, Vault

PHONE_KEY, HASH_KEY = b"p" * 32, b"h" * 32
NUMBER, OTHER = "+8562055512345", "+8562077712345"
numbers = st.integers(0, 99_999_999).map(lambda rest: f"+85620{rest:08}")


def vault() -> Vault:
    return Vault(PHONE_KEY, HASH_KEY)


@given(numbers)
def test_what_is_sealed_opens(number: str) -> None:
    assert vault().open(vault().seal(number)) == number


@given(numbers)
def test_a_sealed_number_shows_nothing_of_itself(number: str) -> None:
    sealed = vault().seal(number)
    for part in (sealed.hash, sealed.cipher):
        assert number.encode() not in part
        assert number[-8:].encode() not in part
    assert number not in repr(sealed)
    assert repr(sealed.cipher) not in repr(sealed)


def test_a_number_is_found_again_by_its_keyed_hash() -> None:
    assert vault().seal(NUMBER).hash == vault().hash(NUMBER)
    assert vault().hash(NUMBER) == hmac.digest(HASH_KEY, NUMBER.encode(), sha256)
    assert vault().hash(NUMBER) != vault().hash(OTHER)
    assert Vault(PHONE_KEY, b"x" * 32).hash(NUMBER) != vault().hash(NUMBER)
    assert sha256(NUMBER.encode()).digest() != vault().hash(NUMBER)


def test_every_sealing_has_a_nonce_of_its_own() -> None:
    ciphers = {vault().seal(NUMBER).cipher for _ in range(200)}
    assert len(ciphers) == 200
    assert len({cipher[1 : 1 + NONCE] for cipher in ciphers}) == 200


def test_a_ciphertext_moved_to_another_row_does_not_open() -> None:
    mine, theirs = vault().seal(NUMBER), vault().seal(OTHER)
    with pytest.raises(ConfigError):
        vault().open(Sealed(theirs.hash, mine.cipher))


@given(st.integers(1, 12 + 14 + 16), st.integers(1, 255))
def test_a_changed_ciphertext_does_not_open(place: int, change: int) -> None:
    sealed = vault().seal(NUMBER)
    broken = bytearray(sealed.cipher)
    broken[place] ^= change
    with pytest.raises(ConfigError):
        vault().open(Sealed(sealed.hash, bytes(broken)))


@pytest.mark.parametrize(
    "stranger", [Vault(b"x" * 32, HASH_KEY), Vault(b"x" * 32, b"y" * 32)], ids=["phone", "both"]
)
def test_another_key_is_a_sentence_about_the_keys(stranger: Vault) -> None:
    with pytest.raises(ConfigError) as caught:
        stranger.open(vault().seal(NUMBER))
    assert "SIANG_PHONE_KEY" in str(caught.value)
    assert "Set the keys with which this database was filled" in str(caught.value)
    assert NUMBER not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="AESGCM"):
        Vault(b"short", HASH_KEY)
