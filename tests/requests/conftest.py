"""A registrar as the gateway opens it, and a desk whose work is never committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app import open_mail, open_registrar, settings
from app.channels import open_channels
from app.requests.filing import Registrar
from app.settings import Settings
from tests.requests.desk import Desk
from tests.requests.files import Files


@pytest.fixture
def loaded(home: Path) -> Settings:
    return settings.load({"SIANG_HOME": str(home)})


@pytest.fixture
def registrar(loaded: Settings) -> Registrar:
    return open_registrar(loaded, open_mail(loaded, open_channels(loaded.channels)))


@pytest.fixture
def desk(registrar: Registrar, engine: Engine) -> Iterator[Desk]:
    with engine.connect() as tx, tx.begin() as transaction:
        yield Desk(registrar, tx)
        transaction.rollback()


@pytest.fixture
def files(registrar: Registrar, engine: Engine, tmp_path: Path) -> Files:
    return Files(registrar, engine, tmp_path)
