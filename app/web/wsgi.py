"""What the web server imports: `application`, built from the environment."""

from __future__ import annotations

import os

import structlog

from app import create_app, logs, open_office, settings
from app.storage.database import wait_for
from app.web.settings import THREADS

logs.set_up(os.environ.get("SIANG_LOG", "text"))
_office = open_office(settings.load(), os.environ["DATABASE_URL"], pool=THREADS)
wait_for(_office.engine, structlog.get_logger().info)
_office.desk.books.open(_office.engine)
application = create_app(_office)
