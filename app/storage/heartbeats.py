"""When each gateway device was last heard."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text


def beat(tx: Connection, channel: str, device: str, detail: str, at: datetime) -> None:
    """A device says that it is alive; one that says so late does not put the time back."""
    tx.execute(
        text(
            "INSERT INTO heartbeats (channel, device, detail, at) "
            "VALUES (:channel, :device, :detail, :at) ON CONFLICT (channel, device) DO UPDATE "
            "SET detail = excluded.detail, at = excluded.at WHERE heartbeats.at < excluded.at"
        ),
        {"channel": channel, "device": device, "detail": detail, "at": at},
    )
