"""/health/live: the process answers. /health/ready: it can keep what it is given."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.office import Office


def blueprint(office: Office) -> Blueprint:
    """The two health routes; Redis is no part of being ready."""
    health = Blueprint("health", __name__, url_prefix="/health")

    @health.get("/live")
    def live() -> Response:
        return Response("live\n", content_type="text/plain")

    @health.get("/ready")
    def ready() -> Response:
        try:
            with office.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return Response("the database does not answer\n", 503, content_type="text/plain")
        return Response("ready\n", content_type="text/plain")

    return health
