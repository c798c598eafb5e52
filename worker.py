"""Starts one RQ worker on ONE queue, or the upkeep loop; nothing else.

    python worker.py turns | outbox | responses | upkeep …

Of several each has a process of its own, forked from this one: they share memory. One queue
a process: RQ takes a job from several queues with a plain pop and loses it when it is
stopped just then; from one queue it moves the job to a list of its own first. Even that is only
a doorbell here: what a lost bell meant is found in PostgreSQL by upkeep.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from functools import cache

import structlog
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError

from app import bell, logs, open_office, settings, siblings, upkeep
from app.errors import OperatorError
from app.living import Living, wait_for_tables
from app.office import Office

log = structlog.get_logger()
stopping = threading.Event()

RETRY_SECONDS = 1.0


@cache
def office() -> Office:
    """This process's database, channels and flows."""
    url = os.environ.get("DATABASE_URL")
    if url is None:
        raise OperatorError("DATABASE_URL is not set", "Start with `make run`, or set it")
    opened = open_office(settings.load(), url, pool=2)
    if not wait_for_tables(opened.engine, log.info, stopping.is_set):
        sys.exit(0)
    opened.desk.books.open(opened.engine)
    return opened


def _drain(name: bell.Drain) -> None:
    try:
        upkeep.DRAINS[name](office(), stopping.is_set)
    except SQLAlchemyError as error:
        # The rows are still there: upkeep rings for them again.
        log.error("drain_failed", drain=name, cause=logs.where(error))


def drain_turns() -> None:
    _drain("turns")


def drain_outbox() -> None:
    _drain("outbox")


def drain_responses() -> None:
    _drain("responses")


class DrainWorker(SimpleWorker):
    """Runs our drains and no other function, in this process, and tells them when to stop."""

    def handle_warm_shutdown_request(self) -> None:
        # RQ only logs here.
        stopping.set()

    def execute_job(self, job: Job, queue: Queue) -> None:
        allowed = {f"worker.drain_{name}" for name in upkeep.DRAINS}
        if job.func_name not in allowed:
            # Whoever can write to Redis must not be able to run functions of their choice.
            log.error("unknown_job_refused", queue=queue.name)
            job.delete()
            return
        super().execute_job(job, queue)


def serve(name: str) -> None:
    """Answer one queue's bells until told to stop; Redis may come and go."""
    url = office().settings.redis_url
    away = False
    while not stopping.is_set():
        try:
            connection = bell.connect(url)
            connection.ping()
            # A worker waits in Redis for minutes: its own timeout would cut that short.
            connection.connection_pool.connection_kwargs["socket_timeout"] = None
            queue = Queue(name, connection=connection, serializer=JSONSerializer)
            worker = DrainWorker([queue], connection=connection, serializer=JSONSerializer)
            worker.log_job_description = False
            log.info("worker_ready", queue=name)
            away = False
            worker.work(logging_level="WARNING", with_scheduler=False)
        except (RedisError, OSError):
            # Told once, not every second that it is away; upkeep does the work meanwhile.
            if not away:
                log.warning("redis_away", queue=name)
            away = True
        stopping.wait(RETRY_SECONDS)


def look_after() -> None:
    """The upkeep loop."""
    log.info("upkeep_ready")
    while not stopping.is_set():
        try:
            upkeep.look_after(office(), stopping.is_set)
        except SQLAlchemyError as error:
            log.error("upkeep_failed", cause=logs.where(error))
        stopping.wait(upkeep.EVERY_SECONDS)


def work(name: str) -> None:
    if name == "upkeep":
        look_after()
    elif office().settings.redis_url:
        serve(name)
    else:
        sys.exit("REDIS_URL is not set. Start with `make run`, or name your Redis in REDIS_URL.")


def alone(name: str) -> None:
    """Work under this name until told to stop."""
    with Living(office().engine, name):
        work(name)


def together(names: Sequence[str]) -> None:
    """Each in a process of its own, until told to stop."""
    # Nobody inherits a connection: two would speak on it.
    office().engine.dispose()
    siblings.run(names, alone, stopping)


def main() -> None:
    logs.set_up(os.environ.get("SIANG_LOG", "text"))
    names = sys.argv[1:]
    if not names or len({*names}) < len(names) or {*names} - {*upkeep.DRAINS, "upkeep"}:
        sys.exit("Say which: python worker.py turns | outbox | responses | upkeep, or several")
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: stopping.set())
    try:
        if len(names) == 1:
            alone(names[0])
        else:
            together(names)
    except OperatorError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    # The jobs name this module: it must be the same one that RQ imports.
    import worker

    worker.main()
