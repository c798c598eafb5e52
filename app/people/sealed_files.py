"""Files that are encrypted whole (AES-256-GCM), piece by piece, and say so when one was changed.

    file   = MAGIC + mark of the key (8) + salt (32) + pieces
    piece  = ciphertext of PIECE octets and its tag (16); the last one may be shorter, even empty

Each file has a key of its own, made of ours and the salt (HKDF-SHA-256), so that the pieces'
nonces can be their numbers. The last piece's nonce says that it is the last: a file that was cut,
even between two pieces, does not open (Hoang et al., "Online Authenticated-Encryption", 2015).
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.errors import ConfigError, OperatorError

MAGIC = b"SIANGBK1"
PIECE = 1 << 20
TAG, MARK, SALT = 16, 8, 32
HEADER = len(MAGIC) + MARK + SALT


class SealedWriter:
    """Writes an encrypted file; it is whole only after `close`."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        self._file, self._rest, self._number = file, bytearray(), 0
        self._header = MAGIC + _mark(key) + os.urandom(SALT)
        self._aead = _aead(key, self._header)
        file.write(self._header)

    def write(self, content: bytes) -> None:
        self._rest += content
        # The last piece is known as such at the end only: one is always held back.
        while len(self._rest) > PIECE:
            self._put(bytes(self._rest[:PIECE]), last=False)
            del self._rest[:PIECE]

    def close(self) -> None:
        self._put(bytes(self._rest), last=True)

    def _put(self, piece: bytes, *, last: bool) -> None:
        nonce = _nonce(self._number, last=last)
        self._file.write(self._aead.encrypt(nonce, piece, self._header))
        self._number += 1


def opened(file: BinaryIO, key: bytes, name: str) -> Iterator[bytes]:
    """What was sealed, piece by piece; the iterator ends only where the file is whole.

    Raises OperatorError for what is no such file, was changed or is cut, and ConfigError for
    another key. `name` is what the sentences call it.
    """
    header = file.read(HEADER)
    if not header.startswith(MAGIC):
        raise OperatorError(f"{name} is no backup of Siang", "Name a file siang-….backup")
    if len(header) < HEADER:
        raise _spoilt(name)
    if not hmac.compare_digest(header[len(MAGIC) : len(MAGIC) + MARK], _mark(key)):
        raise ConfigError(
            f"{name} was made with another SIANG_BACKUP_KEY", "Set the one it was made with"
        )
    aead, number = _aead(key, header), 0
    piece = file.read(PIECE + TAG)
    while True:
        following = file.read(PIECE + TAG)
        try:
            yield aead.decrypt(_nonce(number, last=not following), piece, header)
        # ValueError: not even a tag is left.
        except (InvalidTag, ValueError):
            raise _spoilt(name) from None
        if not following:
            return
        piece, number = following, number + 1


def _spoilt(name: str) -> OperatorError:
    return OperatorError(
        f"{name} was changed or is cut off: nothing of it can be trusted", "Use another backup"
    )


def _mark(key: bytes) -> bytes:
    """Tells keys apart and tells nothing of them."""
    return hmac.digest(key, b"siang backup key", sha256)[:MARK]


def _aead(key: bytes, header: bytes) -> AESGCM:
    own = HKDF(algorithm=SHA256(), length=32, salt=header[-SALT:], info=MAGIC).derive(key)
    return AESGCM(own)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
