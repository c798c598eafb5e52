"""Journeys: a gateway with everything but its processes; its phones dial and text it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app import open_office, settings
from tests.phones import Gateway, Phone


@pytest.fixture
def gateway(engine: Engine, database_url: str, home: Path) -> Iterator[Gateway]:
    office = open_office(settings.load({"SIANG_HOME": str(home)}), database_url, pool=8)
    office.desk.books.store(office.engine)
    yield Gateway(office)
    office.engine.dispose()


@pytest.fixture
def phone(gateway: Gateway) -> Phone:
    return gateway.phone()
