"""Sites for tests of sending."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.delivery.posts import Network, Site


@pytest.fixture
def sms() -> Network:
    """The usual network."""
    return Network("sms")


@pytest.fixture
def other() -> Network:
    """The one that takes over."""
    return Network("other")


@pytest.fixture
def site(engine: Engine, sms: Network) -> Site:
    """A gateway with one network."""
    return Site(engine, {"sms": sms})


@pytest.fixture
def pair(engine: Engine, sms: Network, other: Network) -> Site:
    """A gateway with two."""
    return Site(engine, {"sms": sms, "other": other})
