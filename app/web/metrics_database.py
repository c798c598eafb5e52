"""What the database knows, for /metrics: read at most every few seconds, given up when it takes
too long.

A database that is away costs a scrape a moment and these figures, never the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from app import logs
from app.conversation.deadline import Patience
from app.office import Office
from app.storage import gauges

log = structlog.get_logger()

Read = Callable[[Connection], Sequence[Metric]]
Values = TypeVar("Values", bound=tuple[str, ...])

# Prometheus waits for ten seconds, and this comes before the rest.
PATIENCE_SECONDS = 5.0
STATEMENT = timedelta(seconds=2)
TIMED_OUT = "57014"


@dataclass(slots=True)
class Reading:
    """Some figures that are read together; what was read is good for `seconds`."""

    name: str
    read: Read
    seconds: float = 10.0
    figures: Sequence[Metric] = ()
    known: bool = False
    due_at: float = field(default=float("-inf"))


class DatabaseFigures(Collector):
    """The readings' figures, each as old as it may be."""

    def __init__(
        self,
        office: Office,
        readings: Sequence[Reading],
        *,
        statement: timedelta = STATEMENT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._office, self._readings = office, readings
        self._statement, self._clock = statement, clock
        # One thread: while a database hangs, scrapes do not pile up behind it.
        self._patience = Patience(1, PATIENCE_SECONDS)
        self._lock = threading.Lock()
        self._up, self._looked_at = False, float("-inf")

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if self._clock() - self._looked_at >= min(one.seconds for one in self._readings):
                self._look()
            up, known = self._up, [one for one in self._readings if one.known]
            figures = [figure for one in known for figure in one.figures] if up else []
        yield GaugeMetricFamily("siang_database_up", "Whether the database answers.", value=up)
        read = gauge("siang_reading_up", "Whether these figures could be read.", ["reading"])
        for reading in self._readings:
            read.add_metric([reading.name], up and reading.known)
        yield read
        yield from figures

    def _look(self) -> None:
        try:
            self._up = self._patience.wait(self._refreshed)
        except Exception as error:
            # Whatever it was: the other figures must come out.
            log.warning("figures_not_read", cause=logs.where(error))
            self._up = False
        self._looked_at = self._clock()

    def _refreshed(self) -> bool:
        """True; raises SQLAlchemyError, and others, where the database does not answer."""
        for reading in self._readings:
            if reading.due_at <= self._clock():
                self._renew(reading)
        return True

    def _renew(self, reading: Reading) -> None:
        try:
            with self._office.engine.connect() as connection:
                gauges.limit(connection, self._statement)
                reading.figures, reading.known = reading.read(connection), True
        except SQLAlchemyError as error:
            if getattr(getattr(error, "orig", None), "sqlstate", None) != TIMED_OUT:
                raise
            log.warning("figures_take_too_long", reading=reading.name)
            reading.known = False
        reading.due_at = self._clock() + reading.seconds


def gauge(name: str, told: str, labels: Sequence[str] = ()) -> GaugeMetricFamily:
    """A gauge without samples yet."""
    return GaugeMetricFamily(name, told, labels=labels)


def counted(
    name: str,
    told: str,
    labels: Sequence[str],
    counts: Mapping[Values, float],
    known: Iterable[Values] = (),
) -> Metric:
    """A gauge with a sample for each count, and 0 for those `known` that have none."""
    family = gauge(name, told, labels)
    for values in dict.fromkeys((*known, *counts)):
        family.add_metric(values, counts.get(values, 0))
    return family
