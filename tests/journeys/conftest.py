"""Journeys: a gateway with everything but its processes; its phones dial and text it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app import open_office, settings
from app.conversation.books import Books
from tests.phones import Gateway, Phone
from tests.versions import Clock, Folder, Opens, folder_of


@pytest.fixture
def gateway(engine: Engine, database_url: str, home: Path) -> Iterator[Gateway]:
    office = open_office(settings.load({"SIANG_HOME": str(home)}), database_url, pool=8)
    office.desk.books.open(office.engine)
    yield Gateway(office)
    office.engine.dispose()


@pytest.fixture
def phone(gateway: Gateway) -> Phone:
    return gateway.phone()


@pytest.fixture
def config(home: Path, tmp_path: Path) -> Folder:
    """A config/ of its own, in its old age."""
    return folder_of(tmp_path / "config", home)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def process(config: Folder, engine: Engine, database_url: str, clock: Clock) -> Iterator[Opens]:
    """Opens processes of one gateway on that config/; all go by one clock."""
    opened = []

    def open_one() -> Gateway:
        office = open_office(config.settings, database_url, pool=8)
        opened.append(office)
        desk = replace(office.desk, books=Books(config.path, "main", "lo", monotonic=clock))
        desk.books.open(office.engine)
        return Gateway(replace(office, desk=desk))

    yield open_one
    for office in opened:
        office.engine.dispose()
