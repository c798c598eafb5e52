"""/metrics, for Prometheus: this process's counters, and what the database knows."""

from __future__ import annotations

import hmac
import platform
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import suppress

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app import counters
from app.office import Office
from app.settings import ROOT
from app.web.metrics_database import DatabaseFigures
from app.web.metrics_readings import readings
from app.web.nearby import asked_from_this_machine


def blueprint(office: Office) -> Blueprint:
    """The route; 403 for other machines without the token."""
    pages = Blueprint("metrics", __name__)
    registry = CollectorRegistry()
    for collector in (_Process(office), DatabaseFigures(office, readings(office))):
        registry.register(collector)

    @pages.get("/metrics")
    def metrics() -> Response:
        if not may_read(office):
            return Response("metrics are for this machine, or with a token\n", 403)
        figures = generate_latest(counters.REGISTRY) + generate_latest(registry)
        headers = {"Cache-Control": "no-store"}
        return Response(figures, headers=headers, content_type=CONTENT_TYPE_LATEST)

    return pages


def may_read(office: Office) -> bool:
    """Whether the caller is on this machine, behind no proxy, or has SIANG_METRICS_TOKEN."""
    token = office.settings.metrics_token
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if token and kind.lower() == "bearer":
        return hmac.compare_digest(given.strip().encode(), token.encode())
    return asked_from_this_machine()


class _Process(Collector):
    """What needs no counting and no database."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._version = _version()

    def collect(self) -> Iterator[Metric]:
        office = self._office
        yield CounterMetricFamily(
            "siang_bell_failures",
            "Bells that Redis refused; upkeep does the work, seconds later.",
            value=office.desk.bell.failures,
        )
        told = GaugeMetricFamily("siang_build_info", "1.", labels=["version", "python"])
        told.add_metric([self._version, platform.python_version()], 1)
        yield told
        yield from self._spool()

    def _spool(self) -> Iterator[Metric]:
        spool = self._office.desk.spool
        pending = spool.pending()
        waiting = {
            "siang_spool_files": ("Arrivals that wait for the database.", pending.count),
            "siang_spool_oldest_seconds": ("For how long.", pending.oldest_seconds),
            "siang_spool_corrupt_files": ("What can never be taken in.", spool.spoilt()),
        }
        for name, (told, value) in waiting.items():
            yield GaugeMetricFamily(name, told, value=value)
        with suppress(OSError):
            disk = shutil.disk_usage(self._office.settings.home)
            free = "Free on the disk of SIANG_HOME, with the spool."
            yield GaugeMetricFamily("siang_disk_free_bytes", free, value=disk.free)
            yield GaugeMetricFamily("siang_disk_bytes", "In all.", value=disk.total)


def _version() -> str:
    """As pyproject.toml has it."""
    with suppress(OSError, KeyError, tomllib.TOMLDecodeError):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        return str(project["version"])
    return "unknown"
