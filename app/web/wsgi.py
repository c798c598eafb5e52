"""What the web server imports: `application`, built from the environment."""

from __future__ import annotations

import os
import signal
from multiprocessing.util import Finalize

import structlog

from app import create_app, logs, open_office, settings
from app.living import Living, wait_for_tables
from app.web import leaving
from app.web.settings import CONNECTIONS

# While it waits it may be stopped at once; the web server sets its own when it serves.
signal.signal(signal.SIGTERM, signal.SIG_DFL)
leaving.listen()
# A terminal's Ctrl-C reaches us too; only who started us knows how to take leave. The web server
# sets a handler of its own for it, so it is blocked, here and in every thread to come.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
logs.set_up(os.environ.get("SIANG_LOG", "text"))
_office = open_office(settings.load(), os.environ["DATABASE_URL"], pool=CONNECTIONS)
wait_for_tables(_office.engine, structlog.get_logger().info)
_office.desk.books.open(_office.engine)
_living = Living(_office.engine, "web")
_living.start()
# A child of `multiprocessing` runs these when it ends, and nothing of `atexit`.
Finalize(None, _living.stop, exitpriority=1)
application = create_app(_office)
