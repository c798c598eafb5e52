"""/health/live: the process answers. /health/ready: it can keep what it is given, and stays."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from app.office import Office
from app.web.leaving import stopping


def blueprint(office: Office) -> Blueprint:
    """The two health routes; Redis is no part of being ready."""
    health = Blueprint("health", __name__, url_prefix="/health")

    @health.get("/live")
    def live() -> Response:
        return Response("live\n", content_type="text/plain")

    @health.get("/ready")
    def ready() -> tuple[Response, int]:
        if stopping.is_set():
            return jsonify({"state": "stopping"}), 503
        database, spool = _answers(office.engine), office.desk.spool
        usable, pending = spool.usable(), spool.pending()
        told = {
            "database": database,
            "spool": {
                "usable": usable,
                "waiting": pending.count,
                "oldest_seconds": round(pending.oldest_seconds),
            },
        }
        return jsonify(told), 200 if database or usable else 503

    return health


def _answers(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
