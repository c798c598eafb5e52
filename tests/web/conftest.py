"""An office's own system on the other side of the JSON API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app import clock, create_app, open_office, settings
from app.office import Office
from app.requests import tokens
from tests.web.system import System


@pytest.fixture
def office(engine: Engine, database_url: str, home: Path) -> Iterator[Office]:
    opened = open_office(settings.load({"SIANG_HOME": str(home)}), database_url, pool=8)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def xaysetha(office: Office) -> System:
    """The system of ODSC 0103."""
    return _system(office, "0103")


@pytest.fixture
def pek(office: Office) -> System:
    """The system of ODSC 0901."""
    return _system(office, "0901")


def _system(office: Office, odsc: str) -> System:
    _, token = tokens.mint(office.engine, "odsc", odsc, "", clock.now())
    return System(create_app(office), token)
