"""The bell's connections: one over a network is probed, one on this machine needs no probes."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from redis import Connection

from app import bell, embedded


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "rediss://:secret@127.0.0.1:1/0"])
def test_a_redis_that_vanishes_is_noticed_by_who_only_waits(url: str) -> None:
    connection = bell.connect(url).connection_pool.make_connection()
    assert isinstance(connection, Connection)
    assert connection.socket_keepalive
    assert connection.health_check_interval > 0
    options = connection.socket_keepalive_options
    with socket.socket() as link:
        for option, value in options.items():
            link.setsockopt(socket.IPPROTO_TCP, option, value)
    probing = options[socket.TCP_KEEPIDLE]
    probing += options[socket.TCP_KEEPINTVL] * options[socket.TCP_KEEPCNT]
    assert probing < 30


def test_a_redis_on_this_machine_is_reached_by_its_socket(tmp_path: Path) -> None:
    with embedded.redis(tmp_path) as url:
        assert bell.connect(url).ping()
