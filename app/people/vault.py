"""The vault: numbers encrypted (AES-256-GCM) and found by keyed hash (HMAC-SHA-256).

A bare hash would be worthless: there are about 10^8 Lao mobile numbers to try. Both keys live
outside the database, so a stolen dump reveals no number.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import ConfigError

NONCE = 12
# The first byte names the key and the layout, so that keys can be changed later.
KEY_ID = b"\x01"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A number as it is stored: 32 octets to find it by, and its ciphertext."""

    hash: bytes
    cipher: bytes = field(repr=False)


class Vault:
    """Seals and opens E.164 numbers with the two keys."""

    def __init__(self, phone_key: bytes, hash_key: bytes) -> None:
        self._aead = AESGCM(phone_key)
        self._hash_key = hash_key

    def hash(self, number: str) -> bytes:
        return hmac.digest(self._hash_key, number.encode(), sha256)

    def seal(self, number: str) -> Sealed:
        nonce = os.urandom(NONCE)
        hashed = self.hash(number)
        # Bound to its hash: a ciphertext moved to another person's row does not open.
        cipher = self._aead.encrypt(nonce, number.encode(), hashed)
        return Sealed(hash=hashed, cipher=KEY_ID + nonce + cipher)

    def open(self, sealed: Sealed) -> str:
        """The number. Raises ConfigError where it was sealed with another key."""
        nonce, cipher = sealed.cipher[1 : 1 + NONCE], sealed.cipher[1 + NONCE :]
        try:
            if sealed.cipher[:1] != KEY_ID:
                raise InvalidTag
            return self._aead.decrypt(nonce, cipher, sealed.hash).decode()
        # ValueError: the nonce is cut off.
        except (InvalidTag, ValueError):
            raise ConfigError(
                "A stored number does not open with SIANG_PHONE_KEY and SIANG_HASH_KEY",
                "Set the keys with which this database was filled",
            ) from None
