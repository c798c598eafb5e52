"""How long a provider asks us to wait."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_AFTER: Final = timedelta(hours=1)


def retry_after(written: str | None, now: datetime) -> timedelta | None:
    """Retry-After (RFC 9110 §10.2.3): seconds or a date; at most an hour, None if unreadable."""
    if not written:
        return None
    if written.strip().isascii() and written.strip().isdigit():
        wait = timedelta(seconds=min(int(written.strip()[:9]), 10**6))
    else:
        try:
            wait = parsedate_to_datetime(written) - now
        except (TypeError, ValueError):
            return None
    return min(max(wait, timedelta()), LONGEST_AFTER)
