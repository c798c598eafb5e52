"""Tokens by which others' systems are known: 256 random bits, of which the hash is stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from app.errors import OperatorError
from app.registry import places
from app.storage import api_tokens
from app.storage.api_tokens import Token
from app.storage.levels import Level
from app.text.answers import clean

# Whoever finds one in a file or a log sees what it is, and can look for others.
PREFIX: Final = "siang_"
LONGEST_NAME: Final = 60


def mint(
    engine: Engine, level: Level, place: str, name: str, now: datetime, *, results: bool = False
) -> tuple[int, str]:
    """A new token's id and the token itself, which nobody can read again. Raises OperatorError.

    With `results` it may read single responses, which only the country's may.
    """
    if results and level != "country":
        raise OperatorError(
            "Only a token of the country may read single responses",
            "Give --country with --results, or leave --results out",
        )
    token = PREFIX + secrets.token_urlsafe(32)
    named = clean(name)[:LONGEST_NAME]
    with engine.begin() as tx:
        places.require(tx, level, place)
        token_id = api_tokens.add(tx, _hash(token), level, place, named, now, results=results)
    return token_id, token


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
