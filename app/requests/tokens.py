"""Tokens by which an ODSC's own system is known: 256 random bits, of which the hash is stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from app.errors import OperatorError
from app.storage import api_tokens, registry
from app.storage.api_tokens import Token
from app.text.answers import clean

# Whoever finds one in a file or a log sees what it is, and can look for others.
PREFIX: Final = "siang_"
LONGEST_NAME: Final = 60


def mint(engine: Engine, odsc: str, name: str, now: datetime) -> tuple[int, str]:
    """A new token's id and the token itself, which nobody can read again. Raises OperatorError."""
    token = PREFIX + secrets.token_urlsafe(32)
    with engine.begin() as tx:
        if registry.odsc(tx, odsc) is None:
            raise OperatorError(f"There is no ODSC {odsc}", "See config/registry/odscs.csv")
        return api_tokens.add(tx, odsc, _hash(token), clean(name)[:LONGEST_NAME], now), token


def owner(engine: Engine, shown: str) -> Token | None:
    """The token in force that was shown. It is found by its hash, so no time tells how near
    a wrong one came.
    """
    with engine.connect() as tx:
        return api_tokens.by_hash(tx, _hash(shown))


def every(engine: Engine) -> list[Token]:
    """All tokens that were ever made, without their secrets."""
    with engine.connect() as tx:
        return api_tokens.every(tx)


def revoke(engine: Engine, token_id: int, now: datetime) -> None:
    """From now on it opens nothing. Raises OperatorError where none of that id is in force."""
    with engine.begin() as tx:
        if not api_tokens.revoke(tx, token_id, now):
            raise OperatorError(f"There is no token {token_id} in force", "See `siang tokens list`")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
