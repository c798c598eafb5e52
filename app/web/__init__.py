"""The gateways' door, the phone page, health. Nothing here decides; it asks and translates."""

from __future__ import annotations

from flask import Flask

from app.office import Office
from app.web import health, hooks, phone

# A webhook is a few hundred octets; the longest joined SMS in %-escaped Lao stays under this.
LARGEST_BODY = 64 * 1024


def build(office: Office) -> Flask:
    """The Flask application on an opened office."""
    app = Flask("app.web", static_folder="static", static_url_path="/static", root_path=_folder())
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_BODY
    app.register_blueprint(hooks.blueprint(office))
    app.register_blueprint(phone.blueprint(office))
    app.register_blueprint(health.blueprint(office))
    return app


def _folder() -> str:
    return __path__[0]
