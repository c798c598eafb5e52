"""A gateway with one channel of each kind, as strangers and gateways reach it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app import open_office, settings
from app.channels import CHANNELS
from app.settings import ChannelConfig
from tests.abuse.malformed import XML_CHANNEL
from tests.channels import door
from tests.channels.fakes import http
from tests.phones import Gateway


def sections() -> dict[str, ChannelConfig]:
    """One of each kind, and one more that takes XML."""
    kinds = {kind: door.config(kind) for kind in CHANNELS}
    sms = {"format": "xml", "id": "id", "from": "from", "text": "text"}
    reading = {**http.OPTIONS["receive"], "sms": sms}
    xml = door.config("http", **{**http.OPTIONS, "receive": reading})
    return kinds | {XML_CHANNEL: replace(xml, name=XML_CHANNEL)}


@pytest.fixture
def gateway(engine: Engine, database_url: str, home: Path) -> Iterator[Gateway]:
    office = open_office(settings.load({"SIANG_HOME": str(home)}), database_url, pool=20)
    office.desk.books.open(office.engine)
    configs = sections()
    channels = {name: CHANNELS[one.kind](one) for name, one in configs.items()}
    yield Gateway(
        replace(
            office,
            channels=channels,
            settings=replace(office.settings, channels=configs),
            desk=replace(office.desk, channels=configs),
            post=replace(office.post, channels=channels),
        )
    )
    office.engine.dispose()
