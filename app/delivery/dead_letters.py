"""Sends again what was given up, when an operator says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from app.delivery.policy import VALID
from app.storage import messages


def retry(
    engine: Engine, now: datetime, ids: Sequence[str] | None = None, *, doubtful: bool = False
) -> list[str]:
    """Queue dead letters anew with all their attempts; which. All of them without `ids`.

    Those in doubt only if `doubtful`: their phones may get them twice.
    """
    with engine.begin() as tx:
        chosen = [one.id for one in messages.dead(tx)] if ids is None else ids
        return messages.requeue(tx, chosen, VALID, now, doubtful=doubtful)
