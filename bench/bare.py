"""What Siang is measured against: the least that Flask can do, and that with one commit.

    python -m bench.bare hello | insert      on PORT, with DATABASE_URL

Both serve the very address that the gateways post to, behind the same granian as Siang.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from flask import Flask, Response, request
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from psycopg_pool import ConnectionPool

from app.web.settings import CONNECTED, THREADS
from bench.processes import HOST, READY

TABLE = "CREATE TABLE IF NOT EXISTS bench_posts (session text, phone text, input text)"
INSERT = "INSERT INTO bench_posts VALUES (%s, %s, %s)"
HOOK = "/channels/simulator/ussd"


def hello() -> Flask:
    """No form is read, nothing is kept."""
    return _serving(lambda: Response("CON hello", content_type="text/plain; charset=utf-8"))


def insert() -> Flask:
    """The form is read and kept in one committed row: no state, no flow, no lock."""
    url = os.environ["DATABASE_URL"].replace("postgresql+psycopg", "postgresql", 1)
    pool = ConnectionPool(url, min_size=THREADS, max_size=THREADS, open=True)
    with pool.connection() as connection:
        connection.execute(TABLE)

    def keep() -> Response:
        form = request.form
        with pool.connection() as connection:
            connection.execute(INSERT, (form["sessionId"], form["phoneNumber"], form["text"]))
        return Response("CON hello", content_type="text/plain; charset=utf-8")

    return _serving(keep)


def _serving(answer: Callable[[], Response]) -> Flask:
    app = Flask(__name__)
    app.add_url_rule(HOOK, "ussd", answer, methods=["POST"])
    app.add_url_rule(READY, "ready", lambda: "ready\n")
    return app


def main() -> None:
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in {"hello", "insert"}:
        sys.exit("Say which: python -m bench.bare hello | insert")
    # As `siang serve` starts it, so that only the application differs.
    server = Granian(
        f"bench.bare:{name}",
        factory=True,
        address=HOST,
        port=int(os.environ["PORT"]),
        interface=Interfaces.WSGI,
        workers=1,
        # In Siang as many work; those that it has besides wait for one of them.
        blocking_threads=THREADS,
        backpressure=CONNECTED,
        http=HTTPModes.http1,
        log_access=False,
        log_level=LogLevels.warning,
    )
    server.serve()


if __name__ == "__main__":
    main()
