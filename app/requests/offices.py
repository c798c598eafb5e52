"""What an office sees: its own requests, found by either number."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from app.requests import numbers
from app.storage import requests as storage
from app.storage.requests import Request

# An office's own number, with what people write between its letters and digits.
_LONGEST: Final = 100


def find(tx: Connection, odsc: str, written: str) -> Request | None:
    """The ODSC's request with this number, ours or its own; another ODSC's is not there."""
    number = numbers.read(written[:_LONGEST])
    if numbers.is_ours(number):
        found = storage.by_number(tx, number)
    elif numbers.may_be_alias(number):
        found = next(iter(storage.by_alias(tx, number, odsc)), None)
    else:
        found = None
    return found if found is not None and found.odsc == odsc else None
