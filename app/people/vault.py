"""The vault: numbers encrypted (AES-256-GCM) and found by keyed hash (HMAC-SHA-256).

What else holds a number and must lie on a disk for a while is wrapped with the same key.

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
# What is wrapped is bound to this, so that it can never pass for a number.
WRAPPED = b"wrapped"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A number as it is stored: 32 octets to find it by, and its ciphertext."""

    hash: bytes
    cipher: bytes = field(repr=False)


class Vault:
    """Seals and opens E.164 numbers with the two keys.

    While the phone key is being changed, what an `old` one sealed opens too.
    """

    def __init__(self, phone_key: bytes, hash_key: bytes, old: bytes | None = None) -> None:
        self._aead = AESGCM(phone_key)
        self._old = None if old is None else AESGCM(old)
        self._hash_key = hash_key

    def hash(self, number: str) -> bytes:
        return hmac.digest(self._hash_key, number.encode(), sha256)

    def seal(self, number: str) -> Sealed:
        hashed = self.hash(number)
        # Bound to its hash: a ciphertext moved to another person's row does not open.
        return Sealed(hash=hashed, cipher=self._encrypted(number.encode(), hashed))

    def open(self, sealed: Sealed) -> str:
        """The number. Raises ConfigError where it was sealed with another key."""
        return self._decrypted(sealed.cipher, sealed.hash, "A stored number").decode()

    def resealed(self, sealed: Sealed) -> Sealed | None:
        """The same number under the present key; None where it is under that already.

        Raises ConfigError where neither key opens it.
        """
        if self._opened(self._aead, sealed.cipher, sealed.hash) is not None:
            return None
        return Sealed(sealed.hash, self._encrypted(self.open(sealed).encode(), sealed.hash))

    def wrap(self, content: bytes) -> bytes:
        """Anything that holds a number, fit to lie on a disk."""
        return self._encrypted(content, WRAPPED)

    def unwrap(self, wrapped: bytes) -> bytes:
        """What was wrapped. Raises ConfigError where it is spoilt or of another key."""
        return self._decrypted(wrapped, WRAPPED, "A wrapped file")

    def _encrypted(self, plain: bytes, bound_to: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return KEY_ID + nonce + self._aead.encrypt(nonce, plain, bound_to)

    def _decrypted(self, cipher: bytes, bound_to: bytes, what: str) -> bytes:
        for aead in (self._aead, self._old):
            plain = None if aead is None else self._opened(aead, cipher, bound_to)
            if plain is not None:
                return plain
        raise ConfigError(
            f"{what} does not open with SIANG_PHONE_KEY and SIANG_HASH_KEY",
            "Set the keys with which this database was filled",
        )

    def _opened(self, aead: AESGCM, cipher: bytes, bound_to: bytes) -> bytes | None:
        try:
            if cipher[:1] != KEY_ID:
                return None
            return aead.decrypt(cipher[1 : 1 + NONCE], cipher[1 + NONCE :], bound_to)
        # ValueError: the nonce is cut off.
        except (InvalidTag, ValueError):
            return None
