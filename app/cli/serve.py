"""siang serve: the web server alone.

The process that starts it and starts it again imports no more than that takes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from app import logs, settings
from app.errors import OperatorError
from app.web import leaving
from app.web import settings as sizes


@click.command()
def serve() -> None:
    """The web server alone, on PORT; `siang run` and the Procfile start it."""
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
