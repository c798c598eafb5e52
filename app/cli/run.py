"""siang run and siang serve: the whole gateway in the foreground, and its web server alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from ipaddress import ip_address
from types import FrameType

import click
from sqlalchemy import Engine

from app import embedded, logs, settings
from app.channels import open_channels
from app.channels.base import HOOKS
from app.conversation.books import publish_first
from app.conversation.publishing import remark
from app.errors import OperatorError
from app.registry import loading
from app.requests import due
from app.settings import ROOT, Settings
from app.storage.database import open_engine, wait_for
from app.storage.migrating import migrate
from app.supervisor import Servers, supervise


def prepare(loaded: Settings, engine: Engine) -> None:
    """Make a database ready to serve: tables, registry, the first flows. Does nothing twice."""
    migrate(engine)
    loading.load_if_changed(engine, loaded.config / "registry")
    # Not only what was loaded may be new: so may the library's holidays.
    due.renew(engine)
    flow, language = loaded.conversation.flow, loaded.service.language
    publish_first(engine, loaded.config, flow, language)


@contextmanager
def _prepared(loaded: Settings, database_url: str) -> Iterator[Engine]:
    """The database, once it answers and is ready to serve. Raises ConfigError after a minute."""
    engine = open_engine(database_url)
    try:
        wait_for(engine, lambda line: click.echo(line, err=True))
        prepare(loaded, engine)
        yield engine
    finally:
        engine.dispose()


@click.command("prepare")
def prepare_command() -> None:
    """Make the database ready, as `siang run` does: before its parts are started one by one."""
    loaded = settings.load()
    with (
        embedded.connect_database_url(loaded.home, os.environ) as url,
        _prepared(loaded, url) as engine,
    ):
        for line in remark(engine, loaded):
            click.echo(line)


@click.command()
def run() -> None:
    """Start everything: databases where needed, web, workers and upkeep. Ctrl-C stops it."""

    loaded = settings.load()
    open_channels(loaded.channels)
    remarks: list[str] = []

    def prepare_database(servers: Servers) -> None:
        with _prepared(loaded, servers.database_url) as engine:
            remarks.extend(remark(engine, loaded))

    sys.exit(
        supervise(
            ROOT / "Procfile",
            ROOT,
            loaded.home,
            os.environ,
            host=loaded.host,
            port=loaded.port,
            prepare=prepare_database,
            ready=lambda: _answers(loaded),
            announce=lambda: _announce(loaded, remarks),
        )
    )


def _answers(loaded: Settings) -> bool:
    connection = HTTPConnection(_reachable(loaded.host), loaded.port, timeout=0.5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    # A server that listens on every address is reached on this machine by the loopback one.
    return "127.0.0.1" if ip_address(host).is_unspecified else host


def _announce(loaded: Settings, remarks: list[str]) -> None:
    """Where everything is. Without tokens: what is printed here ends up in somebody's log."""
    channels = open_channels(loaded.channels).values()
    local = f"http://{_reachable(loaded.host)}:{loaded.port}"
    lines = ["", f"Siang is running on {local}"]
    if any(channel.config.kind == "simulator" for channel in channels):
        lines.append(f"Try it on a phone in your browser: {local}/phone")
    lines += [
        f"Dial {loaded.service.ussd_code}, or text {loaded.service.short_code}.",
        "Webhooks; `siang channels` prints them with their secret tokens, ready to paste:",
    ]
    for channel in channels:
        config = channel.config
        lines += [
            f"  {config.name:<15} {hook:<8} {config.base_url}/channels/{config.name}/{hook}"
            for hook in HOOKS
            if hook in channel.hooks
        ]
    click.echo("\n".join([*lines, *remarks, "Ctrl-C stops it.", ""]))


@click.command()
def serve() -> None:
    """The web server alone, on PORT; `siang run` and the Procfile start it."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    from app.web import settings as sizes

    loaded = settings.load()
    if "DATABASE_URL" not in os.environ:
        raise OperatorError("DATABASE_URL is not set", "Start with `make run`, or set it")
    logs.set_up(os.environ.get("SIANG_LOG", "text"))
    server = Granian(
        "app.web.wsgi:application",
        address=loaded.host,
        port=loaded.port,
        interface=Interfaces.WSGI,
        workers=1,
        # All but a few of them wait for one of the threads that work.
        blocking_threads=sizes.threads(loaded.limits),
        backpressure=sizes.CONNECTED,
        # With a choice of protocols, who never says which is waited for without end.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(sizes.HEAD_MILLISECONDS, max_buffer_size=sizes.LARGEST_HEAD),
        # Requests' addresses hold tokens and, with GET, numbers: no access log is ever written.
        log_access=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=sizes.FINISHING_SECONDS,
    )
    # Not before: the server sets signals of its own.
    server.on_startup(lambda: _take_leave(server.signal_handler_interrupt))
    server.serve()


def _take_leave(end: Callable[[], object]) -> None:
    """Let SIGTERM and Ctrl-C tell the process that serves, and `end` it when it has let everybody
    in."""
    from app.web import leaving

    def leave(_number: int, _frame: FrameType | None) -> None:
        for serving in multiprocessing.active_children():
            if serving.pid is not None:
                os.kill(serving.pid, leaving.ASKED)
        ending = threading.Timer(leaving.SECONDS, end)
        ending.daemon = True
        ending.start()

    # A process that does not serve yet has nobody to take leave of.
    signal.signal(leaving.ASKED, signal.SIG_IGN)
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, leave)
